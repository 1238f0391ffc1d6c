package expr_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/expr"
)

// parse is Parse of an expression that has no mistakes.
func parse(t testing.TB, text string) *expr.Expr {
	t.Helper()
	e, err := expr.Parse(text)
	if err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return e
}

// TestEveryFunctionHasExamples: with null, with several values and with an argument
// that is omitted, wherever a function takes any.
func TestEveryFunctionHasExamples(t *testing.T) {
	random := []string{"RandomString"} // its numbers are one by one
	for _, f := range expr.Functions() {
		var null, many, fewer, any bool
		for _, e := range examples(t) {
			if e.section != f.Name {
				continue
			}
			any = true
			given := 0
			for _, w := range e.with {
				null = null || w[1] == "null"
				many = many || strings.HasPrefix(w[1], "[")
				given++
			}
			null = null || given == 0 && strings.Contains(e.text, "[")
			fewer = fewer || strings.Contains(e.gives, "is missing") || omits(e.text)
		}
		if !any {
			t.Errorf("%s has no example in testdata/examples.txt", f.Name)
		}
		if len(f.Params) > 0 && !slices.Contains(random, f.Name) && (!null || !many || !fewer) {
			t.Errorf("%s lacks an example with null (%v), several values (%v) or an omitted argument (%v)", f.Name, null, many, fewer)
		}
	}
}

// omits says whether an expression has an argument of which nothing is written.
func omits(text string) bool {
	tight := strings.ReplaceAll(text, " ", "")
	return strings.Contains(tight, ",,") || strings.Contains(tight, ",)") || strings.Contains(tight, "(,") || strings.HasPrefix(tight, "Mid(\"SMTP:")
}

// TestEachExampleCitesItsPage by the pages that there are.
func TestEachExampleCitesItsPage(t *testing.T) {
	pages := expr.Pages()
	all := examples(t)
	for _, e := range all {
		page, where, _ := strings.Cut(e.page, "#")
		if pages[page] == "" || where == "" {
			t.Errorf("line %d: %q is no page and place on it", e.line, e.page)
		}
	}
	if len(all) < 250 {
		t.Errorf("there are %d examples: some are not read", len(all))
	}
}

// TestSameEverywhere: no result depends on the zone of the machine.
func TestSameEverywhere(t *testing.T) {
	defer func(zone *time.Location) { time.Local = zone }(time.Local)
	for _, zone := range []int{-11, 14} {
		time.Local = time.FixedZone("", zone*3600)
		TestExamples(t)
	}
}

// TestNormalForm: what String writes is understood as the same, and gives the same.
func TestNormalForm(t *testing.T) {
	for _, e := range examples(t) {
		first, err := expr.Parse(e.text)
		if err != nil {
			continue
		}
		second := parse(t, first.String())
		if diff := cmp.Diff(first.String(), second.String()); diff != "" {
			t.Errorf("%s: %s", e.text, diff)
		}
		attributes := map[string]expr.Value{}
		for _, w := range e.with {
			attributes[w[0]] = value(t, w[1])
		}
		if strings.HasPrefix(e.gives, "error:") { // columns may be others
			continue
		}
		if got := result(first.String(), world(attributes)); got != e.gives {
			t.Errorf("%s as %s gives %s, not %s", e.text, first, got, e.gives)
		}
	}
	for text, want := range map[string]string{
		`replace([mail],"a",,,"b\"\,\\")`: `Replace([mail], "a", , , "b\"\\,\\")`,
		`("a"&[b])&(1=&HF)`:               `("a" & [b]) & (1 = 15)`,
		`(null)`:                          `Null`,
		`[A]&[a]`:                         `[A] & [A]`,
	} {
		if got := parse(t, text).String(); got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
	}
}

// TestManyAtOnce: one expression, evaluated by several goroutines.
func TestManyAtOnce(t *testing.T) {
	e := parse(t, `Replace(Append([a], "-x"), , "(?<n>\\d+)", "n", "#", , )`)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				v, err := e.Eval(world(map[string]expr.Value{"a": expr.Text("a1b22")}))
				if err != nil || v.String() != `"a#b#-x"` {
					t.Errorf("%v, %v", v, err)
				}
			}
		})
	}
	wait.Wait()
}

