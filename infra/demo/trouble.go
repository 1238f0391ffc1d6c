package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"groupwriteback/infra/stage"
	"groupwriteback/shared/columns"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/status"
)

// fault makes Graph refuse every request while refused is set.
func (d *demo) fault(r *http.Request, _ int) graphtest.Fault {
	if d.refused.Load() && strings.HasPrefix(r.URL.Path, "/v1.0/") {
		return graphtest.Fault{Status: http.StatusForbidden, Code: "Authorization_RequestDenied"}
	}
	return graphtest.Fault{}
}

// trouble has something fail, twice: status says what it is and what to do, nothing is
// lost, and all comes right by itself.
func (d *demo) trouble(ctx context.Context) error {
	d.title("Something fails")
	troubles := []struct {
		group, what, word string
		note              string
		begin             func()
		turn              func(context.Context) error // while it fails
		end               func() error
	}{
		{"Department 24", "For a turn Graph refuses every request.", "unread", "",
			func() { d.refused.Store(true) }, d.refusedTurn, func() error { d.refused.Store(false); return nil }},
		{"Department 25", "For a moment the agent is stopped.", "applying",
			"After five minutes without a word of the agent's it says agent-silent.",
			d.stage.StopAgent, d.stage.Sync, d.stage.StartAgent},
	}
	for i, t := range troubles {
		d.head("%s %s Meanwhile a member leaves %s in the cloud. Status says:", d.paint.Strong.Sprintf("%d.", i+1), t.what, t.group)
		id := d.stage.Company.ID(t.group)
		before, err := d.shell.group(ctx, id)
		if err != nil {
			return err
		}
		t.begin()
		err = d.stage.Company.Tenant.RemoveMember(id, d.stage.Company.Members(id)[0])
		if err == nil {
			err = t.turn(ctx)
		}
		if err == nil {
			err = d.tellWord(ctx, t.word)
		}
		if err != nil {
			return err
		}
		if t.note != "" {
			d.say("   %s", d.paint.Dim.Sprint(t.note))
		}
		if err := t.end(); err != nil {
			return err
		}
		if err := d.wellAgain(ctx, id, before); err != nil {
			return err
		}
	}
	return nil
}

// refusedTurn is a turn that has to fail.
func (d *demo) refusedTurn(ctx context.Context) error {
	err := d.stage.Sync(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return errors.New("graph refuses every request, and the turn calls that a success")
	}
	return nil // the failure is what is shown, by status
}

// tellWord prints how things stand. Another word than this is an error.
func (d *demo) tellWord(ctx context.Context, word string) error {
	st, err := d.tellStanding(ctx)
	if err == nil && st.Word != word {
		err = fmt.Errorf("status says %s where it should say %s", st.Word, word)
	}
	return err
}

// tellStanding prints how things stand, in status's words.
func (d *demo) tellStanding(ctx context.Context) (status.Standing, error) {
	var st status.Status
	if err := d.stage.Call(ctx, http.MethodGet, "status", nil, &st); err != nil {
		return status.Standing{}, err
	}
	for _, line := range d.paint.standing(st.Standing) {
		fmt.Fprintln(d.out, line)
	}
	return st.Standing, nil
}

// standing is how things stand: the word, the sentence and the remedy.
func (paint palette) standing(s status.Standing) (lines []string) {
	word := paint.Change
	if s.Healthy() {
		word = paint.Add
	}
	lines = []string{"     " + word.Sprint(s.Word)}
	if first, rest, more := strings.Cut(s.Detail, "\n"); more { // one cause has come to many
		lines = append(lines, columns.Fold("     "+first+paint.Dim.Sprintf(" (lines more like this: %d)", strings.Count(rest, "\n")+1), paint.Width)...)
	} else if s.Detail != "" {
		lines = append(lines, columns.Fold("     "+s.Detail, paint.Width)...)
	}
	if s.Remedy != "" {
		lines = append(lines, columns.Fold("     remedy: "+s.Remedy, paint.Width)...)
	}
	return lines
}

// wellAgain waits until what happened meanwhile has arrived and nothing is left to do.
func (d *demo) wellAgain(ctx context.Context, id directory.ID, before entry) error {
	ctx, cancel := patience(ctx)
	defer cancel()
	start := time.Now()
	if err := d.stage.Sync(ctx); err != nil {
		return err
	}
	after, err := d.change(ctx, id, before)
	if err != nil {
		return err
	}
	took := time.Since(start)
	d.say("   %s", d.paint.Dim.Sprint("It is over, and nobody did anything:"))
	d.tell(before, after)
	var last stage.Status
	err = d.settle(ctx, func(st stage.Status) { last = st })
	if err == nil && last.State != status.InSync {
		err = fmt.Errorf("the failure is over, and status says %s: %s", last.State, last.Detail)
	}
	if err != nil {
		return err
	}
	d.say("   %s", d.paint.Add.Sprintf("✓ in Active Directory after %s; status says %s", seconds(took), last.State))
	return nil
}
