package cycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// inVersions has each second pair of weathers keep its rules in the store.
func (w *weatherWorld) inVersions(seed uint64) {
	if w.stored = seed%4 > 1; !w.stored {
		return
	}
	w.keeps = func(p *cycle.Planner) {
		p.Rules, p.Stored = nil, true
		p.InForce = func(ctx context.Context, tx *journal.Tx) (cycle.Ruling, error) {
			n := tx.Head.InForce().Number
			if n == 0 {
				return cycle.Ruling{}, journal.ErrNoRules
			}
			_, text, err := w.journal.RulesText(ctx, tx.Head, n)
			if err != nil {
				return cycle.Ruling{}, err
			}
			return w.read(text), nil
		}
	}
}

// read is a text of rules as a host of this weather goes by it.
func (w *weatherWorld) read(text []byte) cycle.Ruling {
	r := w.ruling(string(text))
	r.Rules.Limits, r.Rules.Rename = *w.limits, w.renames
	return r
}

// describing are rules by which all groups have the same description; those of n and n+3 are the same.
func (w *weatherWorld) describing(n int) []byte {
	return fmt.Appendf(nil, "%sattributes: {description: '\"by %d\"'}\n", w.file, n%3)
}

// nowInForce is the version in force.
func (w *weatherWorld) nowInForce() journal.Version {
	h := w.head()
	return h.InForce()
}

// firstRules puts the first rules of a journal in force, whatever fails.
func (w *weatherWorld) firstRules() {
	for w.stored && w.nowInForce().Number == 0 {
		w.otherRules()
	}
}

// otherRules has a person put other rules in force, those of before again among them. What fails is done or is not; what is
// said to be done is.
func (w *weatherWorld) otherRules() {
	if !w.stored {
		return
	}
	w.worded += 1 + w.rng.IntN(2)
	w.steps++
	text, before := w.describing(w.worded), w.nowInForce()
	w.running = true
	v, err := w.planner.PutInForce(w.t.Context(), w.read(text), journal.Version{Replaces: before.Number, By: "operator"})
	w.running = false
	now := w.nowInForce()
	switch {
	case err != nil && !tolerable(err):
		w.t.Errorf("put in force: %v", err)
	case err == nil && (now != v || now.Text != journal.Digest(text) || now.Replaces != before.Number):
		w.t.Errorf("version %+v is said to be in force in the place of %d, and %+v is", v, before.Number, now)
	case err != nil && now != before && now.Text != journal.Digest(text):
		w.t.Errorf("%+v was in force, and now %+v is", before, now)
	}
	if _, err := w.planner.PutInForce(w.t.Context(), w.read(text), journal.Version{Replaces: now.Number + 1, By: "operator"}); !errors.Is(err, journal.ErrOutdated) {
		w.t.Errorf("in the place of a version that is not in force: %v", err)
	}
}

// call has somebody ask for a group, or for all of them again, while a step is at its work.
func (w *weatherWorld) call() {
	if w.rng.Float64() >= w.calls {
		return
	}
	ask := journal.Ask{By: "operator", Full: w.rng.IntN(4) == 0}
	if !ask.Full {
		ask.Groups = []directory.ID{w.anyGroup()}
	}
	_ = w.journal.Ask(w.t.Context(), ask) // a store that fails takes none
}

// described says what is wrong with what a group is called and described as, two weeks later.
func (w *weatherWorld) described(g graphtest.TruthObject, have plan.Group) string {
	if is, want := have.Attrs["displayName"], []string{g.Properties["displayName"].(string)}; !slices.Equal(is, want) {
		return fmt.Sprintf("it is displayed as %q, and the cloud says %q", is, want)
	}
	if !w.stored {
		return ""
	}
	h := w.head()
	_, text, err := w.journal.RulesText(w.t.Context(), h, h.InForce().Number)
	w.do(err)
	for n := range 3 {
		if is, want := have.Attrs["description"], fmt.Sprintf("by %d", n); string(w.describing(n)) == string(text) && !slices.Equal(is, []string{want}) {
			return fmt.Sprintf("it is described as %q, and by version %d it is %q", is, h.InForce().Number, want)
		}
	}
	return ""
}
