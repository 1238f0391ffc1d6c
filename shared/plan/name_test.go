package plan_test

import (
	"strings"
	"testing"

	"groupwriteback/shared/plan"
)

func TestNameFault(t *testing.T) {
	for name, want := range map[string]string{
		"plain": "", "Größe / Straße": "", `#1, "a" + b; <c>=\d`: "", " blanks ": "", "tab\tand\rreturn": "", ".": "",
		strings.Repeat("a", 64): "", strings.Repeat("ü", 64): "", strings.Repeat("🙂", 32): "",
		"":                            "is empty",
		"  ":                          "is empty",
		"line\nfeed":                  "has a line feed or a NUL",
		"Sales\nDEL:0b1c":             "has a line feed or a NUL",
		"nul\x00":                     "has a line feed or a NUL",
		strings.Repeat("a", 65):       "has 65 characters",
		strings.Repeat("🙂", 32) + "a": "has 65 characters",
		"not \xff UTF-8":              "is not UTF-8",
	} {
		if got := plan.NameFault(name); (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestAccountNameFault(t *testing.T) {
	for name, want := range map[string]string{
		"plain": "", "with blanks in it": "", "Größe": "", "日本 🙂": "", "a.b-c_d!#$%&'()@^`{}~": "", "1": "", strings.Repeat("a", 256): "",
		"":                       "has nothing but blanks and dots",
		" . ":                    "has nothing but blanks and dots",
		" leading":               "begins with a blank or ends with a dot",
		"Example Inc.":           "begins with a blank or ends with a dot",
		"not \xff UTF-8":         "is not UTF-8",
		strings.Repeat("a", 257): "has 257 characters",
	} {
		if got := plan.AccountNameFault(name); (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for _, c := range "\"/\\[]:;|=,+*?<>\x00\n\x1f\x7f" {
		if plan.AccountNameFault("a"+string(c)+"b") == "" || plan.AccountNameRune(c) {
			t.Errorf("%q passes", c)
		}
	}
}
