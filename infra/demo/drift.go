package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupwriteback/infra/stage"
	"groupwriteback/shared/directory"
)

// scanEvery is how often the agent looks at everything for drift, once the
// demo has come to it; before, a scan would stand in the way of what is timed.
const scanEvery = 5 * time.Second

// drift changes a group in Active Directory by hand, while everything runs.
func (d *demo) drift(ctx context.Context) error {
	ctx, cancel := patience(ctx)
	defer cancel()
	d.title("Drift")
	if err := d.scanOften(ctx); err != nil {
		return err
	}
	d.say("An administrator changes Department 20 in AD by ldapmodify. The agent scans every %.0f s.", scanEvery.Seconds())
	id := d.stage.Company.ID("Department 20")
	before, changed, err := d.byHand(ctx, id)
	if err != nil {
		return err
	}
	took, err := d.repaired(ctx, id, before, changed)
	if err != nil {
		return err
	}
	d.say("   %s", d.paint.Add.Sprintf("✓ found and put right after %s", seconds(took)))
	d.times = append(d.times, timed{"drift found and put right", took})
	return nil
}

// scanOften starts the agent again, to scan every scanEvery, and waits for its
// first scan: what changes by hand from then on is found by a later one.
func (d *demo) scanOften(ctx context.Context) error {
	st, err := d.stage.Status(ctx)
	if err != nil {
		return err
	}
	last := st.Reported
	d.stage.StopAgent()
	d.stage.Scan = scanEvery.String()
	if err := d.stage.StartAgent(); err != nil {
		return err
	}
	for !st.Reported.After(last) {
		if err := d.pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		if err := d.stage.Sync(ctx); err != nil {
			return err
		}
		if st, err = d.stage.Status(ctx); err != nil {
			return err
		}
	}
	return nil
}

// proof shows that the comparison is worth something: with the agent stopped it
// must find a change by hand.
func (d *demo) proof(ctx context.Context) error {
	ctx, cancel := patience(ctx)
	defer cancel()
	d.title("Does the comparison notice?")
	d.say("The agent is stopped, and Department 21 is changed by hand.")
	d.stage.StopAgent()
	id := d.stage.Company.ID("Department 21")
	before, changed, err := d.byHand(ctx, id)
	if err != nil {
		return err
	}
	out, err := d.stage.Compare(ctx)
	switch {
	case err == nil:
		return errors.New("the comparison calls equal what was changed by hand: it is worth nothing")
	case !errors.Is(err, stage.ErrDiffers):
		return err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	d.say("   %s", d.paint.Add.Sprint("✓ compare.py, exit code 1: "+lines[len(lines)-1]))
	if err := d.stage.StartAgent(); err != nil {
		return err
	}
	took, err := d.repaired(ctx, id, before, changed)
	if err != nil {
		return err
	}
	d.say("   %s", d.paint.Add.Sprintf("✓ the agent is back: put right after %s", seconds(took)))
	if err := d.settle(ctx, nil); err != nil {
		return err
	}
	fmt.Fprintln(d.out)
	return d.compare(ctx, "Compared at the end")
}

// byHand changes a group's description and shows it.
func (d *demo) byHand(ctx context.Context, id directory.ID) (before, changed entry, err error) {
	if before, err = d.shell.group(ctx, id); err != nil {
		return nil, nil, err
	}
	if err := d.shell.setDescription(ctx, before.first("dn"), "changed by hand"); err != nil {
		return nil, nil, err
	}
	if changed, err = d.shell.group(ctx, id); err != nil {
		return nil, nil, err
	}
	d.tell(before, changed)
	return before, changed, nil
}

// repaired fires the timer until a group is again what it was, and shows it.
func (d *demo) repaired(ctx context.Context, id directory.ID, before, changed entry) (time.Duration, error) {
	start := time.Now()
	for {
		now, err := d.shell.group(ctx, id)
		if err != nil {
			return 0, err
		}
		if slices.Equal(now["description"], before["description"]) {
			d.tell(changed, now)
			return time.Since(start), nil
		}
		if err := d.stage.Sync(ctx); err != nil {
			return 0, err
		}
		if err := d.pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
}
