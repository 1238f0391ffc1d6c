package cycle_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// The weather of this file comes from inside: steps that are cut at every page, stores
// whose writes fail, two planners at once, readings by name from a server that is behind,
// a journal from a backup, operators who say this and that.

// harsher lists what else may happen.
func harsher() []event {
	return []event{
		{"steps are tiny", 3, func(w *weatherWorld) { w.tiny = true; w.pace() }},
		{"steps have their time", 3, func(w *weatherWorld) { w.tiny = false; w.pace() }},
		{"the store fails", 2, func(w *weatherWorld) { w.failing = w.rng.Float64() / 4 }},
		{"the store is well", 4, func(w *weatherWorld) { w.failing = 0 }},
		{"two planners", 2, func(w *weatherWorld) { w.twice = 0.5 }},
		{"one planner", 2, func(w *weatherWorld) { w.twice = 0 }},
		{"readings by name are late", 3, func(w *weatherWorld) { truth := w.tenant.Dump(); w.late = &truth }},
		{"the agent scans by digest", 6, func(w *weatherWorld) { _, err := w.poll(); w.do(err); w.digests() }},
		{"a backup is made", 2, func(w *weatherWorld) {
			w.backup, w.backed, w.lacks = copied(w.world, w.bare), w.heard, maps.Clone(w.lost)
		}},
		{"the backup is restored", 1, func(w *weatherWorld) {
			if w.backup != nil {
				w.wrap(copied(w.world, w.backup))
				w.heard = w.backed
				for key, lost := range w.lacks { // what a reading in the backup lacked the next one must not lack, too
					w.lost[key] = w.lost[key] || lost
				}
			}
		}},
		{"a user is put in by hand", 4, func(w *weatherWorld) {
			if o, is := w.object(w.anyUser()); is {
				if sid, _ := o.Properties["onPremisesSecurityIdentifier"].(string); sid != "" {
					if id := w.anyGroup(); w.ad[id].ID == id {
						w.stranger(id, plan.SIDRef(directory.SID(sid)))
					}
				}
			}
		}},
		{"a stranger has a group's name", 2, func(w *weatherWorld) { w.takeName(w.anyGroup()) }},
		{"two names are swapped by hand", 2, func(w *weatherWorld) { w.swapNames(w.anyGroup(), w.anyGroup()) }},
		{"a group leaves the scope", 2, func(w *weatherWorld) { _ = w.tenant.SetProperty(w.anyGroup(), "securityEnabled", false) }},
		{"a group is in scope", 5, func(w *weatherWorld) { _ = w.tenant.SetProperty(w.anyGroup(), "securityEnabled", true) }},
		{"an operator says try again", 1, func(w *weatherWorld) { w.do(w.journal.Ask(w.t.Context(), journal.Ask{Retry: true, By: "operator"})) }},
		{"an operator asks for a group", 2, func(w *weatherWorld) {
			w.do(w.journal.Ask(w.t.Context(), journal.Ask{Groups: []directory.ID{w.anyGroup()}, By: "operator"}))
		}},
		{"an operator approves", 1, func(w *weatherWorld) {
			for _, l := range w.holds() {
				w.approve(l)
			}
		}},
		{"an operator rejects", 1, func(w *weatherWorld) {
			for _, l := range w.holds() {
				w.do(w.journal.Reject(w.t.Context(), wordOn(l)))
			}
		}},
	}
}

// inner is what of the weather is inside.
type inner struct {
	tiny    bool
	steps   uint64  // of the planner, from the seed on
	failing float64 // how often a write of a planner fails
	twice   float64 // how often another planner is done before one writes its head
	calls   float64 // how often somebody calls while a page of an enumeration is read
	stored  bool    // the rules are versions in the store
	worded  int     // so many of them were put in force
	running bool    // a planner is at it
	late    *graphtest.Truth
	bare    blob.Store // the store without its faults
	backup  blob.Store
	backed  int                     // what of heard the backup has
	lacks   map[string]bool         // what of lost it has
	highs   map[journal.Mark]string // digests of the batches that were carried out
	pending map[string]bool         // what of lost the step under way has read
	heard   int                     // how many events Graph has told this journal, if it lost none
	knew    struct {                // and when the plan in flight was made
		first uint64
		heard int
	}
}

// news says whether a plan could not know yet that somebody is a member, or which account is
// his now: that Graph tells later than people use it.
func (w *weatherWorld) news(group, member directory.ID) bool {
	history := w.tenant.History()
	for i, e := range history {
		joins := e.What == graphtest.MemberAdded && e.Object == group && e.Member == member
		another := e.What == graphtest.PropertySet && e.Object == member && e.Property == "onPremisesSecurityIdentifier"
		if (joins || another) && i >= w.knew.heard {
			return true
		}
	}
	return false
}

func (w *weatherWorld) pace() {
	w.planner.StepTime, w.planner.StepBytes = 0, 0
	if w.tiny {
		w.planner.StepTime, w.planner.StepBytes = time.Nanosecond, 1
	}
}

