package expr

import "strings"

// The normal form of an expression, which Parse understands as the same.

func (n literal) write(b *strings.Builder) {
	switch n.value.kind {
	case KindText:
		b.WriteByte('"')
		for _, c := range []byte(n.value.text) {
			if c == '"' || c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
		b.WriteByte('"')
	case KindNull:
		b.WriteString("Null")
	default:
		b.WriteString(n.value.plain())
	}
}

func (omitted) write(*strings.Builder)            {}
func (n *word) write(b *strings.Builder)          { b.WriteString(n.text) }
func (n attribute) write(b *strings.Builder)      { b.WriteString("[" + n.name + "]") }
func (parameter) write(b *strings.Builder)        { b.WriteString("%DomainFQDN%") }
func (n *concatenation) write(b *strings.Builder) { writeAll(b, " & ", n.parts) }
func (n *comparison) write(b *strings.Builder)    { writeAll(b, " "+n.op+" ", []node{n.left, n.right}) }

// writeAll writes operands, in parentheses where they have an operator of their own
// that binds no tighter.
func writeAll(b *strings.Builder, between string, parts []node) {
	for i, part := range parts {
		if i > 0 {
			b.WriteString(between)
		}
		_, comparing := part.(*comparison)
		_, joining := part.(*concatenation)
		if comparing || joining && between == " & " {
			b.WriteByte('(')
			part.write(b)
			b.WriteByte(')')
			continue
		}
		part.write(b)
	}
}

func (c *call) write(b *strings.Builder) {
	b.WriteString(c.fn.Name)
	b.WriteByte('(')
	for i, arg := range c.args {
		if i > 0 {
			b.WriteString(", ")
		}
		arg.write(b)
	}
	b.WriteByte(')')
}
