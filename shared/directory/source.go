package directory

import "errors"

// ErrLink is what a source returns when Graph refuses a link that it made itself,
// a nextLink or a deltaLink, for a reason that has nothing to do with permissions or
// load. Once may be a whim of one server; a link that is refused twice is lost: the
// feed has to be enumerated from its beginning. A link that the source made is
// never meant: that one is refused again and again, for a person to read why.
var ErrLink = errors.New("microsoft graph refuses its own link: if it stays so, full enumeration is needed")

// Odd is something in a page that is whole and that could not be read: it was left
// out, and the page goes on without it. What was left out is unknown: it is neither
// empty nor gone. Where ID is zero, an enumeration does not name all there is.
type Odd struct {
	ID       ID     // of the object, zero if it could not be read
	Property string // the one property that was left out, by its Graph name; "" if it was more
	What     string // for people: what was found, and what follows
}
