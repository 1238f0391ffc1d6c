package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"groupwriteback/shared/cycle"
)

// deleted has an administrator delete a group in Active Directory by hand: it comes back from its tombstone,
// as the one that it was to all who gave it rights.
func (d *demo) deleted(ctx context.Context) error {
	ctx, cancel := patience(ctx)
	defer cancel()
	d.title("Deleted by hand")
	d.say("An administrator deletes Department 16 in AD by ldapdelete.")
	id := d.stage.Company.ID("Department 16")
	before, err := d.shell.group(ctx, id)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := d.shell.remove(ctx, before.first("dn")); err != nil {
		return err
	}
	for now := (entry{}); len(d.paint.difference(before, now)) > 0; {
		if err := d.pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		if err := d.stage.Sync(ctx); err != nil {
			return err
		}
		if now, err = d.shell.group(ctx, id); err != nil {
			return err
		}
		if now.first("objectSid") != before.first("objectSid") && len(now) > 0 {
			return fmt.Errorf("it is another group: its SID is %s, and was %s", now.first("objectSid"), before.first("objectSid"))
		}
	}
	took := time.Since(start)
	d.say("   %s", d.paint.Add.Sprintf("✓ back after %s, with its SID and all %d members: whatever it was given, it has", seconds(took), len(before["member"])))
	d.times = append(d.times, timed{"deleted by hand, and back with its SID", took})
	return d.settle(ctx, nil)
}

// ended is the app's answer to disable.
type ended struct {
	Preview cycle.Preview
	Done    string
}

// switched ends writeback, leaving all groups to people, and takes them back: no group is another one by that.
func (d *demo) switched(ctx context.Context) error {
	ctx, cancel := patience(ctx)
	defer cancel()
	d.title("Switched off, and on again")
	before, err := d.shell.identities(ctx)
	if err != nil {
		return err
	}
	var shown ended
	err = d.stage.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "disable", "end": "keep"}, &shown)
	if err != nil {
		return err
	}
	if shown.Preview.Digest == "" {
		return fmt.Errorf("show the end: %s", shown.Done)
	}
	d.say("disable, and keep: %s", d.paint.Dim.Sprintf("plan %s, %d groups are left to people", shown.Preview.Digest, len(shown.Preview.Changes)+len(shown.Preview.Held)))
	start := time.Now()
	err = d.stage.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "disable", "end": "keep", "digest": shown.Preview.Digest}, &shown)
	if err == nil {
		err = d.untilOff(ctx)
	}
	if err == nil {
		err = d.sameGroups(ctx, before)
	}
	if err != nil {
		return err
	}
	d.say("   %s", d.paint.Add.Sprintf("✓ off after %s: the same %d groups, SIDs and members", seconds(time.Since(start)), len(before)))
	d.times = append(d.times, timed{"switched off, groups kept", time.Since(start)})

	start = time.Now()
	again, err := d.enable(ctx, "")
	if err == nil {
		_, err = d.switchOn(ctx, again.Preview.Digest, d.enable)
	}
	if err == nil {
		err = d.settle(ctx, nil)
	}
	if err == nil {
		err = d.sameGroups(ctx, before)
	}
	if err != nil {
		return err
	}
	d.say("   %s", d.paint.Add.Sprintf("✓ enabled again after %s: each is taken back, none is made anew", seconds(time.Since(start))))
	fmt.Fprintln(d.out)
	return d.compare(ctx, "Compared once more")
}

// untilOff fires the timer until writeback has ended, and approves what a limit holds: the end was confirmed.
func (d *demo) untilOff(ctx context.Context) error {
	for {
		if err := d.stage.Sync(ctx); err != nil {
			return err
		}
		st, err := d.stage.Status(ctx)
		if err != nil || st.State == "off" {
			return err
		}
		for _, h := range st.Holds {
			var reply struct{ Done string }
			if err := d.stage.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "approve", "hold": h.ID}, &reply); err != nil {
				return err
			}
		}
		if err := d.pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (d *demo) sameGroups(ctx context.Context, before map[string]string) error {
	now, err := d.shell.identities(ctx)
	if err == nil && !maps.Equal(before, now) {
		err = errors.New("the groups, their SIDs or their members are not what they were")
	}
	return err
}
