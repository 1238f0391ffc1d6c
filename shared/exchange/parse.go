package exchange

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// What a filter may be at most: more is taken for a mistake, and nothing of it is evaluated.
const (
	MaxFilter = 64 << 10 // bytes
	MaxDepth  = 100      // of parentheses
)

// Filter is an LDAP filter (RFC 4515) about groups, such as purportedSearch of an address list.
type Filter struct{ root node }

// A node is one of the parts that a filter is made of.
type node struct {
	op    op
	kids  []node
	attr  string   // in lower case
	value string   // not escaped
	parts []string // of a substring, not escaped: what it begins with, what is in it, what it ends with
}

type op int

const (
	opaque op = iota // something that is well formed, and that nobody evaluates here
	and
	or
	not
	present
	equal
	substring
	atLeast
	atMost
	allBits
	anyBit
)

// Matching rules of Active Directory (MS-ADTS 3.1.1.3.4.4).
const (
	ruleAnd = "1.2.840.113556.1.4.803"
	ruleOr  = "1.2.840.113556.1.4.804"
)

var (
	attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
	attributeText = regexp.MustCompile(`^[A-Za-z0-9.;:-]+$`) // with options, by its number, or with a matching rule
)

// ParseFilter reads a filter. Blanks between its parts are passed over, as in filters that
// were converted from Exchange 2003. The error says what is not understood, and where.
func ParseFilter(text string) (*Filter, error) {
	if len(text) > MaxFilter {
		return nil, fmt.Errorf("read filter: it has %d bytes, more than %d", len(text), MaxFilter)
	}
	p := filterParser{rest: text}
	root, err := p.filter(0)
	if err == nil && p.blanks() != "" {
		err = errors.New("there is more after its last parenthesis")
	}
	if err != nil {
		return nil, fmt.Errorf("read filter: %w, at byte %d", err, len(text)-len(p.rest)+1)
	}
	return &Filter{root}, nil
}

type filterParser struct{ rest string }

// blanks passes over blanks, and returns what follows.
func (p *filterParser) blanks() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	return p.rest
}

// take passes over one character, if it is there.
func (p *filterParser) take(c string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.blanks(), c)
	return ok
}

// filter reads a part in its parentheses.
func (p *filterParser) filter(depth int) (node, error) {
	if depth == MaxDepth {
		return node{}, fmt.Errorf("there are more than %d parentheses in each other", MaxDepth)
	}
	if !p.take("(") {
		return node{}, errors.New("an opening parenthesis is missing")
	}
	n, err := p.inner(depth)
	if err == nil && !p.take(")") {
		err = errors.New("a closing parenthesis is missing")
	}
	return n, err
}

// inner reads what stands in parentheses.
func (p *filterParser) inner(depth int) (node, error) {
	switch {
	case p.take("&"):
		return p.list(and, depth)
	case p.take("|"):
		return p.list(or, depth)
	case p.take("!"):
		if !strings.HasPrefix(p.blanks(), "(") { // (!cn=x), as Active Directory takes it too
			kid, err := p.item()
			return node{op: not, kids: []node{kid}}, err
		}
		kid, err := p.filter(depth + 1)
		return node{op: not, kids: []node{kid}}, err
	}
	return p.item()
}

// list reads the parts of a conjunction or disjunction. One of nothing is opaque: what
// Active Directory makes of it is not documented.
func (p *filterParser) list(o op, depth int) (node, error) {
	n := node{op: o}
	for strings.HasPrefix(p.blanks(), "(") {
		kid, err := p.filter(depth + 1)
		if err != nil {
			return n, err
		}
		n.kids = append(n.kids, kid)
	}
	if n.kids == nil {
		n.op = opaque
	}
	return n, nil
}

// item reads a condition, up to the parenthesis that closes it.
func (p *filterParser) item() (node, error) {
	end := strings.IndexAny(p.rest, "()")
	if end < 0 || p.rest[end] == '(' {
		return node{}, errors.New("a condition does not end")
	}
	left, value, found := strings.Cut(p.rest[:end], "=")
	if !found {
		return node{}, errors.New("a condition has no equals sign")
	}
	n, err := condition(left, value)
	if err == nil {
		p.rest = p.rest[end:]
	}
	return n, err
}

// condition makes a node of what stands before and after an equals sign.
func condition(left, value string) (node, error) {
	n := node{op: equal}
	bare := strings.TrimRight(left, "<>~")
	switch mark := left[len(bare):]; mark {
	case "":
	case ">":
		n.op = atLeast
	case "<":
		n.op = atMost
	case "~": // about equal is equal (MS-ADTS 3.1.1.3.1.3.1)
	default:
		return n, errors.New("a condition has an unknown sign")
	}
	left, marked := strings.TrimSpace(bare), bare != left
	if !attributeText.MatchString(left) {
		return n, errors.New("a condition has no attribute")
	}
	parts, err := unescape(value)
	if err != nil {
		return n, err
	}
	n.attr, n.value = strings.ToLower(left), parts[0]
	name, rule, ruled := strings.Cut(strings.TrimSuffix(left, ":"), ":")
	switch ruled = ruled && strings.HasSuffix(left, ":"); {
	case value == "", strings.TrimSpace(value) != value, !utf8.ValidString(strings.Join(parts, "")):
		n.op = opaque // whether blanks at the ends count is not documented
	case len(parts) > 1 && (marked || ruled):
		n.op = opaque
	case ruled && !marked && attributeName.MatchString(name):
		n.attr, n.op = strings.ToLower(name), bits(rule)
	case !attributeName.MatchString(left):
		n.op = opaque
	case value == "*":
		n.op = present
	case len(parts) > 1:
		n.op, n.parts = substring, parts
	}
	return n, nil
}

func bits(rule string) op {
	switch rule {
	case ruleAnd:
		return allBits
	case ruleOr:
		return anyBit
	}
	return opaque
}

// unescape splits a value at its asterisks, and takes the escapes of RFC 4515 section 3 out of
// the parts.
func unescape(value string) (parts []string, err error) {
	for part := range strings.SplitSeq(value, "*") {
		var b strings.Builder
		for {
			plain, escaped, found := strings.Cut(part, `\`)
			b.WriteString(plain)
			if !found {
				break
			}
			if len(escaped) < 2 {
				return nil, errors.New("an escape has no two digits")
			}
			code, err := hex.DecodeString(escaped[:2])
			if err != nil {
				return nil, errors.New("an escape has no two hexadecimal digits")
			}
			b.Write(code)
			part = escaped[2:]
		}
		parts = append(parts, b.String())
	}
	return parts, nil
}
