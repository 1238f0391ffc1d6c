package expr

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/dlclark/regexp2/v2"
)

// A node is a part of an expression. eval puts its value where it is told to, and
// uses at most slots values of the machine's meanwhile.
type node interface {
	eval(m *machine, to *Value) error
	slots() int
	write(*strings.Builder)
}

type (
	literal   struct{ value Value }
	attribute struct {
		at   int
		name string
	}
	parameter struct{ at int }
	omitted   struct{} // an argument between two commas

	word struct { // a constant; check puts a literal in its place
		at   int
		text string
	}
	concatenation struct {
		at    int
		parts []node
	}
	comparison struct {
		at          int
		op          string
		left, right node
	}
	call struct {
		at, offset int // column, and byte offset while it is parsed
		fn         *Function
		args       []node
		top        bool            // it is the whole expression
		conditions bool            // of Switch: conditions and values in pairs
		regex      *regexp2.Regexp // of Replace, where the pattern is a constant
	}
)

// A machine evaluates one expression once.
type machine struct {
	in      Input
	work    int     // bytes so far
	matches int     // of regular expressions so far
	values  []Value // arguments of the calls that are under way: so many as the expression needs
	used    int     // of them
	room    [8]Value
}

// reserve gives values to a call, which gives them back by setting used to base.
func (m *machine) reserve(n int) (base int, values []Value) {
	base = m.used
	m.used += n
	return base, m.values[base:m.used]
}

// charge counts work, and ends the evaluation that is too much of it.
func (m *machine) charge(n int) error {
	if m.work += n; m.work > MaxWork {
		return fmt.Errorf("the evaluation handles more than %d MiB: shorten the expression or the values", MaxWork>>20)
	}
	return nil
}

func (m *machine) stopped() error {
	if m.in.Stop != nil && m.in.Stop() {
		return ErrStopped
	}
	return nil
}

// bound refuses a value that is too large.
func (m *machine) bound(v *Value) error {
	n, values := v.size(), 1
	if v.kind == KindTexts {
		values = len(v.list())
	}
	switch {
	case n > MaxValue:
		return errors.New(tooLong)
	case values > MaxValues:
		return fmt.Errorf("there are more than %d values: select fewer", MaxValues)
	}
	return m.charge(n + 16*values)
}

var tooLong = fmt.Sprintf("the value has more than %d bytes: shorten it by Left", MaxValue)

func (n literal) eval(_ *machine, to *Value) error {
	*to = n.value
	return nil
}

func (omitted) eval(_ *machine, to *Value) error {
	*to = Null
	return nil
}

func (n *word) eval(*machine, *Value) error { panic("expr: check let a word pass") }

func (n attribute) eval(m *machine, to *Value) error {
	*to = Null
	if m.in.Attribute != nil {
		*to = m.in.Attribute(n.name)
	}
	if err := m.bound(to); err != nil {
		return &Mistake{Column: n.at, Text: fmt.Sprintf("[%s]: %v", n.name, err), cause: err}
	}
	return nil
}

func (n parameter) eval(m *machine, to *Value) error {
	if m.in.Domain == "" {
		return &Mistake{Column: n.at, Text: "the name of the domain that %DomainFQDN% stands for is not known here"}
	}
	*to = Text(m.in.Domain)
	return nil
}

func (n *concatenation) eval(m *machine, to *Value) error {
	base, parts := m.reserve(len(n.parts))
	none, secret, size := true, false, 0
	texts := make([]string, len(parts))
	for i, part := range n.parts {
		if err := part.eval(m, &parts[i]); err != nil {
			return err
		}
		s, err := single(parts[i])
		if err != nil {
			return &Mistake{Column: n.at, Text: "&: " + err.Error(), cause: err}
		}
		texts[i] = s
		size += len(s)
		none, secret = none && parts[i].IsNull(), secret || parts[i].secret
	}
	m.used = base
	if size > MaxValue {
		return &Mistake{Column: n.at, Text: "&: " + tooLong}
	}
	if *to = Null; !none {
		*to = Text(strings.Join(texts, ""))
	}
	to.secret = secret
	if err := m.bound(to); err != nil {
		return &Mistake{Column: n.at, Text: "&: " + err.Error(), cause: err}
	}
	return nil
}

