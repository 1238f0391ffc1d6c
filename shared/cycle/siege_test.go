package cycle_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// siege is a world in which somebody means harm, while the cloud goes on: a few join and
// leave, and one group loses half of its members at once, which waits for a person's word
// that never comes.
type siege struct {
	*weatherWorld
	left  []time.Time // when somebody left in the cloud, in the last day
	went  []went      // what was removed in the directory
	peaks map[directory.ID]int
	step  int
}

// went is a member who was in a group, and was removed from it.
type went struct {
	at    time.Time
	group directory.ID
}

const (
	siegeSteps  = 500
	siegeGroups = 8
	siegeSize   = 20 // members of each: 6 a day may go, and 20 of all
	disaster    = 50 // the step in which half of a group leaves
	undone      = 450
)

func newSiege(t *testing.T) *siege {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("GROUPWRITEBACK_TEST_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("GROUPWRITEBACK_TEST_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("GROUPWRITEBACK_TEST_SEED=%d", seed)
	s := &siege{weatherWorld: &weatherWorld{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 3)), met: map[string]int{}, left: map[string]bool{}, dies: -1}, peaks: map[directory.ID]int{}}
	s.self.Instance = "the agent's own"
	s.now = time.Now().UTC().Add(-100 * time.Hour) // what is said in the play is never of the future
	s.users(2 * siegeSize)
	for i := range siegeGroups {
		s.group(i, 0, siegeSize)
		s.groups = append(s.groups, group(i))
	}
	s.do(s.tenant.AddMember(group(1), group(2)))
	s.untilQuiet()
	s.onRemove = s.gone
	s.refuse = func(c plan.Change) (plan.Result, bool) { s.written(c); return plan.Result{}, false }
	return s
}

func (s *siege) users(n int) {
	s.world.users(n)
	for i := range n {
		s.weatherWorld.users = append(s.weatherWorld.users, user(i))
	}
}

// written holds each write to what the cloud and the journal are for.
func (s *siege) written(c plan.Change) {
	if !slices.Contains(s.groups, c.Group) {
		s.t.Errorf("step %d: %s of %s, which is no group of the cloud's", s.step, c.Op, c.Group)
	}
	if c.Op != plan.Update && c.Parent != ou {
		s.t.Errorf("step %d: %s of %s to %s", s.step, c.Op, c.Group, c.Parent)
	}
	for _, r := range c.Add {
		if id, nested := r.Group(); !s.known(r) && (!nested || !slices.Contains(s.groups, id)) {
			s.t.Errorf("step %d: %s is added to %s", s.step, r, c.Group)
		}
	}
	s.peaks[c.Group] = max(s.peaks[c.Group], len(s.ad[c.Group].Members()))
}

// known says whether a SID is that of a user of the cloud's.
func (s *siege) known(r plan.Ref) bool {
	for i := range 2 * siegeSize {
		if ref(i) == r {
			return true
		}
	}
	return false
}

// gone holds each removal to the cloud's history and to the limits.
func (s *siege) gone(id directory.ID, r plan.Ref) {
	s.judge(id, r)
	if !slices.Contains(s.ad[id].Members(), r) {
		return
	}
	s.went = append(s.went, went{s.now, id})
	s.went = slices.DeleteFunc(s.went, func(w went) bool { return s.now.Sub(w.at) >= 24*time.Hour })
	here := 0
	for _, w := range s.went {
		if w.group == id {
			here++
		}
	}
	peak := max(s.peaks[id], len(s.ad[id].Members()))
	if float64(here) > 0.30*float64(peak) || len(s.went) > 20 {
		s.t.Errorf("step %d: %d of %d members went from %s in a day, %d from all", s.step, here, peak, s.ad[id].Name, len(s.went))
	}
}

// cloud lets something happen there.
func (s *siege) cloud() {
	switch s.step {
	case disaster:
		for i := range siegeSize / 2 {
			_ = s.tenant.RemoveMember(group(0), user(i))
		}
	case undone:
		for i := range siegeSize / 2 {
			_ = s.tenant.AddMember(group(0), user(i))
		}
	}
	s.weatherWorld.step0()
	s.leftLately()
}

// step0 is a small change in the cloud. Some groups keep their names: that all get another
// one at once waits for a person, and rightly.
func (w *weatherWorld) step0() {
	switch w.rng.IntN(6) {
	case 0:
		_ = w.tenant.AddMember(w.groups[1+w.rng.IntN(siegeGroups-1)], w.anyUser())
	case 1:
		w.next++
		_ = w.tenant.Rename(w.groups[w.rng.IntN(len(w.groups)-3)], fmt.Sprintf("Renamed %d", w.next))
	}
}

