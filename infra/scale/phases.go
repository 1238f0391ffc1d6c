package scale

import (
	"context"
	"fmt"
	"time"

	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// Phases lists what is measured, in the order in which a journal lives through it; those
// that begin with "-" make ready what the next one needs, and no bound is on them.
func Phases() []string {
	return []string{
		"enumerate", "-empty", "fill", "-adopt", "content", "-settle", "shadow", "-digests", "digests", "rules",
		"hundred", "done", "one", "one-done", "-rest", "status", "preview", "preview-rules", "idle",
		"fifth", "fifth-held", "fifth-status", "-approve", "approved", "-approved", "vanish", "held", "status-held",
	}
}

func phases() map[string]func(context.Context, *Run) error {
	steps := func(ctx context.Context, r *Run) error { return r.Steps(ctx) }
	return map[string]func(context.Context, *Run) error{
		"enumerate": steps,
		"-empty":    func(ctx context.Context, r *Run) error { return r.Agent.Report(ctx, 0, true) },
		"fill":      func(ctx context.Context, r *Run) error { return r.Fill(ctx, 4) },
		"-adopt": func(ctx context.Context, r *Run) error {
			return r.Agent.Report(ctx, len(r.Tenant.Sizes), true)
		},
		"content": steps,
		"-settle": func(ctx context.Context, r *Run) error { return r.Fill(ctx, 1000) },
		"shadow": func(ctx context.Context, r *Run) error {
			if err := r.Wait(9 * 24 * time.Hour); err != nil {
				return err
			}
			return r.Steps(ctx)
		},
		"-digests": func(ctx context.Context, r *Run) error {
			return r.Agent.Report(ctx, len(r.Tenant.Sizes), false)
		},
		"digests":       steps,
		"rules":         steps,
		"hundred":       steps,
		"done":          finish,
		"one":           steps,
		"one-done":      finish,
		"-rest":         func(ctx context.Context, r *Run) error { return r.Fill(ctx, 1000) },
		"status":        look,
		"status-held":   look,
		"preview":       preview,
		"preview-rules": previewRules,
		"idle":          steps,
		"fifth":         steps,
		"fifth-held":    preview,
		"fifth-status":  look,
		"-approve":      approve,
		"approved":      func(ctx context.Context, r *Run) error { return r.Fill(ctx, 2) },
		"-approved":     func(ctx context.Context, r *Run) error { return r.Fill(ctx, 1000) },
		"vanish":        steps,
		"held":          preview,
	}
}

// finish carries out what is planned, and folds what became of it.
func finish(ctx context.Context, r *Run) error {
	if _, err := r.Agent.Work(ctx); err != nil {
		return err
	}
	return r.Steps(ctx)
}

func look(ctx context.Context, r *Run) error {
	s, err := status.Read(ctx, r.Journal, status.Facts{}, func(p plan.Problem) string { return rules.Explain(p.Reason) })
	r.cost.Found["state"], r.cost.Found["problems"], r.cost.Found["more"] = s.Word, len(s.Problems), s.More
	r.cost.Found["holds"] = len(s.Holds)
	return err
}

func preview(ctx context.Context, r *Run) error {
	p, err := r.Planner.Preview(ctx)
	r.cost.Found["changes"], r.cost.Found["holds"], r.cost.Found["more"] = len(p.Changes), len(p.Held), p.MoreHeld
	if err == nil && p.Waiting != "" {
		err = fmt.Errorf("there is no preview: %s", p.Waiting)
	}
	return err
}

// previewRules is a preview of rules that move every group, which a limit holds: whatever is
// decided by them has to be listed.
func previewRules(ctx context.Context, r *Run) error {
	other, err := rules.Parse([]byte("ou: OU=Else," + ou + "\nscope: all\n"))
	if err != nil {
		return err
	}
	p, err := r.Planner.PreviewRules(ctx, other)
	if err == nil && p.Other == nil {
		err = fmt.Errorf("there is no preview: %s", p.Waiting)
	}
	if err == nil {
		r.cost.Found["move"], r.cost.Found["held"], r.cost.Found["notes"] = p.Other.Counts.Move, p.Other.Counts.Held["moves"], len(p.Other.Notes)
	}
	return err
}

// approve says yes to the hold over all groups.
func approve(ctx context.Context, r *Run) error {
	v, err := r.Journal.View(ctx)
	if err != nil {
		return err
	}
	if len(v.Head.Holds) != 1 {
		return fmt.Errorf("%d holds over all groups, want one", len(v.Head.Holds))
	}
	return r.Journal.Approve(ctx, journal.Word{Hold: v.Head.Holds[0].ID, By: "ann"})
}

// passed is how many events have happened before each phase, and what the rules'
// revision is.
func passed(phase string) (events int, revision uint64) {
	for _, p := range Phases() {
		switch p {
		case "rules":
			revision = 1
		case "hundred", "one", "fifth", "vanish":
			events++
		}
		if p == phase {
			break
		}
	}
	return events, revision
}

// At makes the spec that of a phase.
func (s *Spec) At(phase string) {
	s.Phase = phase
	s.Passed, s.Revision = passed(phase)
}
