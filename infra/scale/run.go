package scale

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/journal/journaltest"
	"groupwriteback/shared/rules"
)

// Spec is all that one process has to know: the tenant, what has happened in it, where
// the journal lies, and what is to be done.
type Spec struct {
	Users       uint32
	Groups      int
	Memberships uint64
	Large       []uint32

	Dir      string
	Phase    string
	Passed   int // so many events have happened
	Revision uint64
	Closed   uint64 // the last batch that the agent knows finished
	Verbose  bool   // tell of each step
	Step     int    // bytes that a step may change; 0: as ever
}

// Cost is what a phase took.
type Cost struct {
	Seconds float64 // of all clocks
	CPU     float64 // seconds
	Peak    int64   // bytes of memory, at most
	Gets    int64
	Puts    int64
	Lists   int64
	Read    int64 // bytes
	Written int64
	Steps   int
	Values  int            // that the agent was told to change
	Found   map[string]any `json:",omitempty"` // what the phase saw
	Closed  uint64
}

// Run is one process's hold of everything.
type Run struct {
	Spec
	Tenant  *Tenant
	Store   *blobtest.Count
	Journal *journal.Journal
	Planner *cycle.Planner
	Agent   *Agent

	Still bool // its clock does not run ahead while the planner works

	cost  Cost
	ahead time.Duration // how far its clock is ahead of all others
}

// The events of every tenant: somebody joins a hundred groups, somebody joins the
// largest, and all leave.
func events(groups int) []Event {
	var hundred, all []uint32
	for i := range min(100, groups) {
		hundred = append(hundred, uint32(i*groups/min(100, groups)))
	}
	for g := range groups {
		all = append(all, uint32(g))
	}
	return []Event{{Groups: hundred, Join: true}, {Groups: []uint32{0}, Join: true}, {Groups: all}}
}

// Open makes everything ready, on a store in a folder.
func Open(s Spec) (*Run, error) {
	store, err := blob.Dir(filepath.Join(s.Dir, "store"))
	if err != nil {
		return nil, err
	}
	return On(store, s)
}

// On makes everything ready on a store.
func On(store blob.Store, s Spec) (*Run, error) {
	t := New(s.Users, s.Groups, s.Memberships, s.Large...)
	t.Events, t.Passed = events(s.Groups), s.Passed
	r := &Run{Spec: s, Tenant: t, Store: &blobtest.Count{Store: store}}
	if data, err := os.ReadFile(r.clock()); err == nil {
		n, _ := strconv.ParseInt(string(data), 10, 64)
		r.ahead = time.Duration(n)
	}
	if err := journaltest.SwitchOn(context.Background(), store, targetName); err != nil {
		return nil, err
	}
	return r, r.connect(r.Store)
}

// targetName is the target's.
const targetName = "corp"

func (r *Run) connect(store blob.Store) error {
	rs, err := rules.Parse([]byte("ou: " + ou + "\nscope: all\nlimits:\n  creations: 1000000\n  growth_share: 1000\n"))
	if err != nil {
		return err
	}
	rs.Revision = r.Revision
	r.Journal = &journal.Journal{Store: store, Target: targetName, Now: r.now}
	// A step ends by what it holds alone: how far one comes in a time is this machine's affair.
	r.Planner = &cycle.Planner{StepTime: time.Hour, Source: r.Tenant, Tenant: "tenant", Rules: rs, Journal: r.Journal, StepBytes: r.Step}
	r.Agent = &Agent{Queue: r.Journal, Tenant: r.Tenant, Rules: rs, Now: r.now, Rate: 3000, Closed: r.Closed, High: journal.Mark{Epoch: 1, Seq: r.Closed}}
	return nil
}

func (r *Run) now() time.Time { return time.Now().Add(r.ahead) }

func (r *Run) clock() string { return filepath.Join(r.Dir, "clock") }

// Wait lets time pass for this process and all that come after it.
func (r *Run) Wait(d time.Duration) error {
	r.ahead += d
	return os.WriteFile(r.clock(), strconv.AppendInt(nil, int64(r.ahead), 10), 0o600)
}

// Steps lets the planner go on until it has to wait.
func (r *Run) Steps(ctx context.Context) error {
	for more := true; more; r.cost.Steps++ {
		var err error
		if more, err = r.Planner.Step(ctx); err != nil {
			return err
		}
		if r.Verbose {
			most, _ := peak()
			fmt.Fprintf(os.Stderr, "step %d: %.1f CPU s so far, %d MB at most\n", r.cost.Steps, Used().Seconds(), most>>20)
		}
		if r.cost.Steps%8 == 7 && !r.Still { // so that what nobody names any more is swept
			if err := r.Wait(65 * time.Minute); err != nil {
				return err
			}
		}
	}
	return nil
}

// Fill lets planner and agent take turns until there is nothing to do, or so many plans
// are carried out.
func (r *Run) Fill(ctx context.Context, plans int) error {
	for range plans {
		if err := r.Steps(ctx); err != nil {
			return err
		}
		batches, err := r.Agent.Work(ctx)
		if err != nil || batches == 0 {
			return err
		}
	}
	return nil
}

// Do plays the spec's phase, and measures it.
func (r *Run) Do(ctx context.Context) (Cost, error) {
	p, ok := phases()[r.Phase]
	if !ok {
		return Cost{}, fmt.Errorf("there is no phase %q", r.Phase)
	}
	r.Store.Take()
	began, cpu := time.Now(), Used()
	r.cost.Found = map[string]any{}
	if err := p(ctx, r); err != nil {
		return Cost{}, err
	}
	c := r.cost
	c.Seconds, c.CPU, c.Values, c.Closed = time.Since(began).Seconds(), (Used() - cpu).Seconds(), r.Agent.Values, r.Agent.Closed
	s := r.Store.Take()
	c.Gets, c.Puts, c.Lists, c.Read, c.Written = s.Gets, s.Puts, s.Lists, s.Read, s.Written
	var err error
	c.Peak, err = peak()
	return c, err
}

// Used is how much of the processors this process has had.
func Used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory that this process has had at one time (proc(5), VmHWM).
func peak() (int64, error) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("read the peak of memory, which Linux alone tells: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("read the peak of memory: /proc/self/status does not tell it")
}
