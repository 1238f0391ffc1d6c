package expr

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A parser reads an expression from left to right:
//
//	expression = sum [ ("=" | "<>" | "<" | "<=" | ">" | ">=") sum ]
//	sum        = operand { "&" operand }
//	operand    = "text" | number | &Hhex | [attribute] | %parameter% | True | False | Null
//	           | name "(" [ argument { "," argument } ] ")" | "(" expression ")" | constant
//	argument   = [ expression ]
//
// A mistake in what is said is noted, and the reading goes on; one in how it is
// said ends it (broken).
type parser struct {
	text       string
	at         int // byte offset
	depth      int
	broken     bool
	mistakes   []*Mistake
	attributes []string
	volatile   []string
}

// all reads the whole text.
func (p *parser) all() node {
	if n := utf8.RuneCountInString(p.text); n > MaxText {
		p.mistake(0, "", "the expression has %d characters: at most %d are allowed", n, MaxText)
		return nil
	}
	if !utf8.ValidString(p.text) {
		p.mistake(0, "", "the expression is not in UTF-8: save the file in that encoding")
		return nil
	}
	if p.space(); p.at == len(p.text) {
		p.mistake(0, "", "the expression is empty: write a function, such as Trim([displayName])")
		return nil
	}
	root := p.expression()
	if p.space(); !p.broken && p.at < len(p.text) {
		p.fail(p.at, "%s is left over after the end of the expression: join two texts by &, or take it away", p.here())
	}
	if c, ok := root.(*call); ok {
		c.top = true
	}
	if !p.broken {
		check(p, root)
	}
	return root
}

// mistake notes one and goes on.
func (p *parser) mistake(at int, function, format string, args ...any) {
	p.mistakes = append(p.mistakes, &Mistake{Column: p.column(at), Function: function, Text: fmt.Sprintf(format, args...)})
}

// fail notes a mistake after which nothing can be understood.
func (p *parser) fail(at int, format string, args ...any) node {
	if !p.broken {
		p.mistake(at, "", format, args...)
	}
	p.broken = true
	return omitted{}
}

func (p *parser) column(at int) int { return utf8.RuneCountInString(p.text[:at]) + 1 }

// here is the next character, for people.
func (p *parser) here() string {
	if p.at >= len(p.text) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return fmt.Sprintf("%q", string(r))
}

// space passes blanks, among them those that come along when a page is copied.
func (p *parser) space() {
	for p.at < len(p.text) {
		r, size := utf8.DecodeRuneInString(p.text[p.at:])
		if !unicode.IsSpace(r) && r != '\ufeff' && r != '\u200b' {
			return
		}
		p.at += size
	}
}

// take passes a text that is next, if it is.
func (p *parser) take(s string) bool {
	if p.broken || !strings.HasPrefix(p.text[p.at:], s) {
		return false
	}
	p.at += len(s)
	return true
}

func (p *parser) expression() node {
	if p.depth++; p.depth > MaxDepth {
		return p.fail(p.at, "the expression is nested more than %d deep: split it up", MaxDepth)
	}
	defer func() { p.depth-- }()
	left := p.sum()
	p.space()
	at := p.at
	for _, op := range []string{"<>", "<=", ">=", "=", "<", ">"} {
		if !p.take(op) {
			continue
		}
		right := p.sum()
		if p.space(); p.at < len(p.text) && strings.ContainsRune("=<>", rune(p.text[p.at])) {
			return p.fail(p.at, "a comparison cannot be compared again: there is no AND or OR, nest IIF instead")
		}
		return &comparison{at: p.column(at), op: op, left: left, right: right}
	}
	return left
}

func (p *parser) sum() node {
	first := p.operand()
	parts := []node{first}
	p.space()
	at := p.at
	for p.take("&") {
		parts = append(parts, p.operand())
		p.space()
	}
	if len(parts) == 1 {
		return first
	}
	return &concatenation{at: p.column(at), parts: parts}
}

func (p *parser) operand() node {
	p.space()
	if p.broken || p.at == len(p.text) {
		return p.fail(p.at, "something is missing at the end: write \"text\", [attribute] or a function")
	}
	switch c := p.text[p.at]; {
	case c == '"':
		return p.quoted()
	case c == '[':
		return p.attribute()
	case c == '%':
		return p.parameter()
	case c == '(':
		return p.group()
	case c >= '0' && c <= '9', c == '-', c == '&':
		return p.number()
	case isLetter(c):
		return p.name()
	}
	if strings.HasPrefix(p.text[p.at:], "“") || strings.HasPrefix(p.text[p.at:], "”") || strings.HasPrefix(p.text[p.at:], "'") {
		return p.fail(p.at, "%s opens no text: use straight double quotation marks, as in \"text\"", p.here())
	}
	return p.fail(p.at, "%s is not understood here: write \"text\", [attribute] or a function", p.here())
}

