package expr_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/expr"
)

var update = flag.Bool("update", false, "write docs/expressions.md anew")

// An example is one block of testdata/examples.txt.
type example struct {
	section, page, note, text, gives string
	shown                            bool // the result stands on the page
	with                             [][2]string
	line                             int
}

// examples reads testdata/examples.txt.
func examples(t testing.TB) (all []example) {
	t.Helper()
	data, err := os.ReadFile("testdata/examples.txt")
	if err != nil {
		t.Fatal(err)
	}
	section := ""
	var e example
	for i, line := range strings.Split(string(data)+"\n", "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "-- "):
			section = strings.Trim(line, "- ")
		case line == "":
			if e.text != "" {
				all = append(all, e)
			}
			e = example{}
		case key == "page", key == "see":
			e.section, e.page, e.shown, e.line = section, value, key == "page", i+1
		case strings.HasPrefix(line, "    "):
			e.text += "\n" + line
		case key == "note":
			e.note = value
		case key == "expr":
			e.text = value
		case key == "with":
			name, value, ok := strings.Cut(value, "] = ")
			if !ok {
				t.Fatalf("line %d: write with: [name] = value", i+1)
			}
			e.with = append(e.with, [2]string{name[1:], value})
		case key == "gives":
			e.gives = value
		default:
			t.Fatalf("line %d: %q is not understood", i+1, line)
		}
	}
	return all
}

// value reads an attribute's value in JSON.
func value(t testing.TB, text string) expr.Value {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	switch v := v.(type) {
	case string:
		return expr.Text(v)
	case bool:
		return expr.Bool(v)
	case float64:
		return expr.Number(int64(v))
	case []any:
		var all []string
		for _, s := range v {
			all = append(all, s.(string))
		}
		return expr.Texts(all...)
	}
	return expr.Null
}

// world is the input of all examples, but for the attributes.
func world(attributes map[string]expr.Value) expr.Input {
	random := byte(0)
	return expr.Input{
		Attribute: func(name string) expr.Value {
			for known, v := range attributes {
				if strings.EqualFold(known, name) {
					return v
				}
			}
			return expr.Null
		},
		Domain: "corp.example",
		Now:    time.Date(2021, 7, 2, 15, 33, 38, 0, time.UTC),
		Random: func(data []byte) {
			for i := range data {
				data[i] = random
				random++
			}
		},
		Taken: func(v string) bool { return strings.HasPrefix(v, "taken") },
	}
}

// result is what an expression gives, as the examples write it.
func result(text string, in expr.Input) string {
	e, err := expr.Parse(text)
	if err != nil {
		return "error: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	v, err := e.Eval(in)
	if err != nil {
		return "error: " + err.Error()
	}
	return v.String()
}

func TestExamples(t *testing.T) {
	for _, e := range examples(t) {
		t.Run(fmt.Sprintf("%s/%d", e.section, e.line), func(t *testing.T) {
			attributes := map[string]expr.Value{}
			for _, w := range e.with {
				attributes[w[0]] = value(t, w[1])
			}
			if got := result(e.text, world(attributes)); got != e.gives {
				t.Errorf("testdata/examples.txt:%d: %s\n gives %s\nwanted %s", e.line, e.text, got, e.gives)
			}
		})
	}
}
