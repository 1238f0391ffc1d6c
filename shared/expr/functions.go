package expr

import (
	"maps"
	"slices"
	"strings"
)

// A Function is a row of the reference: what it is called, what it is given, what
// it gives.
type Function struct {
	Name     string
	Params   []Param // the last one may repeat
	Doc      string  // what it gives, in a sentence or two
	Pages    string  // where Microsoft explains it: a key of Pages, or several
	Volatile bool    // the value is another one each time
	Pairs    bool    // the last two parameters repeat together

	truth bool                      // the value is True or False
	eager func(args) (Value, error) // gets its arguments evaluated,
	lazy  func(args) (Value, error) // or evaluates those that it wants
	check func(*parser, *call)      // further mistakes
	order func(*call)               // puts arguments in another form into this order
}

// A Param is one parameter of a function.
type Param struct {
	Name     string
	Optional bool
	Repeats  bool     // any number of arguments from here on
	Each     bool     // of a multi-valued attribute, each value is taken by itself
	Words    []string // constants that may stand here without quotation marks
}

// Pages are Microsoft's pages that the functions and examples name.
func Pages() map[string]string {
	const entra = "https://learn.microsoft.com/entra/identity/"
	return map[string]string{
		"app":       entra + "app-provisioning/functions-for-customizing-application-data",
		"cloudsync": entra + "hybrid/cloud-sync/reference-expressions",
		"to-ad":     entra + "hybrid/cloud-sync/how-to-configure-entra-to-active-directory",
		"map":       entra + "hybrid/cloud-sync/how-to-attribute-mapping-entra-to-active-directory",
		"workday":   entra + "saas-apps/workday-inbound-tutorial",
		"customize": entra + "app-provisioning/customize-application-attributes",
		"connect":   entra + "hybrid/connect/reference-connect-sync-functions-reference",
	}
}

// Functions are all functions of the language, by name.
func Functions() []Function {
	var all []Function
	for _, name := range slices.Sorted(maps.Keys(index)) {
		all = append(all, *index[name])
	}
	return all
}

// lookup finds a function by its name in any case, or nil.
func lookup(name string) *Function { return index[strings.ToLower(name)] }

// index is the table by names in lower case.
var index = func() map[string]*Function {
	all := map[string]*Function{}
	for _, group := range [][]Function{textFunctions(), choiceFunctions(), manyFunctions(), dateFunctions(), codeFunctions()} {
		for i := range group {
			all[strings.ToLower(group[i].Name)] = &group[i]
		}
	}
	return all
}()

// param is the parameter that an argument is for.
func (f *Function) param(i int) Param {
	n := len(f.Params)
	switch {
	case i < n:
		return f.Params[i]
	case n == 0 || !f.Params[n-1].Repeats:
		return Param{}
	case f.Pairs && (i-n)%2 == 0:
		return f.Params[n-2]
	}
	return f.Params[n-1]
}

// Signature is the call as the reference writes it, optional parameters in brackets.
func (f *Function) Signature() string {
	var names []string
	for _, p := range f.Params {
		name := p.Name
		if p.Optional {
			name = "[" + name + "]"
		}
		if p.Repeats {
			name += ", …"
		}
		names = append(names, name)
	}
	return f.Name + "(" + strings.Join(names, ", ") + ")"
}

// instead says what to write for a name that is no function.
func instead(name string) string {
	others := map[string]string{
		"lcase": "ToLower", "ucase": "ToUpper", "ltrim": "Trim", "rtrim": "Trim", "right": "Mid", "substring": "Mid", "concat": "Append or Join", "concatenate": "Append or Join",
		"if": "IIF", "iff": "IIF", "and": "nested IIF", "or": "nested IIF", "cguid": "the text itself", "cnum": "the number itself, which may be quoted", "itemornull": "Item",
		"trimall": "StripSpaces", "len": "no function of this language", "today": "Now",
	}
	lower := strings.ToLower(name)
	if other, known := others[lower]; known {
		return ": use " + other
	}
	var names []string
	for _, f := range Functions() {
		names = append(names, f.Name)
	}
	if near := Near(name, names); near != "" {
		return ": did you mean " + near + "?"
	}
	return ": docs/expressions.md lists all that there are"
}

// Near is the one of some words that a slip makes of another: at most two letters, and
// not more than half of them, are different. "" if there is none. Case does not count.
func Near(word string, words []string) string {
	best, distance := "", min(3, len(word)/2+1)
	for _, w := range words {
		if d := edits(strings.ToLower(word), strings.ToLower(w)); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// edits counts the letters in which two words differ (Levenshtein).
func edits(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost = min(corner, row[j], row[j+1]) + 1
			}
			corner, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// need and may are parameters that have to be there, and that may be omitted.
func need(name string) Param { return Param{Name: name} }
func may(name string) Param  { return Param{Name: name, Optional: true} }

// each is one that takes the values of a multi-valued attribute one by one.
func each(name string) Param { return Param{Name: name, Each: true} }
