package cycle

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// What people read in the log and in the audit: why something is changed, and what was
// found that they should know of.

// tellWhy says of each change what it comes of.
func tellWhy(tx *journal.Tx, d *draft, changes []plan.Change) {
	for i, c := range changes {
		changes[i].Why = strings.Join(reasons(tx, d, c), ", ")
		if g := d.groups[c.Group]; g != nil && routes(c) {
			changes[i].Loses = g.Loses
		}
	}
}

// routes says whether a change decides which way mail takes to a group: it gets addresses, or has another target from
// then on, or none.
func routes(c plan.Change) bool {
	_, target := c.Set["targetAddress"]
	return target || len(c.Set["proxyAddresses"]) > 0
}

// reasons lists what a change comes of.
func reasons(tx *journal.Tx, d *draft, c plan.Change) (why []string) {
	r := tx.Record(c.Group)
	byHand := func(what string) bool { return slices.Contains(r.ByHand, what) }
	hand, rest := 0, 0
	count := func(what string) {
		if byHand(what) {
			hand++
		} else {
			rest++
		}
	}
	for _, ref := range slices.Concat(c.Joins(), c.Leaves()) {
		count(string(ref))
	}
	if c.Op == plan.Relink {
		count(string(c.Link))
	}
	for name := range c.Set {
		count(name)
	}
	switch {
	case c.Op == plan.Delete && tx.Head.Switch.Ending == "":
		why = append(why, "its time in quarantine is over")
	case c.Op == plan.Delete, c.Op == plan.Disown:
		why = append(why, "writeback is being switched off")
	case c.Op == plan.Restore && r.Life.State == life.Deleted:
		why = append(why, "the cloud has it again")
	case c.Op == plan.Create && r.Life.State == life.Disowned:
		why = append(why, "it is taken back")
	case c.Op == plan.Restore, c.Op == plan.Create && r.SID != "":
		why = append(why, "it was deleted by hand")
	case c.Op == plan.Create, !r.Converged:
		why = append(why, "the cloud has it")
	case rest > 0 && tx.Head.Ruled, c.Op == plan.Rename && tx.Head.Ruled:
		why = append(why, "new rules, or the cloud")
	case rest > 0, c.Op == plan.Rename:
		why = append(why, "the cloud changed")
	}
	if hand > 0 {
		why = append(why, "it was changed by hand")
	}
	if slices.ContainsFunc(r.Parked, func(p record.Parked) bool { return p.Concerns(c) }) {
		why = append(why, "it was refused before, and is tried again")
	}
	if r.AskedBy != "" {
		why = append(why, "asked for by "+r.AskedBy)
	}
	return append(why, approved(tx, d, r, c)...)
}

// approved says who has approved what a change does.
func approved(tx *journal.Tx, d *draft, r *record.Group, c plan.Change) (why []string) {
	say := func(h record.Hold) { why = append(why, "approved by "+cmp.Or(h.By, "somebody")+", hold "+h.ID) }
	if g := d.groups[c.Group]; g != nil && r.Hold != nil && r.Hold.InForce(tx.Now) && len(plan.Common(c.Leaves(), g.Released)) > 0 {
		say(*r.Hold)
	}
	for _, h := range tx.Head.Holds {
		guard, known := plan.GuardOf(h.Guard)
		if !known || !h.InForce(tx.Now) {
			continue
		}
		at := guard.Of([]plan.Change{c}, r.Converged)
		if at.Size() > 0 && at.Less(d.allowed[h.Guard][c.Group]).Size() < at.Size() {
			say(h)
		}
	}
	return why
}

// mostByHand is how much of what somebody changed by hand is remembered of a group.
const mostByHand = 100

// byHand notes what somebody has changed of a group by hand: what differs from what was
// last known and was not issued. now is how it is.
func byHand(tx *journal.Tx, r *record.Group, now *plan.Group) {
	was := r.Observed
	if was == nil || now == nil || !r.Converged {
		return
	}
	var issued []plan.Ref
	for _, i := range r.Issued {
		issued = plan.Merge(issued, i.Impact.Refs)
	}
	in := plan.Missing(plan.Missing(now.Members(), was.Members()), issued)
	out := plan.Missing(plan.Missing(was.Members(), now.Members()), issued)
	var words []string
	all := 0
	known := slices.Clone(r.ByHand)
	note := func(what, sign string) {
		if all++; len(known) < mostByHand && !slices.Contains(known, what) {
			words, known = append(words, sign+what), append(known, what)
		}
	}
	for _, m := range in {
		note(string(m), "+")
	}
	for _, m := range out {
		note(string(m), "-")
	}
	for _, name := range slices.Sorted(maps.Keys(both(was.Attrs, now.Attrs))) {
		if !plan.SameValues(name, was.Attrs[name], now.Attrs[name]) {
			note(name, "~")
		}
	}
	for _, link := range plan.AllLinks() {
		if link != plan.Member && !slices.Equal(was.Links[link], now.Links[link]) {
			note(string(link), "~")
		}
	}
	r.ByHand = known
	if len(words) > 0 {
		some := slices.Concat(in, out)
		tx.SayOf(r.ID, some[:min(len(some), 20)], "changed by hand", "group", now.Name, "id", r.ID, "what", strings.Join(words[:min(len(words), 20)], " "), "in_all", all)
	}
}

// who are the names of those that something is told of, for the log.
func who(ctx context.Context, tx *journal.Tx, s journal.Said) []any {
	names := journal.Names{}
	if err := tx.NameMembers(ctx, names, s.Group, s.Refs); err != nil || len(names) == 0 {
		return nil // it is told all the same
	}
	return []any{"who", strings.Join(slices.Sorted(maps.Values(names)), ", ")}
}

func both(a, b map[string][]string) map[string]bool {
	out := map[string]bool{}
	for _, m := range []map[string][]string{a, b} {
		for name := range m {
			out[name] = true
		}
	}
	return out
}

// anotherSID tells of a group that came back under another SID: whatever was granted to
// the old one is not granted to it.
func anotherSID(tx *journal.Tx, r *record.Group, now directory.SID) {
	if r.SID != "" && r.SID != now {
		name := ""
		if r.Observed != nil {
			name = r.Observed.Name
		}
		tx.Say("a group has another SID now: rights that were given to the old one do not hold for it", "group", name, "id", r.ID, "sid", now, "before", r.SID,
			"remedy", "give them to the group as it is, or bring the old one back from the recycle bin and delete this one")
	}
}

// tellRefused tells of a change, or of members of it, that was not made.
func tellRefused(tx *journal.Tx, r *record.Group, c plan.Change, res plan.Result) {
	name := c.Name
	if r.Observed != nil {
		name = r.Observed.Name
	}
	const remedy = "see the problems in status; it is tried again by itself, and at once by retry"
	if res.Status != plan.Done && res.Status != plan.Skipped {
		tx.Say("a change was not made", "group", name, "id", r.ID, "change", c.Kind(), "status", res.Status, "code", res.Code, "why", cmp.Or(res.Text, "no answer"), "remedy", remedy)
	}
	for _, b := range res.Bad {
		if !c.Of().Grants() {
			tx.SayOf(r.ID, []plan.Ref{b.Ref}, "a link was not written", "group", name, "id", r.ID, "link", c.Link, "to", b.Ref, "code", b.Code, "why", b.Text, "remedy", remedy)
			continue
		}
		tx.SayOf(r.ID, []plan.Ref{b.Ref}, "a member was not written", "group", name, "id", r.ID, "member", b.Ref, "code", b.Code, "why", b.Text, "remedy", remedy)
	}
}
