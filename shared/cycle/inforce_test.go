package cycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/journal"
)

// inStore has the planner go by the rules in the store.
func (w *world) inStore() {
	w.planner.Stored = true
	w.planner.InForce = func(ctx context.Context, tx *journal.Tx) (cycle.Ruling, error) {
		n := tx.Head.InForce().Number
		if n == 0 {
			return cycle.Ruling{}, journal.ErrNoRules
		}
		_, text, err := w.journal.RulesText(ctx, tx.Head, n)
		if err != nil {
			return cycle.Ruling{}, err
		}
		return w.ruling(string(text)), nil
	}
}

// ruling is a text of rules as a host goes by it.
func (w *world) ruling(text string) cycle.Ruling {
	w.t.Helper()
	return cycle.Ruling{Rules: parsed(w.t, text), Text: []byte(text), Source: w.source}
}

// put has a person put rules in force, again and again until nothing fails.
func (w *world) putRules(text string, replaces uint64) journal.Version {
	w.t.Helper()
	for {
		v, err := w.planner.PutInForce(w.t.Context(), w.ruling(text), journal.Version{Replaces: replaces, By: "operator"})
		if errors.Is(err, errFault) {
			continue
		}
		w.do(err)
		return v
	}
}

// rulesPutAndTakenBack puts rules in force by which all groups move, and those of before again. Whatever fails, each
// is one version, with its text and a place in the audit.
func rulesPutAndTakenBack(w *world) {
	first, other := w.file, w.file+"attributes: {description: '\"other\"'}\n"
	w.inStore()
	texts, numbers := []string{first, other, first}, []uint64{0}
	for _, text := range texts {
		before := numbers[len(numbers)-1]
		v := w.putRules(text, before)
		if before > 0 && v.Number != before+1 || v.Replaces != before { // of the first a text may be left that never was in force
			w.t.Fatalf("version %d of version %d, want the next of %d", v.Number, v.Replaces, before)
		}
		numbers = append(numbers, v.Number)
		w.untilQuietAgainst(func(err error) {
			if !errors.Is(err, errFault) {
				w.t.Fatal(err)
			}
		})
		for _, g := range w.ad {
			if is := slices.Equal(g.Attrs["description"], []string{"other"}); is != (text == other) {
				w.t.Fatalf("version %d: %s is described as %q", v.Number, g.Name, g.Attrs["description"])
			}
		}
	}
	h := w.head()
	list, more, err := w.journal.Versions(w.t.Context(), h, 0, 10)
	w.do(err)
	if len(list) != 3 || more {
		w.t.Fatalf("versions %+v", list)
	}
	for i, want := range texts {
		if _, text, err := w.journal.RulesText(w.t.Context(), h, numbers[i+1]); err != nil || string(text) != want {
			w.t.Fatalf("version %d is %q, %v", numbers[i+1], text, err)
		}
	}
	w.auditedRules(numbers[3], numbers[2], numbers[1])
}

// auditedRules walks the audit, and sees which versions of rules it tells of.
func (w *world) auditedRules(want ...uint64) {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	var told []uint64
	for at := v.Trace(); ; {
		a, err := w.journal.Applied(w.t.Context(), at)
		if errors.Is(err, journal.ErrAuditEnd) {
			break
		}
		w.do(err)
		if a.Rules != nil {
			told = append(told, a.Rules.Number)
		}
		at = a.Back()
	}
	if fmt.Sprint(told) != fmt.Sprint(want) {
		w.t.Fatalf("the audit tells of versions %v, want %v", told, want)
	}
}

// TestPutInForceAtOnce: of many who put rules in the place of the same version at the same moment one wins. The others
// are told whose are in force.
func TestPutInForceAtOnce(t *testing.T) {
	w := newWorld(t)
	w.inStore()
	w.putRules("ou: "+ou+"\nscope: all\n", 0)
	const people = 8
	won, lost := make([]bool, people), make([]error, people)
	var all sync.WaitGroup
	for i := range people {
		text := fmt.Sprintf("ou: %s\nscope: all\nlimits: {creations: %d}\n", ou, i+1)
		ruling, p := w.ruling(text), *w.planner
		all.Go(func() {
			v, err := p.PutInForce(t.Context(), ruling, journal.Version{Replaces: 1, By: fmt.Sprint("person ", i)})
			won[i], lost[i] = err == nil && v.Number == 2, err
		})
	}
	all.Wait()
	winners := 0
	for i := range people {
		switch {
		case won[i]:
			winners++
			h := w.head()
			if now := h.InForce(); now.By != fmt.Sprint("person ", i) {
				t.Errorf("person %d has won, and version 2 is of %s", i, now.By)
			}
		case !errors.Is(lost[i], journal.ErrOutdated):
			t.Errorf("person %d: %v", i, lost[i])
		}
	}
	if winners != 1 || w.head().Version.Number != 2 {
		t.Errorf("%d have won, version %d", winners, w.head().Version.Number)
	}
}

// TestPutInForceAgain: what is said again, since the answer was lost, is done once; the next change is another version.
func TestPutInForceAgain(t *testing.T) {
	w := newWorld(t)
	w.inStore()
	one, two := "ou: "+ou+"\nscope: all\n", "ou: "+ou+"\nscope: all\nlimits: {creations: 7}\n"
	for i, put := range []struct {
		text           string
		replaces, want uint64
	}{{one, 0, 1}, {one, 0, 1}, {two, 1, 2}, {two, 1, 2}, {one, 2, 3}, {one, 2, 3}, {one, 3, 4}} {
		if v := w.putRules(put.text, put.replaces); v.Number != put.want {
			t.Errorf("the %d. is version %d, want %d", i+1, v.Number, put.want)
		}
	}
	if _, err := w.planner.PutInForce(t.Context(), w.ruling(two), journal.Version{Replaces: 1}); !errors.Is(err, journal.ErrOutdated) {
		t.Errorf("what was replaced since is said again: %v", err)
	}
}

// TestNoRulesNoStep: without rules in the store a step reads and writes nothing, and is no failure.
func TestNoRulesNoStep(t *testing.T) {
	w := newWorld(t)
	w.users(3)
	w.group(1, 0, 3)
	w.untilQuietAgainst(w.do)
	w.inStore()
	count := &blobtest.Count{Store: w.journal.Store}
	w.journal.Store = count
	before := w.source.pages
	if more, err := w.planner.Step(t.Context()); more || !errors.Is(err, journal.ErrNoRules) {
		t.Errorf("%v, %v", more, err)
	}
	if c := count.Take(); c.Writes() > 0 || w.source.pages > before {
		t.Errorf("%v, %d pages of Graph", c, w.source.pages-before)
	}
}
