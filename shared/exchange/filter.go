package exchange

import (
	"slices"
	"strings"
)

// truth is what is known of a statement. A conjunction is the least of its parts, a
// disjunction the greatest, and what is not known stays so wherever it decides.
type truth int

const (
	no      truth = -1
	unknown truth = 0
	yes     truth = 1
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// Matches says whether a filter is true of a group. attrs gives the group's values of an
// attribute, by its name in lower case; known is false where it cannot say, and no values that
// are known are an attribute that the group does not have. objectClass and objectCategory are
// not asked for: they are those of a group.
//
// known is false where the answer hangs on something that cannot be told from this: then match
// says nothing. It is never a guess.
func (f *Filter) Matches(attrs func(name string) (values []string, known bool)) (match, known bool) {
	t := f.root.truth(attrs)
	return t == yes, t != unknown
}

func (n *node) truth(attrs func(string) ([]string, bool)) truth {
	switch n.op {
	case opaque:
		return unknown
	case not:
		return -n.kids[0].truth(attrs)
	case and, or:
		all := make([]truth, len(n.kids))
		for i := range n.kids {
			all[i] = n.kids[i].truth(attrs)
		}
		if n.op == and {
			return slices.Min(all)
		}
		return slices.Max(all)
	}
	switch n.attr {
	case "objectclass":
		return n.class()
	case "objectcategory":
		return n.category()
	}
	values, known := attrs(n.attr)
	if !known {
		return unknown
	}
	best := no
	for _, v := range values {
		best = max(best, n.holds(v))
	}
	return best
}

// strangers are classes that a group is not of, with categories that are not its own: those
// that filters of address lists name. Of others nobody can tell here: a schema may have classes
// that are derived from group.
var strangers = []string{"user", "person", "organizationalperson", "inetorgperson", "contact", "computer", "publicfolder", "container", "organizationalunit",
	"domaindns", "msexchdynamicdistributionlist", "msexchsystemmailbox", "msexchpublicmdb", "msexchprivatemdb", "msexchexchangeserver", "msexchpublicfoldertreecontainer"}

// class is the truth of a condition about objectClass: it has the structural classes of a group, and
// not those that are linked to it (MS-ADTS 3.1.1.2.4.3 tells them apart). What Active Directory makes
// of a condition on mailRecipient or securityPrincipal is not documented.
func (n *node) class() truth {
	name := strings.ToLower(n.value)
	switch {
	case n.op == present, n.op == equal && (name == "group" || name == "top"):
		return yes
	case n.op == equal && slices.Contains(strangers, name):
		return no
	}
	return unknown
}

// category is the truth of a condition about objectCategory: by the name of a class, or by the
// DN of one in the schema (MS-ADTS 3.1.1.3.1.3.5).
func (n *node) category() truth {
	name := strings.ToLower(n.value)
	cn, schema, isDN := strings.Cut(name, ",cn=schema,cn=configuration,")
	switch {
	case n.op == present, n.op == equal && (name == "group" || isDN && schema != "" && cn == "cn=group"):
		return yes
	case n.op == equal && (slices.Contains(strangers, name) || isDN && isName(cn)):
		return no
	}
	return unknown
}

// isName says whether a text, in lower case, is the name of one object in a DN, without escapes.
func isName(text string) bool {
	value, ok := strings.CutPrefix(text, "cn=")
	return ok && strings.Trim(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
