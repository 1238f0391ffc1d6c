package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"groupwriteback/shared/cycle"
)

// planLines is how many groups of a plan are shown.
const planLines = 15

// first is the app's answer to enable: the plan that is to be confirmed, with the
// digest that names it, and how the switch stands.
type first struct {
	Preview cycle.Preview
	Switch  struct {
		On        bool
		Confirmed string // a digest that no turn has looked at yet
	}
	Done string
}

// enable asks the app for the first plan, or confirms the one of this digest.
func (d *demo) enable(ctx context.Context, digest string) (out first, err error) {
	err = d.stage.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "enable", "digest": digest}, &out)
	return out, err
}

// confirm shows the first plan and has somebody confirm that one, by the digest that
// came with it: a plan that has moved on meanwhile is shown, and asked for, again. It
// returns the plan that was confirmed, and whether it was.
func (s *screen) confirm(ctx context.Context, enable func(ctx context.Context, digest string) (first, error)) (cycle.Preview, bool, error) {
	shown, err := enable(ctx, "")
	for err == nil {
		if p := shown.Preview; p.Waiting != "" || p.Digest == "" {
			return p, false, fmt.Errorf("show the first plan: %s", shown.Done)
		}
		fmt.Fprint(s.out, s.paint.Overview(shown.Preview, planLines))
		if yes, err := s.agreed(ctx, "Apply?"); err != nil || !yes {
			return shown.Preview, false, err
		}
		now, err := s.switchOn(ctx, shown.Preview.Digest, enable)
		if err != nil || now.Switch.On {
			return shown.Preview, true, err
		}
		s.head("%s", s.paint.Change.Sprint("The plan is another one by now: nothing is applied. This is what it is now:"))
		fmt.Fprintln(s.out)
		shown = now
	}
	return cycle.Preview{}, false, err
}

// switchOn confirms a digest, and again while no turn has looked at it.
func (s *screen) switchOn(ctx context.Context, digest string, enable func(ctx context.Context, digest string) (first, error)) (first, error) {
	for {
		now, err := enable(ctx, digest)
		if err != nil || now.Switch.On || now.Switch.Confirmed != digest {
			return now, err
		}
		select {
		case <-ctx.Done():
			return now, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// firstPlan shows the plan, applies it once it is confirmed, and holds the outcome
// against the cloud.
func (d *demo) firstPlan(ctx context.Context) error {
	d.title("The first plan")
	p, yes, err := d.confirm(ctx, d.enable)
	if err != nil {
		return err
	}
	if !yes {
		return d.nothing(ctx)
	}
	d.title("Applying")
	if err := d.fill(ctx, p); err != nil {
		return err
	}
	if err := d.compare(ctx, "Compared by ldapsearch"); err != nil {
		return err
	}
	return d.unwritten(ctx)
}

// nothing says that nothing is applied, and has status say so after a turn.
func (d *demo) nothing(ctx context.Context) error {
	if err := d.stage.Sync(ctx); err != nil {
		return err
	}
	d.head("Nothing is applied. Status says:")
	if err := d.tellWord(ctx, "off"); err != nil {
		return err
	}
	return errEnough
}