func TestAttributes(t *testing.T) {
	e := parse(t, `IIF(IsPresent([extension_0a_GroupDN]), [ displayName ], Append([DISPLAYNAME], [onPremisesExtensionAttributes.extensionAttribute1]) & [objectId])`)
	want := []string{"extension_0a_GroupDN", "displayName", "onPremisesExtensionAttributes.extensionAttribute1", "objectId"}
	if diff := cmp.Diff(want, e.Attributes()); diff != "" {
		t.Error(diff)
	}
	var asked []string
	in := expr.Input{Attribute: func(name string) expr.Value {
		asked = append(asked, name)
		return expr.Null
	}}
	if _, err := e.Eval(in); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{want[0], want[1], want[2], want[3]}, asked); diff != "" {
		t.Errorf("names are asked for as they are spelled first: %s", diff)
	}
	for name, want := range map[string]string{
		"displayName": "displayName", "objectId": "id", "ObjectID": "id", "dirSyncEnabled": "onPremisesSyncEnabled",
		"extension_0a_GroupDN": "extension_0a_GroupDN", "onPremisesExtensionAttributes.extensionAttribute1": "onPremisesExtensionAttributes",
		"extensionAttribute15": "onPremisesExtensionAttributes", "extensionAttributes": "extensionAttributes",
	} {
		if got := expr.Property(name); got != want {
			t.Errorf("%s is the property %s, not %s", name, got, want)
		}
	}
}

