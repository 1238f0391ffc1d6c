package expr

import "strings"

// Texts are the constant texts of the expression in their order, such as those that
// Switch may give.
func (e *Expr) Texts() []string { return texts(e.root, nil) }

func texts(n node, to []string) []string {
	switch n := n.(type) {
	case literal:
		if n.value.kind == KindText {
			to = append(to, n.value.text)
		}
	case *call:
		for _, arg := range n.args {
			to = texts(arg, to)
		}
	case *concatenation:
		for _, part := range n.parts {
			to = texts(part, to)
		}
	case *comparison:
		to = texts(n.right, texts(n.left, to))
	}
	return to
}

// Quote writes a text as a constant of the language.
func Quote(text string) string {
	var b strings.Builder
	literal{Text(text)}.write(&b)
	return b.String()
}
