package status

import (
	"context"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Line is a group in a list.
type Line struct {
	Group        directory.ID `json:"group"`
	Name         string       `json:"name,omitempty"`        // in AD; empty: it is not there
	DisplayName  string       `json:"displayName,omitempty"` // in the cloud
	State        life.State   `json:"state"`
	Since        time.Time    `json:"since,omitzero"`
	Members      int          `json:"members,omitempty"`      // in AD
	CloudMembers int          `json:"cloudMembers,omitempty"` // direct ones
	Problems     int          `json:"problems,omitempty"`
	Held         bool         `json:"held,omitempty"`
}

// Group is one group as it stands, in AD and in the cloud.
type Group struct {
	Line
	AD        *InAD           `json:"ad,omitempty"`
	Cloud     *InCloud        `json:"cloud,omitempty"`
	Stale     bool            `json:"stale,omitempty"`
	LastBatch uint64          `json:"lastBatch,omitempty"`
	ByHand    []string        `json:"byHand,omitempty"`
	Hold      *record.Listing `json:"hold,omitempty"`
	List      []Problem       `json:"problemList,omitempty"`
}

// InAD is a group as the agent saw or made it last.
type InAD struct {
	GUID       plan.GUID           `json:"guid"`
	SID        directory.SID       `json:"sid,omitempty"`
	DN         string              `json:"dn"`
	Attributes map[string][]string `json:"attributes,omitempty"`
	Managers   []plan.Ref          `json:"managers,omitempty"`
}

// InCloud is a group as Entra ID has described it.
type InCloud struct {
	Properties map[string][]string `json:"properties,omitempty"`
	Owners     int                 `json:"owners,omitempty"`
	Gone       directory.Removal   `json:"gone,omitempty"`
	Reading    string              `json:"reading"`
}

// Filter says which groups are listed. The zero Filter lists all.
type Filter struct {
	Prefix  string     // of either name, in any case
	State   life.State // empty: any
	Problem string     // the reason of one that it has; any: whichever; empty: it need not have any
	Held    bool       // of which something waits for a word
}

// AnyProblem is the filter for groups that have a problem.
const AnyProblem = "any"

// Refused is the reason of what was refused.
const refusedReason = "refused"

// counts says whether a part of the groups may have some that the filter lists.
func (f Filter) counts(c record.Counts) bool {
	problem := f.Problem == "" || c.Problems[f.Problem] > 0 || f.Problem == refusedReason && c.Parked > 0 || f.Problem == AnyProblem && len(c.Problems)+c.Parked > 0
	return problem && (!f.Held || c.Held > 0)
}

func (f Filter) lists(l Line, all []Problem) bool {
	has := false
	for _, p := range all {
		has = has || f.Problem == AnyProblem || p.Reason == f.Problem
	}
	low := func(s string) bool { return strings.HasPrefix(strings.ToLower(s), strings.ToLower(f.Prefix)) }
	return (f.Prefix == "" || low(l.Name) || low(l.DisplayName)) && (f.State == "" || l.State == f.State) && (f.Problem == "" || has) && (!f.Held || l.Held)
}

// A Page says which entries are asked for.
type Page struct {
	From  journal.Place
	Limit int
}

// partsOfPage is how many parts of the groups one page reads at most: with a filter that
// finds little it has fewer entries.
const partsOfPage = 8

// Groups lists groups. next is where the next page begins; more is false behind the last.
func Groups(ctx context.Context, tx *journal.Tx, f Filter, p Page) (list []Line, next journal.Place, more bool, err error) {
	list = []Line{}
	w := journal.Walk{From: p.From, Parts: partsOfPage}
	if f.Problem != "" || f.Held {
		w.Which = f.counts
	}
	next, more, err = tx.Walk(ctx, w, func(id directory.ID) (bool, error) {
		if len(list) == p.Limit {
			return false, nil
		}
		r := tx.Record(id)
		if l := line(r, tx.Group(id)); f.lists(l, problems(r, nothing)) {
			list = append(list, l)
		}
		return true, nil
	})
	return list, next, more, err
}

func nothing(plan.Problem) string { return "" }

func line(r *record.Group, g *directory.Group) Line {
	l := Line{Group: r.ID, State: decision.StateOf(r), Since: r.Life.Since, Problems: len(problems(r, nothing)), Held: r.Hold != nil && r.Hold.Open()}
	if r.Observed != nil {
		l.Name, l.Members = r.Observed.Name, len(r.Observed.Members())
	}
	if g != nil {
		l.DisplayName, l.CloudMembers = g.Props.First("displayName"), len(g.Members)
	}
	return l
}

// ReadGroup reads one group. said picks the properties that are shown; journal.ErrUnknownGroup:
// nobody knows it.
func ReadGroup(ctx context.Context, tx *journal.Tx, id directory.ID, said func(*directory.Group) map[string][]string, describe func(plan.Problem) string) (Group, error) {
	r, g, err := Known(ctx, tx, id)
	if err != nil {
		return Group{}, err
	}
	out := Group{Line: line(r, g), Stale: r.Stale || r.Missing, LastBatch: r.LastWrite, ByHand: r.ByHand, List: problems(r, describe)}
	if o := r.Observed; o != nil {
		out.AD = &InAD{GUID: o.GUID, SID: r.SID, DN: plan.JoinRDN(o.Name, o.Parent), Attributes: o.Attrs, Managers: plan.Merge(o.Links[plan.ManagedBy], o.Links[plan.CoManagers])}
	}
	if g != nil {
		reading := "partial"
		if g.Reading != directory.Partial {
			reading = string(g.Reading)
		}
		out.Cloud = &InCloud{Properties: said(g), Owners: len(g.Owners), Gone: g.Gone, Reading: reading}
	}
	if r.Hold != nil && r.Hold.Open() {
		l := r.Hold.Listed()
		l.Group, l.Name = id, out.Name
		out.Hold = &l
	}
	return out, name(ctx, tx, out.List)
}

// Known returns what is known of a group: g is nil where Entra ID never described it.
// journal.ErrUnknownGroup: nobody knows it.
func Known(ctx context.Context, tx *journal.Tx, id directory.ID) (r *record.Group, g *directory.Group, err error) {
	if tx.Head.Gen == 0 {
		return nil, nil, journal.ErrUnknownGroup
	}
	if err := tx.Fetch(ctx, []directory.ID{id}); err != nil {
		return nil, nil, err
	}
	r, g = tx.Record(id), tx.Group(id)
	if g == nil && r.Empty() {
		return nil, nil, journal.ErrUnknownGroup
	}
	return r, g, nil
}

// Problems lists what could not be decided or written, those of one group together: a page
// may be longer than asked for by that. What many groups have in common is listed once on each
// page that has some of them. reason picks some; empty: all.
func Problems(ctx context.Context, tx *journal.Tx, reason string, p Page, describe func(plan.Problem) string) (list []Problem, next journal.Place, more bool, err error) {
	all := problemList{room: roomForProblems}
	f := Filter{Problem: reason}
	if reason == "" {
		f.Problem = AnyProblem
	}
	w := journal.Walk{From: p.From, Parts: partsOfPage, Records: true, Which: f.counts}
	next, more, err = tx.Walk(ctx, w, func(id directory.ID) (bool, error) {
		if len(all.problems) >= p.Limit {
			return false, nil
		}
		for _, found := range problems(tx.Record(id), describe) {
			if reason == "" || found.Reason == reason {
				all.add(found)
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, next, more, err
	}
	list = slices.Concat([]Problem{}, all.problems)
	return list, next, more, name(ctx, tx, list)
}

// Holds lists the open holds: those over all groups are on the first page.
func Holds(ctx context.Context, tx *journal.Tx, p Page) (list []record.Listing, next journal.Place, more bool, err error) {
	list = []record.Listing{}
	if p.From == (journal.Place{}) {
		list = tx.HoldsOverAll()
	}
	w := journal.Walk{From: p.From, Parts: partsOfPage, Records: true, Which: Filter{Held: true}.counts}
	next, more, err = tx.Walk(ctx, w, func(id directory.ID) (bool, error) {
		if len(list) >= p.Limit {
			return false, nil
		}
		if l, open := journal.OpenHoldOf(tx.Record(id)); open {
			list = append(list, l)
		}
		return true, nil
	})
	return list, next, more, err
}
