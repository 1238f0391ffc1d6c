package plan

import (
	"fmt"
	"maps"
)

// Limits say how much may go, or come, within a window of time without a
// person's word. What is over a limit is held as a whole, never trimmed.
type Limits struct {
	MemberShare float64 // of one group's members that may be removed
	MemberFloor int     // for groups of at least this size
	EmptyFloor  int     // a group of at least this size may not become empty

	Share float64 // of all memberships that may be removed, and of all groups that may be retired or moved
	Floor int     // but always this many, where that is not all of at least EmptyFloor

	GrowthShare float64 // of all memberships that may be added to groups that have agreed with the cloud once
	GrowthFloor int     // but always this many

	Creations int // groups that may be created
}

// DefaultLimits are in force where nothing else is configured.
func DefaultLimits() Limits {
	return Limits{MemberShare: 0.30, MemberFloor: 10, EmptyFloor: 5, Share: 0.10, Floor: 20, GrowthShare: 0.50, GrowthFloor: 1000, Creations: 500}
}

// Guard is what one limit over all groups is about: its whole meaning stands in
// one row of Guards.
type Guard struct {
	Name        GuardName
	Destructive bool        // it takes something away: nothing goes while some changes are not counted
	What        string      // in words, behind a number: "memberships would be removed"
	Noun        string      // in words, before a verb: "removals"
	Approves    []GuardName // whose lists show as much to a person: what is approved of them is approved of this

	total  func(Totals) int                             // what a share is of, and what "all" is
	limit  func(l Limits, total int) int                // how many may be
	impact func(c Change, converged bool) Impact        // what of a change it counts
	undone func(at Impact, observed *Group) Impact      // what of it is not so; nil: the group is not there
	revert func(want, observed Group, at Impact) *Group // the wish without it; nil: no wish
}

// GuardName names a guard, in holds and counts.
type GuardName string

// The guards' names.
const (
	Removals    GuardName = "removals"
	Retirements GuardName = "retirements"
	Moves       GuardName = "moves"
	Additions   GuardName = "additions"
	Creations   GuardName = "creations"
	Losses      GuardName = "losses"
	Deletions   GuardName = "deletions"
)

// Totals are what shares are of.
type Totals struct {
	Memberships int // in Active Directory, of members that the cloud knows
	Groups      int // managed in Active Directory
}

// Guards lists what limits over all groups are about, those first that take away.
func Guards() []Guard {
	memberships := func(t Totals) int { return t.Memberships }
	groups := func(t Totals) int { return t.Groups }
	share := func(l Limits, total int) int { return max(l.Floor, int(l.Share*float64(total))) }
	return []Guard{{
		Name: Removals, Destructive: true, What: "memberships would be removed", Noun: "removals",
		total: memberships, limit: share,
		impact: func(c Change, _ bool) Impact { return Impact{Refs: c.Remove} },
		undone: func(at Impact, observed *Group) Impact {
			if observed == nil {
				return Impact{} // they went with the group
			}
			return Impact{Refs: Common(at.Refs, observed.Members)}
		},
		revert: func(want, observed Group, at Impact) *Group { return Revert(want, observed, Removing, at.Refs) },
	}, {
		Name: Retirements, Destructive: true, What: "groups would no longer be managed", Noun: "groups that would no longer be managed",
		Approves: []GuardName{Losses},
		total:    groups, limit: share,
		impact: func(c Change, _ bool) Impact { return Impact{Whole: Retires(c)} },
		undone: unless(func(g Group, _ Impact) bool { return Retired(g) }),
		revert: func(Group, Group, Impact) *Group { return nil },
	}, {
		Name: Losses, Destructive: true, What: "memberships would give nothing any more", Noun: "memberships that would give nothing",
		Approves: []GuardName{Retirements, Deletions},
		total:    memberships, limit: share,
		impact: func(c Change, _ bool) Impact { return Impact{Whole: c.Count > 0, Count: c.Count} },
		undone: func(at Impact, observed *Group) Impact {
			if observed == nil || !secured(*observed) {
				return Impact{}
			}
			return at
		},
		revert: func(want, observed Group, _ Impact) *Group {
			if want.Gone != "" || Retired(want) {
				return nil
			}
			want.Attrs = maps.Clone(want.Attrs)
			keep(want.Attrs, observed.Attrs, GroupTypeAttribute)
			return &want
		},
	}, {
		Name: Deletions, Destructive: true, What: "groups would be deleted", Noun: "deletions",
		Approves: []GuardName{Losses},
		total:    groups, limit: share,
		impact: func(c Change, _ bool) Impact { return Impact{Whole: c.Op == Delete} },
		undone: func(at Impact, observed *Group) Impact {
			if observed == nil {
				return Impact{}
			}
			return at
		},
		revert: func(Group, Group, Impact) *Group { return nil },
	}, {
		Name: Moves, Destructive: true, What: "groups would be renamed or moved", Noun: "renames and moves",
		total: groups, limit: share,
		impact: func(c Change, _ bool) Impact {
			if c.Op != Rename || c.Name == Mark(c.Group) { // a step aside is a part of the way
				return Impact{}
			}
			return Impact{Whole: true, To: JoinRDN(c.Name, c.Parent)}
		},
		undone: unless(func(g Group, at Impact) bool { return JoinRDN(g.Name, g.Parent) == at.To }),
		revert: func(want, observed Group, _ Impact) *Group { return Revert(want, observed, Renaming, nil) },
	}, {
		Name: Additions, What: "memberships would be added to groups that have agreed with the cloud before", Noun: "additions",
		total: memberships, limit: func(l Limits, total int) int { return max(l.GrowthFloor, int(l.GrowthShare*float64(total))) },
		impact: func(c Change, converged bool) Impact {
			if !converged {
				return Impact{}
			}
			return Impact{Refs: c.Add}
		},
		undone: func(at Impact, observed *Group) Impact {
			if observed == nil {
				return at
			}
			return Impact{Refs: Missing(at.Refs, observed.Members)}
		},
		revert: func(want, observed Group, at Impact) *Group { return Revert(want, observed, Adding, at.Refs) },
	}, {
		Name: Creations, What: "groups would be created", Noun: "new groups",
		total: groups, limit: func(l Limits, _ int) int { return l.Creations },
		impact: func(c Change, _ bool) Impact { return Impact{Whole: c.Op == Create || c.Op == Restore} },
		undone: unless(func(Group, Impact) bool { return true }),
		revert: func(Group, Group, Impact) *Group { return nil },
	}}
}

