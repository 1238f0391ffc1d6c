package expr

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// A node is a part of an expression.
type node interface {
	eval(*machine) (Value, error)
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
		regex      *regexp2.Regexp // of Replace, where the pattern is a constant
	}
)

// A machine evaluates one expression once.
type machine struct {
	in      Input
	work    int     // bytes so far
	matches int     // of regular expressions so far
	stack   []Value // arguments of the calls that are under way
	room    [8]Value
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
func (m *machine) bound(v Value) error {
	n := v.size()
	switch {
	case n > MaxValue:
		return fmt.Errorf("the value has more than %d bytes: shorten it by Left", MaxValue)
	case len(v.texts) > MaxValues:
		return fmt.Errorf("there are more than %d values: select fewer", MaxValues)
	}
	return m.charge(n + 16*len(v.texts) + 16)
}

func (n literal) eval(*machine) (Value, error) { return n.value, nil }
func (omitted) eval(*machine) (Value, error)   { return Null, nil }
func (n *word) eval(*machine) (Value, error)   { return Text(n.text), nil }
func (n attribute) eval(m *machine) (Value, error) {
	if m.in.Attribute == nil {
		return Null, nil
	}
	v := m.in.Attribute(n.name)
	if err := m.bound(v); err != nil {
		return Value{}, &Mistake{Column: n.at, Text: fmt.Sprintf("[%s]: %v", n.name, err), cause: err}
	}
	return v, nil
}

func (n parameter) eval(m *machine) (Value, error) {
	if m.in.Domain == "" {
		return Value{}, &Mistake{Column: n.at, Text: "the name of the domain that %DomainFQDN% stands for is not known here"}
	}
	return Text(m.in.Domain), nil
}

func (n *concatenation) eval(m *machine) (Value, error) {
	var b strings.Builder
	none, secret := true, false
	for _, part := range n.parts {
		v, err := part.eval(m)
		if err != nil {
			return Value{}, err
		}
		s, err := single(v)
		if err == nil && b.Len()+len(s) > MaxValue {
			err = m.bound(Text(b.String() + s))
		}
		if err == nil {
			err = m.charge(len(s))
		}
		if err != nil {
			return Value{}, &Mistake{Column: n.at, Text: "&: " + err.Error(), cause: err}
		}
		b.WriteString(s)
		none, secret = none && v.IsNull(), secret || v.secret
	}
	if none {
		return Null, nil
	}
	v := Text(b.String())
	v.secret = secret
	return v, nil
}

func (n *comparison) eval(m *machine) (Value, error) {
	left, err := n.left.eval(m)
	if err != nil {
		return Value{}, err
	}
	right, err := n.right.eval(m)
	if err != nil {
		return Value{}, err
	}
	is, err := compare(left, right, n.op)
	if err == nil {
		err = m.charge(16)
	}
	if err != nil {
		return Value{}, &Mistake{Column: n.at, Text: n.op + ": " + err.Error(), cause: err}
	}
	return Bool(is), nil
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

func (c *call) eval(m *machine) (Value, error) {
	v, err := c.run(m)
	if err == nil {
		err = m.bound(v)
	}
	if err == nil {
		err = m.stopped()
	}
	if err == nil {
		return v, nil
	}
	if at, is := err.(*Mistake); is { // of an argument, which has said where
		return Value{}, at
	}
	return Value{}, &Mistake{Column: c.at, Function: c.fn.Name, Text: err.Error(), cause: err}
}

func (c *call) run(m *machine) (Value, error) {
	if c.fn.lazy != nil {
		return c.fn.lazy(m, c)
	}
	base := len(m.stack)
	secret, many := false, -1
	for i, arg := range c.args {
		v, err := arg.eval(m)
		if err != nil { // the stack is of no use any more
			return Value{}, err
		}
		if v.kind == KindIgnore {
			v = Null
		}
		if v.kind == KindTexts && many < 0 && c.fn.param(i).Each {
			many = i
		}
		secret = secret || v.secret
		m.stack = append(m.stack, v)
	}
	v, err := args{machine: m, call: c, values: m.stack[base:]}.apply(many)
	m.stack = m.stack[:base]
	if err != nil && secret && !errors.Is(err, ErrStopped) {
		err = errors.New("a value that Redact hides cannot be used here: take Redact away to see why")
	}
	v.secret = v.secret || secret
	return v, err
}

// args are the arguments of a call, evaluated.
type args struct {
	*machine
	call   *call
	values []Value
}

// apply calls the function: once, or for each of the values of an argument.
func (a args) apply(many int) (Value, error) {
	if many < 0 {
		return a.call.fn.eager(a)
	}
	var results []string
	size, others := 0, 16
	texts := a.values[many].texts
	a.values[many] = Null
	for _, v := range a.values {
		others += v.size()
	}
	for _, s := range texts {
		if err := a.charge(len(s) + others); err != nil {
			return Value{}, err
		}
		a.values[many] = Text(s)
		v, err := a.call.fn.eager(a)
		if err != nil {
			return Value{}, err
		}
		if size += v.size(); size > MaxValue {
			return Value{}, fmt.Errorf("the values have more than %d bytes together: select fewer", MaxValue)
		}
		results = append(results, v.Values()...)
	}
	return Texts(results...), nil
}

// given says whether an argument is there; one that is there may be null.
func (a args) given(i int) bool { return given(a.call, i) }

func given(c *call, i int) bool {
	if i >= len(c.args) {
		return false
	}
	_, none := c.args[i].(omitted)
	return !none
}

// value is an argument, null where it is omitted.
func (a args) value(i int) Value {
	if i >= len(a.values) {
		return Null
	}
	return a.values[i]
}

// text is an argument as one text; null is empty.
func (a args) text(i int) (string, error) {
	s, err := single(a.value(i))
	if err != nil {
		return "", fmt.Errorf("%s: %w", a.call.fn.param(i).Name, err)
	}
	return s, nil
}

// number is an argument as a number, or the other where it is omitted or null.
func (a args) number(i int, other int64) (int64, error) {
	v := a.value(i)
	if v.IsNull() {
		return other, nil
	}
	n, ok := v.asNumber()
	if !ok {
		return 0, fmt.Errorf("%s: %s is no whole number: write one, such as 5", a.call.fn.param(i).Name, show(v))
	}
	return n, nil
}

// single is the text of a value that has one.
func single(v Value) (string, error) {
	if v.kind == KindTexts {
		return "", fmt.Errorf("there are %d values where one is needed: take one by Item, or join them by Join", len(v.texts))
	}
	return v.plain(), nil
}

// show is a value for an error, shortened.
func show(v Value) string {
	s := v.String()
	if utf8.RuneCountInString(s) > 60 {
		return string([]rune(s)[:60]) + "…"
	}
	return s
}

func (n literal) write(b *strings.Builder) {
	switch n.value.kind {
	case KindText:
		b.WriteByte('"')
		for _, c := range []byte(n.value.text) {
			if c == '"' || c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
		b.WriteByte('"')
	case KindNull:
		b.WriteString("Null")
	default:
		b.WriteString(n.value.plain())
	}
}

func (omitted) write(*strings.Builder)            {}
func (n *word) write(b *strings.Builder)          { b.WriteString(n.text) }
func (n attribute) write(b *strings.Builder)      { b.WriteString("[" + n.name + "]") }
func (parameter) write(b *strings.Builder)        { b.WriteString("%DomainFQDN%") }
func (n *concatenation) write(b *strings.Builder) { writeAll(b, " & ", n.parts) }
func (n *comparison) write(b *strings.Builder)    { writeAll(b, " "+n.op+" ", []node{n.left, n.right}) }

// writeAll writes operands, in parentheses where they have an operator of their own
// that binds no tighter.
func writeAll(b *strings.Builder, between string, parts []node) {
	for i, part := range parts {
		if i > 0 {
			b.WriteString(between)
		}
		_, comparing := part.(*comparison)
		_, joining := part.(*concatenation)
		if comparing || joining && between == " & " {
			b.WriteByte('(')
			part.write(b)
			b.WriteByte(')')
			continue
		}
		part.write(b)
	}
}

func (c *call) write(b *strings.Builder) {
	b.WriteString(c.fn.Name)
	b.WriteByte('(')
	for i, arg := range c.args {
		if i > 0 {
			b.WriteString(", ")
		}
		arg.write(b)
	}
	b.WriteByte(')')
}
