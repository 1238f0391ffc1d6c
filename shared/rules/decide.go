package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// The reasons of problems, as stable words.
const (
	NotListed          = "not-listed"
	MasteredOnPremises = "mastered-on-premises"
	NotSecurity        = "not-security"
	MailEnabled        = "mail-enabled"
	RoleAssignable     = "role-assignable"
	Converted          = "converted"
	NoName             = "no-name"
	GroupDeleted       = "group-deleted"
	GroupGone          = "group-gone"
	OutOfScope         = "out-of-scope"
	NestedOutOfScope   = "nested-out-of-scope"
	UnsupportedKind    = "unsupported-kind"
	ForeignSID         = "foreign-sid"
	ReservedSID        = "reserved-sid"
	NotSeen            = "not-seen"
	HiddenMembership   = "hidden-membership"
	WouldPublish       = "would-publish"
	Unconfirmed        = "unconfirmed"
	NewWithoutSID      = "new-without-sid"
)

// Explain is the sentence for a reason, with the remedy where there is one.
func Explain(reason string) string { return explanations()[reason] }

func explanations() map[string]string {
	return map[string]string{
		NotListed:          "the group is not in the rules' scope list",
		MasteredOnPremises: "the group is synchronised from Active Directory, which masters it",
		NotSecurity:        "the group is not security-enabled",
		MailEnabled:        "mail-enabled groups are not written yet",
		RoleAssignable:     "role-assignable groups are never written",
		Converted:          "the group was converted from an AD group that still exists: adopt that group instead of making a second one",
		NoName:             "Graph gives no displayName for the group",
		GroupDeleted:       "the group was deleted in Entra ID; the AD group is kept and no longer managed",
		GroupGone:          "Entra ID no longer lists the group; the AD group is kept and no longer managed",
		OutOfScope:         "the group left the scope of the rules; the AD group is kept and no longer managed",
		NestedOutOfScope:   "the nested group is not in scope, so there is no AD group to refer to",
		UnsupportedKind:    "members of this kind have no object in Active Directory",
		ForeignSID:         "the SID belongs to a domain outside this forest",
		ReservedSID:        "well-known and built-in accounts are never written as members",
		NotSeen:            "Graph has named the member but not described it: it is asked for by its id; if it stays so, does the app have User.Read.All and Device.Read.All?",
		Unconfirmed:        "Entra ID did not list the group: it is asked for by name before it is taken for gone, and the AD group stays as it is",
		NewWithoutSID:      "Graph no longer gives the account's SID (is it still synchronised?): it becomes no new member until it does",
		HiddenMembership:   "the group's membership is hidden and was read without Member.Read.Hidden, so nobody knows who is in it; the AD group keeps the members it has, and none is made",
		WouldPublish:       "the group's membership is hidden, and Active Directory would show it to everybody; the AD group keeps the members it has, and none is made: take the group out of scope",

		string(directory.CloudOnly):   "the account exists only in the cloud: it has no AD account to refer to",
		string(directory.Guest):       "the guest has no AD account to refer to",
		string(directory.LostSID):     "Graph no longer gives the account's SID (is it still synchronised?); its membership is kept",
		string(directory.LostSoft):    "the account is in Entra ID's recycle bin; its membership is kept until the group loses it",
		string(directory.LostForGood): "the account was deleted in Entra ID; its membership is kept until the group loses it",
	}
}

// Target is what the rules must know of the Active Directory forest.
type Target struct {
	Domains  []directory.SID // SIDs of the forest's own domains
	External bool            // the schema has msDS-ExternalDirectoryObjectId
}

// Nested is what the rules must know of a cloud group that is a member.
type Nested struct {
	Group  *directory.Group // nil: not known
	Exists bool             // we own a group in AD for it
}

// Decide says what should be in Active Directory for one cloud group. g is nil
// if Graph has never described it, observed is nil if AD does not hold it. nested is
// asked for members that are groups.
func (r *Rules) Decide(id directory.ID, g *directory.Group, observed *plan.Group, nested func(directory.ID) Nested, t Target) plan.Wish {
	problem := func(reason string) plan.Wish { return plan.Wish{Problems: []plan.Problem{{Group: id, Reason: reason}}} }
	if reason, yes := r.retired(g); yes && observed != nil {
		if reason == Unconfirmed {
			return problem(reason)
		}
		w := problem(reason)
		w.Group = retire(observed, reason)
		return w
	}
	if g == nil || g.Gone != directory.NotRemoved {
		return plan.Wish{}
	}
	if ok, reason := r.InScope(g); !ok {
		if r.Scope.Groups[id] || reason == Converted {
			return problem(reason)
		}
		return plan.Wish{}
	}
	name := strings.TrimSpace(g.Props.First("displayName"))
	if name == "" {
		return problem(NoName)
	}
	want := r.group(g, name, t)
	if reason, yes := hidden(g); yes {
		return keep(plan.Wish{Group: want, Rename: r.Rename}, observed, plan.Problem{Group: id, Reason: reason})
	}
	w := plan.Wish{Group: want, Rename: r.Rename}
	for _, m := range g.Members {
		ref, reason := member(r, m, nested, t)
		switch {
		case reason == NotSeen: // by its last SID it stays; but it may have another one by now
			w.Undescribed = append(w.Undescribed, m)
		case ref == "" && reason == UnsupportedKind:
			w.Nameless = true
		case reason == string(directory.LostSID) && ref != "" && !holds(observed, ref): // its last SID keeps what it has, and gives nothing new
			ref, reason = "", NewWithoutSID
		}
		if ref != "" {
			want.Members = append(want.Members, ref)
		}
		if reason != "" {
			w.Problems = append(w.Problems, plan.Problem{Group: id, Member: m.ID, Reason: reason})
		}
	}
	slices.Sort(want.Members)
	want.Members = slices.Compact(want.Members)
	return w
}