// unless is an impact on a group as a whole, unless the group shows that it was done.
func unless(done func(Group, Impact) bool) func(Impact, *Group) Impact {
	return func(at Impact, observed *Group) Impact {
		if observed != nil && done(*observed, at) {
			return Impact{}
		}
		return at
	}
}

// GuardOf is the guard of a name; ok is false if there is none.
func GuardOf(name GuardName) (g Guard, ok bool) {
	for _, g := range Guards() {
		if g.Name == name {
			return g, true
		}
	}
	return Guard{}, false
}

// An Impact is what changes of one group mean to a guard: memberships, or the
// group as a whole.
type Impact struct {
	Refs  []Ref  `json:"refs,omitempty"` // sorted
	Whole bool   `json:"whole,omitempty"`
	To    string `json:"to,omitempty"`    // where to, of a move: another destination is another impact
	Count int    `json:"count,omitempty"` // how many memberships go with the whole, where limits count those
}

// Size counts what limits count.
func (i Impact) Size() int {
	if i.Whole {
		return max(1, i.Count)
	}
	return len(i.Refs)
}

// Less is what of an impact another one does not cover.
func (i Impact) Less(allowed Impact) Impact {
	return Impact{Refs: Missing(i.Refs, allowed.Refs), Whole: i.Whole && !(allowed.Whole && allowed.To == i.To), To: i.To, Count: i.Count}
}

// Plus is both impacts; of two places to go to the later word counts.
func (i Impact) Plus(more Impact) Impact {
	i.Refs = Merge(i.Refs, more.Refs)
	if more.Whole {
		i.Whole, i.To, i.Count = true, more.To, max(i.Count, more.Count)
	}
	return i
}

// Of is what the changes of one group mean to the guard. converged says whether the
// group has agreed with the cloud once: what comes after that is growth.
func (g Guard) Of(changes []Change, converged bool) (sum Impact) {
	for _, c := range changes {
		sum = sum.Plus(g.impact(c, converged))
	}
	return sum
}

// Undone is what of an impact is not so in Active Directory: observed is the group
// as it was read since, nil if it is not there.
func (g Guard) Undone(at Impact, observed *Group) Impact { return g.undone(at, observed) }

// Revert takes an impact out of the wish for a group; nil: nothing is wished.
func (g Guard) Revert(want, observed Group, at Impact) *Group { return g.revert(want, observed, at) }

// Over says whether changes are over the guard's limit, in words; "" if they are
// not. done is how many there were in the window, pending how many would come now.
func (g Guard) Over(l Limits, done, pending int, t Totals) string {
	total := g.total(t)
	limit := g.limit(l, total)
	switch {
	case pending == 0:
		return ""
	case g.Destructive && pending >= total && pending >= l.EmptyFloor:
		return fmt.Sprintf("all %d %s", pending, g.What)
	case done+pending <= limit:
		return ""
	}
	text := fmt.Sprintf("%d %s; the limit is %d", pending, g.What, limit)
	if g.Destructive {
		text = fmt.Sprintf("%d of %d %s; the limit is %d", pending, total, g.What, limit)
	}
	if done > 0 {
		text += fmt.Sprintf(", and there were %d in the last 24 hours", done)
	}
	return text
}

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

// Retires says whether a change marks a group as no longer managed.
func Retires(c Change) bool { return c.Op == Update && len(c.Set["info"]) > 0 }

// Retired says whether a group bears the mark of being no longer managed.
func Retired(g Group) bool { return len(g.Attrs["info"]) > 0 }
