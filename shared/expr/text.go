package expr

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// textFunctions are those on one text. Characters are counted as .NET and Active
// Directory count them, in units of UTF-16; a character outside the basic plane has
// two, and is never cut in half: it goes as a whole.
func textFunctions() []Function {
	return []Function{
		{Name: "Append", Params: []Param{each("source"), each("suffix")}, Pages: "app cloudsync", eager: appendTexts,
			Doc: "The source and the suffix behind it. Null counts as empty; two nulls are null."},
		{Name: "InStr", Params: []Param{need("value1"), need("value2"), may("start"), {Name: "compareType", Optional: true, Words: compareTypes()}},
			Pages: "app cloudsync", eager: inStr, check: oneOf(3, append(compareTypes(), "0", "1")...),
			Doc: "Where value2 begins in value1, counted from 1; 0 where it does not. The search begins at start. vbTextCompare takes upper and " +
				"lower case as the same."},
		{Name: "Left", Params: []Param{each("String"), need("NumChars")}, Pages: "app cloudsync", eager: leftText,
			Doc: "The first characters. 0 gives an empty text, a negative number the whole text; null is empty."},
		{Name: "Mid", Params: []Param{each("source"), need("start"), may("length")}, Pages: "app cloudsync connect", eager: mid,
			Doc: "Characters from start on, which is counted from 1: as many as length says, or all that there are. Beyond the end there are " +
				"none; start below 1 and a negative length give the whole text; null is empty."},
		{Name: "NormalizeDiacritics", Params: []Param{each("source")}, Pages: "app cloudsync", eager: onText(normalizeDiacritics),
			Doc: "The text with Latin letters in place of those with marks: ä is a, ø and œ are oe, ß is ss. Other scripts keep their marks."},
		{Name: "PCase", Params: []Param{each("source"), may("wordSeparators")}, Pages: "app", eager: pCase,
			Doc: "The first letter of each word in upper case, all others in lower case. Words are separated by wordSeparators; without them by " +
				"blanks, punctuation (but not the apostrophe) and symbols."},
		{Name: "Replace", Params: []Param{each("source"), may("oldValue"), may("regexPattern"), may("regexGroupName"), may("replacementValue"), may("replacementAttributeName"), may("template")},
			Pages: "app cloudsync", eager: replace, check: checkReplace,
			Doc: "Replaces in one of five ways, by which arguments there are: oldValue and replacementValue; oldValue and template, which gets " +
				"the source in place of oldValue; regexPattern and replacementValue, which may name groups as ${name}; regexPattern, " +
				"regexGroupName and replacementValue, which takes the place of the group alone; regexPattern, regexGroupName and " +
				"replacementAttributeName, from which the group is taken where the source is empty. Case matters."},
		{Name: "StripSpaces", Params: []Param{each("source")}, Pages: "app cloudsync",
			eager: onText(func(s string) string { return strings.ReplaceAll(s, " ", "") }),
			Doc:   "The text without its blanks (U+0020, and no others)."},
		{Name: "ToLower", Params: []Param{each("source"), may("culture")}, Pages: "app cloudsync",
			eager: changeCase(unicode.ToLower, unicode.TurkishCase.ToLower),
			Doc:   "The text in lower case, by the rules of a culture such as tr-TR, or the invariant ones."},
		{Name: "ToUpper", Params: []Param{each("source"), may("culture")}, Pages: "app cloudsync",
			eager: changeCase(unicode.ToUpper, unicode.TurkishCase.ToUpper),
			Doc:   "The text in upper case, by the rules of a culture such as tr-TR, or the invariant ones."},
		{Name: "Trim", Params: []Param{each("value")}, Pages: "cloudsync", eager: onText(strings.TrimSpace),
			Doc: "The text without blanks, tabs and line ends at its beginning and end."},
		{Name: "Word", Params: []Param{each("String"), need("WordNumber"), need("Delimiters")}, Pages: "app cloudsync", eager: wordOf,
			Doc: "A word by its number from 1. Words are what stands between any of the delimiters, of which several in a row are one. Where " +
				"there is no such word it is empty; null is empty."},
	}
}

// onText is a function on the text of its first argument, of which null stays null.
func onText(change func(string) string) func(args) (Value, error) {
	return func(a args) (Value, error) {
		if a.value(0).IsNull() {
			return Null, nil
		}
		s, err := a.text(0)
		return Text(change(s)), err
	}
}

func appendTexts(a args) (Value, error) {
	if a.value(0).IsNull() && a.value(1).IsNull() {
		return Null, nil
	}
	source, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	suffix, err := a.text(1)
	return Text(source + suffix), err
}

// left cuts a text to so many units.
func left(s string, units int64) string {
	if int64(len(s)) <= units { // no text has more units than bytes
		return s
	}
	for i, r := range s {
		if units -= int64(utf16.RuneLen(r)); units < 0 {
			return s[:i]
		}
	}
	return s
}

