package cycle_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

func (w *world) status() status.Status {
	w.t.Helper()
	s, err := status.Read(w.t.Context(), w.journal, status.Facts{}, rules.Describe)
	w.do(err)
	return s
}

// TestFailuresAreTold: why turns fail is where people look, from the first turn that fails to
// the first that does not. It is written once an hour, however often turns fail.
func TestFailuresAreTold(t *testing.T) {
	w := town(t)
	w.source.edit = func(*directory.Page) error { return errFault }
	gen := w.head().Gen
	for range 30 {
		if err := w.planner.Run(t.Context()); !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Minute)
	}
	if s := w.status(); s.Word != "unread" || !strings.Contains(s.Detail, errFault.Error()) {
		t.Errorf("Graph cannot be read: %s, %s", s.Word, s.Detail)
	}
	if got := w.head().Gen - gen; got != 1 {
		t.Errorf("%d commits in half an hour, want one", got)
	}
	w.source.edit = nil
	w.untilQuiet()
	if s := w.status(); s.Word != "in-sync" {
		t.Errorf("Graph is well: %s, %s", s.Word, s.Detail)
	}
	old := *w.planner.Rules
	newer := old
	newer.Revision = 1
	w.planner.Rules = &newer
	w.untilQuiet()
	w.planner.Rules = &old
	gen = w.head().Gen
	for range 5 {
		if err := w.planner.Run(t.Context()); err == nil {
			t.Fatal("old rules are taken")
		}
	}
	if s := w.status(); s.Word != "failing" || !strings.Contains(s.Detail, "bring the rules file of this host up to date") || w.head().Gen != gen+1 {
		t.Errorf("old rules: %s, %s; %d commits", s.Word, s.Detail, w.head().Gen-gen)
	}
	w.planner.Rules = &newer
	w.untilQuiet()
	if s := w.status(); s.Word != "in-sync" || len(w.head().Failures) != 0 {
		t.Errorf("the rules in force: %s, %s", s.Word, s.Detail)
	}
}

// TestWaitIsTold: that Graph asks to wait is a state, with its end.
func TestWaitIsTold(t *testing.T) {
	w := town(t)
	at := w.now.Add(time.Hour)
	w.source.edit = func(*directory.Page) error { return waiting{at} }
	if err := w.planner.Run(t.Context()); err == nil {
		t.Fatal("no error")
	}
	w.source.edit = nil
	w.now = w.now.Add(10 * time.Minute)
	w.do(w.planner.Run(t.Context()))
	if s := w.status(); s.Word != "unread" || !strings.Contains(s.Detail, at.Format(time.RFC3339)) {
		t.Errorf("%s, %s", s.Word, s.Detail)
	}
}
