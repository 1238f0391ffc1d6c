package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// hour is a full hour; times of these tests are after it.
var hour = time.Date(2026, 2, 3, 4, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return hour.Add(d) }

// TestWindowSlides: what was issued counts until a day after its hour, and goes hour by
// hour. A window with a seam let half of a limit go before it and half behind it.
func TestWindowSlides(t *testing.T) {
	late := after(59 * time.Minute)
	w := record.Window{}.Plus(late, plan.Removals, 3, 20)
	w = w.Plus(after(time.Hour), plan.Removals, 2, 15).Plus(after(90*time.Minute), plan.Removals, 1, 10)
	tests := []struct {
		name        string
		at          time.Time
		count, peak int
	}{
		{"at once", late, 6, 20},
		{"a day later", late.Add(24 * time.Hour), 6, 20},
		{"just before a day after its hour", after(25*time.Hour - 1), 6, 20},
		{"a day after its hour: the next one counts still", after(25 * time.Hour), 3, 15},
		{"just before that ends too", after(26*time.Hour - 1), 3, 15},
		{"and then nothing", after(26 * time.Hour), 0, 0},
		{"long after", after(1000 * time.Hour), 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := w.At(tt.at)
			if now.Count(plan.Removals) != tt.count || now.Peak() != tt.peak {
				t.Errorf("%d removals of %d, want %d of %d", now.Count(plan.Removals), now.Peak(), tt.count, tt.peak)
			}
			if n := now.Count(plan.Creations); n != 0 {
				t.Errorf("%d of what was never counted", n)
			}
		})
	}
	if got := w.End(); !got.Equal(after(25 * time.Hour)) {
		t.Errorf("the oldest ends at %s, want %s", got, after(25*time.Hour))
	}
	if got := (record.Window{}).End(); !got.IsZero() {
		t.Errorf("nothing ends at %s", got)
	}
}

// TestWindowPlus: what was not done is given back to the hour in which it was counted,
// and to no other.
func TestWindowPlus(t *testing.T) {
	in := func(h, n, peak int) record.Hour {
		x := record.Hour{Start: after(time.Duration(h) * time.Hour), Peak: peak, Done: map[plan.GuardName]int{}}
		if n > 0 {
			x.Done[plan.Removals] = n
		}
		return x
	}
	three := record.Window{in(0, 3, 20), in(2, 2, 10)}
	type charge struct {
		at   time.Duration
		n    int
		peak int
	}
	tests := []struct {
		name   string
		charge charge
		want   record.Window
	}{
		{"more in the same hour", charge{10 * time.Minute, 1, 25}, record.Window{in(0, 4, 25), in(2, 2, 10)}},
		{"a smaller group has no smaller peak", charge{10 * time.Minute, 1, 5}, record.Window{in(0, 4, 20), in(2, 2, 10)}},
		{"in an hour between", charge{time.Hour, 1, 5}, record.Window{in(0, 3, 20), in(1, 1, 5), in(2, 2, 10)}},
		{"in a later hour", charge{3 * time.Hour, 1, 5}, record.Window{in(0, 3, 20), in(2, 2, 10), in(3, 1, 5)}},
		{"in an earlier hour", charge{-time.Hour, 1, 5}, record.Window{in(-1, 1, 5), in(0, 3, 20), in(2, 2, 10)}},
		{"given back to an old hour", charge{59 * time.Minute, -2, 0}, record.Window{in(0, 1, 20), in(2, 2, 10)}},
		{"all given back: the peak stays", charge{0, -3, 0}, record.Window{in(0, 0, 20), in(2, 2, 10)}},
		{"more given back than counted is never less than none", charge{2 * time.Hour, -9, 0}, record.Window{in(0, 3, 20), in(2, 0, 10)}},
		{"given back to an hour that counts no more", charge{-time.Hour, -2, 0}, three},
		{"given back to an hour in which nothing was counted", charge{time.Hour, -2, 0}, three},
		{"nothing", charge{3 * time.Hour, 0, 30}, three},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := record.Window{in(0, 3, 20), in(2, 2, 10)}
			got := before.Plus(after(tt.charge.at), plan.Removals, tt.charge.n, tt.charge.peak)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(three, before); diff != "" {
				t.Errorf("the window before was modified:\n%s", diff)
			}
		})
	}
	other := three.Plus(hour, plan.Moves, 1, 0)
	if other.Count(plan.Removals) != 5 || other.Count(plan.Moves) != 1 {
		t.Errorf("another guard's: %v", other)
	}
}