// quoted reads a text. A backslash stands before a quotation mark or a backslash;
// before anything else it is a character like others, as in "\,".
func (p *parser) quoted() node {
	start := p.at
	var b strings.Builder
	for i := start + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			if p.at < len(p.text) && p.text[p.at] == '"' {
				return p.fail(p.at, "a quotation mark follows another one: write \\\" for one within a text")
			}
			return literal{Text(b.String())}
		case c == '\\' && i+1 < len(p.text) && (p.text[i+1] == '"' || p.text[i+1] == '\\'):
			i++
			b.WriteByte(p.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return p.fail(start, "the text that begins here does not end: close it by \", and write \\\\ for a backslash at its end")
}

// attribute reads a name in brackets, which may have pairs of brackets within.
func (p *parser) attribute() node {
	start, open := p.at, 0
	for i := start; i < len(p.text); i++ {
		switch p.text[i] {
		case '[':
			open++
		case ']':
			open--
		}
		if open > 0 {
			continue
		}
		p.at = i + 1
		name := strings.TrimSpace(p.text[start+1 : i])
		if name == "" {
			p.mistake(start, "", "[] names no attribute: write one between the brackets, as in [displayName]")
		}
		return attribute{at: p.column(start), name: p.spelling(name)}
	}
	return p.fail(start, "the attribute that begins here does not end: close it by ]")
}

// spelling is how a name is spelled where it stands first.
func (p *parser) spelling(name string) string {
	i := slices.IndexFunc(p.attributes, func(a string) bool { return strings.EqualFold(a, name) })
	if i < 0 {
		p.attributes = append(p.attributes, name)
		return name
	}
	return p.attributes[i]
}

func (p *parser) parameter() node {
	start := p.at
	length := strings.IndexByte(p.text[start+1:], '%')
	if length < 0 {
		return p.fail(start, "the parameter that begins here does not end: close it by %%, as in %%DomainFQDN%%")
	}
	p.at = start + 1 + length + 1
	if name := p.text[start+1 : p.at-1]; !strings.EqualFold(name, "DomainFQDN") {
		p.mistake(start, "", "there is no parameter %%%s%%: the only one is %%DomainFQDN%%", name)
	}
	return parameter{at: p.column(start)}
}

func (p *parser) group() node {
	start := p.at
	p.at++
	inner := p.expression()
	if p.space(); !p.take(")") {
		return p.fail(start, "the parenthesis that opens here is not closed: write )")
	}
	return inner
}

// number reads a decimal number, or &H and hexadecimal digits.
func (p *parser) number() node {
	start := p.at
	end := start + 1
	for end < len(p.text) && (isLetter(p.text[end]) || p.text[end] >= '0' && p.text[end] <= '9' || p.text[end] == '.') {
		end++
	}
	p.at = end
	n, ok := parseNumber(p.text[start:end])
	if !ok {
		if p.text[start] == '&' {
			return p.fail(start, "& joins two texts, and here there is none before it")
		}
		return p.fail(start, "%s is not a number that can be used: write a whole one of at most 64 bits, or put text into \"quotation marks\"", p.text[start:end])
	}
	return literal{Number(n)}
}

// name reads a function's call, or one of the words that stand for themselves.
func (p *parser) name() node {
	start := p.at
	for p.at < len(p.text) && (isLetter(p.text[p.at]) || p.text[p.at] >= '0' && p.text[p.at] <= '9' || p.text[p.at] == '.') {
		p.at++
	}
	name := p.text[start:p.at]
	p.space()
	if p.take("(") {
		return p.call(start, name)
	}
	switch strings.ToLower(name) {
	case "true":
		return literal{Bool(true)}
	case "false":
		return literal{Bool(false)}
	case "null":
		return literal{Null}
	}
	return &word{at: start, text: name}
}

// call reads the arguments of a function. None between two commas is one that is
// omitted.
func (p *parser) call(start int, name string) node {
	c := &call{at: p.column(start), offset: start, fn: lookup(name)}
	if c.fn == nil {
		p.mistake(start, name, "there is no such function%s", instead(name))
		c.fn = &Function{Name: name}
	}
	if c.fn.Volatile {
		p.volatile = append(p.volatile, c.fn.Name)
	}
	if p.space(); p.take(")") {
		return c
	}
	for !p.broken {
		c.args = append(c.args, p.argument())
		p.space()
		switch {
		case p.take(","):
		case p.take(")"):
			return c
		case p.at == len(p.text):
			return p.fail(start, "the arguments of %s do not end: close them by )", name)
		default:
			return p.fail(p.at, "%s is not understood here: arguments of %s are separated by commas and end by )", p.here(), name)
		}
	}
	return c
}

func (p *parser) argument() node {
	if p.space(); p.at < len(p.text) && (p.text[p.at] == ',' || p.text[p.at] == ')') {
		return omitted{}
	}
	return p.expression()
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
