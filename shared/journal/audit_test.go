package journal

import (
	"errors"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// audited is a journal that has noted batches of some groups each.
func audited(t *testing.T, batches ...[]int) (*Journal, *clock) {
	t.Helper()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	for i, groups := range batches {
		w := load(t, j)
		b := Batch{Epoch: 1, Seq: uint64(i)}
		for _, g := range groups {
			b.Changes = append(b.Changes, update(g, 1))
		}
		if err := w.Note(t.Context(), b, Ack{Agent: "a", DC: "dc1"}); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
	}
	return j, c
}

// follow lists the numbers of the batches that a trace leads to, and why it ends.
func follow(t *testing.T, j *Journal, at Trace, back func(Applied) Trace) (seqs []uint64, end error) {
	t.Helper()
	for range 100 {
		a, err := j.Applied(t.Context(), at)
		if err != nil {
			return seqs, err
		}
		seqs, at = append(seqs, a.Seq), back(a)
	}
	t.Fatal("it goes round in a circle")
	return nil, nil
}

// TestAudit: each object names the one before, and of each group the one before with
// changes of it.
func TestAudit(t *testing.T) {
	j, _ := audited(t, []int{1}, []int{1, 2}, []int{2, 2}, []int{1})
	w := load(t, j)
	all, end := follow(t, j, w.Trace(), Applied.Back)
	if !slices.Equal(all, []uint64{3, 2, 1, 0}) || !errors.Is(end, ErrAuditEnd) {
		t.Errorf("the audit: %v, %v", all, end)
	}
	for group, want := range map[int][]uint64{1: {3, 1, 0}, 2: {2, 1}} {
		if err := w.FetchRecords(t.Context(), []directory.ID{gid(group)}); err != nil {
			t.Fatal(err)
		}
		seqs, end := follow(t, j, Trace{Name: w.Record(gid(group)).Noted}, func(a Applied) Trace { return a.BackOf(gid(group)) })
		if !slices.Equal(seqs, want) || !errors.Is(end, ErrAuditEnd) {
			t.Errorf("group %d: %v, %v; want %v", group, seqs, end, want)
		}
	}
}

// TestAuditDamaged: an object that was taken away, or is another one, is noticed, and one that
// was kept for its time and is gone is not missed.
func TestAuditDamaged(t *testing.T) {
	j, c := audited(t, []int{1}, []int{1}, []int{1})
	a, err := j.Applied(t.Context(), load(t, j).Trace())
	if err != nil {
		t.Fatal(err)
	}
	name := j.prefix() + audits + a.Prior
	whole, tag, err := j.Store.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Store.Put(t.Context(), name, slices.Concat(whole, []byte(" ")), tag); err != nil {
		t.Fatal(err)
	}
	if seqs, end := follow(t, j, load(t, j).Trace(), Applied.Back); len(seqs) != 1 || !errors.Is(end, ErrAuditBroken) {
		t.Errorf("with another object in its place: %v, %v", seqs, end)
	}
	if err := j.Store.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if seqs, end := follow(t, j, load(t, j).Trace(), Applied.Back); len(seqs) != 1 || !errors.Is(end, ErrAuditBroken) {
		t.Errorf("without an object: %v, %v", seqs, end)
	}
	c.pass(retention + 2*time.Hour)
	if seqs, end := follow(t, j, load(t, j).Trace(), Applied.Back); len(seqs) != 1 || !errors.Is(end, ErrAuditEnd) {
		t.Errorf("after its time: %v, %v", seqs, end)
	}
}

// TestAuditOutlivesTheJournal: what was done is found after the journal began anew.
func TestAuditOutlivesTheJournal(t *testing.T) {
	j, _ := audited(t, []int{1}, []int{2})
	if err := j.BeginAnew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seqs, _ := follow(t, j, load(t, j).Trace(), Applied.Back); !slices.Equal(seqs, []uint64{1, 0}) {
		t.Errorf("%v", seqs)
	}
}

// TestAckNamesItsController: which domain controller was written to the lease says, and the
// agent's message does not.
func TestAckNamesItsController(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	first(t, j)
	if err := second(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	p := load(t, j).Head.Plan
	r, err := j.Poll(t.Context(), Poll{Agent: "agent", DC: DC{Name: "dc7"}})
	if err != nil || r.Batch == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := j.Ack(t.Context(), Ack{Epoch: r.Epoch, Seq: r.Seq, Digest: p.Digests[0], Agent: "agent", Token: r.Token, DC: "elsewhere", Results: []plan.Result{{Status: plan.Done}}}); err != nil {
		t.Fatal(err)
	}
	a, err := getJSON[Ack](t.Context(), j, ackName(r.Epoch, r.Seq))
	if err != nil || a.DC != "dc7" {
		t.Errorf("%+v, %v", a, err)
	}
}
