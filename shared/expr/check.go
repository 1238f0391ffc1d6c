package expr

import (
	"slices"
	"strings"
)

// check finds the mistakes in what an expression says: arguments that are too few
// or too many, constants that nobody knows, and what single functions ask for.
func check(p *parser, n node) {
	switch n := n.(type) {
	case *call:
		n.check(p)
	case *concatenation:
		for _, part := range n.parts {
			check(p, part)
		}
	case *comparison:
		check(p, n.left)
		check(p, n.right)
	case *word:
		p.mistake(n.at, "", "%s is neither text nor a function: write [%s] for an attribute, or \"%s\" for text", n.text, n.text, n.text)
	}
}

func (c *call) check(p *parser) {
	if c.fn.order != nil {
		c.fn.order(c)
	}
	for i, arg := range c.args {
		if w, is := arg.(*word); is && c.fn.known() {
			c.args[i] = c.constant(p, i, w)
			continue
		}
		check(p, arg)
	}
	if !c.fn.known() {
		return
	}
	before := len(p.mistakes)
	c.count(p)
	if c.fn.check != nil && len(p.mistakes) == before {
		c.fn.check(p, c)
	}
}

// known says whether there is such a function.
func (f *Function) known() bool { return f.eager != nil || f.lazy != nil }

// constant puts a literal in the place of a word.
func (c *call) constant(p *parser, i int, w *word) node {
	words := c.fn.param(i).Words
	for _, known := range words {
		if strings.EqualFold(known, w.text) {
			return literal{Text(known)}
		}
	}
	if len(words) == 0 {
		check(p, w)
	} else {
		p.mistake(w.at, c.fn.Name, "%s: there is no %s: write %s", c.fn.param(i).Name, w.text, strings.Join(words, " or "))
	}
	return w
}

// count holds the number of arguments to the parameters.
func (c *call) count(p *parser) {
	f := c.fn
	n := len(f.Params)
	repeats := n > 0 && f.Params[n-1].Repeats
	if len(c.args) > n && !repeats {
		p.mistake(c.offset, f.Name, "there are %d arguments, and it takes at most %d: %s", len(c.args), n, f.Signature())
		return
	}
	for i := range max(n, len(c.args)) {
		if !f.param(i).Optional && !given(c, i) {
			p.mistake(c.offset, f.Name, "%s is missing: write it as argument %d of %s, \"\" for an empty text", f.param(i).Name, i+1, f.Signature())
		}
	}
}

// oneOf holds an argument, where it is a constant, to a list of words.
func oneOf(i int, words ...string) func(*parser, *call) {
	return func(p *parser, c *call) {
		if !given(c, i) {
			return
		}
		l, is := c.args[i].(literal)
		if !is || l.value.IsNull() || slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, l.value.plain()) }) {
			return
		}
		p.mistake(c.offset, c.fn.Name, "%s: there is no %s: write one of %s", c.fn.param(i).Name, show(l.value), strings.Join(words, ", "))
	}
}