func TestVolatile(t *testing.T) {
	e := parse(t, `Join("", now(), Guid(), RandomString(6,3,0,0,3), Guid())`)
	if diff := cmp.Diff([]string{"Guid", "Now", "RandomString"}, e.Volatile()); diff != "" {
		t.Error(diff)
	}
	if v := parse(t, `Trim([a])`).Volatile(); len(v) > 0 {
		t.Errorf("%v", v)
	}
	for text, want := range map[string]string{
		"Guid()":                                 "there is no randomness here",
		"Append(RandomString(6,3,0,0,3), \"a\")": "there is no randomness here",
		"Now()":                                  "the time is not known here",
		"%DomainFQDN%":                           "the name of the domain that %DomainFQDN% stands for is not known here",
	} {
		if _, err := parse(t, text).Eval(expr.Input{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRandomness: what is asked for is there, and nothing that is to be avoided.
func TestRandomness(t *testing.T) {
	e := parse(t, `RandomString(12,2,2,2,1,"?,0aB")`)
	seed := byte(0)
	for range 200 {
		in := world(nil)
		in.Random = func(data []byte) {
			for i := range data {
				seed = seed*141 + 77
				data[i] = seed ^ seed>>3
			}
		}
		v, err := e.Eval(in)
		if err != nil {
			t.Fatal(err)
		}
		s := v.Values()[0]
		digits := strings.Count(strings.Map(kind, s), "9")
		capitals := strings.Count(strings.Map(kind, s), "A")
		small := strings.Count(strings.Map(kind, s), "a")
		if len(s) != 12 || digits < 2 || capitals < 2 || small < 1 || 12-digits-capitals-small < 2 || strings.ContainsAny(s, "?,0aB") {
			t.Fatalf("%q", s)
		}
	}
	stuck := world(nil)
	stuck.Random = func(data []byte) { clear(data); data[0] = 255 }
	if _, err := parse(t, `RandomString(6,3,0,0,3)`).Eval(stuck); err == nil {
		t.Error("randomness that is none goes unnoticed")
	}
}

// kind makes 9 of digits, A of capitals, a of small letters and - of others.
func kind(r rune) rune {
	switch {
	case r >= '0' && r <= '9':
		return '9'
	case r >= 'A' && r <= 'Z':
		return 'A'
	case r >= 'a' && r <= 'z':
		return 'a'
	}
	return '-'
}

// TestSecrets: what Redact hides is in no error either, and is still the value.
func TestSecrets(t *testing.T) {
	in := world(map[string]expr.Value{"pin": expr.Text("4711x")})
	for _, text := range []string{
		`CDate(Redact([pin]))`, `BitAnd(Redact([pin]), 1)`, `CBool(Redact([pin]))`, `IIF(Append(Redact([pin]), "y"), 1, 2)`, `Error(Redact([pin]))`,
		`StringFromSid(Append("", Redact([pin])))`, `ConvertFromBase64(Redact([pin]) & "")`, `FormatDateTime(Redact([pin]), , "yyyy-MM-dd", "yyyy")`,
		`Item(Redact([pin]), Redact([pin]))`, `DNComponent(Redact([pin]), 1)`, `DateDiff("d", Redact([pin]), Now())`, `NumFromDate(Redact([pin]))`,
	} {
		got, other := result(text, in), result(text, world(map[string]expr.Value{"pin": expr.Text("81!")}))
		if !strings.HasPrefix(got, "error: ") || got != other {
			t.Errorf("%s: %s; %s", text, got, other)
		}
	}
	v, err := parse(t, `Left(Redact([pin]), 4)`).Eval(in)
	if err != nil || !v.Secret() || v.String() != "[Redact]" || v.Values()[0] != "4711" {
		t.Errorf("%v, %v, %v", v, v.Values(), err)
	}
}

// TestMistake: an error says where, of what and what to do, and can be taken apart.
func TestMistake(t *testing.T) {
	_, err := expr.Parse("Append(\"ü\", Lower([a]))")
	m, ok := errors.AsType[*expr.Mistake](err)
	if !ok || m.Column != 13 || m.Function != "Lower" || !strings.Contains(m.Text, "ToLower") {
		t.Errorf("%#v", err)
	}
	_, err = parse(t, `Append("ü", Item(Split("a,b", ","), 3))`).Eval(expr.Input{})
	if m, ok = errors.AsType[*expr.Mistake](err); !ok || m.Column != 13 || m.Function != "Item" {
		t.Errorf("%#v", err)
	}
}

// TestBroken holds the messages of what cannot be read.
func TestBroken(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "column 1: the expression is empty: write a function, such as Trim([displayName])",
		" \n":                             "column 1: the expression is empty: write a function, such as Trim([displayName])",
		"\xff":                            "column 1: the expression is not in UTF-8: save the file in that encoding",
		"displayName":                     "column 1: displayName is neither text nor a function: write [displayName] for an attribute, or \"displayName\" for text",
		"Trim([a]) x":                     "column 11: \"x\" is left over after the end of the expression: join two texts by &, or take it away",
		"Trim([a]) & ":                    "column 13: something is missing at the end: write \"text\", [attribute] or a function",
		"Trim([a)":                        "column 6: the attribute that begins here does not end: close it by ]",
		"Trim([])":                        "column 6: [] names no attribute: write one between the brackets, as in [displayName]",
		"Trim(\"a)":                       "column 6: the text that begins here does not end: close it by \", and write \\\\ for a backslash at its end",
		"Trim(\"a\"\"b\")":                "column 9: a quotation mark follows another one: write \\\" for one within a text",
		"Trim('a')":                       "column 6: \"'\" opens no text: use straight double quotation marks, as in \"text\"",
		"Trim({a})":                       "column 6: \"{\" is not understood here: write \"text\", [attribute] or a function",
		"Trim(\"a\" \"b\")":               "column 10: \"\\\"\" is not understood here: arguments of Trim are separated by commas and end by )",
		"(Trim([a])":                      "column 1: the parenthesis that opens here is not closed: write )",
		"%Domain":                         "column 1: the parameter that begins here does not end: close it by %, as in %DomainFQDN%",
		"%ForestFQDN%":                    "column 1: there is no parameter %ForestFQDN%: the only one is %DomainFQDN%",
		"Left([a], 1.5)":                  "column 11: 1.5 is not a number that can be used: write a whole one of at most 64 bits, or put text into \"quotation marks\"",
		"Left([a], 99999999999999999999)": "column 11: 99999999999999999999 is not a number that can be used: write a whole one of at most 64 bits, or put text into \"quotation marks\"",
		"Append(& [a], [b])":              "column 8: & joins two texts, and here there is none before it",
		"1 = 2 = 3":                       "column 7: a comparison cannot be compared again: there is no AND or OR, nest IIF instead",
		"Trim([a], [b])":                  "column 1: Trim: there are 2 arguments, and it takes at most 1: Trim(value)",
		"Guid(1)":                         "column 1: Guid: there are 1 arguments, and it takes at most 0: Guid()",
		"InStr([a], \"b\", 1, vbText)":    "column 20: InStr: compareType: there is no vbText: write vbBinaryCompare or vbTextCompare",
		"InStr([a], \"b\", 1, \"x\")":     "column 1: InStr: compareType: there is no \"x\": write one of vbBinaryCompare, vbTextCompare, 0, 1",
		"Frobnicate()":                    "column 1: Frobnicate: there is no such function: docs/expressions.md lists all that there are",
		"Apend([a], \"b\")":               "column 1: Apend: there is no such function: did you mean Append?",
		"And([a], [b])":                   "column 1: And: there is no such function: use nested IIF",
		"Replace([a], \"b\", \"c\", , \"d\", , )": "column 1: Replace: oldValue + regexPattern + replacementValue do not go together: besides the source write one of oldValue + replacementValue, oldValue + template, regexPattern + replacementValue, regexPattern + regexGroupName + replacementValue, regexPattern + regexGroupName + replacementAttributeName; what is not needed is omitted, as in Replace([mail], \"a\", , , \"b\", , )",
	} {
		_, err := expr.Parse(text)
		if err == nil || err.Error() != want {
			t.Errorf("%s\n gives %v\nwanted %s", text, err, want)
		}
	}
}
