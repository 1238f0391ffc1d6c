package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

// app plays the app's enable: its plan moves on before each of moves answers, and a
// digest that is confirmed waits for so many turns.
type app struct {
	plans []string // digests; the first is the plan now
	late  int      // turns
	said  []string // digests
}

func (a *app) enable(_ context.Context, digest string) (out first, err error) {
	a.said = append(a.said, digest)
	if digest != "" && len(a.plans) > 1 {
		a.plans = a.plans[1:]
	}
	id := graphtest.ID("g")
	out.Preview = cycle.Preview{Digest: a.plans[0], Changes: []plan.Change{{Group: id, Op: plan.Create, Name: "Plan " + a.plans[0]}},
		Groups: map[directory.ID]cycle.Described{id: {Name: "Plan " + a.plans[0]}}}
	switch {
	case digest != a.plans[0]:
	case a.late > 0:
		a.late, out.Switch.Confirmed = a.late-1, digest
	default:
		out.Switch.On = true
	}
	return out, nil
}

// typed is a screen on which somebody has typed these lines, and what it shows.
func typed(lines ...string) (*screen, *bytes.Buffer) {
	var b bytes.Buffer
	c := make(chan string, len(lines))
	for _, l := range lines {
		c <- l
	}
	close(c)
	return &screen{out: &b, lines: c, paint: newPalette(false, 60)}, &b
}

// TestConfirm: what is confirmed is what was shown, by its digest, and only by a yes.
func TestConfirm(t *testing.T) {
	for name, x := range map[string]struct {
		app   app
		typed []string
		once  bool
		said  []string
		yes   bool
	}{
		"y":                       {app{plans: []string{"a"}}, []string{"y"}, false, []string{"", "a"}, true},
		"yes":                     {app{plans: []string{"a"}}, []string{" YES "}, false, []string{"", "a"}, true},
		"n":                       {app{plans: []string{"a"}}, []string{"n"}, false, []string{""}, false},
		"Enter":                   {app{plans: []string{"a"}}, []string{"", "y"}, false, []string{""}, false},
		"something":               {app{plans: []string{"a"}}, []string{"yeah"}, false, []string{""}, false},
		"the end of the input":    {app{plans: []string{"a"}}, nil, false, []string{""}, false},
		"once":                    {app{plans: []string{"a"}}, nil, true, []string{"", "a"}, true},
		"no turn has looked yet":  {app{plans: []string{"a"}, late: 2}, []string{"y"}, false, []string{"", "a", "a", "a"}, true},
		"it moved on, and yes":    {app{plans: []string{"a", "b"}}, []string{"y", "y"}, false, []string{"", "a", "b"}, true},
		"it moved on, and then n": {app{plans: []string{"a", "b"}}, []string{"y", "n"}, false, []string{"", "a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, out := typed(x.typed...)
			s.once = x.once
			p, yes, err := s.confirm(t.Context(), x.app.enable)
			if err != nil || yes != x.yes || !slices.Equal(x.app.said, x.said) {
				t.Errorf("yes %v, %v, and the app was told %q; want %v and %q", yes, err, x.app.said, x.yes, x.said)
			}
			if !strings.Contains(out.String(), "Plan "+p.Digest) {
				t.Errorf("plan %s was not shown:\n%s", p.Digest, out)
			}
			if asked := strings.Contains(out.String(), "Apply? [y/N]"); asked == x.once {
				t.Errorf("asked: %v, in\n%s", asked, out)
			}
		})
	}
}

// TestEndedAtAQuestion: that is no failure, and no yes.
func TestEndedAtAQuestion(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &screen{out: new(bytes.Buffer), lines: make(chan string), paint: newPalette(false, 60)}
	a := app{plans: []string{"a"}}
	if _, yes, err := s.confirm(ctx, a.enable); yes || !errors.Is(err, errEnough) || len(a.said) != 1 {
		t.Errorf("yes %v, %v, and the app was told %q", yes, err, a.said)
	}
}

// TestWaitingPlan: what cannot be shown is not asked for.
func TestWaitingPlan(t *testing.T) {
	s, out := typed("y")
	_, yes, err := s.confirm(t.Context(), func(context.Context, string) (first, error) {
		return first{Preview: cycle.Preview{Waiting: "no agent"}, Done: "nothing can be confirmed yet: no agent"}, nil
	})
	if yes || err == nil || !strings.Contains(err.Error(), "no agent") || out.Len() > 0 {
		t.Errorf("yes %v, %v:\n%s", yes, err, out)
	}
}
