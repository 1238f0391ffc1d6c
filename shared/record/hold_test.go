package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestHoldAfter: the last word on a hold counts by when it was said, not by when it came:
// a click that was sent again once turned a later rejection round.
func TestHoldAfter(t *testing.T) {
	said := func(minute int, by string, approve bool) record.Decision {
		return record.Decision{At: after(time.Duration(minute) * time.Minute), By: by, Approve: approve}
	}
	tests := []struct {
		name     string
		words    []record.Decision
		by       string
		rejected bool
		open     bool
	}{
		{"no word", nil, "", false, true},
		{"approved", []record.Decision{said(1, "ann", true)}, "ann", false, false},
		{"rejected", []record.Decision{said(1, "ann", false)}, "ann", true, true},
		{"approved, then rejected", []record.Decision{said(1, "ann", true), said(2, "bob", false)}, "bob", true, true},
		{"rejected, then approved", []record.Decision{said(1, "ann", false), said(2, "bob", true)}, "bob", false, false},
		{"rejected, and an older approval comes late", []record.Decision{said(2, "bob", false), said(1, "ann", true)}, "bob", true, true},
		{"approved, and an older rejection comes late", []record.Decision{said(2, "bob", true), said(1, "ann", false)}, "bob", false, false},
		{"both at one time: nothing goes", []record.Decision{said(1, "ann", true), said(1, "bob", false)}, "bob", true, true},
		{"both at one time, the other way round", []record.Decision{said(1, "bob", false), said(1, "ann", true)}, "bob", true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := after(time.Hour)
			h := record.Hold{ID: "id", List: "list", Count: 3, Opened: hour, Text: "text", Guard: plan.Moves}
			before := h
			for _, w := range tt.words {
				h = h.After(w, now)
			}
			if h.By != tt.by || h.Rejected != tt.rejected || h.Open() != tt.open || h.InForce(now) == tt.open {
				t.Errorf("hold %+v", h)
			}
			if !tt.open && !h.Approved.Equal(now) {
				t.Errorf("approved at %s, want when the word was read: %s", h.Approved, now)
			}
			h.By, h.Said, h.Rejected, h.Approved = "", time.Time{}, false, time.Time{}
			if diff := cmp.Diff(before, h); diff != "" {
				t.Errorf("a word changed what is held:\n%s", diff)
			}
		})
	}
}

// An approval counts for a day.
func TestInForce(t *testing.T) {
	h := record.Hold{}.After(record.Decision{At: hour, Approve: true}, hour)
	if !h.InForce(after(24*time.Hour-1)) || h.InForce(after(24*time.Hour)) {
		t.Errorf("in force a moment before a day: %t, at it: %t", h.InForce(after(24*time.Hour-1)), h.InForce(after(24*time.Hour)))
	}
}

// TestListingKey: another list is another hold. A word on the one is none on the other.
func TestListingKey(t *testing.T) {
	one, two := directory.ID{1}, directory.ID{2}
	list := func(g plan.GuardName, items ...record.Item) record.Listing {
		return record.Listing{Guard: g, Items: items}
	}
	lists := map[string]record.Listing{
		"nothing":                     list(plan.Removals),
		"nothing, of another guard":   list(plan.Additions),
		"a removal":                   list(plan.Removals, record.Item{Group: one, Remove: []plan.Ref{ref(1)}}),
		"the same of a single group":  list("", record.Item{Group: one, Remove: []plan.Ref{ref(1)}}),
		"the same of another guard":   list(plan.Additions, record.Item{Group: one, Remove: []plan.Ref{ref(1)}}),
		"of another member":           list(plan.Removals, record.Item{Group: one, Remove: []plan.Ref{ref(2)}}),
		"of another group":            list(plan.Removals, record.Item{Group: two, Remove: []plan.Ref{ref(1)}}),
		"one more member":             list(plan.Removals, record.Item{Group: one, Remove: []plan.Ref{ref(1), ref(2)}}),
		"the other member elsewhere":  list(plan.Removals, record.Item{Group: one, Remove: []plan.Ref{ref(1)}}, record.Item{Group: two, Remove: []plan.Ref{ref(2)}}),
		"an addition":                 list(plan.Removals, record.Item{Group: one, Add: []plan.Ref{ref(1)}}),
		"a group as a whole":          list(plan.Moves, record.Item{Group: one}),
		"a move":                      list(plan.Moves, record.Item{Group: one, To: "CN=a,OU=x"}),
		"a move to another place":     list(plan.Moves, record.Item{Group: one, To: "CN=a,OU=y"}),
		"a move of two to two places": list(plan.Moves, record.Item{Group: one, To: "CN=a,OU=x"}, record.Item{Group: two, To: "CN=a,OU=y"}),
	}
	digests := map[string]string{}
	for name, l := range lists {
		for other, digest := range digests {
			if digest == l.Digest() {
				t.Errorf("%q and %q are one list", name, other)
			}
		}
		digests[name] = l.Digest()
		told := l
		told.ID, told.Text, told.Count, told.Opened, told.Denied, told.Name = "id", "text", 9, hour, "ann", "name"
		if told.Digest() != l.Digest() {
			t.Errorf("%q told in other words is another list", name)
		}
	}
}

// TestItem: what an item lists of an impact is what it allows.
func TestItem(t *testing.T) {
	id := directory.ID{1}
	for guard, at := range map[plan.GuardName]plan.Impact{
		plan.Removals:    {Refs: []plan.Ref{ref(1), ref(2)}},
		plan.Additions:   {Refs: []plan.Ref{ref(1)}},
		plan.Moves:       {Whole: true, To: "CN=a,OU=x"},
		plan.Retirements: {Whole: true},
		plan.Creations:   {Whole: true},
	} {
		item := record.NewItem(guard, id, "Staff", at)
		if diff := cmp.Diff(at, item.Impact()); diff != "" {
			t.Errorf("%s: -listed +allowed:\n%s", guard, diff)
		}
		if (len(item.Add) > 0) != (guard == plan.Additions) {
			t.Errorf("%s: %+v tells people the wrong thing", guard, item)
		}
	}
}

// TestListed: a hold in a list says what is held and who has said no.
func TestListed(t *testing.T) {
	h := record.Hold{ID: "id", List: "digest", Guard: plan.Moves, Text: "text", Opened: hour, Count: 3, By: "ann", Said: hour}
	want := record.Listing{ID: "id", Guard: plan.Moves, Text: "text", Opened: hour, Count: 3}
	if diff := cmp.Diff(want, h.Listed()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	h.Rejected, want.Denied = true, "ann"
	if diff := cmp.Diff(want, h.Listed()); diff != "" {
		t.Errorf("rejected: -want +got:\n%s", diff)
	}
}