// wrap puts the weather around a store.
func (w *weatherWorld) wrap(s blob.Store) {
	w.bare = s
	w.store = &blobtest.Hook{Store: s, Around: func(_ int64, key string, write func() error) error {
		switch {
		case !w.running:
			return write()
		case strings.HasSuffix(key, "/head") && w.rng.Float64() < w.twice:
			w.running = false
			mine := w.pending
			w.pending = map[string]bool{}
			other := *w.planner
			other.StepTime, other.StepBytes = time.Nanosecond, 0
			_, err := other.Step(w.t.Context())
			if err != nil && !tolerable(err) {
				w.t.Errorf("the other planner: %v", err)
			}
			w.settle(err == nil)
			w.running, w.pending = true, mine
		case w.luck(key).Float64() < w.failing:
			if w.luck(key, "done").IntN(2) == 0 {
				return errFault
			}
			return errors.Join(errFault, write())
		}
		return write()
	}}
	w.restart()
	w.pace()
}

// luck is the chance of a write. Writes of a step come in any order, and names have a
// random part: so it depends on neither, and the same seed has the same weather.
func (w *weatherWorld) luck(key string, more ...string) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, random.ReplaceAllString(key, ""), more)
	return rand.New(rand.NewPCG(h.Sum64(), w.steps))
}

var random = regexp.MustCompile(`[0-9a-f]{20}`)

// copied is a copy of a store.
func copied(w *world, s blob.Store) blob.Store {
	out := blob.Memory()
	keys, err := s.List(w.t.Context(), "")
	w.do(err)
	for _, k := range keys {
		data, _, err := s.Get(w.t.Context(), k)
		w.do(err)
		_, err = out.Put(w.t.Context(), k, data, blob.Absent)
		w.do(err)
	}
	return out
}

func tolerable(err error) bool {
	return errors.Is(err, errFault) || errors.Is(err, journal.ErrConflict) || errors.Is(err, journal.ErrNoRules) || strings.Contains(err.Error(), "without a single user")
}

// lacked says whether the last reading of a group lacked a member.
func (w *weatherWorld) lacked(key string) bool {
	if lost, read := w.pending[key]; read {
		return lost
	}
	return w.lost[key]
}

// settle ends a step: what was read in one that was thrown away nobody has seen, and
// perhaps it was not.
func (w *weatherWorld) settle(kept bool) {
	for key, lost := range w.pending {
		w.lost[key] = lost || w.lost[key] && !kept
	}
	w.pending = map[string]bool{}
}

// run takes a turn of the planner, in tiny steps no more than a few.
func (w *weatherWorld) run() {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.running = true
	defer func() { w.running = false }()
	for n := 0; n < 12; n++ {
		w.steps++
		told := len(w.tenant.History()) - w.source.lag
		more, err := w.planner.Step(ctx)
		w.settle(err == nil)
		if err == nil && !more {
			w.heard = max(w.heard, told)
		}
		if pl := w.head().Plan; pl != nil && pl.First != w.knew.first {
			w.knew.first, w.knew.heard = pl.First, cmp.Or(w.heard, told) // the first plan of a new journal comes after an enumeration
		}
		if err != nil && !tolerable(err) {
			w.say("turn: %v", err)
			w.t.Errorf("turn: %v", err)
		}
		if !more && !errors.Is(err, journal.ErrConflict) {
			return
		}
	}
}

// refuses says whether an agent would refuse a batch, because it has done a later one, or
// another one of that number.
func (w *weatherWorld) refuses(r journal.PollReply) bool {
	m := journal.Mark{Epoch: r.Epoch, Seq: r.Seq}
	if m.Epoch < w.high.Epoch || m.Epoch == w.high.Epoch && m.Seq < w.high.Seq {
		return true
	}
	digest := journal.Digest(r.Batch)
	return m == w.high && w.highs[m] != "" && w.highs[m] != digest
}

// delay makes a reading by name late, for groups of which no other reading lacked somebody
// just now: two readings that lack the same one in a row are evidence.
func (w *weatherWorld) delay(p *directory.Page) {
	if w.late == nil {
		return
	}
	old := *w.late
	w.late = nil
	for i, g := range p.Groups {
		at := slices.IndexFunc(old.Groups, func(o graphtest.TruthObject) bool { return o.ID == g.ID && o.Removed == "" })
		if at < 0 {
			continue
		}
		then := old.Groups[at]
		was := func(m directory.ID) bool {
			return slices.ContainsFunc(then.Members, func(o graphtest.TruthMember) bool { return o.ID == m })
		}
		if slices.ContainsFunc(g.Members, func(m directory.MemberChange) bool { return !was(m.ID) && w.lacked(g.ID.String()+" "+m.ID.String()) }) {
			continue
		}
		for _, m := range g.Members {
			if !was(m.ID) {
				w.pending[g.ID.String()+" "+m.ID.String()] = true
			}
		}
		p.Groups[i].Members = nil
		for _, m := range then.Members {
			p.Groups[i].Members = append(p.Groups[i].Members, directory.MemberChange{ID: m.ID, Kind: m.Kind})
		}
		p.Groups[i].Set["displayName"] = []string{then.Properties["displayName"].(string)}
	}
}
