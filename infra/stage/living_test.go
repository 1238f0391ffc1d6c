package stage

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/infra/stage/ldapproxy"
	"groupwriteback/shared/plan"
)

// A chapterOfLife ends with all groups as they were.
type chapterOfLife struct {
	name    string
	deletes bool // on its way
	play    func(t *testing.T, l *living)
}

func chaptersOfLife() []chapterOfLife {
	return []chapterOfLife{
		{"quarantine and back", false, func(t *testing.T, l *living) {
			id, c := l.Company.ID, l.Company.Tenant
			must(t, c.SoftDelete(id("Engineering")))
			l.converge(t)
			was, is := l.before[plan.Mark(id("Engineering"))], identities(t, l.Stage)[plan.Mark(id("Engineering"))]
			if is.groupType != "8" || is.sid != was.sid || is.guid != was.guid || is.members != was.members {
				t.Errorf("in quarantine it is\n%+v, was\n%+v", is, was)
			}
			must(t, c.Restore(id("Engineering")))
		}},
		{"another type and back", false, func(t *testing.T, l *living) {
			l.rule(t, "kinds: {security: distribution}\n")
			l.converge(t, "--distribution")
			l.rule(t, "")
		}},
		{"left to people and taken back", false, func(t *testing.T, l *living) {
			l.end(t, "keep")
			now := identities(t, l.Stage)
			same(t, "left to people", l.before, now)
			for mark, g := range now {
				if !strings.HasSuffix(g.fence, " released") {
					t.Errorf("a fence is left on %s: %q", mark, g.fence)
				}
			}
		}},
		{"all in quarantine and back", false, func(t *testing.T, l *living) {
			l.end(t, "quarantine")
			for mark, is := range identities(t, l.Stage) {
				if was := l.before[mark]; is.groupType != "8" || is.sid != was.sid || is.members != was.members {
					t.Errorf("in quarantine %s is\n%+v, was\n%+v", mark, is, was)
				}
			}
		}},
		{"deleted and restored", true, func(t *testing.T, l *living) {
			l.end(t, "delete")
			if left := identities(t, l.Stage); len(left) > 0 {
				t.Errorf("%d groups are left: %v", len(left), left)
			}
		}},
	}
}

// A living stage has groups that live, and that were there before.
type living struct {
	*Stage
	before   map[string]identity
	revision int                           // of the rules
	seen     func(t *testing.T, st Status) // is told how things stand on the way; nil: nobody is
}

// lifePolicy lets the agent do what a life takes.
const lifePolicy = "policy:\n  quarantine: true\n  delete: true\n  group_types: [universal-distribution]\n"

// lifeRules are rules by which what is not wanted goes into quarantine, with further lines.
func lifeRules(revision int, more string) string {
	return fmt.Sprintf("leaving: {deleted: quarantine}\nlimits: {floor: 1000}\nrevision: %d\n%s", revision, more)
}

// begin has all groups written, and remembers them.
func (l *living) begin(t *testing.T) {
	t.Helper()
	l.converge(t)
	l.before = identities(t, l.Stage)
}

// play plays a chapter, until all is as it was.
func (l *living) play(t *testing.T, c chapterOfLife) {
	t.Helper()
	c.play(t, l)
	l.converge(t)
	same(t, c.name, l.before, identities(t, l.Stage))
}

// took holds what a chapter wrote to what it may take away: it takes nobody out of a group,
// but a group that the cloud has deleted, and deletes only where that is what it is about.
func (l *living) took(t *testing.T, c chapterOfLife, writes []ldapproxy.Operation) {
	t.Helper()
	kept := slices.DeleteFunc(slices.Clone(writes), func(w ldapproxy.Operation) bool { return w.Op == "delete" })
	if deletes := len(writes) - len(kept); c.deletes != (deletes > 0) {
		t.Errorf("%s: %d deletions", c.name, deletes)
	}
	checkRemovals(t, l.Stage, kept)
}

// rule puts other rules in force.
func (l *living) rule(t *testing.T, more string) {
	t.Helper()
	l.revision++
	l.namesFollow(lifeRules(l.revision, more))
	must(t, os.WriteFile(filepath.Join(l.Dir, "rules.yaml"), []byte(l.rulesFile()), 0o600))
	l.again(t)
}

// again starts the handler again.
func (l *living) again(t *testing.T) {
	t.Helper()
	l.Host.Kill()
	must(t, l.Host.Start(t.Context()))
}

// A tally is what became of all faults together.
type tally struct{ played, met, members, groups atomic.Int64 }

func (y *tally) String() string {
	return fmt.Sprintf("%d were played and %d met; %d memberships and %d groups were lost", y.played.Load(), y.met.Load(), y.members.Load(), y.groups.Load())
}

// take counts what was lost by a fault: memberships that are missing, and groups that are not
// there or are other ones.
func (y *tally) take(before, now map[string]identity) {
	for mark, was := range before {
		is := now[mark]
		if is.sid != was.sid || is.guid != was.guid {
			y.groups.Add(1)
		}
		has := strings.Split(is.members, "\n")
		for m := range strings.SplitSeq(was.members, "\n") {
			if !slices.Contains(has, m) {
				y.members.Add(1)
			}
		}
	}
}

// judge fails a test in which something was lost, or that met few of its faults.
func (y *tally) judge(t *testing.T) {
	t.Helper()
	if y.members.Load()+y.groups.Load() > 0 || y.met.Load() < y.played.Load()/2 {
		t.Errorf("of the faults %s", y)
	}
}

// converge settles until AD is what the cloud says, looked at in these ways too; an operator
// lets go what is held.
func (l *living) converge(t *testing.T, looks ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errTooLong)
	defer cancel()
	l.Looks = append([]string{"--renames", "--quarantine"}, looks...)
	for {
		st, err := l.look(ctx, t)
		switch {
		case err != nil:
		case st.State == "off":
			err = l.Enable(ctx)
		case st.Settled() && len(st.Holds) == 0:
			if _, err = l.Compare(t.Context()); err == nil {
				return
			}
		}
		if late := pause(ctx, 50*time.Millisecond); late != nil {
			t.Fatal(late, err, st)
		}
	}
}

// look starts again who has died, takes a turn, says how things stand, and lets go what is
// held. What fails is tried again by who asks.
func (l *living) look(ctx context.Context, t *testing.T) (st Status, err error) {
	t.Helper()
	revive(t, l.Stage)
	if err = l.Sync(ctx); err == nil {
		st, err = l.Status(ctx)
	}
	if err != nil {
		return st, err
	}
	for _, h := range st.Holds {
		_, err = l.word(ctx, map[string]string{"action": "approve", "hold": h.ID})
	}
	if l.seen != nil {
		l.seen(t, st)
	}
	return st, err
}

func (l *living) word(ctx context.Context, message map[string]string) (w answer, err error) {
	err = l.Call(ctx, http.MethodPost, "manualsync", message, &w)
	return w, err
}

// end ends writeback as a person does, who says it again where it was not heard: by the digest
// of what is shown, and with a word on what is held.
func (l *living) end(t *testing.T, end string) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errTooLong)
	defer cancel()
	for ; ; must(t, pause(ctx, 50*time.Millisecond)) {
		if _, err := l.look(ctx, t); err != nil {
			continue
		}
		shown, err := l.word(ctx, map[string]string{"action": "disable", "end": end})
		switch {
		case err != nil: // who died is started again
		case !shown.Switch.On:
			return
		case shown.Switch.Ending == "" && shown.Preview.Digest != "":
			_, _ = l.word(ctx, map[string]string{"action": "disable", "end": end, "digest": shown.Preview.Digest})
		}
	}
}