func (n *comparison) eval(m *machine, to *Value) error {
	base, sides := m.reserve(2)
	for i, side := range []node{n.left, n.right} {
		if err := side.eval(m, &sides[i]); err != nil {
			return err
		}
	}
	m.used = base
	is, err := compare(sides[0], sides[1], n.op)
	if err == nil {
		err = m.charge(16)
	}
	if err != nil {
		return &Mistake{Column: n.at, Text: n.op + ": " + err.Error(), cause: err}
	}
	*to = Bool(is)
	return nil
}

func (literal) slots() int          { return 0 }
func (omitted) slots() int          { return 0 }
func (*word) slots() int            { return 0 }
func (attribute) slots() int        { return 0 }
func (parameter) slots() int        { return 0 }
func (n *concatenation) slots() int { return slotsOf(n.parts) }
func (n *comparison) slots() int    { return slotsOf([]node{n.left, n.right}) }
func (c *call) slots() int          { return slotsOf(c.args) - len(c.args) + c.places() }

// places are the values that a call needs for its arguments: a lazy function looks at
// one at a time.
func (c *call) places() int {
	if c.fn.lazy != nil {
		return 1
	}
	return len(c.args)
}

// slotsOf is a value for each part, and what the greediest of them needs.
func slotsOf(parts []node) int {
	most := 0
	for _, part := range parts {
		most = max(most, part.slots())
	}
	return len(parts) + most
}

// compare says whether a comparison is true; one with null never is. Numbers
// and dates are compared as such, a boolean with the text of one too, and texts with
// regard to case; where both texts are numbers, less and greater mean those.
func compare(left, right Value, op string) (bool, error) {
	if left.IsNull() || right.IsNull() {
		return false, nil
	}
	order, err := orderOf(left, right, op != "=" && op != "<>")
	if err != nil {
		return false, err
	}
	switch op {
	case "=":
		return order == 0, nil
	case "<>":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

// orderOf is negative where left comes before right, and 0 where they are the same.
func orderOf(left, right Value, ranked bool) (int, error) {
	l, err := single(left)
	if err != nil {
		return 0, err
	}
	r, err := single(right)
	if err != nil {
		return 0, err
	}
	switch a, b := left.kind, right.kind; {
	case a == KindBool || b == KindBool:
		x, isX := left.asBool()
		y, isY := right.asBool()
		if isX && isY {
			return cmp.Compare(Bool(x).number, Bool(y).number), nil
		}
	case left.dated || right.dated:
		x, isX := left.asMoment()
		y, isY := right.asMoment()
		if isX && isY {
			return x.Compare(y), nil
		}
	case a == KindNumber || b == KindNumber || ranked:
		x, isX := left.asNumber()
		y, isY := right.asNumber()
		if isX && isY {
			return cmp.Compare(x, y), nil
		}
	}
	return strings.Compare(l, r), nil
}

func (c *call) eval(m *machine, to *Value) error {
	base, values := m.reserve(c.places())
	err := c.run(args{machine: m, call: c, values: values}, to)
	m.used = base
	if err == nil {
		err = m.bound(to)
	}
	if err == nil && m.in.Stop != nil {
		err = m.stopped()
	}
	if err == nil {
		return nil
	}
	if at, is := err.(*Mistake); is { // of an argument, which has said where
		return at
	}
	return &Mistake{Column: c.at, Function: c.fn.Name, Text: err.Error(), cause: err}
}

func (c *call) run(a args, to *Value) (err error) {
	if c.fn.lazy != nil {
		*to, err = c.fn.lazy(a)
		return err
	}
	secret, many := false, -1
	for i, arg := range c.args {
		v := &a.values[i]
		if err := arg.eval(a.machine, v); err != nil {
			return err
		}
		switch {
		case v.kind == KindIgnore:
			*v = Null
		case v.kind == KindTexts && many < 0 && c.fn.param(i).Each:
			many = i
		}
		secret = secret || v.secret
	}
	if many < 0 {
		*to, err = c.fn.eager(a)
	} else {
		*to, err = a.forEach(many)
	}
	if err != nil && secret && !errors.Is(err, ErrStopped) {
		return errors.New("a value that Redact hides cannot be used here: take Redact away to see why")
	}
	to.secret = to.secret || secret
	return err
}
