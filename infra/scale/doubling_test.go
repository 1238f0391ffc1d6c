package scale_test

import (
	"context"
	"errors"
	"testing"

	"groupwriteback/infra/scale"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// A stage is a part of the life of one large group, over which its cost is measured.
type stage struct {
	name   string
	before func(context.Context, *scale.Run) error // not measured
	play   func(context.Context, *scale.Run) error
}

func stages() []stage {
	steps := func(ctx context.Context, r *scale.Run) error { return r.Steps(ctx) }
	report := func(ctx context.Context, r *scale.Run) error { return r.Agent.Report(ctx, r.Groups, true) }
	return []stage{
		{"enumerate", nil, steps},
		{"fill", func(ctx context.Context, r *scale.Run) error { return r.Agent.Report(ctx, 0, true) }, func(ctx context.Context, r *scale.Run) error { return r.Fill(ctx, 1000) }},
		{"pieces", report, steps},
		{"leave", func(_ context.Context, r *scale.Run) error { r.Tenant.Passed = 1; return nil }, steps},
		{"charge", func(ctx context.Context, r *scale.Run) error {
			v, err := r.Journal.View(ctx)
			if err != nil {
				return err
			}
			holds, _, err := v.Holds(ctx, 1)
			if err != nil || len(holds) != 1 {
				return errors.Join(err, errors.New("there is no hold"))
			}
			return r.Journal.Approve(ctx, journal.Word{Hold: holds[0].ID, By: "ann"})
		}, steps},
		{"prove", func(ctx context.Context, r *scale.Run) error {
			_, err := r.Agent.Work(ctx)
			return err
		}, steps},
		{"prove by a reading", report, steps},
	}
}

// life plays all stages with a group of n members, and returns the time that each takes
// of the processor.
func life(b *testing.B, n, users uint32) (took []float64) {
	ctx := b.Context()
	r, err := scale.On(blob.Memory(), scale.Spec{Users: users, Groups: 3, Memberships: uint64(n) + 50, Large: []uint32{n}, Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	r.Tenant.Events = []scale.Event{{Groups: []uint32{0}, Keep: 2}}
	r.Agent.Directory, r.Still = plan.State{}, true
	for _, s := range stages() {
		if s.before != nil {
			err = s.before(ctx, r)
		}
		began := scale.Used()
		if err = errors.Join(err, s.play(ctx, r)); err != nil {
			b.Fatalf("%s: %v", s.name, err)
		}
		took = append(took, (scale.Used() - began).Seconds())
	}
	return took
}

func least(a, b []float64) []float64 {
	for i := range a {
		a[i] = min(a[i], b[i])
	}
	return a
}

// BenchmarkDoubling plays the life of one large group, and of one twice as large: it is
// enumerated and filled, a report of its pieces is folded, half of it leaves, is charged
// when a plan of it is issued, and proven to be gone.
func BenchmarkDoubling(b *testing.B) {
	once, twice := life(b, 25_000, 30_011), life(b, 50_000, 60_013)
	for range 2 { // the least of each: others use the processor too
		once, twice = least(once, life(b, 25_000, 30_011)), least(twice, life(b, 50_000, 60_013))
	}
	for i, s := range stages() {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
			}
			scale.TellDoubling(b, once[i], twice[i])
		})
	}
}