// leftLately lets somebody leave, as long as no limit is near.
func (s *siege) leftLately() {
	s.left = slices.DeleteFunc(s.left, func(at time.Time) bool { return s.now.Sub(at) > 26*time.Hour })
	if len(s.left) < 5 && s.rng.IntN(10) == 0 && s.tenant.RemoveMember(s.groups[1+s.rng.IntN(siegeGroups-1)], s.anyUser()) == nil {
		s.left = append(s.left, s.now)
	}
}

// play plays a number of steps of somebody who means harm.
func (s *siege) play(harm func()) {
	s.t.Helper()
	peak := uint64(0)
	for s.step = range siegeSteps {
		s.cloud()
		harm()
		s.now = s.now.Add(time.Duration(s.rng.IntN(600)) * time.Second)
		s.honest()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
		if s.t.Failed() {
			s.t.Fatalf("step %d; events:\n%s", s.step, strings.Join(s.events[max(0, len(s.events)-60):], "\n"))
		}
	}
	s.t.Logf("%d MB in use at most, epoch %d, %d events", peak>>20, s.head().Epoch, len(s.events))
	if peak > 256<<20 {
		s.t.Errorf("%d MB were in use", peak>>20)
	}
}

// honest is a turn of the planner, which always goes on, and of the agent.
func (s *siege) honest() {
	s.t.Helper()
	run := func() {
		if err := s.planner.Run(s.t.Context()); err != nil {
			s.t.Errorf("step %d: turn: %v", s.step, err)
		}
	}
	run()
	if s.agentOff {
		return
	}
	for range 3 {
		r, err := s.poll()
		if errors.Is(err, journal.ErrLease) {
			return // somebody else has it
		}
		if err == nil {
			err = s.answer(r)
		}
		if err == nil && s.rng.IntN(6) == 0 {
			err = s.report(true, nil)
		}
		if err == nil && r.Batch != nil {
			_, err = s.journal.Ack(s.t.Context(), s.carryOut(r, -1))
		}
		if err != nil && !errors.Is(err, journal.ErrClosed) && !errors.Is(err, journal.ErrLease) {
			s.t.Errorf("step %d: agent: %v", s.step, err)
		}
		run()
	}
}

// calm lets days pass without harm, and holds the directory to the cloud. Nobody says a
// word.
func (s *siege) calm() {
	s.t.Helper()
	s.agentOff = false
	for range 30 {
		s.now = s.now.Add(12 * time.Hour)
		_ = s.report(true, nil) // if the lease is not another's for some minutes still
		s.honest()
	}
	s.equal()
	if holds := s.holds(); len(holds) > 0 {
		s.t.Errorf("holds %+v", holds)
	}
	if s.t.Failed() {
		s.t.Logf("head %+v; events:\n%s", s.head(), strings.Join(s.events[max(0, len(s.events)-80):], "\n"))
	}
}

// number is one that somebody may send: near what is so, or at an end of what can be.
func (s *siege) number(near uint64) uint64 {
	switch s.rng.IntN(200) {
	case 0:
		return 0
	case 1:
		return 1 << s.rng.IntN(64)
	case 2:
		return math.MaxUint64
	case 3, 4, 5, 6, 7, 8, 9, 10, 11, 12:
		return uint64(s.now.Unix()) + s.rng.Uint64N(200_000)
	}
	return near + s.rng.Uint64N(5) - min(near, 2)
}

// nonsense is a text that nobody sends.
func (s *siege) nonsense() string {
	return []string{"", "\x00", "\u202egnp", strings.Repeat("A", 250), "CN=x,DC=y", "S-1-5-32-544", "mark:", "guid:", "Group_", "'; --", "gwb", "null", "\ufffd", "../../head", "5e-324"}[s.rng.IntN(15)]
}

// anyRef is a member, or something like one.
func (s *siege) anyRef() plan.Ref {
	switch s.rng.IntN(6) {
	case 0:
		return plan.GroupRef(s.anyGroup())
	case 1:
		return plan.GroupRef(graphtest.ID(s.nonsense()))
	case 2:
		return plan.Ref(s.nonsense())
	case 3:
		return plan.SIDRef(sidOf(s.anyGroup()))
	case 4:
		return ref(9000 + s.rng.IntN(50))
	}
	return ref(s.rng.IntN(2 * siegeSize))
}
