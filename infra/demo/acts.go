package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"groupwriteback/infra/stage"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/status"
)

// act is one thing that happens in the cloud.
type act struct {
	what  string // in a sentence
	short string // for the table
	group string // whose AD group is looked at
	do    func() error
	held  bool // it is over a limit and needs an operator's word
}

// acts lists what happens in the cloud, in order.
func (d *demo) acts() []act {
	id, t := d.stage.Company.ID, d.stage.Company.Tenant
	return []act{
		{"Department 12 gets another name. Its AD group shows it, and is found by the same cn as before.", "another display name", "Department 12",
			func() error { return t.Rename(id("Department 12"), "Abteilung Zürich") }, false},
		{"The description of Department 13 is cleared.", "description cleared", "Department 13",
			func() error { return t.SetProperty(id("Department 13"), "description", nil) }, false},
		{"A first member joins the group Empty.", "member added", "Empty",
			func() error { return t.AddMember(id("Empty"), id("user00007")) }, false},
		{"One of 6,000 members leaves All staff.", "member removed from a group of 6,000", "All staff",
			func() error { return t.RemoveMember(id("All staff"), id("user00100")) }, false},
		{"Department 14 becomes a member of the group Everybody technical.", "nested group added", "Everybody technical",
			func() error { return t.AddMember(id("Everybody technical"), id("Department 14")) }, false},
		{"Team Blue is made: a Microsoft 365 group with mail, that Exchange on-premises shows and delivers to.", "team with mail", "Team Blue",
			func() error {
				return t.AddGroup(graphtest.Group{ID: id("Team Blue"), DisplayName: "Team Blue", Members: []directory.ID{id("user00008"), id("user00009"), id("cloud1")}, Props: stage.Team("team.blue")})
			}, false},
		{"Team Blue is deleted. Its AD group is in quarantine: it keeps its SID and its members, and takes no mail.", "team deleted", "Team Blue",
			func() error { return t.SoftDelete(id("Team Blue")) }, false},
		{"Team Blue is restored from the recycle bin.", "team restored", "Team Blue",
			func() error { return t.Restore(id("Team Blue")) }, false},
		{"Department 15 is deleted. Its AD group is in quarantine: its members have nothing by it.", "group deleted", "Department 15",
			func() error { return t.SoftDelete(id("Department 15")) }, false},
		{"Department 15 is restored from the recycle bin.", "group restored", "Department 15",
			func() error { return t.Restore(id("Department 15")) }, false},
		{"Somebody removes 40 % of the members of Department 39.", "removal over the limit, once approved", "Department 39",
			func() error { return d.removeShare(id("Department 39"), 40) }, true},
	}
}

// removeShare takes so many per cent of its members out of a group.
func (d *demo) removeShare(group directory.ID, percent int) error {
	for _, g := range d.stage.Company.Tenant.Dump().Groups {
		if g.ID != group {
			continue
		}
		for _, m := range g.Members[:(len(g.Members)*percent+99)/100] {
			if err := d.stage.Company.Tenant.RemoveMember(group, m.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// playActs plays all acts, each until Active Directory shows it.
func (d *demo) playActs(ctx context.Context) error {
	d.title("The cloud changes")
	d.say("%s", d.paint.Dim.Sprint("Each time is from the change in the cloud until ldapsearch shows it; the timer fires at once."))
	for i, a := range d.acts() {
		d.head("%s %s", d.paint.Strong.Sprintf("%d.", i+1), a.what)
		took, err := d.playAct(ctx, a)
		if err != nil {
			return fmt.Errorf("%s: %w", a.short, err)
		}
		d.times = append(d.times, timed{"cloud to AD: " + a.short, took})
	}
	return nil
}

func (d *demo) playAct(ctx context.Context, a act) (time.Duration, error) {
	ctx, cancel := patience(ctx)
	defer cancel()
	id := d.stage.Company.ID(a.group)
	before, err := d.shell.group(ctx, id)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := a.do(); err != nil {
		return 0, err
	}
	if a.held {
		if err := d.approve(ctx, id, before); err != nil {
			return 0, err
		}
		start = time.Now()
	}
	if err := d.stage.Sync(ctx); err != nil {
		return 0, err
	}
	after, err := d.change(ctx, id, before)
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	d.tell(before, after)
	d.say("   %s", d.paint.Add.Sprintf("✓ in Active Directory after %s", seconds(took)))
	return took, d.settle(ctx, nil)
}

// approve waits until the removal is held, shows that nothing went, and
// approves it as an operator does.
func (d *demo) approve(ctx context.Context, id directory.ID, before entry) error {
	if err := d.settle(ctx, nil); err != nil {
		return err
	}
	st, err := d.stage.Status(ctx)
	if err != nil {
		return err
	}
	if len(st.Holds) != 1 {
		return fmt.Errorf("%d holds, not the one that was expected", len(st.Holds))
	}
	now, err := d.shell.group(ctx, id)
	if err != nil {
		return err
	}
	if len(d.paint.difference(before, now)) > 0 {
		return errors.New("the removal went through, though it is over the limit")
	}
	h := st.Holds[0]
	var listed status.Hold
	if err := d.stage.Call(ctx, http.MethodGet, "status?hold="+h.ID, nil, &listed); err != nil {
		return err
	}
	d.say("   %s %s", d.paint.Change.Sprint("held"), h.Text)
	d.say("   %s", some(slices.Sorted(maps.Values(listed.Names)), 5))
	d.say("   %s", d.paint.Dim.Sprintf("AD still has all %d; an operator approves hold %s", len(now["member"]), h.ID))
	var reply struct{ Done string }
	return d.stage.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "approve", "hold": h.ID}, &reply)
}

// some are the first of names, and how many more there are.
func some(names []string, most int) string {
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}

// change waits until a group is not what it was.
func (d *demo) change(ctx context.Context, id directory.ID, before entry) (entry, error) {
	for {
		now, err := d.shell.group(ctx, id)
		if err != nil || len(d.paint.difference(before, now)) > 0 {
			return now, err
		}
		if err := d.pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// tell prints what became of a group.
func (d *demo) tell(before, after entry) {
	for _, line := range d.paint.difference(before, after) {
		d.say("   %s", line)
	}
}

// settle fires the timer until nothing is left to do, and tells seen how many
// values of the plan are done.
func (d *demo) settle(ctx context.Context, seen func(stage.Status)) error {
	for {
		if err := d.stage.Sync(ctx); err != nil {
			return err
		}
		st, err := d.stage.Status(ctx)
		if err != nil {
			return err
		}
		if seen != nil {
			seen(st)
		}
		switch {
		case st.Settled():
			return nil
		case st.State == "stopped":
			return errors.New(st.Detail)
		}
		if err := d.pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits a moment, but not for an agent that has ended.
func (d *demo) pause(ctx context.Context, t time.Duration) error {
	if !d.stage.AgentRuns() {
		return fmt.Errorf("the agent has ended: see %s", d.log.Name())
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(t):
		return nil
	}
}

var errPatience = errors.New("it did not come to pass in two minutes: the log says why")

// patience limits a wait for something that takes a second on most machines.
func patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, 2*time.Minute, errPatience)
}