// group is the wish but for its members.
func (r *Rules) group(g *directory.Group, name string, t Target) *plan.Group {
	want := &plan.Group{ID: g.ID, Parent: r.OU, Name: plan.Distinct(plan.LegalName(name, g.ID), g.ID)}
	want.Attrs = map[string][]string{
		"adminDescription": {plan.Mark(g.ID)},
		"displayName":      {g.Props.First("displayName")},
		"groupType":        {"-2147483640"}, // universal security (MS-ADTS 2.2.12)
		"sAMAccountName":   {plan.LegalAccountName(want.Name, g.ID)},
	}
	if t.External {
		want.Attrs["msDS-ExternalDirectoryObjectId"] = []string{plan.Mark(g.ID)}
	}
	if d := left(strings.TrimSpace(g.Props.First("description")), 448); d != "" {
		want.Attrs["description"] = []string{d}
	}
	return want
}

// holds says whether a member is in a group as it is in Active Directory.
func holds(observed *plan.Group, ref plan.Ref) bool {
	if observed == nil {
		return false
	}
	_, is := slices.BinarySearch(observed.Members, ref)
	return is
}

// hidden says why nobody is made a member of a group, or taken out of it.
func hidden(g *directory.Group) (reason string, yes bool) {
	switch {
	case g.Unread:
		return HiddenMembership, true
	case g.Props.Hidden():
		return WouldPublish, true
	}
	return "", false
}

// keep is a wish without a word on the members: they are left as they are. An AD
// group that would have to be made empty is not made.
func keep(w plan.Wish, observed *plan.Group, p plan.Problem) plan.Wish {
	w.Problems = []plan.Problem{p}
	if observed == nil {
		w.Group = nil
		return w
	}
	w.Group.Members = slices.Clone(observed.Members)
	return w
}

// retired says why a group that AD may hold is no longer managed.
func (r *Rules) retired(g *directory.Group) (string, bool) {
	switch {
	case g == nil, g.Gone == directory.Unlisted && g.Reading != directory.Named:
		return Unconfirmed, true
	case g.Gone == directory.Unlisted:
		return GroupGone, true
	case g.Gone != directory.NotRemoved:
		return GroupDeleted, true
	}
	if ok, reason := r.InScope(g); !ok && reason != Converted {
		return OutOfScope, true
	}
	return "", false
}

// retire is the group as it is, with a note for people. Nothing else changes:
// deleting is a step of its own, with guards of its own.
func retire(observed *plan.Group, reason string) *plan.Group {
	w := observed.Clone()
	if w.Attrs == nil {
		w.Attrs = map[string][]string{}
	}
	w.Attrs["info"] = sorted("No longer managed by Groupwriteback: " + Explain(reason) + ".")
	return &w
}

// member is the reference for a member, and why there is none or why it is in
// doubt.
func member(r *Rules, m directory.Member, nested func(directory.ID) Nested, t Target) (plan.Ref, string) {
	if m.Kind == directory.GroupKind {
		switch n := nested(m.ID); {
		case n.Exists, m.SID == "" && r.writes(n.Group):
			return plan.GroupRef(m.ID), ""
		case m.SID == "" && n.Group == nil:
			return "", NotSeen
		case m.SID == "":
			return "", NestedOutOfScope
		}
	}
	switch {
	case m.SID == "" && m.Standing == directory.Unseen && m.Kind != directory.User && m.Kind != directory.Device:
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

// writes says whether an AD group is made for a cloud group. nil is one that is
// not known.
func (r *Rules) writes(g *directory.Group) bool {
	if g == nil || g.Gone != directory.NotRemoved {
		return false
	}
	ok, _ := r.InScope(g)
	_, no := hidden(g)
	return ok && !no && strings.TrimSpace(g.Props.First("displayName")) != ""
}

// left cuts a string to at most n UTF-16 code units, as .NET and AD count.
func left(s string, n int) string {
	units := 0
	for i, c := range s {
		if units += utf16.RuneLen(c); units > n {
			return s[:i]
		}
	}
	return s
}

// Describe is a problem in words.
func Describe(p plan.Problem) string {
	if p.Text != "" {
		return p.Text
	}
	if s := Explain(p.Reason); s != "" {
		return s
	}
	return fmt.Sprintf("reason %s", p.Reason)
}
