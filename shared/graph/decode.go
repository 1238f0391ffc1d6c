package graph

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"groupwriteback/shared/directory"
)

// malformed is a page that is whole and is JSON, and yet is incomplete: something
// that a page always has is not there, so that there may be more that nobody sees.
// Asking again would bring the same page.
type malformed struct{ reason string }

func (e *malformed) Error() string { return e.reason }

func malformedf(format string, args ...any) error { return &malformed{fmt.Sprintf(format, args...)} }

// decode reads one page from r to its end. The properties to keep are those of
// selection; others are skipped. Memory beyond the page it returns does not grow
// with the page. A page of a feed ends in a link; one of a list need not.
//
// It tells two faults apart. What is incomplete is an error: a body that was cut, no
// "value", no link or two, more behind the end. What is merely odd costs itself, and
// stands in the page's Odd: a property of a strange shape costs the property, a
// member or owner itself, an id or an @removed the item. So no single object can stop all
// the others. A string that is no Unicode keeps what can be kept, with U+FFFD for the
// rest; of a name that comes twice the last counts; a byte order mark is no part of
// the page.
//
// The error is a *malformed if the page is whole; any other says that it could
// not be read to its end.
func decode(r io.Reader, f feed, selection []string, list bool) (directory.Page, error) {
	d := newDecoder(r, selection)
	page := directory.Page{Feed: f.name}
	if err := d.page(&page, f, list); err != nil {
		return directory.Page{}, err
	}
	if err := d.end(); err != nil {
		return directory.Page{}, err
	}
	return page, nil
}

// decodeOne reads a body that is one group, in the same way.
func decodeOne(r io.Reader, f feed, selection []string) (directory.Page, error) {
	d := newDecoder(r, selection)
	page := directory.Page{Feed: f.name}
	if err := d.item(&page, f, 1); err != nil {
		return directory.Page{}, err
	}
	if err := d.end(); err != nil {
		return directory.Page{}, err
	}
	return page, nil
}

func newDecoder(r io.Reader, selection []string) *decoder {
	d := &decoder{
		json:  jsontext.NewDecoder(withoutMark(r), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)),
		names: make(map[string]string, len(selection)),
	}
	for _, name := range selection {
		switch name {
		case "id", "members":
		case owners:
			d.owners = true
		default:
			d.names[name] = name
		}
	}
	return d
}

// end reads the end of the body: it is what proves that the connection was not cut.
func (d *decoder) end() error {
	if _, err := d.json.ReadToken(); err == nil {
		return malformedf("page is followed by more data")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// byteOrderMark begins a text as some servers and proxies on Windows write it.
const byteOrderMark = "\ufeff"

func withoutMark(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if begin, _ := b.Peek(len(byteOrderMark)); string(begin) == byteOrderMark {
		_, _ = b.Discard(len(byteOrderMark)) // is in the buffer
	}
	return b
}

type decoder struct {
	json   *jsontext.Decoder
	names  map[string]string // a name kept is stored once, not once an item
	owners bool              // are selected
	buf    []byte            // backs what text returns
}

func (d *decoder) page(p *directory.Page, f feed, list bool) error {
	hasValue := false
	err := d.object(func(name []byte) (err error) {
		switch string(name) {
		case "@odata.nextLink":
			p.Next, err = d.string("@odata.nextLink")
		case "@odata.deltaLink":
			p.Delta, err = d.string("@odata.deltaLink")
		case "value":
			hasValue = true
			err = d.array("value", func(n int) error { return d.item(p, f, n) })
		default:
			err = d.json.SkipValue()
		}
		return err
	})
	if o, is := errors.AsType[*odd](err); is {
		return malformedf("%s", o.what) // of the page itself nothing can be left out
	}
	switch {
	case err != nil:
		return err
	case !hasValue:
		return malformedf(`page has no "value"`)
	case p.Next == "" && p.Delta == "" && !list:
		return malformedf("page has neither @odata.nextLink nor @odata.deltaLink: the feed breaks off")
	case p.Next != "" && p.Delta != "":
		return malformedf("page has both @odata.nextLink and @odata.deltaLink")
	}
	return nil
}

// item reads a group, user or device, the nth of its page, into p.
func (d *decoder) item(p *directory.Page, f feed, n int) error {
	c := directory.GroupChange{OwnersTold: d.owners}
	var left []directory.Odd // out of c
	var hasID bool
	err := d.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			hasID = true
			c.ID, err = d.id()
		case "@removed":
			c.Removed, err = d.removal()
		case "members@delta":
			lost := false
			c.Members, lost, err = d.links(c.Members, "members", &left)
			c.Partial = c.Partial || lost
		case "owners@delta":
			if !d.owners {
				return d.json.SkipValue()
			}
			lost := false
			c.Owners, lost, err = d.links(c.Owners, owners, &left)
			c.OwnersTold = c.OwnersTold && !lost
		default:
			err = d.property(&c, &left, name)
		}
		return err
	})
	if err == nil && !hasID {
		err = oddf("object has no id")
	}
	if o, is := errors.AsType[*odd](err); is {
		p.Odd = append(p.Odd, o.item(c, f, n))
		return nil
	}
	if err != nil {
		return err
	}
	for i := range left {
		left[i].ID = c.ID
	}
	p.Odd = append(p.Odd, left...)
	if f.members {
		p.Groups = append(p.Groups, c)
	} else {
		p.Principals = append(p.Principals, directory.PrincipalChange{ID: c.ID, Kind: f.kind, Set: c.Set, Removed: c.Removed})
	}
	return nil
}

