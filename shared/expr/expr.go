// Package expr is the expression language of Entra ID's attribute mappings: it
// parses what an administrator copies out of the portal and evaluates it for an
// object. docs/expressions.md lists the functions with examples, and says where
// public pages contradict each other and what was chosen.
//
// It is pure, and imports nothing of ours: attributes, the time and randomness
// come in by Input. The same expression gives the same value for the same input
// in every locale and time zone; what cannot (Guid, Now, RandomString) is named by
// Volatile. An expression is parsed once and evaluated as often as is wanted, by
// several goroutines at once if need be.
//
// Depth, size and work are bounded (MaxText and the constants below it): an
// expression or a value that is over a limit is an error, never a shorter value.
package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The limits. What an expression costs is bounded by them, whoever wrote it and
// whatever stands in the attributes.
const (
	MaxText    = 10_000      // characters of an expression
	MaxDepth   = 500         // functions and operators within each other
	MaxValue   = 1 << 20     // bytes of a value, all that a multi-valued one holds
	MaxValues  = 100_000     // values of a multi-valued one
	MaxWork    = 16 << 20    // bytes that one evaluation may handle
	MaxMatches = 10_000      // matches of regular expressions in one evaluation
	MatchTime  = time.Second // for finding one match: also a machine that is busy with others finds what is sane
)

// ErrStopped: Input.Stop ended the evaluation.
var ErrStopped = errors.New("the evaluation was stopped: it took too long")

// An Expr is an expression that was understood.
type Expr struct {
	root       node
	slots      int // values that an evaluation needs
	attributes []string
	volatile   []string
}

// Input is what an evaluation knows of the object and the world.
type Input struct {
	// Attribute gives an attribute of the object, Null where it has none. It is
	// asked for the names that Expr.Attributes lists, spelled as there; names are
	// compared without case.
	Attribute func(name string) Value

	Domain string    // what %DomainFQDN% stands for: the target domain's DNS name
	Now    time.Time // for Now()

	// Random fills a slice with random bytes, for Guid() and RandomString(). The
	// same bytes give the same value.
	Random func([]byte)

	// Taken says whether another object of the target has a value, for
	// SelectUniqueValue. Without it the first value is taken.
	Taken func(value string) bool

	// Stop is asked before each function and each match of a regular expression,
	// and ends the evaluation by ErrStopped. It may be nil: the limits hold anyway,
	// but MaxMatches times MatchTime is long.
	Stop func() bool
}

// A Mistake is what is wrong with an expression, or with a value that a function
// was given. Its text says what to do.
type Mistake struct {
	Column   int    // of the first character that is meant, from 1, in characters of the whole text
	Function string // or empty
	Text     string

	cause error
}

func (m *Mistake) Error() string {
	if m.Function == "" {
		return fmt.Sprintf("column %d: %s", m.Column, m.Text)
	}
	return fmt.Sprintf("column %d: %s: %s", m.Column, m.Function, m.Text)
}

func (m *Mistake) Unwrap() error { return m.cause }

// Parse reads an expression. Its error joins a *Mistake for everything that is
// wrong, in the order of the text; after one in the syntax itself it stops.
func Parse(text string) (*Expr, error) {
	p := &parser{text: text}
	root := p.all()
	if len(p.mistakes) > 0 {
		slices.SortStableFunc(p.mistakes, func(a, b *Mistake) int { return a.Column - b.Column })
		var all []error
		for _, m := range p.mistakes {
			all = append(all, m)
		}
		return nil, errors.Join(all...)
	}
	slices.Sort(p.volatile)
	return &Expr{root: root, slots: 1 + root.slots(), attributes: p.attributes, volatile: slices.Compact(p.volatile)}, nil
}

// Eval gives the expression's value for an object. An error is a *Mistake; it
// concerns this object, and says nothing about others.
func (e *Expr) Eval(in Input) (Value, error) {
	m := &machine{in: in}
	if m.values = m.room[:]; e.slots > len(m.room) {
		m.values = make([]Value, e.slots)
	}
	_, result := m.reserve(1)
	if err := e.root.eval(m, &result[0]); err != nil {
		return Value{}, err
	}
	return result[0], nil
}

// Attributes are the names between brackets in the order of the text, each once,
// as it is spelled first.
func (e *Expr) Attributes() []string { return slices.Clone(e.attributes) }

// Volatile names the functions of the expression whose value is another one each
// time: an attribute that is mapped with one of them would change in each turn
// unless it is written on creation only.
func (e *Expr) Volatile() []string { return slices.Clone(e.volatile) }

// String is the expression in its normal form, which Parse understands as the same.
func (e *Expr) String() string {
	var b strings.Builder
	e.root.write(&b)
	return b.String()
}

// Property is the property of Graph's object that an attribute's name asks for:
// what $select has to list. Entra ID's synchronisation calls the id objectId and
// onPremisesSyncEnabled dirSyncEnabled; a property of a complex one comes with it;
// extensionAttribute1 to 15 lie in onPremisesExtensionAttributes. A directory
// extension (extension_<appId>_<name>) is a property of its own.
func Property(attribute string) string {
	name, _, _ := strings.Cut(attribute, ".")
	lower := strings.ToLower(name)
	switch digits, is := strings.CutPrefix(lower, "extensionattribute"); {
	case lower == "objectid":
		return "id"
	case lower == "dirsyncenabled":
		return "onPremisesSyncEnabled"
	case is && isDigits(digits):
		return "onPremisesExtensionAttributes"
	}
	return name
}
