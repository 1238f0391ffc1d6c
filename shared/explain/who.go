package explain

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// Who is one member, explained on its own.
type Who struct {
	Member
	Lines   []string `json:"lines"`
	Paths   [][]Step `json:"paths,omitempty"` // from the group down to the member
	Written *Wrote   `json:"written,omitempty"`
	Remark  string   `json:"remark,omitempty"`
}

// Step is one group on the way to a member, or the member.
type Step struct {
	ID   directory.ID `json:"id"`
	Name string       `json:"name,omitempty"`
}

// Wrote is what wrote a membership, or took it away.
type Wrote struct {
	Op    string    `json:"op"` // add or remove
	At    time.Time `json:"at"`
	Batch uint64    `json:"batch"`
	Agent string    `json:"agent,omitempty"`
	DC    string    `json:"dc,omitempty"`
	Why   string    `json:"why,omitempty"`
}

// Remark is what people have to know of a new membership.
const Remark = "a user has the rights of a group with the next logon ticket: sign out and in again (klist shows it), and mind replication where another domain controller is asked"

// Describe explains one member. written is what wrote the membership last, as far as that is
// known; paths are the ways from the group to the member.
func Describe(m Member, written *Wrote, paths [][]Step) Who {
	w := Who{Member: m, Written: written, Paths: paths}
	say := func(format string, args ...any) { w.Lines = append(w.Lines, fmt.Sprintf(format, args...)) }
	who := cmp.Or(m.Name, string(m.Ref), m.ID.String())
	switch m.State {
	case Written:
		say("%s is a member in Active Directory, as it is in the cloud", who)
	case Excluded:
		say("%s is a member in the cloud, and is not written: %s", who, cmp.Or(m.Text, m.Reason))
	case Waiting:
		say("%s is to become a member in Active Directory: %s", who, m.Text)
	case Issued:
		say("the agent has to do what becomes of %s", who)
	case Refused:
		say("%s was refused: %s", who, m.Text)
		if !m.Until.IsZero() {
			say("it is tried again at %s, and at once by retry", m.Until.UTC().Format(time.RFC3339))
		}
	case Held:
		say("%s waits for a person's word on hold %s: %s", who, m.Hold, m.Text)
	case Leaving:
		say("%s is a member in Active Directory, and goes with the next plan: %s", who, cmp.Or(m.Text, m.Reason))
	case Kept:
		say("%s stays a member in Active Directory: %s", who, cmp.Or(m.Text, m.Reason))
	case Stale:
		say("what becomes of %s is not known yet: %s", who, m.Text)
	case NotMember:
		if slices.ContainsFunc(paths, nested) {
			say("%s is no direct member, as far as is known", who)
		} else {
			say("%s is no member: %s", who, m.Text)
		}
	}
	for _, p := range paths {
		if nested(p) {
			say("it comes into the group through %s", through(p[1:len(p)-1]))
		}
	}
	if written != nil {
		what := map[string]string{"add": "written", "remove": "taken out"}[written.Op]
		say("it was %s at %s, in batch %d%s", what, written.At.UTC().Format(time.RFC3339), written.Batch, on(written.DC))
	}
	if m.State == Written && (m.Kind == directory.User || m.Kind == "") {
		w.Remark = Remark
		say("%s", Remark)
	}
	return w
}

// nested says whether a way leads through a group.
func nested(path []Step) bool { return len(path) > 2 }

func on(dc string) string {
	if dc == "" {
		return ""
	}
	return ", on " + plan.Controller(dc)
}

func through(steps []Step) (text string) {
	for i, s := range steps {
		if i > 0 {
			text += ", and in that "
		}
		text += cmp.Or(s.Name, s.ID.String())
	}
	return text
}

// mostPaths is how many ways to a member are told.
const mostPaths = 10

// Paths are the ways from a group down to a member, the shortest first, by who is directly in
// whom. A way goes through each group once.
func Paths(from, to directory.ID, above map[directory.ID][]directory.ID) [][]directory.ID {
	var out [][]directory.ID
	ways := [][]directory.ID{{to}}
	for steps := 0; len(ways) > 0 && len(out) < mostPaths && steps < 10_000; steps++ {
		way := ways[0]
		ways = ways[1:]
		if way[0] == from {
			out = append(out, way)
			continue
		}
		for _, parent := range above[way[0]] {
			if !slices.Contains(way, parent) {
				ways = append(ways, slices.Concat([]directory.ID{parent}, way))
			}
		}
	}
	return out
}

// lines tells of a group in sentences.
func lines(f Facts, e Explanation) (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	where := ""
	if e.Scope.Rule != "" {
		where = ", by " + e.Scope.Rule
	}
	if e.Scope.Line > 0 {
		where += fmt.Sprintf(" (line %d: %s)", e.Scope.Line, e.Scope.Source)
	}
	if e.Scope.In {
		say("the rules want it%s", where)
	} else {
		say("the rules do not want it%s: %s", where, cmp.Or(e.Scope.Text, e.Scope.Reason))
	}
	say("%s", inWords(f, e))
	if t := f.Out.Record.Trouble; t != nil {
		say("it cannot be managed as it is: %s", t.Text)
	}
	for _, h := range e.Holds {
		switch {
		case h.ApprovedBy != "":
			say("hold %s is approved by %s: %s", h.ID, h.ApprovedBy, h.Text)
		case h.RejectedBy != "":
			say("hold %s is rejected by %s, and stays held: %s", h.ID, h.RejectedBy, h.Text)
		default:
			say("hold %s waits for a person's word: %s", h.ID, h.Text)
		}
	}
	for _, p := range e.Problems {
		if p.Member == (directory.ID{}) && p.Ref == "" && p.Reason != e.Scope.Reason {
			say("%s: %s", p.Reason, p.Text)
		}
	}
	if n := len(e.Changes); n > 0 {
		say("what differs (%d): %s", n, waits(f))
	}
	for _, state := range slices.Sorted(maps.Keys(e.Counts)) {
		say("members %s: %d", state, e.Counts[state])
	}
	return out
}

// inWords says where the group is in its life.
func inWords(f Facts, e Explanation) string {
	since := ""
	if !e.Since.IsZero() {
		since = ", since " + e.Since.UTC().Format(time.RFC3339)
	}
	text := map[life.State]string{
		life.Candidate:   "it is not in Active Directory, and not wanted there",
		life.Waiting:     "it is wanted, and not in Active Directory yet: " + waits(f),
		life.Written:     "it is in Active Directory, and kept as the cloud has it",
		life.Held:        "it is in Active Directory, and what is to become of it waits",
		life.Kept:        "it is in Active Directory, not wanted any more, and kept as it is",
		life.Quarantined: "it is in quarantine: it keeps its members, and gives them nothing",
		life.Deleted:     "it is deleted in Active Directory, and can be restored",
		life.Disowned:    "it is in Active Directory, and left to people",
	}[e.State]
	return fmt.Sprintf("%s (%s%s)", text, e.State, since)
}

// WroteIn looks in a change that was done for what it did to a member.
func WroteIn(c plan.Change, res plan.Result, refs []plan.Ref) (op string) {
	done := func(list []plan.Ref) bool {
		for _, ref := range refs {
			if has(list, ref) && !slices.ContainsFunc(res.Bad, func(b plan.BadRef) bool { return b.Ref == ref }) {
				return true
			}
		}
		return false
	}
	switch {
	case res.Status != plan.Done:
		return ""
	case done(c.Joins()):
		return "add"
	case done(c.Leaves()):
		return "remove"
	}
	return ""
}
