package decision

import (
	"cmp"
	"fmt"
	"maps"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// NameTaken is the reason of a problem: somebody else has a name of the group.
const NameTaken = "name-taken"

// named gives the wish the group's names.
func (d *decider) named(want plan.Group) plan.Group {
	n := Naming(d.Record.Names, record.NameOf(want), d.observed, d.wish.Rename, d.Record.ID)
	d.out.Record.Names = n
	if t := n.Taken; t != nil {
		d.problem(NameTaken, taken(n))
	}
	attrs := map[string][]string{}
	maps.Copy(attrs, want.Attrs)
	attrs[plan.AccountName] = []string{n.Given.Account}
	want.Name, want.Attrs = n.Given.CN, attrs
	return want
}

// taken says who has a name, what the group is called instead, and how it may get it yet.
func taken(n record.Names) string {
	by := cmp.Or(n.Taken.By, "an object that the agent's account does not see")
	if n.Taken.Name == n.Given {
		return fmt.Sprintf("the name %s is taken by %s: it is asked for again; rename that object, or change the rule that makes the name", n.Given, by)
	}
	return fmt.Sprintf("the name %s is taken by %s: the group is called %s, and stays so; to have it called %s after all, rename that object, and then this group, cn and sAMAccountName",
		n.Taken.Name, by, n.Given, n.Asked)
}

// Naming says what a group is called from now on. computed is what the rules make of it
// now, observed how it stands in Active Directory, nil: it does not.
//
// A group keeps its name, because applications bind by it: a new name in the cloud
// changes it only where rename says so. Where Active Directory has said that somebody has
// the name, the group takes the same one with a suffix from its object id, and keeps that:
// it does not change again when the other one goes.
func Naming(n record.Names, computed record.Name, observed *plan.Group, rename bool, id directory.ID) record.Names {
	computed.Account = cmp.Or(computed.Account, plan.LegalAccountName(computed.CN, id))
	var has record.Name
	if observed != nil {
		has = record.NameOf(*observed)
	}
	switch {
	case n.Given == (record.Name{}):
		n = record.Names{Given: found(has, computed, id)}
		if !rename && n.Given != computed {
			break // nobody knows what was asked for: should renaming become the rule, it is what is computed then
		}
		fallthrough
	case rename && n.Asked == (record.Name{}):
		if !becomes(computed, n.Given, id) {
			n.Given = computed
		}
		n.Asked = computed
	case rename && n.Asked != computed:
		n = record.Names{Asked: computed, Given: computed}
	case has.CN != "" && has == n.Asked: // it got it after all, by a person's hand
		n.Given = n.Asked
	}
	return afterRefusal(n, has, rename, id)
}

// found are the names that a group has, where they can be its names, and else those that
// are computed: it is to be made, or it was on its way between two names.
func found(has, computed record.Name, id directory.ID) record.Name {
	if plan.NameFault(has.CN) != "" || has.CN == plan.Mark(id) {
		has.CN = computed.CN
	}
	if plan.AccountNameFault(has.Account) != "" || has.Account == plan.Mark(id) {
		has.Account = computed.Account
	}
	return has
}

// afterRefusal is what comes of the word that somebody has the name. Where names follow the
// cloud, one that a group of ours has may be about to become free: it is asked for twice.
func afterRefusal(n record.Names, has record.Name, rename bool, id directory.ID) record.Names {
	switch t := n.Taken; {
	case t == nil || t.Name != n.Given:
	case has == n.Given:
		n.Taken = nil
	case !rename || !t.Ours || t.Times > 1:
		if n.Asked == (record.Name{}) {
			n.Asked = n.Given
		}
		n.Given = suffixed(n.Given, id)
	}
	if n.Given == n.Asked && n.Taken != nil && n.Taken.Name != n.Given {
		n.Taken = nil
	}
	return n
}

func suffixed(n record.Name, id directory.ID) record.Name {
	return record.Name{CN: plan.Suffixed(n.CN, id), Account: plan.Suffixed(n.Account, id)}
}

// becomes says whether a name is another one, or that with a suffix.
func becomes(name, other record.Name, id directory.ID) bool {
	for range 3 {
		if name == other {
			return true
		}
		name = suffixed(name, id)
	}
	return false
}
