package scale

import (
	"context"
	"time"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// Phases lists what is measured, in the order in which a journal lives through it; those
// that begin with "-" make ready what the next one needs, and no bound is on them.
func Phases() []string {
	return []string{
		"enumerate", "-empty", "fill", "-adopt", "content", "-settle", "shadow", "-digests", "digests", "rules",
		"hundred", "done", "one", "one-done", "status", "preview", "idle", "vanish", "held", "status-held",
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
		"digests":     steps,
		"rules":       steps,
		"hundred":     steps,
		"done":        finish,
		"one":         steps,
		"one-done":    finish,
		"status":      look,
		"status-held": look,
		"preview":     preview,
		"idle":        steps,
		"vanish":      steps,
		"held":        preview,
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
	r.cost.Found["waiting"], r.cost.Found["changes"], r.cost.Found["holds"] = p.Waiting, len(p.Changes), len(p.Held)
	return err
}

// passed is how many events have happened before each phase, and what the rules'
// revision is.
func passed(phase string) (events int, revision uint64) {
	for _, p := range Phases() {
		switch p {
		case "rules":
			revision = 1
		case "hundred", "one", "vanish":
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
