package expr

import (
	"fmt"
	"unicode/utf8"
)

// args are the arguments of a call, evaluated. A lazy function has a place for one.
type args struct {
	*machine
	call   *call
	values []Value
}

// eval evaluates an argument of a lazy function.
func (a args) eval(i int) (Value, error) {
	err := a.call.args[i].eval(a.machine, &a.values[0])
	return a.values[0], err
}

// forEach calls the function for each of the values of an argument.
func (a args) forEach(many int) (Value, error) {
	var results []string
	size, others := 0, 16
	texts := a.values[many].list()
	a.values[many] = Null
	for i := range a.values {
		others += a.values[i].size()
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
		return "", fmt.Errorf("there are %d values where one is needed: take one by Item, or join them by Join", len(v.list()))
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
