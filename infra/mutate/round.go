package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A round plays mutants and counts what became of them.
type round struct {
	root     string
	out      io.Writer
	parallel int
	spare    time.Duration // the least time that tests get

	mu    sync.Mutex
	sound map[suite]sound
	tally
}

// A tally is what became of the mutants.
type tally struct {
	killed, survived, errors int
	excused                  int // of those that survived
}

// A suite is what is run against a mutant.
type suite struct{ pkg, run string }

// sound is how a suite went without a mutant.
type sound struct {
	took time.Duration
	err  error
}

// play plays the mutants, some at a time. The error says that the round is no good.
func (r *round) play(ctx context.Context, list []mutant) error {
	r.sound = map[suite]sound{}
	runs := map[string]map[string]bool{} // by package, those that its mutants ask for
	for _, m := range list {
		if runs[m.test] == nil {
			runs[m.test] = map[string]bool{}
		}
		runs[m.test][m.run] = true
	}
	for pkg, some := range runs {
		r.listen(ctx, pkg, slices.Sorted(maps.Keys(some)))
	}
	var wait errgroup.Group
	wait.SetLimit(r.parallel)
	for _, m := range list {
		wait.Go(func() error { r.one(ctx, m); return nil })
	}
	_ = wait.Wait()
	fmt.Fprintf(r.out, "%d killed, %d survived (%d with a reason), %d errors\n", r.killed, r.survived, r.excused, r.errors)
	return cmp.Or(ctx.Err(), r.verdict())
}

func (t tally) verdict() error {
	switch {
	case t.errors > 0:
		return errors.New("some mutants could not be played: keep the list true")
	case t.survived > t.excused:
		return errors.New("some mutants survived: write the test that notices them, or the reason why none can")
	}
	return nil
}

// listen builds the tests of a package without a mutant and runs its suites. Tests that
// fail by themselves would kill all, and how long they take says when one hangs.
func (r *round) listen(ctx context.Context, pkg string, runs []string) {
	t, err := newTrial(r.root, pkg, "")
	if err == nil {
		err = t.build(ctx)
	}
	var wait errgroup.Group
	wait.SetLimit(r.parallel)
	for _, run := range runs {
		wait.Go(func() error {
			how := sound{err: err}
			if err == nil {
				how = t.with(run).unharmed(ctx)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.sound[suite{pkg, run}] = how
			return nil
		})
	}
	_ = wait.Wait()
	_ = t.close()
}

// unharmed runs tests that were built without a mutant.
func (t *trial) unharmed(ctx context.Context) sound {
	began := time.Now()
	passed, by, err := t.test(ctx, 10*time.Minute)
	if err == nil && !passed {
		err = fmt.Errorf("the tests of %s fail as the source stands (%s): mend that first", t.pkg, by)
	}
	return sound{time.Since(began), err}
}

// try builds a suite with a mutant, and runs it.
func (r *round) try(ctx context.Context, s suite, m mutant, limit time.Duration) (passed bool, by string, err error) {
	t, err := newTrial(r.root, s.pkg, s.run)
	if err != nil {
		return false, "", err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.mutate(m); err != nil {
		return false, "", err
	}
	if err := t.build(ctx); err != nil {
		return false, "", fmt.Errorf("%s does not compile: %w", m.at, err)
	}
	return t.test(ctx, limit)
}

// one plays a mutant and says what became of it.
func (r *round) one(ctx context.Context, m mutant) {
	if ctx.Err() != nil {
		return
	}
	s := suite{m.test, m.run}
	r.mu.Lock()
	without := r.sound[s]
	r.mu.Unlock()
	passed, by, err := false, "", without.err
	began := time.Now()
	if err == nil {
		passed, by, err = r.try(ctx, s, m, (r.spare + 3*without.took).Round(time.Second))
	}
	if err == nil && !passed && m.survives != "" {
		err = fmt.Errorf("%s has leave to survive, and is killed (%s): take the leave away", m.at, by)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say(m, passed, by, err, time.Since(began).Round(100*time.Millisecond))
}

// say counts and tells.
func (r *round) say(m mutant, passed bool, by string, err error, took time.Duration) {
	switch {
	case err != nil:
		r.errors++
		fmt.Fprintf(r.out, "ERROR     %s: %v\n", m.title(), err)
	case !passed:
		r.killed++
		fmt.Fprintf(r.out, "killed    %s (%s, %v)\n", m.title(), by, took)
	case m.survives != "":
		r.survived, r.excused = r.survived+1, r.excused+1
		fmt.Fprintf(r.out, "survived  %s: as listed: %s\n", m.title(), m.survives)
	default:
		r.survived++
		fmt.Fprintf(r.out, "SURVIVED  %s: no test notices (%s)\n", m.title(), m.at)
	}
}
