// Package explain says of one group, and of each of its members, why it is as it is: what the
// rules want and by which line, what made each attribute, where the group is in its life,
// what is held, what was refused, what is waited for.
//
// It is pure, and decides nothing: it is handed what package decision has decided, and looks
// at that. It says the same of the same facts.
package explain

import (
	"slices"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// Facts are all that is explained from.
type Facts struct {
	ID       directory.ID
	Record   record.Group     // as it is kept
	Observed *plan.Group      // as it was decided from: with nested groups by their marks
	Cloud    *directory.Group // as Entra ID has it; nil: it never said anything
	View     *directory.Group // as the rules look at it

	Rules   *rules.Rules
	Verdict rules.Verdict
	Line    int    // of the rules file, of what decided; 0: none
	Source  string // that line

	Wish plan.Wish
	Out  decision.Output // what would come of it now

	Holds   []Hold // its own, and what those over all groups list of it
	Planned bool   // a plan is being carried out that has changes of it
	Idle    string // why nothing is written now; empty: it is
}

// Hold is what is held of the group by one limit, or was and is approved.
type Hold struct {
	Limit      string     `json:"limit"` // group: its own; else the name of one over all groups
	ID         string     `json:"id,omitempty"`
	Text       string     `json:"text"`
	Opened     time.Time  `json:"opened,omitzero"`
	RejectedBy string     `json:"rejectedBy,omitempty"`
	ApprovedBy string     `json:"approvedBy,omitempty"`
	Refs       []plan.Ref `json:"-"` // members that it lists, sorted; none: the group as a whole
}

// NewHold says what a hold lists of the group.
func NewHold(h record.Hold, i record.Item) Hold {
	out := Hold{Limit: string(h.Guard), ID: h.ID, Text: h.Text, Opened: h.Opened, Refs: plan.Merge(i.Remove, i.Add)}
	if h.Guard == "" {
		out.Limit = "group"
	}
	switch {
	case h.Rejected:
		out.RejectedBy = h.By
	case !h.Open():
		out.ApprovedBy = h.By
	}
	return out
}

// Explanation is a group, explained.
type Explanation struct {
	Group directory.ID `json:"group"`
	Name  string       `json:"name,omitempty"`
	State life.State   `json:"state"`
	Since time.Time    `json:"since,omitzero"`
	Lines []string     `json:"lines"` // all of it in sentences

	Scope      Scope          `json:"scope"`
	Container  *Derived       `json:"container,omitempty"`
	Attributes []Derived      `json:"attributes,omitempty"`
	Event      life.Event     `json:"event,omitempty"`
	Next       life.State     `json:"next,omitempty"` // what it is to become
	Changes    []plan.Change  `json:"changes,omitempty"`
	Holds      []Hold         `json:"holds,omitempty"`
	Problems   []Problem      `json:"problems,omitempty"`
	Counts     map[string]int `json:"counts,omitempty"` // members by their state
	Member     *Who           `json:"member,omitempty"` // where one was asked for
}

// Scope says whether the rules want the group, and what in them says so.
type Scope struct {
	In     bool   `json:"in"`
	Reason string `json:"reason,omitempty"`
	Text   string `json:"text,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Line   int    `json:"line,omitempty"`
	Source string `json:"source,omitempty"`
}

// Derived is an attribute with what makes it.
type Derived struct {
	Attribute  string              `json:"attribute"`
	Expression string              `json:"expression,omitempty"`
	From       map[string][]string `json:"from,omitempty"`
	Values     []string            `json:"values,omitempty"` // as the rules want it
	Now        []string            `json:"now,omitempty"`    // as it is in Active Directory
	Text       string              `json:"text,omitempty"`
}

// Problem is what could not be decided or written of the group.
type Problem struct {
	Group  directory.ID `json:"group"`
	Member directory.ID `json:"member,omitzero"`
	Ref    plan.Ref     `json:"ref,omitempty"`
	Link   plan.Link    `json:"link,omitempty"`
	Kind   plan.Kind    `json:"kind,omitempty"`
	Reason string       `json:"reason"`
	Text   string       `json:"text,omitempty"`
	Until  time.Time    `json:"until,omitzero"`
}

// mostChanges is how many changes are listed, and problems.
const mostChanges = 100

// Group explains a group.
func Group(f Facts) Explanation {
	r := &f.Out.Record
	e := Explanation{Group: f.ID, Name: name(f), State: decision.StateOf(r), Since: r.Life.Since, Event: f.Wish.Event, Next: r.Life.Going, Holds: f.Holds, Counts: map[string]int{}}
	e.Scope = Scope{In: f.Verdict.Event == life.Wanted, Reason: f.Verdict.Reason, Text: rules.Explain(f.Verdict.Reason), Rule: f.Verdict.Key, Line: f.Line, Source: f.Source}
	if f.Cloud != nil && e.Scope.In || f.Observed != nil && f.Cloud != nil {
		e.Container, e.Attributes = derived(f)
	}
	if f.Out.Draft != nil {
		e.Changes = f.Out.Draft.Changes()
		e.Changes = e.Changes[:min(len(e.Changes), mostChanges)]
	}
	e.Problems = problems(r)
	e.Problems = e.Problems[:min(len(e.Problems), mostChanges)]
	for _, m := range Members(f) {
		e.Counts[string(m.State)]++
	}
	e.Lines = lines(f, e)
	return e
}

// name is what people call the group.
func name(f Facts) string {
	switch {
	case f.Observed != nil:
		return f.Observed.Name
	case f.Wish.Group != nil:
		return f.Wish.Group.Name
	case f.Cloud != nil:
		return f.Cloud.Props.First("displayName")
	}
	return ""
}

// derived lists the group's container and attributes with what makes them.
func derived(f Facts) (container *Derived, all []Derived) {
	want, now := values(f.Wish.Group), values(f.Observed)
	sources := f.Rules.Sources(f.Cloud)
	seen := map[string]bool{}
	add := func(d Derived) {
		seen[d.Attribute] = true
		d.Values, d.Now = want[d.Attribute], now[d.Attribute]
		if d.Text == "" {
			d.Text = otherwise(f, d)
		}
		if d.Attribute == "container" {
			container = &d
		} else {
			all = append(all, d)
		}
	}
	for _, s := range sources {
		d := Derived{Attribute: s.Attribute, Expression: s.Expression, From: s.From}
		if s.Once && f.Observed != nil {
			d.Text = "written on creation only: what is there stays"
		}
		add(d)
	}
	var rest []string
	for _, of := range []map[string][]string{want, now} {
		for name := range of {
			if !seen[name] {
				seen[name] = true
				rest = append(rest, name)
			}
		}
	}
	slices.Sort(rest)
	for _, name := range rest {
		add(Derived{Attribute: name})
	}
	return container, all
}

// values are a group's attributes, its container and its name among them.
func values(g *plan.Group) map[string][]string {
	if g == nil {
		return nil
	}
	out := map[string][]string{"container": {g.Parent}, "cn": {g.Name}}
	for name, v := range g.Attrs {
		out[name] = v
	}
	return out
}

// otherwise says why an attribute is not in Active Directory as the rules want it.
func otherwise(f Facts, d Derived) string {
	if taken := f.Out.Record.Names.Taken; taken != nil && (d.Attribute == "cn" || d.Attribute == plan.AccountName) {
		return "the name is somebody else's, so the group has one with a suffix"
	}
	if f.Observed == nil || f.Wish.Group == nil || plan.SameValues(d.Attribute, d.Values, d.Now) {
		return ""
	}
	kind := plan.Setting
	if d.Attribute == "cn" || d.Attribute == "container" || d.Attribute == plan.AccountName {
		kind = plan.Renaming
		if d.Attribute != "container" && !f.Wish.Rename {
			return "a new name in the cloud does not rename the group: the rules do not say rename"
		}
	}
	for _, p := range f.Out.Record.Parked {
		if p.Kind == kind {
			return "refused: " + p.Text
		}
	}
	return waits(f)
}

// waits says what a difference waits for.
func waits(f Facts) string {
	switch {
	case f.Planned:
		return "the agent has it to do"
	case f.Out.Record.Trouble != nil:
		return "the group cannot be managed as it is: " + f.Out.Record.Trouble.Text
	case f.Out.Record.Stale || f.Out.Record.Missing:
		return "the agent has to read the group first"
	case f.Idle != "":
		return f.Idle
	}
	return "it comes with the next plan"
}

// problems lists what stands in the way of the group.
func problems(r *record.Group) (all []Problem) {
	for _, p := range r.Problems {
		all = append(all, Problem{Group: r.ID, Member: p.Member, Reason: p.Reason, Text: rules.Describe(p)})
	}
	for _, p := range r.Parked {
		all = append(all, Problem{Group: r.ID, Ref: p.Ref, Link: p.Link, Kind: p.Kind, Reason: "refused", Text: p.Text, Until: p.Until})
	}
	return all
}