// property reads a property into c if it is selected.
func (d *decoder) property(c *directory.GroupChange, left *[]directory.Odd, name []byte) error {
	kept, ok := d.names[string(name)]
	if !ok {
		return d.json.SkipValue()
	}
	v, err := d.values(kept)
	if o, is := errors.AsType[*odd](err); is {
		*left = append(*left, o.property(kept))
		delete(c.Set, kept)
		// Without it nobody knows whether members or owners were kept back.
		if kept == "visibility" {
			c.Partial, c.OwnersTold = true, false
		}
		return nil
	}
	if err != nil {
		return err
	}
	if c.Set == nil {
		c.Set = make(directory.Properties, len(d.names))
	}
	c.Set[kept] = v
	return nil
}

// links reads members@delta or owners@delta behind what of it was read before. A null is no
// empty list: it says nothing. lost says that it could not all be read.
func (d *decoder) links(to []directory.MemberChange, what string, left *[]directory.Odd) (_ []directory.MemberChange, lost bool, _ error) {
	var first *odd
	count := 0
	note := func(err error) error {
		o, is := errors.AsType[*odd](err)
		if !is {
			return err
		}
		if count++; first == nil {
			first = o
		}
		return nil
	}
	err := d.array(what+"@delta", func(int) error {
		m, err := d.member()
		if err == nil {
			to = append(to, m)
		}
		return note(err)
	})
	if err = note(err); err != nil || first == nil {
		return to, false, err
	}
	*left = append(*left, first.links(what, count))
	return to, true, nil
}

// member reads one item of members@delta or owners@delta. Graph gives a reason for a removal,
// but none that would tell a lost membership from a deleted member.
func (d *decoder) member() (directory.MemberChange, error) {
	var m directory.MemberChange
	var hasID bool
	err := d.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			hasID = true
			m.ID, err = d.id()
		case "@odata.type":
			m.Kind, err = d.kind()
		case "@removed":
			m.Removed = true
			_, err = d.removal()
		default:
			err = d.json.SkipValue()
		}
		return err
	})
	switch {
	case err != nil:
		return m, err
	case !hasID:
		return m, oddf("object has no id")
	case m.Kind == "" && !m.Removed:
		return m, oddf("object %s has no @odata.type", m.ID)
	}
	return m, nil
}

// removal reads {"reason": "changed" | "deleted"}.
func (d *decoder) removal() (directory.Removal, error) {
	var reason string
	err := d.object(func(name []byte) (err error) {
		if string(name) == "reason" {
			reason, err = d.string("reason")
			return err
		}
		return d.json.SkipValue()
	})
	switch {
	case err != nil:
		return "", err
	case reason == "changed":
		return directory.SoftDeleted, nil
	case reason == "deleted":
		return directory.Deleted, nil
	}
	return "", oddf("@removed has the reason %.80q: only changed and deleted are known", reason)
}

// kind reads an @odata.type, such as "#microsoft.graph.user".
func (d *decoder) kind() (directory.Kind, error) {
	const prefix = "#microsoft.graph."
	b, err := d.text("@odata.type")
	if err != nil {
		return "", err
	}
	switch string(b) {
	case prefix + string(directory.User):
		return directory.User, nil
	case prefix + string(directory.GroupKind):
		return directory.GroupKind, nil
	}
	if len(b) <= len(prefix) || string(b[:len(prefix)]) != prefix {
		return "", oddf("@odata.type %.80q does not begin with %s", b, prefix)
	}
	return directory.Kind(b[len(prefix):]), nil
}

func (d *decoder) id() (directory.ID, error) {
	b, err := d.text("id")
	if err != nil {
		return directory.ID{}, err
	}
	id, err := directory.ParseID(string(b))
	if err != nil {
		return directory.ID{}, oddf("object id %.80q is not a GUID", b)
	}
	return id, nil
}
