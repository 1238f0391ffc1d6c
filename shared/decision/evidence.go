package decision

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// prove puts back each member that would go without evidence. A member is taken out
// of Active Directory only
//
//   - on Graph's own word that it left, or that its account has another SID now, or
//   - as a proven stranger: the group was read as a whole, that reading was confirmed by
//     name, each of its members is known, and this one is none of them.
//
// It is the same for deltas, enumerations, restored groups and journals, groups that
// come into sight again, and for what somebody did by hand. What lacks evidence is
// asked for: see ask.
func (d *decider) prove(want plan.Group) plan.Group {
	if d.observed == nil || d.Cloud == nil {
		return want
	}
	gone := plan.Missing(d.observed.Members(), want.Members())
	if len(gone) == 0 {
		return want
	}
	theirs := d.refs(d.Cloud.Members) // whoever cannot be written is a member none the less
	kept := plan.Common(gone, theirs)
	rest := plan.Missing(plan.Missing(gone, theirs), d.refs(d.Cloud.Left))
	switch {
	case d.wish.Additive: // strangers stay, whoever they are
		foreign := plan.Missing(rest, d.refs(d.Doubtful))
		d.foreign(foreign)
		kept, rest = plan.Merge(kept, foreign), plan.Missing(rest, foreign)
	case d.allKnown(want):
		rest = slices.DeleteFunc(rest, func(r plan.Ref) bool {
			return !(r.Nameless() && d.wish.Nameless)
		})
	}
	if len(rest) > 0 {
		d.out.Counts.Unproven += len(rest)
		d.problem(Unproven, fmt.Sprintf("members that stay in Active Directory until it is proven that they are none of the group's: %d, such as %s", len(rest), rest[0]))
	}
	want.Links = want.Links.With(plan.Member, plan.Merge(want.Members(), plan.Merge(kept, rest)))
	return want
}

// Unproven is the reason of a problem: see prove.
const Unproven = "unproven"

// Foreign is the reason of a problem: members that were put in by others, and stay by the
// rules.
const Foreign = "foreign-members"

func (d *decider) foreign(refs []plan.Ref) {
	if len(refs) > 0 {
		var named []string
		for _, r := range refs[:min(len(refs), mostNamed)] {
			named = append(named, string(r))
		}
		d.problem(Foreign, fmt.Sprintf("members in Active Directory alone, which stay because the rules are additive: %d, %s", len(refs), strings.Join(named, ", ")))
	}
}

// mostNamed is how many members a text names.
const mostNamed = 20

// allKnown says whether whoever is none of the group's members is a stranger. A group of
// ours that was moved away before its SID was known stands there as one.
func (d *decider) allKnown(want plan.Group) bool {
	return !d.Behind && d.Cloud.Reading == directory.Named && !d.Cloud.Unread && len(d.wish.Undescribed) == 0 &&
		!slices.ContainsFunc(want.Members(), func(r plan.Ref) bool { id, ours := r.Group(); return ours && d.Kin(id).SID == "" })
}

// firstAsk is how long an answer of Graph has to show before it is asked again.
const firstAsk = time.Minute

// mostPrincipals is how many members of one group are asked for at once.
const mostPrincipals = 50

// ask says what Graph has to be asked: what lacks evidence, what contradicts what was
// known, and what nobody has described. It is asked at once, and then ever more rarely.
func (d *decider) ask() {
	q := d.question()
	r := &d.out.Record.Reread
	unlisted := d.Cloud != nil && d.Cloud.Gone == directory.Unlisted
	if len(q.Groups)+len(q.Principals) == 0 || d.Record.Unlisted && !unlisted { // what comes into sight again is asked for at once
		*r = record.Tries{}
	}
	d.out.Record.Unlisted = unlisted && len(q.Groups) > 0
	if len(q.Groups)+len(q.Principals) == 0 {
		return
	}
	if g := d.Cloud; g == nil || g.Gone != directory.Unlisted || g.Reading != directory.Named { // else all that is known stands
		d.out.Counts.Asks++
	}
	switch {
	case !r.Due(d.Now):
		d.wake(r.Until)
	case !d.MayAsk:
		d.wake(d.Now)
	default:
		*r = r.Next(d.Now, firstAsk)
		d.wake(r.Until)
		d.out.Ask = q
	}
}

func (d *decider) question() (q Question) {
	exists, wanted := d.observed != nil, d.wish.Group != nil
	q.Groups = slices.Clone(d.wish.Ask)
	switch g := d.Cloud; {
	case !exists && !wanted:
		return q
	case exists && (g == nil || g.Gone == directory.Unlisted), // is it gone, or did Graph leave it out? That may turn out later, too
		exists && d.out.Counts.Unproven > 0 && g.Reading != directory.Named,
		wanted && g != nil && d.doubtful(g):
		q.Groups = append(q.Groups, d.Record.ID)
	}
	for _, id := range d.Parts[:min(len(d.Parts), mostPrincipals)] { // those that were confirmed are no longer among them
		if !slices.Contains(q.Groups, id) {
			q.Groups = append(q.Groups, id)
		}
	}
	// Some at a time, others each time: some may never be described.
	all := slices.Concat(d.wish.Undescribed, d.wish.Describe)
	from := 0
	if len(all) > mostPrincipals {
		from = d.Record.Reread.Count * mostPrincipals % len(all)
	}
	for _, m := range all[from:min(from+mostPrincipals, len(all))] {
		if m.Kind == directory.GroupKind {
			q.Groups = append(q.Groups, m.ID)
		} else {
			q.Principals = append(q.Principals, m)
		}
	}
	return q
}

// doubtful says whether what is known of a listed group's members is in doubt by
// itself.
func (d *decider) doubtful(g *directory.Group) bool {
	return g.Reading == directory.Doubted || g.Unread && !g.Props.Hidden() ||
		slices.ContainsFunc(g.Members, func(m directory.Member) bool { return m.Standing == directory.LostForGood })
}

// Contradicts says, in words, where a change would take out of a group somebody who
// is a member in the cloud; "" if it does not. It is asked once more of all that goes
// out: no rule and no limit may lead there.
func Contradicts(c plan.Change, cloud *directory.Group, kin func(directory.ID) *record.Group) string {
	if cloud == nil || len(c.Leaves()) == 0 {
		return ""
	}
	var d decider
	members := d.refs(cloud.Members)
	for _, m := range cloud.Members {
		if m.Kind == directory.GroupKind && kin(m.ID).SID != "" {
			members = plan.Merge(members, []plan.Ref{plan.SIDRef(kin(m.ID).SID)})
		}
	}
	if bad := plan.Common(c.Leaves(), members); len(bad) > 0 {
		return "it would remove " + string(bad[0]) + ", who is a member in the cloud"
	}
	return ""
}
