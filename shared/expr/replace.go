package expr

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2/v2"
)

// The arguments of Replace.
const (
	replaceSource = iota
	replaceOld
	replacePattern
	replaceGroup
	replaceValue
	replaceAttribute
	replaceTemplate
)

// ways are the five ways of Replace, by the arguments that make them.
func ways() [][]int {
	return [][]int{
		{replaceOld, replaceValue},
		{replaceOld, replaceTemplate},
		{replacePattern, replaceValue},
		{replacePattern, replaceGroup, replaceValue},
		{replacePattern, replaceGroup, replaceAttribute},
	}
}

// checkReplace finds the way, and compiles the pattern where it is a constant.
func checkReplace(p *parser, c *call) {
	var present []int
	for i := replaceOld; i <= replaceTemplate; i++ {
		if given(c, i) {
			present = append(present, i)
		}
	}
	if !slices.ContainsFunc(ways(), func(w []int) bool { return slices.Equal(w, present) }) {
		p.mistake(c.offset, c.fn.Name, "%s: besides the source write one of %s; what is not needed is omitted, as in Replace([mail], \"a\", , , \"b\", , )", gives(c.fn, present), waysText(c.fn))
		return
	}
	pattern, constant := constantText(c, replacePattern)
	if !constant {
		return
	}
	regex, err := compile(pattern)
	if err != nil {
		p.mistake(c.offset, c.fn.Name, "regexPattern: %v", err)
		return
	}
	c.regex = regex
	if group, constant := constantText(c, replaceGroup); constant && regex.GroupNumberFromName(group) < 0 {
		p.mistake(c.offset, c.fn.Name, "regexGroupName: the pattern has no group %q: name one in it as (?<%s>…)", group, group)
	}
}

func gives(f *Function, present []int) string {
	switch len(present) {
	case 0:
		return "nothing says what to replace"
	case 1:
		return names(f, present) + " alone is not enough"
	}
	return names(f, present) + " do not go together"
}

func names(f *Function, params []int) string {
	var all []string
	for _, i := range params {
		all = append(all, f.Params[i].Name)
	}
	return strings.Join(all, " + ")
}

func waysText(f *Function) string {
	var all []string
	for _, w := range ways() {
		all = append(all, names(f, w))
	}
	return strings.Join(all, ", ")
}

// constantText is an argument that is a text in the expression itself.
func constantText(c *call, i int) (string, bool) {
	if !given(c, i) {
		return "", false
	}
	l, is := c.args[i].(literal)
	return l.value.plain(), is && !l.value.IsNull()
}

// compile makes a regular expression of .NET's kind, with its time limit.
func compile(pattern string) (*regexp2.Regexp, error) {
	if len(pattern) > MaxText {
		return nil, fmt.Errorf("the pattern has more than %d bytes: shorten it", MaxText)
	}
	regex, err := regexp2.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%w: write a regular expression as .NET understands it", err)
	}
	regex.MatchTimeout = MatchTime
	return regex, nil
}

// replace goes one of the five ways.
func replace(a args) (Value, error) {
	var texts [replaceTemplate + 1]string
	for i := range texts {
		s, err := a.text(i)
		if err != nil {
			return Value{}, err
		}
		texts[i] = s
	}
	source, to := texts[replaceSource], texts[replaceValue]
	switch {
	case a.given(replaceAttribute):
		return a.extract(texts)
	case a.value(replaceSource).IsNull():
		return Null, nil
	case a.given(replaceTemplate):
		return replaceText(texts[replaceTemplate], texts[replaceOld], source)
	case a.given(replaceOld):
		return replaceText(source, texts[replaceOld], to)
	}
	regex, err := a.regex(texts[replacePattern])
	if err != nil {
		return Value{}, err
	}
	if a.given(replaceGroup) {
		return a.replaceGroup(regex, source, texts[replaceGroup], to)
	}
	return a.replaceMatches(regex, source, to)
}

// regex is the compiled pattern; one that is no constant is compiled here.
func (a args) regex(pattern string) (*regexp2.Regexp, error) {
	if a.call.regex != nil {
		return a.call.regex, nil
	}
	if err := a.charge(100 * len(pattern)); err != nil {
		return nil, err
	}
	regex, err := compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("regexPattern: %w", err)
	}
	return regex, nil
}

// replaceText replaces one text by another; an empty one is nowhere.
func replaceText(in, old, to string) (Value, error) {
	if old == "" {
		return Text(in), nil
	}
	if n := strings.Count(in, old); len(in)+n*(len(to)-len(old)) > MaxValue {
		return Value{}, fmt.Errorf("the value would have more than %d bytes: shorten it by Left", MaxValue)
	}
	return Text(strings.ReplaceAll(in, old, to)), nil
}

// extract gives the source, or a group of what the pattern finds in another
// attribute where the source is empty; null where it finds nothing.
func (a args) extract(texts [replaceTemplate + 1]string) (Value, error) {
	if !a.value(replaceSource).empty() {
		return a.value(replaceSource), nil
	}
	if a.value(replaceAttribute).IsNull() {
		return Null, nil
	}
	regex, err := a.regex(texts[replacePattern])
	if err != nil {
		return Value{}, err
	}
	found := Null
	err = a.each(regex, []rune(texts[replaceAttribute]), func(m *regexp2.Match) (bool, error) {
		if g := m.GroupByName(texts[replaceGroup]); g != nil && len(g.Captures) > 0 {
			found = Text(g.String())
		}
		return false, nil
	})
	return found, err
}

