package cycle

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

// Other is what other rules want otherwise than those in force.
type Other struct {
	Rules  string   // their hash
	Same   bool     `json:",omitempty"` // they are in force
	Notes  []string `json:",omitempty"` // what is not known yet of what they would do
	Counts ShiftCounts
	Groups []Shift `json:",omitempty"` // those first that would go, move, and be renamed
	More   int     `json:",omitempty"` // groups that are not listed
}

// ShiftCounts sums shifts up. Of what they count a part may be done already: what is to be
// done are the preview's changes.
type ShiftCounts struct {
	Come     int            // groups that would be written, and are not by the rules in force
	Go       int            // groups that would not be written any more
	Move     int            // groups that would be in another container
	Rename   int            // groups with another name
	Change   int            // groups with other attributes
	Join     int            // memberships that would be added
	Leave    int            // memberships that would be taken away
	Problems int            // groups with a problem that they do not have by the rules in force
	Held     map[string]int `json:",omitempty"` // groups of which a limit would hold something: see Shift.Held
}

// Shift is what other rules want of one group otherwise than those in force.
type Shift struct {
	Group    directory.ID
	Name     string   // as it would be; of a group that goes, as it is
	Come     bool     `json:",omitempty"`
	Go       bool     `json:",omitempty"`
	Move     string   `json:",omitempty"` // DN of the other container
	Rename   string   `json:",omitempty"` // the name by the rules in force
	Change   []string `json:",omitempty"` // attributes
	Join     int      `json:",omitempty"`
	Leave    int      `json:",omitempty"`
	Problems []string `json:",omitempty"` // their reasons
	Held     []string `json:",omitempty"` // by which limits: "group", of its own members, or that of a guard over all groups
}

// mostShifts is how many groups a preview of other rules lists.
const mostShifts = 1000

// shifts collects what other rules would do while they decide.
type shifts struct {
	before *Planner        // with the rules in force
	mail   *exchange.Stamp // of those
	groups map[directory.ID]*Shift
	other  Other
}

// PreviewRules is Preview as if other rules were in force: every group is decided by them
// and by those in force. Nothing is stored. ErrReplaced: they could not come into force.
func (p *Planner) PreviewRules(ctx context.Context, other *rules.Rules, first ...directory.ID) (Preview, error) {
	return p.preview(ctx, other, first...)
}

// propose puts other rules in force, for whoever looks. What the agent has not read for
// them it would be asked for; here that is said, and all else is shown.
func (p *Planner) propose(ctx context.Context, tx *journal.Tx, other *rules.Rules) error {
	h := &tx.Head
	read, reported := h.Attrs, h.Reported
	before := *p
	p.shifts = &shifts{before: &before, groups: map[directory.ID]*Shift{}, other: Other{Rules: other.Hash(), Same: other.Hash() == h.Rules}}
	p.Rules, p.Text = other, nil // a text is kept of what comes into force
	p.chosen = p.Stored
	if err := p.adopt(ctx, tx); err != nil {
		return err
	}
	h.Reported = reported
	unread := slices.DeleteFunc(slices.Clone(h.Attrs), func(a string) bool { return slices.Contains(read, a) })
	if len(unread) > 0 {
		p.shifts.other.Notes = append(p.shifts.other.Notes, fmt.Sprintf("what Active Directory has in %s is not known before these rules are in force: it is shown as if it were empty", strings.Join(unread, ", ")))
	}
	asked := reads(before.Rules)
	unknown := slices.DeleteFunc(reads(other), func(name string) bool {
		return slices.Contains(asked, name) || slices.Contains(strings.FieldsFunc(p.Select, func(c rune) bool { return strings.ContainsRune(" ,:", c) }), name)
	})
	if len(unknown) > 0 {
		p.shifts.other.Notes = append(p.shifts.other.Notes, fmt.Sprintf("what Entra ID has in %s is not known before these rules are in force: it is shown as if it were empty", strings.Join(unknown, ", ")))
	}
	return nil
}

// reads lists what rules have Graph asked for, beside what is always read.
func reads(r *rules.Rules) []string {
	if r.Members.Contacts {
		return append(r.Properties(), string(directory.ContactFeed))
	}
	return r.Properties()
}

// farOff is longer than any caller waits.
const farOff = 24 * time.Hour

// whole is a limit for what cannot be gone on with in a later step: all the time that the
// caller has, and the same room.
func (l limit) whole() limit {
	l.end = l.end.Add(farOff)
	return l
}

