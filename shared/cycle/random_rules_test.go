package cycle_test

import (
	"fmt"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// rule draws the rules of a weather: membership is flat in each third, contacts are members
// in each second, and owners manage groups in each fourth; what becomes of groups that are not
// wanted changes with each second.
func (w *weatherWorld) rule(seed uint64) {
	w.flat, w.contacts, w.source.owners = seed%3 == 0, seed%2 == 1, seed%4 < 2
	var members []string
	if w.flat {
		members = append(members, "nested: flatten")
	}
	if w.contacts {
		members = append(members, "kinds: [users, devices, groups, contacts]")
	}
	w.fate = life.Fates()[seed/2%3]
	w.file = fmt.Sprintf("ou: %s\nscope: all\nleaving: {out_of_scope: %[2]s, deleted: %[2]s, grace_days: 2}\n", ou, w.fate)
	w.file += "members: {" + strings.Join(members, ", ") + "}\n"
	if w.source.owners {
		w.file += "owners: managed_by\n"
	}
	w.restart()
}

// newContact adds a contact.
func (w *weatherWorld) newContact() {
	w.next++
	w.users = append(w.users, user(w.next))
	w.do(w.tenant.AddContact(graphtest.Contact{ID: user(w.next), DisplayName: "C", Mail: w.newMail()}))
}

func (w *weatherWorld) newMail() string { return fmt.Sprintf("c%d@partner.test", w.next) }

// ref is how somebody stands in Active Directory; "" if he does not.
func (w *weatherWorld) ref(id directory.ID) plan.Ref {
	o, _ := w.object(id)
	sid, _ := o.Properties["onPremisesSecurityIdentifier"].(string)
	mail, _ := o.Properties["mail"].(string)
	switch {
	case o.Removed != "":
		return ""
	case mail != "":
		return plan.MailRef(mail)
	}
	return plan.Ref(sid)
}

// renewed gives somebody another account, or another address.
func (w *weatherWorld) renewed(id directory.ID) {
	w.next++
	property, value := "onPremisesSecurityIdentifier", string(ref(w.next))
	if _, contact := w.ref(id).Mail(); contact {
		property, value = "mail", w.newMail()
	}
	_ = w.tenant.SetProperty(id, property, value)
}

// someStranger is somebody whom no cloud knows.
func (w *weatherWorld) someStranger() plan.Ref {
	n := w.rng.IntN(5)
	switch {
	case w.contacts && w.rng.IntN(3) == 0:
		return plan.MailRef(fmt.Sprintf("s%d@partner.test", n))
	case w.contacts && w.rng.IntN(3) == 0:
		return plan.GUIDRef(plan.GUID(fmt.Sprintf("00000000-0000-0000-0000-00000000000%d", n)))
	}
	return ref(5000 + n)
}

// members are those whom the cloud has in a group over links that count: its direct members
// or, where membership is flat, everybody below it.
func (w *weatherWorld) members(id directory.ID, counts func(of, member directory.ID) bool) (out []graphtest.TruthMember) {
	groups := map[directory.ID]graphtest.TruthObject{}
	for _, g := range w.tenant.Dump().Groups {
		groups[g.ID] = g
	}
	tree := []directory.ID{id}
	for i := 0; i < len(tree); i++ {
		for _, m := range groups[tree[i]].Members {
			switch {
			case !counts(tree[i], m.ID):
			case !w.flat || m.Kind != directory.GroupKind:
				out = append(out, m)
			case !slices.Contains(tree, m.ID):
				tree = append(tree, m.ID)
			}
		}
	}
	return out
}

// manages says what is wrong with who manages a group, two weeks later.
func (w *weatherWorld) manages(g graphtest.TruthObject) string {
	var able []plan.Ref
	for _, o := range g.Owners {
		if r := w.ref(o.ID); r != "" {
			able = append(able, r)
		}
	}
	is := w.ad[g.ID].Links[plan.ManagedBy]
	switch {
	case !w.source.owners && len(is) > 0:
		return "it is managed, and the rules do not speak of it"
	case w.source.owners && (len(is) == 0) != (len(able) == 0), len(is) > 0 && !slices.Contains(able, is[0]):
		return fmt.Sprintf("it is managed by %v, and owned by %v", is, able)
	}
	return ""
}