// each calls a function for each match, until it says that it has enough.
func (a args) each(regex *regexp2.Regexp, text []rune, found func(*regexp2.Match) (bool, error)) error {
	if err := a.charge(4 * len(text)); err != nil {
		return err
	}
	m, err := regex.FindRunesMatch(text)
	for ; m != nil && err == nil; m, err = regex.FindNextMatch(m) {
		if a.matches++; a.matches > MaxMatches {
			return fmt.Errorf("the pattern matches more than %d times: match longer pieces, as in [a-z]+", MaxMatches)
		}
		if err := a.stopped(); err != nil {
			return err
		}
		if more, err := found(m); err != nil || !more {
			return err
		}
	}
	switch {
	case errors.Is(err, regexp2.ErrBacktrackingStackLimit):
		return errors.New("the pattern tries too much at once: avoid repetitions within repetitions, as in (a+)+")
	case err != nil: // the library's error repeats the text
		return fmt.Errorf("finding a match takes more than %v: avoid repetitions within repetitions, as in (a+)+", MatchTime)
	}
	return nil
}

// A rewriting is a text of which pieces are replaced, from left to right.
type rewriting struct {
	text []rune
	done int // runes of text that are copied or replaced
	to   strings.Builder
}

// piece replaces one. Pieces that overlap the one before are left.
func (r *rewriting) piece(from, length int, to string) error {
	if from < r.done {
		return nil
	}
	r.to.WriteString(string(r.text[r.done:from]))
	r.to.WriteString(to)
	r.done = from + length
	if r.to.Len() > MaxValue {
		return fmt.Errorf("the value would have more than %d bytes: shorten it by Left", MaxValue)
	}
	return nil
}

func (r *rewriting) value() Value {
	r.to.WriteString(string(r.text[r.done:]))
	return Text(r.to.String())
}

// replaceGroup replaces what a group holds, and leaves the rest of each match.
func (a args) replaceGroup(regex *regexp2.Regexp, source, group, to string) (Value, error) {
	r := &rewriting{text: []rune(source)}
	err := a.each(regex, r.text, func(m *regexp2.Match) (bool, error) {
		g := m.GroupByName(group)
		if g == nil {
			return false, fmt.Errorf("regexGroupName: the pattern has no group %q", group)
		}
		captures := slices.Clone(g.Captures)
		slices.SortFunc(captures, func(x, y regexp2.Capture) int { return x.RuneIndex - y.RuneIndex })
		for _, c := range captures {
			if err := r.piece(c.RuneIndex, c.RuneLength, to); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return Value{}, err
	}
	return r.value(), nil
}

// replaceMatches replaces each match by a text with .NET's substitutions.
func (a args) replaceMatches(regex *regexp2.Regexp, source, to string) (Value, error) {
	r := &rewriting{text: []rune(source)}
	err := a.each(regex, r.text, func(m *regexp2.Match) (bool, error) {
		with, err := substitute(regex, m, r.text, to)
		if err == nil {
			err = r.piece(m.RuneIndex, m.RuneLength, with)
		}
		if err == nil {
			err = a.charge(len(with) + len(to))
		}
		return true, err
	})
	if err != nil {
		return Value{}, err
	}
	return r.value(), nil
}

// substitute puts what was matched into a replacement: $1, ${1}, ${name}, $$, $& (the
// match), $` and $' (what is before and after it), $+ (the last group), $_ (all).
// Anything else after $ stays as it is.
func substitute(regex *regexp2.Regexp, m *regexp2.Match, text []rune, to string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(to, "$")
		if b.WriteString(before); !found {
			return b.String(), nil
		}
		with, length := substitution(regex, m, text, rest)
		if b.WriteString(with); b.Len() > MaxValue {
			return "", fmt.Errorf("the value would have more than %d bytes: shorten it by Left", MaxValue)
		}
		to = rest[length:]
	}
}

// substitution is what stands for what follows a $, and how long that is.
func substitution(regex *regexp2.Regexp, m *regexp2.Match, text []rune, rest string) (with string, length int) {
	if rest == "" {
		return "$", 0
	}
	switch rest[0] {
	case '$':
		return "$", 1
	case '&':
		return m.String(), 1
	case '_':
		return string(text), 1
	case '`':
		return string(text[:m.RuneIndex]), 1
	case '\'':
		return string(text[m.RuneIndex+m.RuneLength:]), 1
	case '+':
		numbers := regex.GetGroupNumbers()
		return m.GroupByNumber(slices.Max(numbers)).String(), 1
	case '{':
		name, _, closed := strings.Cut(rest[1:], "}")
		if closed && regex.GroupNumberFromName(name) >= 0 {
			return m.GroupByName(name).String(), len(name) + 2
		}
		return "$", 0
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	for ; digits > 0; digits-- {
		if n, err := strconv.Atoi(rest[:digits]); err == nil && slices.Contains(regex.GetGroupNumbers(), n) {
			return m.GroupByNumber(n).String(), digits
		}
	}
	return "$", 0
}
