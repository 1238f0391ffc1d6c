package rules

import (
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// members gives a group its members.
func (r *Rules) members(want *plan.Group, g *directory.Group, observed *plan.Group, nested func(directory.ID) Nested, t Target) plan.Wish {
	w := plan.Wish{Group: want}
	var refs []plan.Ref
	for _, m := range g.Members {
		ref, reason := r.member(m, nested, t)
		switch {
		case reason == NotSeen: // by its last SID it stays; but it may have another one by now
			w.Undescribed = append(w.Undescribed, m)
		case (reason == string(directory.LostSID) || reason == string(directory.LostMail)) && ref != "" && !holds(observed, ref): // its last SID keeps what it has, and gives nothing new
			ref, reason = "", NewWithoutSID
		}
		// A contact may stand there by another address, or by none.
		w.Nameless = w.Nameless || reason == UnsupportedKind || m.Kind == directory.Contact && !holds(observed, plan.MailRef(m.Mail))
		if ref != "" {
			refs = append(refs, ref)
		}
		if reason != "" {
			w.Problems = append(w.Problems, plan.Problem{Group: g.ID, Member: m.ID, Reason: reason})
		}
	}
	slices.Sort(refs)
	want.Links = want.Links.With(plan.Member, slices.Compact(refs))
	return w
}

// holds says whether a member is in a group as it is in Active Directory.
func holds(observed *plan.Group, ref plan.Ref) bool {
	if observed == nil {
		return false
	}
	_, is := slices.BinarySearch(observed.Members(), ref)
	return is
}

// member is the reference for a member, and why there is none or why it is in
// doubt.
func (r *Rules) member(m directory.Member, nested func(directory.ID) Nested, t Target) (plan.Ref, string) {
	if m.Kind == directory.GroupKind {
		switch n := nested(m.ID); {
		case r.Members.Flat && m.SID == "": // else it would stand for who is in it: see View
			return "", NotSeen
		case n.Exists, m.SID == "" && r.makes(n.Group, nested, t):
			return plan.GroupRef(m.ID), ""
		case m.SID == "" && n.Group == nil:
			return "", NotSeen
		case m.SID == "":
			return "", NestedOutOfScope
		}
	}
	switch {
	case m.Kind == directory.Contact && r.Members.Contacts:
		return contact(m)
	case m.SID == "" && m.Kind != directory.User && m.Kind != directory.Device:
		return "", UnsupportedKind
	case m.SID == "" && m.Standing == directory.Unseen:
		return "", NotSeen
	case m.SID == "":
		return "", string(m.Standing)
	case !slices.Contains(t.Domains, m.SID.Domain()):
		return "", ForeignSID
	case m.SID.RID() < 1000:
		return "", ReservedSID
	case m.Standing == directory.Unseen:
		return plan.SIDRef(m.SID), NotSeen
	case m.Standing != directory.Synced:
		return plan.SIDRef(m.SID), string(m.Standing)
	}
	return plan.SIDRef(m.SID), ""
}

// contact is the same of a contact: Active Directory knows it by its address.
func contact(m directory.Member) (plan.Ref, string) {
	switch {
	case m.Mail == "" && m.Standing == directory.Unseen:
		return "", NotSeen
	case m.Mail == "":
		return "", string(m.Standing)
	case m.Standing == directory.Unseen:
		return plan.MailRef(m.Mail), NotSeen
	case m.Standing != directory.Synced:
		return plan.MailRef(m.Mail), string(m.Standing)
	}
	return plan.MailRef(m.Mail), ""
}
