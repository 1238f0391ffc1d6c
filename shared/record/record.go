// Package record is what is known of one group in Active Directory, and what
// stands between that and the wish: what was issued and is not proven, what was
// refused, what is held, what has gone lately.
//
// It is pure data with its own arithmetic: no context, no clock, no log, no I/O;
// times come in as values. Package decision makes a new record of an old one,
// package journal keeps them.
package record

import (
	"cmp"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// Group is the record of one group.
type Group struct {
	ID       directory.ID
	Observed *plan.Group   // as the agent saw or made it last; nil: Active Directory does not hold it
	SID      directory.SID // of that group, kept when it is gone: a link to it is a link to a group that was ours

	LastWrite uint64        // the last batch that may have changed it: older rows of a report do not count
	Stale     bool          // what Observed says may not be so: it is read again before anything is planned
	Missing   bool          // a full report did not name it: only an answer by name settles that
	Look      Tries         // how often the agent did not find it and could not prove that it is gone
	Trouble   *plan.Trouble // it is there, and cannot be managed as it is

	Life  Life        // where it is in its life, as far as Observed does not tell
	Grave *plan.Grave // it is among Active Directory's deleted objects

	Names     Names    // what it is called
	Converged bool     // it has agreed with the cloud once: what comes after the first fill is growth
	Asked     bool     // an operator waits for it
	Misses    int      // how many plans in a row got no answer for it
	Issued    []Issued // what plans were told to do to it, and nobody has shown yet to be done or not
	Window    Window   // what plans did to it lately
	Parked    []Parked // what of the present difference was refused
	Clashes   []Clash  // what the group did not get, because others have it
	Hold      *Hold    // removals that wait for approval
	Reread    Tries    // how often Graph was asked for it by name
	ByHand    []string // what of it somebody changed by hand, since it last was as the cloud wants it: members, and names of attributes
	Unlisted  bool     // it was asked whether it is gone: what it is asked when that is answered is another question

	Problems []plan.Problem
}

// Empty says whether a record says nothing: it need not be kept.
func (g *Group) Empty() bool {
	return g.Observed == nil && g.SID == "" && g.LastWrite == 0 && !g.Stale && !g.Missing && g.Trouble == nil && !g.Converged && !g.Asked && g.Misses == 0 &&
		len(g.Issued)+len(g.Window)+len(g.Parked)+len(g.Clashes)+len(g.Problems) == 0 && g.Hold == nil && g.Reread == (Tries{}) && !g.Unlisted && g.Look == (Tries{}) && len(g.ByHand) == 0 && g.Names == (Names{}) && g.Life == (Life{}) && g.Grave == nil
}

// Life is where a group is in its life, as far as the group itself does not tell.
type Life struct {
	State life.State `cbor:"1,keyasint,omitempty" json:"state,omitempty"` // life.Kept, life.Quarantined, life.Deleted or life.Disowned; empty: none of them
	Since time.Time  `cbor:"2,keyasint,omitempty" json:"since,omitzero"`  // when that was first so
	Going life.State `cbor:"3,keyasint,omitempty" json:"going,omitempty"` // what it was last decided to become, and is not yet

	// Doomed is since when it is in quarantine so as to be deleted: from then on its time runs.
	// Grace is how long that was to be then: it is not less for rules that came later.
	Doomed time.Time     `cbor:"4,keyasint,omitempty" json:"doomed,omitzero"`
	Grace  time.Duration `cbor:"5,keyasint,omitempty" json:"grace,omitempty"`
}

// Issued is what a plan was told to do to a group, as a guard counts it. It stays
// until the agent says that it is done, or a later reading shows what of it is so:
// the windows give back only what was not done.
type Issued struct {
	Seq    uint64    // of the batch
	At     time.Time // when it was counted
	Guard  plan.GuardName
	Impact plan.Impact
	Back   bool // the windows were given it back: it counts again if it is so after all
}

// Counts says whether what was issued then is in the windows yet.
func (i Issued) Counts(now time.Time) bool { return now.Sub(i.At) < windowLife+time.Hour }

// Tries counts how often something was tried in vain, and when it is tried again.
type Tries struct {
	Count int       `cbor:"1,keyasint,omitempty" json:"tries,omitempty"`
	Until time.Time `cbor:"2,keyasint,omitempty" json:"until,omitzero"`
}

// Due says whether it is time to try again.
func (t Tries) Due(now time.Time) bool { return !t.Until.After(now) }

// Next is one more try, which waits first, and then four times as long each time,
// up to a day.
func (t Tries) Next(now time.Time, first time.Duration) Tries {
	wait := first
	for range min(t.Count, 8) {
		wait = min(4*wait, 24*time.Hour)
	}
	return Tries{Count: t.Count + 1, Until: now.Add(wait)}
}

// Parked is a part of the present difference that was refused, or got no answer,
// and is left alone for a while.
type Parked struct {
	Tries
	Kind    plan.Kind `cbor:"3,keyasint" json:"kind"`
	Ref     plan.Ref  `cbor:"4,keyasint,omitempty" json:"ref,omitempty"` // of one member, or value of Link; empty: all of that kind
	Code    int       `cbor:"5,keyasint,omitempty" json:"code,omitempty"`
	Text    string    `cbor:"6,keyasint,omitempty" json:"text"`
	Wish    string    `cbor:"7,keyasint,omitempty" json:"-"`               // plan.Change.Wish: another wish is tried at once
	Grounds string    `cbor:"8,keyasint,omitempty" json:"-"`               // under which it was refused: others have it tried at once
	USN     int64     `cbor:"9,keyasint,omitempty" json:"-"`               // of the group as it was read since: another has it tried at once
	Link    plan.Link `cbor:"10,keyasint,omitempty" json:"link,omitempty"` // of Removing and Adding; empty: members
}

// How long what was refused is left alone at first, and what got no answer: a
// connection that was cut is no refusal.
const (
	firstWait = 5 * time.Minute
	briefWait = time.Second
)

// Park puts a refusal of a whole kind of change into a sorted list, in the place of
// what stands there of the same kind and link.
func Park(list []Parked, p Parked, now time.Time) []Parked {
	return park(list, []Parked{p}, now, firstWait)
}

// ParkBriefly does so with what got no answer.
func ParkBriefly(list []Parked, p Parked, now time.Time) []Parked {
	return park(list, []Parked{p}, now, briefWait)
}

// ParkMembers does so with members that were refused; p says the rest.
func ParkMembers(list []Parked, p Parked, bad []plan.BadRef, now time.Time) []Parked {
	more := make([]Parked, len(bad))
	for i, b := range bad {
		more[i] = p
		more[i].Ref, more[i].Code, more[i].Text, more[i].Wish = b.Ref, b.Code, b.Text, ""
	}
	return park(list, more, now, firstWait)
}

// park merges refusals into a list, sorted by kind, link and member: a group may have very
// many of them.
func park(list, more []Parked, now time.Time, first time.Duration) []Parked {
	if len(more) == 0 {
		return list
	}
	out := make([]Parked, 0, len(list)+len(more))
	slices.SortFunc(more, byMember)
	more = slices.CompactFunc(more, func(a, b Parked) bool { return byMember(a, b) == 0 })
	for _, p := range more {
		for len(list) > 0 && byMember(list[0], p) < 0 {
			out, list = append(out, list[0]), list[1:]
		}
		if len(list) > 0 && byMember(list[0], p) == 0 {
			p.Tries, list = list[0].Tries, list[1:]
		}
		p.Tries = p.Next(now, first)
		out = append(out, p)
	}
	return append(out, list...)
}

// Concerns says whether what was refused is of a change's kind and link.
func (p Parked) Concerns(c plan.Change) bool { return p.Kind == c.Kind() && p.Link == c.Link }

func byMember(a, b Parked) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Link, b.Link), cmp.Compare(a.Ref, b.Ref))
}
