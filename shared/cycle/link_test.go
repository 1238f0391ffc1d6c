package cycle

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// view is a journal with nothing in it, of which some records are read.
func view(t *testing.T, ids ...directory.ID) *journal.Tx {
	t.Helper()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	j := &journal.Journal{Store: blob.Memory(), Target: "corp", Now: func() time.Time { return now }}
	tx, err := j.View(t.Context())
	if err == nil {
		err = tx.FetchRecords(t.Context(), ids)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// ruled is a record of a group with two members, of whom one manages it too.
func ruled(id directory.ID) record.Group {
	links := plan.Members("S-1-5-21-1-2-3-1101", "S-1-5-21-1-2-3-1103").With(plan.ManagedBy, []plan.Ref{"S-1-5-21-1-2-3-1101"})
	return record.Group{ID: id, Converged: true, Observed: &plan.Group{ID: id, GUID: "g", Name: "a", Parent: "OU=x", Links: links}}
}

// TestLinkResult: what became of a change of a link is that link's. A manager who is gone is a
// member yet, and a refusal of one says nothing of the other.
func TestLinkResult(t *testing.T) {
	id, ann, bob, member := directory.ID{1}, plan.Ref("S-1-5-21-1-2-3-1101"), plan.Ref("S-1-5-21-1-2-3-1102"), plan.Ref("S-1-5-21-1-2-3-1103")
	change := func(remove, add []plan.Ref) plan.Change {
		return plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Group: id, GUID: "g", Remove: remove, Add: add}
	}
	refusal := record.Parked{Kind: plan.Adding, Ref: bob, Text: "as a member"}
	for name, tt := range map[string]struct {
		change  plan.Change
		result  plan.Result
		manager []plan.Ref
		parked  []plan.Ref // of managers
		stale   bool
	}{
		"gone":              {change([]plan.Ref{ann}, nil), plan.Result{Status: plan.Done}, nil, nil, false},
		"who was none":      {change([]plan.Ref{bob}, nil), plan.Result{Status: plan.Done}, []plan.Ref{ann}, nil, true},
		"who is a member":   {change([]plan.Ref{member}, nil), plan.Result{Status: plan.Done}, []plan.Ref{ann}, nil, true},
		"refused":           {change([]plan.Ref{ann}, nil), plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: ann, Text: "no"}}}, []plan.Ref{ann}, []plan.Ref{ann}, true},
		"one who is no one": {change(nil, []plan.Ref{bob}), plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: bob, Text: "no"}}}, []plan.Ref{ann}, []plan.Ref{bob}, false},
		"an old agent's no": {change(nil, []plan.Ref{bob}), plan.Result{Status: plan.Refused, Text: "update the agent"}, []plan.Ref{ann}, []plan.Ref{""}, true},
	} {
		tx, r := view(t, id), ruled(id)
		r.Parked = []record.Parked{refusal}
		foldResult(tx, &r, tt.change, tt.result)
		var parked []plan.Ref
		for _, p := range r.Parked {
			if p.Link == plan.ManagedBy {
				parked = append(parked, p.Ref)
			}
		}
		if got := r.Observed.Links[plan.ManagedBy]; !slices.Equal(got, tt.manager) || !slices.Equal(parked, tt.parked) || r.Stale != tt.stale {
			t.Errorf("%s: managed by %v, parked %v, stale %t", name, got, r.Parked, r.Stale)
		}
		if len(r.Parked) != 1+len(tt.parked) || r.Parked[0].Text != refusal.Text || !slices.Equal(r.Observed.Members(), []plan.Ref{ann, member}) {
			t.Errorf("%s: members %v, parked %v", name, r.Observed.Members(), r.Parked)
		}
	}
}

// TestLinkByHand: somebody has changed who manages a group: it is noted as that, and said of
// the change that puts it right. It makes nobody a stranger.
func TestLinkByHand(t *testing.T) {
	id := directory.ID{1}
	tx, r := view(t, id), ruled(id)
	now := r.Observed.Clone()
	now.Links = now.Links.Having(plan.ManagedBy, nil)
	byHand(tx, &r, &now)
	if !slices.Equal(r.ByHand, []string{"managedBy"}) {
		t.Fatalf("by hand: %v", r.ByHand)
	}
	tx.PutRecord(&r)
	put := plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Group: id, Add: []plan.Ref{"S-1-5-21-1-2-3-1101"}}
	join := plan.Change{Op: plan.Update, Group: id, Add: []plan.Ref{"S-1-5-21-1-2-3-1101"}}
	if got := reasons(tx, &draft{}, put); !slices.Equal(got, []string{"it was changed by hand"}) {
		t.Errorf("the change that puts it right is told to come of %v", got)
	}
	if got := reasons(tx, &draft{}, join); !slices.Equal(got, []string{"the cloud changed"}) {
		t.Errorf("another is told to come of %v", got)
	}
}

// TestLinksInForm: links that are not in the form that package plan relies on are no agent's of
// ours.
func TestLinksInForm(t *testing.T) {
	for _, tt := range []struct {
		refs []plan.Ref
		want bool
	}{
		{[]plan.Ref{"a"}, true}, {[]plan.Ref{"a", "b"}, true}, {[]plan.Ref{"b", "a"}, false}, {[]plan.Ref{"a", "a"}, false}, {[]plan.Ref{}, false},
	} {
		g := plan.Group{Links: plan.Members("x").With(plan.ManagedBy, tt.refs)}
		if inForm(&g) != tt.want {
			t.Errorf("%v: in form %t", tt.refs, !tt.want)
		}
	}
}
