package decision

import (
	"fmt"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// NotDeleted is the reason of a problem: a group that is to be deleted stays, because it could not
// be had back.
const NotDeleted = "not-deleted"

// TypeFlipped is the reason of a problem: somebody made a distribution group a security group,
// and that is not undone.
const TypeFlipped = "type-flipped"

// present is what the group is in Active Directory, as far as anybody knows. Where the journal
// was lost, Active Directory tells what it can: the note, and the type.
func present(r *record.Group, observed *plan.Group) life.State {
	switch {
	case observed == nil && r.Grave != nil:
		return life.Deleted
	case observed == nil && r.Life.State == life.Disowned:
		return life.Disowned
	case observed == nil:
		return life.Candidate
	case r.Life.State == life.Kept || r.Life.State == life.Quarantined:
		return r.Life.State
	case !plan.Retired(*observed):
		return life.Written
	case r.Life.Going != life.Kept && plan.Suspends(*observed): // what it was going to be it is when it shows
		return life.Quarantined
	}
	return life.Kept
}

// StateOf is where a group is in its life. One that has a step before it that takes something
// away, and has not made it, is held.
func StateOf(r *record.Group) life.State {
	at, going := present(r, r.Observed), r.Life.Going
	switch {
	case at == life.Candidate && going == life.Waiting:
		return life.Waiting
	case r.Observed != nil && going != "" && going != at && going != life.Written:
		return life.Held
	}
	return at
}

// live takes the group one step on in its life, and wishes for what it is to be there.
func (d *decider) live() *plan.Group {
	from, event, fate := present(&d.Record, d.observed), d.wish.Event, d.wish.Fate
	if d.Ending != "" {
		event, fate = life.SwitchOff, d.Ending
	}
	to := life.Next(from, event, fate)
	d.runs(from)
	if to == life.Quarantined && from == to && d.graceOver() {
		to = life.Next(from, life.GraceOver, fate)
	}
	if to == life.Deleted && d.observed != nil && !d.Restores {
		d.problem(NotDeleted, "it is to be deleted, and is not, because it could not be had back: give the agent's account the rights to see and to restore deleted objects, as the agent's documentation says")
		to = from
	}
	d.out.Record.Life.Going = to
	d.tellEnd(event, to)
	switch {
	case event == life.Wanted:
		d.manages = true
		return d.wish.Group
	case d.observed == nil || to == life.Written || d.wish.Note == "" && event != life.SwitchOff: // it is not made, or not known to be unwanted
		return nil
	}
	note := []string{d.note(event, to)}
	if from == to && plan.Retired(*d.observed) { // another reason gives up nothing that was not given up
		note = d.observed.Attrs["info"]
	}
	return form(*d.observed, to, note)
}

// runs notes since when the group is in quarantine so as to be deleted. Where it was there for
// another reason, or somebody has lifted the quarantine, nobody had that time to notice.
func (d *decider) runs(at life.State) {
	l := &d.out.Record.Life
	switch {
	case d.wish.Event == life.Unsure:
	case at != life.Quarantined || d.wish.Fate != life.Delete || !plan.Suspends(*d.observed):
		l.Doomed, l.Grace = time.Time{}, 0
	case l.Doomed.IsZero():
		l.Doomed, l.Grace = d.Now, d.wish.Grace
	}
}

// graceOver says whether the group was in quarantine for the rules' time, and may be deleted.
// A journal that was lost or restored does not know all of what was: then its time begins anew.
func (d *decider) graceOver() bool {
	if d.out.Record.Life.Doomed.IsZero() || d.wish.Fate != life.Delete || d.Ending != "" {
		return false
	}
	if end := d.end(); d.Now.Before(end) {
		d.wake(end)
		return false
	}
	return true
}

// end is when the time in quarantine is over.
func (d *decider) end() time.Time {
	l := d.out.Record.Life
	since := l.Doomed
	if since.Before(d.Epoch) {
		since = d.Epoch
	}
	return since.Add(max(l.Grace, d.wish.Grace))
}

// form is the group as it is to be in a state in which the cloud is not its master.
func form(observed plan.Group, to life.State, note []string) *plan.Group {
	w := observed.Clone()
	if w.Attrs == nil {
		w.Attrs = map[string][]string{}
	}
	w.Attrs["info"] = note
	switch to {
	case life.Quarantined:
		suspend(&w)
	case life.Deleted, life.Disowned:
		w.Gone = to
	}
	return &w
}

// suspend has a group give its members nothing: what was given to it is not theirs any more. One
// with mail takes none, and is in no address list.
func suspend(w *plan.Group) {
	if t := w.Attrs[plan.GroupTypeAttribute]; len(t) == 1 {
		w.Attrs[plan.GroupTypeAttribute] = []string{plan.Suspended(t[0])}
	}
	if exchange.Silence(w.ID.String(), w.Attrs) || mailed(w) {
		if len(w.Links[plan.ShownIn]) > 0 {
			w.Links = w.Links.With(plan.ShownIn, nil)
		}
	}
}

// mailed says whether a group had mail of ours, be it silenced since.
func mailed(g *plan.Group) bool {
	return exchange.Stamped(g.ID.String(), g.First(plan.LegacyExchangeDN))
}

// note is what the group says of itself to people.
func (d *decider) note(event life.Event, to life.State) string {
	why := d.wish.Note
	if event == life.SwitchOff {
		why = "writeback was switched off"
	}
	switch to {
	case life.Quarantined:
		what := "its members have nothing by it"
		if mailed(d.observed) {
			what += ", and it takes no mail"
		}
		return fmt.Sprintf("In quarantine by Groupwriteback, %s: %s.", what, why)
	case life.Disowned:
		return fmt.Sprintf("Left to people by Groupwriteback: %s.", why)
	}
	return fmt.Sprintf("No longer managed by Groupwriteback: %s.", why)
}

// tellEnd tells what has become of a group that is not wanted any more, or is to become of it.
func (d *decider) tellEnd(event life.Event, to life.State) {
	if d.observed == nil || event == life.SwitchOff || d.wish.Note == "" {
		return
	}
	what := map[life.State]string{
		life.Kept:        "the AD group is kept as it is, and no longer managed",
		life.Quarantined: "the AD group is to be in quarantine",
		life.Deleted:     "the AD group is to be deleted, so that it can be restored",
	}[to]
	if to == life.Quarantined && plan.Retired(*d.observed) && plan.Suspends(*d.observed) {
		what = "the AD group is in quarantine: it keeps its members, and gives them nothing" + d.until()
	}
	if to == life.Quarantined && plan.Retired(*d.observed) && mailed(d.observed) {
		what += "; it takes no mail, and is in no address list"
	}
	for i, p := range d.out.Record.Problems {
		if p.Text == "" && p.Member == (directory.ID{}) && p.Reason == d.wish.Reason && what != "" {
			d.out.Record.Problems = slices.Clone(d.out.Record.Problems)
			d.out.Record.Problems[i].Text = d.wish.Note + "; " + what
		}
	}
}

// until says when the quarantine ends.
func (d *decider) until() string {
	if d.out.Record.Life.Doomed.IsZero() {
		return ""
	}
	return "; it is to be deleted at " + d.end().Format(time.RFC3339)
}

// arrive notes that the group is what it was to be.
func (d *decider) arrive() {
	l := &d.out.Record.Life
	switch to := l.Going; {
	case to == life.Written || to == life.Waiting:
		*l = record.Life{}
	case l.State != to:
		*l = record.Life{State: to, Since: d.Now, Doomed: l.Doomed, Grace: l.Grace}
	default:
		l.Going = ""
	}
	if d.runs(l.State); !l.Doomed.IsZero() && d.end().After(d.Now) { // what keeps it longer is news when it ends
		d.wake(d.end())
	}
}

// unflipped leaves a distribution group that somebody made a security group, as it is: Exchange
// does so where it is used for folder permissions, and to undo it takes what was given by it.
func (d *decider) unflipped(want plan.Group) plan.Group {
	const name = plan.GroupTypeAttribute
	was := d.manages || d.Record.Life.State == life.Quarantined
	if d.observed == nil || !was || want.Gone != "" || !plan.Suspends(want) || plan.Suspends(*d.observed) || !slices.Contains(d.Record.ByHand, name) {
		return want
	}
	d.flipped = true
	d.problem(TypeFlipped, "somebody made the distribution group a security group (Exchange does so where it is used for folder permissions): it is left so, because its members may have rights by it now; set its groupType back by hand")
	want = want.Clone()
	want.Attrs[name] = slices.Clone(d.observed.Attrs[name])
	return want
}
