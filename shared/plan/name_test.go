package plan_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"groupwriteback/shared/directory"
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

var nameID = directory.ID{1, 10: 0x12, 15: 0xab}

const (
	short = "_1200000000ab"
	whole = "_010000000000000000001200000000ab"
)

func TestLegalNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, tt := range []struct{ text, name, account string }{
		{"Sales", "Sales", "Sales"},
		{"Größe / Straße", "Größe / Straße", "Größe _ Straße"},
		{`"/\[]:;|=,+*?<>@`, `"/\[]:;|=,+*?<>@`, "________________"},
		{"  around  ", "around", "around"},
		{"\u00a0around\u3000", "around", "around"},
		{"Example Inc. ..", "Example Inc. ..", "Example Inc"},
		{".first", ".first", ".first"},
		{"line\nfeed\x00", "line feed", "line feed"},
		{"line\u2028and paragraph\u2029", "line and paragraph", "line and paragraph"},
		{"c1 \u0085 control\x7f", "c1   control", "c1   control"},
		{"\u202ebidi\u202c \u2066isolates\u2069 \u200emarks\u200f\u061c", "bidi isolates marks", "bidi isolates marks"},
		{"zero\u200bwidth\u200c\u200d\u2060\ufeff\u00ad", "zerowidth", "zerowidth"},
		{"\ufdd0not a character\uffff", "not a character", "not a character"},
		{"not \xff UTF-8", "not \ufffd UTF-8", "not \ufffd UTF-8"},
		{long + "bc", long + "b", long + "b"},
		{long + " c", long, long},
		{long + ".c", long + ".", long},
		{long + "🙂", long, long},
		{strings.Repeat("🙂", 40), strings.Repeat("🙂", 32), strings.Repeat("🙂", 32)},
		{"", nameID.String(), nameID.String()},
		{" \t\u200b", nameID.String(), nameID.String()},
		{" . .", ". .", nameID.String()},
	} {
		if name, account := plan.LegalName(tt.text, nameID), plan.LegalAccountName(tt.text, nameID); name != tt.name || account != tt.account {
			t.Errorf("%q: %q and %q, want %q and %q", tt.text, name, account, tt.name, tt.account)
		}
	}
}

// TestSuffixed: a name that is taken gets a suffix, then the whole id, and then there is none
// left; it never grows over the limit.
func TestSuffixed(t *testing.T) {
	for _, tt := range []struct{ name, next string }{
		{"Sales", "Sales" + short},
		{"Sales" + short, "Sales" + whole},
		{"Sales" + whole, "Sales" + whole},
		{strings.Repeat("a", 64), strings.Repeat("a", 51) + short},
		{strings.Repeat("a", 51) + short, strings.Repeat("a", 31) + whole},
		{strings.Repeat("a", 50) + " b", strings.Repeat("a", 50) + short},
		{strings.Repeat("a", 50) + "🙂", strings.Repeat("a", 50) + short},
		{short, whole},
	} {
		if got := plan.Suffixed(tt.name, nameID); got != tt.next {
			t.Errorf("%q: %q, want %q", tt.name, got, tt.next)
		}
	}
	if got := plan.Distinct("Sales"+short, nameID); got != "Sales"+short+short {
		t.Errorf("a name that ends so by itself: %q", got)
	}
}

// FuzzLegalNames: whatever the text, the names are legal, have nothing in them that nobody
// sees, fit, and are the same when they are made legal once more; with a suffix, too.
func FuzzLegalNames(f *testing.F) {
	for _, s := range []string{"Sales", " . ", "\u202e\x00\xff", strings.Repeat("🙂 ", 40), strings.Repeat("a", 63) + " .", "\u200b.\u00a0", "\U000e0001\ufffe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, account := plan.LegalName(text, nameID), plan.LegalAccountName(text, nameID)
		if plan.LegalName(name, nameID) != name || plan.LegalAccountName(account, nameID) != account {
			t.Errorf("%q: %q and %q are made legal once more", text, name, account)
		}
		for range 3 {
			for _, n := range []string{name, account} {
				if len(utf16.Encode([]rune(n))) > plan.NameLimit || strings.ContainsAny(n, "\u200b\u200e\u202e\u2066\ufeff\x00\n") || strings.TrimSpace(n) != n {
					t.Errorf("%q: %q", text, n)
				}
			}
			if a, b := plan.NameFault(name), plan.AccountNameFault(account); a != "" || b != "" {
				t.Errorf("%q: %q %s; %q %s", text, name, a, account, b)
			}
			name, account = plan.Suffixed(name, nameID), plan.Suffixed(account, nameID)
		}
		if !strings.HasSuffix(name, whole) || !strings.HasSuffix(account, whole) {
			t.Errorf("%q: at last %q and %q", text, name, account)
		}
	})
}
