package expr_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"groupwriteback/shared/expr"
)

// FuzzParse: no text makes Parse panic; what it understands has a normal form that
// means the same, and what it does not has a column that is in the text.
func FuzzParse(f *testing.F) {
	for _, e := range examples(f) {
		f.Add(e.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := expr.Parse(text)
		if err != nil {
			joined, ok := err.(interface{ Unwrap() []error })
			if !ok {
				t.Fatalf("%#v", err)
			}
			for _, err := range joined.Unwrap() {
				m, ok := err.(*expr.Mistake)
				if !ok || m.Column < 1 || m.Column > utf8.RuneCountInString(text)+1 || m.Text == "" {
					t.Fatalf("%#v", err)
				}
			}
			return
		}
		normal := e.String()
		if utf8.RuneCountInString(normal) > expr.MaxText { // blanks make it longer
			return
		}
		again, err := expr.Parse(normal)
		if err != nil {
			t.Fatalf("%q, which is %q: %v", text, normal, err)
		}
		if again.String() != normal || strings.Join(again.Attributes(), "\n") != strings.Join(e.Attributes(), "\n") {
			t.Fatalf("%q is %q, and that is %q", text, normal, again)
		}
	})
}

// FuzzEval: no expression and no value makes Eval panic, give more than is allowed,
// or give something else the second time.
func FuzzEval(f *testing.F) {
	for _, e := range examples(f) {
		value := ""
		if len(e.with) > 0 {
			value = e.with[0][1]
		}
		f.Add(e.text, value, false)
	}
	f.Add(`Replace([a], , "[a-z]*(?=b)", , "$_$&", , )`, "abc", true)
	f.Fuzz(func(t *testing.T, text, value string, many bool) {
		e, err := expr.Parse(text)
		if err != nil {
			return
		}
		v := expr.Text(value)
		if many {
			v = expr.Texts(strings.Split(value, " ")...)
		}
		run := func() (expr.Value, error) {
			in := world(nil)
			in.Attribute = func(string) expr.Value { return v }
			asked := 0
			in.Stop = func() bool { asked++; return asked > 3000 }
			return e.Eval(in)
		}
		first, err := run()
		if err != nil {
			if m, ok := err.(*expr.Mistake); !ok || m.Column < 1 || m.Column > utf8.RuneCountInString(text) {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		size := 0
		for _, s := range first.Values() {
			size += len(s)
		}
		if size > expr.MaxValue || len(first.Values()) > expr.MaxValues {
			t.Fatalf("%q: %d bytes, %d values", text, size, len(first.Values()))
		}
		if second, err := run(); err != nil || strings.Join(second.Values(), "\n") != strings.Join(first.Values(), "\n") {
			t.Fatalf("%q: %v, then %v, %v", text, first, second, err)
		}
	})
}