// note compares what both rules want of a group. It may be asked more than once.
func (s *shifts) note(id directory.ID, before, after plan.Wish) {
	x := Shift{Group: id, Problems: newReasons(before, after)}
	was, is := before.Group, after.Group // of what is not wanted there is none
	switch {
	case was == nil && is == nil:
	case was == nil:
		x.Name, x.Come, x.Join = is.Name, true, len(is.Members())
	case is == nil:
		x.Name, x.Go = was.Name, true
	default:
		x.compare(*was, *is, after.Rename)
	}
	delete(s.groups, id)
	if x.Come || x.Go || x.Move != "" || x.Rename != "" || len(x.Change)+x.Join+x.Leave+len(x.Problems) > 0 {
		s.groups[id] = &x
	}
}

// compare says what differs between two wishes for a group. Names differ where they follow
// the rules: a group keeps its name otherwise.
func (x *Shift) compare(was, is plan.Group, renames bool) {
	if x.Name = was.Name; renames {
		x.Name = is.Name
	}
	if !strings.EqualFold(was.Parent, is.Parent) {
		x.Move = is.Parent
	}
	if renames && was.Name != is.Name {
		x.Rename = was.Name
	}
	for _, name := range slices.Sorted(maps.Keys(both(was.Attrs, is.Attrs))) {
		if (renames || name != plan.AccountName) && !plan.SameValues(name, was.Attrs[name], is.Attrs[name]) {
			x.Change = append(x.Change, name)
		}
	}
	for _, link := range plan.AllLinks() {
		if link != plan.Member && !slices.Equal(was.Links[link], is.Links[link]) {
			x.Change = append(x.Change, string(link))
		}
	}
	x.Join, x.Leave = len(plan.Missing(is.Members(), was.Members())), len(plan.Missing(was.Members(), is.Members()))
}

// newReasons are the reasons of problems that a wish has and another had not, sorted.
func newReasons(before, after plan.Wish) (out []string) {
	for _, p := range after.Problems {
		known := slices.ContainsFunc(before.Problems, func(q plan.Problem) bool { return p.Member == q.Member && p.Reason == q.Reason })
		if !known && !slices.Contains(out, p.Reason) {
			out = append(out, p.Reason)
		}
	}
	slices.Sort(out)
	return out
}

// ownLimit is how Shift.Held calls the limit of a group's own members.
const ownLimit = "group"

// held notes that a limit holds something of a group, if anybody collects that.
func (s *shifts) held(id directory.ID, limit string) {
	if s == nil {
		return
	}
	if x := s.groups[id]; x != nil && !slices.Contains(x.Held, limit) {
		x.Held = append(x.Held, limit)
	}
}

// result sums up what was found. Of a draft that is not complete it says so.
func (s *shifts) result(d *draft, parts int) *Other {
	out := s.other
	if !d.complete {
		out.Notes = append(out.Notes, fmt.Sprintf("%d of %d parts of the groups are decided, and the rest is not in this: there was no more time, or no more room", len(d.shards), parts))
	}
	all := slices.SortedFunc(maps.Values(s.groups), func(a, b *Shift) int {
		return cmp.Or(cmp.Compare(a.weight(d.first), b.weight(d.first)), strings.Compare(a.Name, b.Name), bytes.Compare(a.Group[:], b.Group[:]))
	})
	for i, x := range all {
		out.Counts.add(*x)
		if i < mostShifts {
			out.Groups = append(out.Groups, *x)
		}
	}
	out.More = len(all) - len(out.Groups)
	return &out
}

// weight is less for what people want to see first: what they asked for, then what takes
// something away.
func (x *Shift) weight(first []directory.ID) int {
	switch {
	case slices.Contains(first, x.Group):
		return -1
	case x.Go:
		return 0
	case x.Move != "":
		return 1
	case x.Rename != "":
		return 2
	case x.Leave > 0:
		return 3
	case x.Come:
		return 4
	}
	return 5
}

func (c *ShiftCounts) add(x Shift) {
	one := func(n *int, so bool) {
		if so {
			*n++
		}
	}
	one(&c.Come, x.Come)
	one(&c.Go, x.Go)
	one(&c.Move, x.Move != "")
	one(&c.Rename, x.Rename != "")
	one(&c.Change, len(x.Change) > 0)
	one(&c.Problems, len(x.Problems) > 0)
	c.Join, c.Leave = c.Join+x.Join, c.Leave+x.Leave
	for _, by := range x.Held {
		if c.Held == nil {
			c.Held = map[string]int{}
		}
		c.Held[by]++
	}
}
