package plan

import "fmt"

// Limits say how much may go, or come, within a window of time without a
// person's word. What is over a limit is held as a whole, never trimmed.
type Limits struct {
	MemberShare float64 // of one group's members that may be removed
	MemberFloor int     // for groups of at least this size
	EmptyFloor  int     // a group of at least this size may not become empty

	Share float64 // of all memberships that may be removed, and of all groups that may be retired
	Floor int     // but always this many, where that is not all of at least EmptyFloor

	GrowthShare float64 // of all memberships that may be added to groups that were true before
	GrowthFloor int     // but always this many

	Creations int // groups that may be created
}

// DefaultLimits are in force where nothing else is configured.
func DefaultLimits() Limits {
	return Limits{MemberShare: 0.30, MemberFloor: 10, EmptyFloor: 5, Share: 0.10, Floor: 20, GrowthShare: 0.50, GrowthFloor: 1000, Creations: 500}
}

// Scope is what a limit is about, besides one group's members.
type Scope string

// The scopes that a limit over all groups has.
const (
	Removals    Scope = "removals"    // memberships removed
	Retirements Scope = "retirements" // groups that are no longer managed
	Additions   Scope = "additions"   // memberships added to groups that were true before
	Creations   Scope = "creations"   // groups created
)

// Scopes lists them, those first that take away.
func Scopes() []Scope { return []Scope{Removals, Retirements, Additions, Creations} }

// Destructive says whether changes of a scope take something away.
func (s Scope) Destructive() bool { return s == Removals || s == Retirements }

// Group says whether removing members from one group is over a limit, in words; ""
// if it is not. peak is the group's largest size in the window, removed how
// many have gone in it already, remove how many would go now of size members.
func (l Limits) Group(peak, removed, size, remove int) string {
	switch {
	case remove == 0:
		return ""
	case peak >= l.MemberFloor && float64(removed+remove) > l.MemberShare*float64(peak):
		text := fmt.Sprintf("%d of %d members would go (%d %%); the limit is %.0f %%", remove, peak, 100*(removed+remove)/peak, 100*l.MemberShare)
		if removed > 0 {
			text += fmt.Sprintf(", and %d have gone in the last 24 hours", removed)
		}
		return text
	case remove == size && size >= l.EmptyFloor:
		return fmt.Sprintf("all %d members would go", size)
	}
	return ""
}

// Overall says whether changes of one scope are over its limit, in words; "" if
// they are not. done is how many there were in the window, pending how many
// would come now, total how many memberships or managed groups there are.
func (l Limits) Overall(s Scope, done, pending, total int) string {
	limit, what := max(l.Floor, int(l.Share*float64(total))), "memberships would be removed"
	switch s {
	case Retirements:
		what = "groups would no longer be managed"
	case Additions:
		limit, what = max(l.GrowthFloor, int(l.GrowthShare*float64(total))), "memberships would be added to groups that were true before"
	case Creations:
		limit, what = l.Creations, "groups would be created"
	}
	switch {
	case pending == 0:
		return ""
	case s.Destructive() && pending == total && total >= l.EmptyFloor:
		return fmt.Sprintf("all %d %s", pending, what)
	case done+pending <= limit:
		return ""
	}
	text := fmt.Sprintf("%d %s; the limit is %d", pending, what, limit)
	if s.Destructive() {
		text = fmt.Sprintf("%d of %d %s; the limit is %d", pending, total, what, limit)
	}
	if done > 0 {
		text += fmt.Sprintf(", and there were %d in the last 24 hours", done)
	}
	return text
}
