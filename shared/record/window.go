package record

import (
	"maps"
	"time"

	"groupwriteback/shared/plan"
)

// Window counts what plans were issued to do in the last day, by the hour, oldest
// first: it slides, so that no two halves of a limit meet at a seam.
type Window []Hour

// Hour is what was issued in one hour.
type Hour struct {
	Start time.Time              `json:"start" cbor:"1,keyasint"`                    // the hour's beginning
	Peak  int                    `json:"peak,omitempty" cbor:"2,keyasint,omitempty"` // of one group: its largest size
	Done  map[plan.GuardName]int `json:"done,omitempty" cbor:"3,keyasint,omitempty"`
}

// windowLife is how long what was issued counts: from the end of its hour.
const windowLife = 24 * time.Hour

// end is when an hour counts no more.
func (h Hour) end() time.Time { return h.Start.Add(time.Hour + windowLife) }

// At is the window as of now, without what counts no more.
func (w Window) At(now time.Time) Window {
	for len(w) > 0 && !now.Before(w[0].end()) {
		w = w[1:]
	}
	return w
}

// End is when the oldest hour counts no more; zero if there is none.
func (w Window) End() time.Time {
	if len(w) == 0 {
		return time.Time{}
	}
	return w[0].end()
}

// Count is how much of a guard's was issued.
func (w Window) Count(g plan.GuardName) (n int) {
	for _, h := range w {
		n += h.Done[g]
	}
	return n
}

// Peak is the group's largest size.
func (w Window) Peak() (n int) {
	for _, h := range w {
		n = max(n, h.Peak)
	}
	return n
}

// Plus is the window with n more of a guard's at a time, or less; never less than
// none. peak is the group's size then.
func (w Window) Plus(at time.Time, g plan.GuardName, n, peak int) Window {
	start := at.Truncate(time.Hour)
	out := make(Window, 0, len(w)+1)
	placed := false
	for _, h := range w {
		if !placed && !h.Start.Before(start) {
			if h.Start.Equal(start) {
				out, placed = append(out, h.plus(g, n, peak)), true
				continue
			}
			if n > 0 {
				out = append(out, Hour{Start: start}.plus(g, n, peak))
			}
			placed = true
		}
		out = append(out, h)
	}
	if !placed && n > 0 {
		out = append(out, Hour{Start: start}.plus(g, n, peak))
	}
	return out
}

func (h Hour) plus(g plan.GuardName, n, peak int) Hour {
	h.Done = maps.Clone(h.Done)
	if h.Done == nil {
		h.Done = map[plan.GuardName]int{}
	}
	h.Done[g] = max(h.Done[g]+n, 0)
	if h.Done[g] == 0 {
		delete(h.Done, g)
	}
	h.Peak = max(h.Peak, peak)
	return h
}