// from is a text without so many units at its beginning.
func from(s string, units int64) string {
	for i, r := range s {
		if units <= 0 {
			return s[i:]
		}
		units -= int64(utf16.RuneLen(r))
	}
	return ""
}

// count counts the units of a text.
func count(s string) (units int64) {
	for _, r := range s {
		units += int64(utf16.RuneLen(r))
	}
	return units
}

func leftText(a args) (Value, error) {
	s, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	n, err := a.number(1, 0)
	if err != nil || n < 0 {
		return Text(s), err
	}
	return Text(left(s, n)), nil
}

func mid(a args) (Value, error) {
	s, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	start, err := a.number(1, 1)
	if err != nil {
		return Value{}, err
	}
	length, err := a.number(2, MaxValue)
	if err != nil || start < 1 || length < 0 {
		return Text(s), err
	}
	return Text(left(from(s, start-1), length)), nil
}

func wordOf(a args) (Value, error) {
	s, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	n, err := a.number(1, 0)
	if err != nil {
		return Value{}, err
	}
	delimiters, err := a.text(2)
	if err != nil {
		return Value{}, err
	}
	for word := range strings.FieldsFuncSeq(s, oneIn(delimiters)) {
		if n--; n == 0 {
			return Text(word), nil
		}
	}
	return Text(""), nil
}

func compareTypes() []string { return []string{"vbBinaryCompare", "vbTextCompare"} }

func inStr(a args) (Value, error) {
	in, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	what, err := a.text(1)
	if err != nil {
		return Value{}, err
	}
	start, err := a.number(2, 1)
	if err != nil {
		return Value{}, err
	}
	how, err := a.text(3)
	if err != nil {
		return Value{}, err
	}
	if strings.EqualFold(how, "vbTextCompare") || how == "1" {
		in, what = fold(in), fold(what)
	}
	start = max(start, 1)
	rest := from(in, start-1)
	at := strings.Index(rest, what)
	if rest == "" || at < 0 {
		return Number(0), nil
	}
	return Number(count(in[:len(in)-len(rest)+at]) + 1), nil
}

// fold makes texts equal that differ in case only. It keeps the number of units.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if l := unicode.ToLower(unicode.ToUpper(r)); utf16.RuneLen(l) == utf16.RuneLen(r) {
			return l
		}
		return r
	}, s)
}

// changeCase is ToLower or ToUpper: letter by letter, as .NET does it (ß stays).
// The invariant culture leaves dotless i, dotted I and long s alone.
func changeCase(invariant, turkish func(rune) rune) func(args) (Value, error) {
	return func(a args) (Value, error) {
		culture, err := a.text(1)
		if err != nil {
			return Value{}, err
		}
		language, _, _ := strings.Cut(strings.ToLower(culture), "-")
		if !cultured(culture) {
			return Value{}, fmt.Errorf("culture: %s is no name of one: write one such as en-US", show(a.value(1)))
		}
		change := func(r rune) rune {
			if r == 'ı' || r == 'İ' || r == 'ſ' {
				return r
			}
			return invariant(r)
		}
		if language == "tr" || language == "az" {
			change = turkish
		}
		return onText(func(s string) string { return strings.Map(change, s) })(a)
	}
}

// cultured says whether a text has the form of a culture's name (RFC 4646). The
// empty one is the invariant culture.
func cultured(name string) bool {
	for i, part := range strings.Split(name, "-") {
		if len(part) > 8 || name != "" && part == "" || i == 0 && (len(part) == 1 || strings.ContainsAny(part, "0123456789")) {
			return false
		}
		for _, c := range []byte(part) {
			if !isLetter(c) && (c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

func pCase(a args) (Value, error) {
	if a.value(1).IsNull() {
		return onText(titleCase)(a)
	}
	separators, err := a.text(1)
	if err != nil {
		return Value{}, err
	}
	separates, first := oneIn(separators), true
	return onText(func(s string) string {
		return strings.Map(func(r rune) rune {
			upper := first
			if first = separates(r); upper {
				return unicode.ToTitle(r)
			}
			return unicode.ToLower(r)
		}, s)
	})(a)
}

// oneIn asks whether a character is among others, however many they are.
func oneIn(others string) func(rune) bool {
	if len(others) <= 16 {
		return func(r rune) bool { return strings.ContainsRune(others, r) }
	}
	set := map[rune]bool{}
	for _, r := range others {
		set[r] = true
	}
	return func(r rune) bool { return set[r] }
}

// titleCase is .NET's TextInfo.ToTitleCase of the text in lower case: a word begins
// with its first letter, and ends at a separator. The apostrophe is none.
func titleCase(s string) string {
	within := false
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\'':
			return r
		case unicode.In(r, unicode.Z, unicode.C, unicode.P, unicode.S) && !unicode.In(r, unicode.Co, unicode.Cs):
			within = false
		case unicode.IsLetter(r) && !within:
			within = true
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}
