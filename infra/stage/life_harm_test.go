package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/shared/plan"
)

// TestLifeHarmedAtEveryWrite does to the life of groups what TestHarmedAtEveryWrite does to
// their members: it records each chapter of a life, and plays it again for everything that it
// did, with a harm. Each chapter ends where it began, so that one stage plays many, one after
// the other. Each group is then the old one, with its SID, its GUID and its members, whatever
// was deleted on the way.
func TestLifeHarmedAtEveryWrite(t *testing.T) {
	f := newField(t)
	must(t, f.dc.LetRestore(true))
	first := f.live(t, 900)
	var all []turnOfLife
	for _, c := range chaptersOfLife() {
		began := time.Now()
		r := first.play(t, turnOfLife{chapter: c})
		if r.store < 10 || r.writes < 2 || r.ops < 10 {
			t.Fatalf("%s: the recorded run has %+v: too few to mean anything", c.name, r)
		}
		t.Logf("%s takes %.1f s and has %d store writes, %d LDAP writes, %d LDAP operations", c.name, time.Since(began).Seconds(), r.store, r.writes, r.ops)
		for _, h := range harms(r) {
			all = append(all, turnOfLife{c, h})
		}
	}
	first.Stop()
	var due []turnOfLife
	for i := range sample(len(all), 30) {
		due = append(due, all[i])
	}
	began := time.Now()
	var sum tally
	t.Cleanup(func() {
		t.Logf("%d faults, of which %d were played and %d met, in %.0f s; %d memberships and %d groups were lost", len(all), sum.played.Load(), sum.met.Load(), time.Since(began).Seconds(), sum.members.Load(), sum.groups.Load())
		if sum.members.Load()+sum.groups.Load() > 0 || sum.met.Load() < sum.played.Load()/2 {
			t.Error("that is not as it should be")
		}
	})
	const stages = 2
	for k := range stages {
		t.Run(fmt.Sprintf("stage %d", k+1), func(t *testing.T) {
			t.Parallel()
			l := f.live(t, 901+k)
			for i := k; i < len(due); i += stages {
				if !t.Run(due[i].String(), func(t *testing.T) { l.count(t, &sum, due[i]) }) {
					l = f.live(t, 1000+i) // on which nothing is left of that
				}
			}
		})
	}
}

// tally is what became of all faults together.
type tally struct{ played, met, members, groups atomic.Int64 }

// A turnOfLife is a chapter with a harm.
type turnOfLife struct {
	chapter chapterOfLife
	harm    harm
}

func (x turnOfLife) String() string { return x.chapter.name + ", " + x.harm.String() }

// A chapterOfLife ends with all groups as they were.
type chapterOfLife struct {
	name    string
	deletes bool // on its way
	play    func(t *testing.T, l *livingVictim)
}

func chaptersOfLife() []chapterOfLife {
	return []chapterOfLife{
		{"quarantine and back", false, func(t *testing.T, l *livingVictim) {
			id, c := l.Company.ID, l.Company.Tenant
			must(t, c.SoftDelete(id("Engineering")))
			l.converge(t)
			was, is := l.before[plan.Mark(id("Engineering"))], identities(t, l.Stage)[plan.Mark(id("Engineering"))]
			if is.groupType != "8" || is.sid != was.sid || is.guid != was.guid || is.members != was.members {
				t.Errorf("in quarantine it is\n%+v, was\n%+v", is, was)
			}
			must(t, c.Restore(id("Engineering")))
		}},
		{"another type and back", false, func(t *testing.T, l *livingVictim) {
			l.rule(t, "kinds: {security: distribution}\n")
			l.converge(t, "--distribution")
			l.rule(t, "")
		}},
		{"left to people and taken back", false, func(t *testing.T, l *livingVictim) {
			l.end(t, "keep")
			now := identities(t, l.Stage)
			same(t, "left to people", l.before, now)
			for mark, g := range now {
				if !strings.HasSuffix(g.fence, " released") {
					t.Errorf("a fence is left on %s: %q", mark, g.fence)
				}
			}
		}},
		{"all in quarantine and back", false, func(t *testing.T, l *livingVictim) {
			l.end(t, "quarantine")
			for mark, is := range identities(t, l.Stage) {
				if was := l.before[mark]; is.groupType != "8" || is.sid != was.sid || is.members != was.members {
					t.Errorf("in quarantine %s is\n%+v, was\n%+v", mark, is, was)
				}
			}
		}},
		{"deleted and restored", true, func(t *testing.T, l *livingVictim) {
			l.end(t, "delete")
			if left := identities(t, l.Stage); len(left) > 0 {
				t.Errorf("%d groups are left: %v", len(left), left)
			}
		}},
	}
}

// A livingVictim is one whose groups live, and were there before.
type livingVictim struct {
	*victim
	before   map[string]identity
	revision int
}

// live starts a victim whose groups are as the cloud has them.
func (f field) live(t *testing.T, number int) *livingVictim {
	t.Helper()
	l := &livingVictim{victim: f.victim(t, number)}
	l.Policy = "policy:\n  quarantine: true\n  delete: true\n  group_types: [universal-distribution]\n"
	l.Rules = l.leaving("")
	must(t, l.Start(t.Context()))
	t.Cleanup(l.Stop)
	must(t, l.StartAgent())
	waitReported(t, l.Stage)
	l.converge(t)
	l.before = identities(t, l.Stage)
	return l
}

// leaving are rules by which what is not wanted goes into quarantine, with further lines.
func (l *livingVictim) leaving(more string) string {
	return fmt.Sprintf("leaving: {deleted: quarantine}\nlimits: {floor: 1000}\nrevision: %d\n%s", l.revision, more)
}

// rule puts other rules in force.
func (l *livingVictim) rule(t *testing.T, more string) {
	t.Helper()
	l.revision++
	l.Rules = l.leaving(more)
	must(t, os.WriteFile(filepath.Join(l.Dir, "rules.yaml"), []byte(l.rulesFile()), 0o600))
	l.again(t)
}

// again starts the handler again.
func (l *livingVictim) again(t *testing.T) {
	t.Helper()
	l.Host.Kill()
	must(t, l.Host.Start(t.Context()))
}

// count plays a chapter with a harm, and counts what became of the groups.
func (l *livingVictim) count(t *testing.T, sum *tally, x turnOfLife) {
	sum.played.Add(1)
	if l.play(t, x).met {
		sum.met.Add(1)
	}
	members, groups := toll(l.before, identities(t, l.Stage))
	sum.members.Add(int64(members))
	sum.groups.Add(int64(groups))
}

// play plays a chapter with a harm, until all is as it was.
func (l *livingVictim) play(t *testing.T, x turnOfLife) run {
	t.Helper()
	l.arm(t, x.harm)
	l.again(t)
	x.chapter.play(t, l)
	l.converge(t)
	r := l.did(t)
	same(t, x.chapter.name, l.before, identities(t, l.Stage))
	for _, w := range l.proxy.Writes()[l.from.writes:] {
		if len(w.Remove) > 0 && x.chapter.name != "quarantine and back" || w.Op == "delete" && !x.chapter.deletes {
			t.Errorf("operation %d: %s of %s, which takes out %v", w.N, w.Op, w.DN, w.Remove)
		}
	}
	return r
}

// toll counts the memberships that are missing, and the groups that are not there or are
// other ones.
func toll(before, now map[string]identity) (members, groups int) {
	for mark, was := range before {
		is := now[mark]
		if is.sid != was.sid || is.guid != was.guid {
			groups++
		}
		has := "\n" + is.members + "\n"
		for m := range strings.SplitSeq(was.members, "\n") {
			if !strings.Contains(has, "\n"+m+"\n") {
				members++
			}
		}
	}
	return members, groups
}

// converge settles until AD is what the cloud says, looked at in these ways too; an operator
// lets go what is held.
func (l *livingVictim) converge(t *testing.T, looks ...string) {
	t.Helper()
	l.Looks = append([]string{"--quarantine"}, looks...)
	for end := time.Now().Add(time.Minute); ; must(t, pause(t.Context(), 50*time.Millisecond)) {
		settleAlive(t, l.Stage)
		if l.approve(t) {
			continue
		}
		_, err := l.Compare(t.Context())
		if err == nil {
			return
		}
		if !errors.Is(err, ErrDiffers) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// approve lets go what is held, and says whether anything was. What fails is tried again.
func (l *livingVictim) approve(t *testing.T) (any bool) {
	st, err := l.Status(t.Context())
	if err != nil {
		return true
	}
	for _, h := range st.Holds {
		_, _ = l.word(t.Context(), map[string]string{"action": "approve", "hold": h.ID})
	}
	return len(st.Holds) > 0
}

func (l *livingVictim) word(ctx context.Context, message map[string]string) (w answer, err error) {
	err = l.Call(ctx, http.MethodPost, "manualsync", message, &w)
	return w, err
}

// end ends writeback as a person does, who says it again where it was not heard: by the digest
// of what is shown, and with a word on what is held.
func (l *livingVictim) end(t *testing.T, end string) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errTooLong)
	defer cancel()
	for ; ; must(t, pause(ctx, 20*time.Millisecond)) {
		revive(t, l.Stage)
		shown, err := l.word(ctx, map[string]string{"action": "disable", "end": end})
		switch {
		case err != nil: // who died is started again
		case !shown.Switch.On:
			return
		case shown.Switch.Ending == end:
			l.approve(t)
			_ = l.Sync(ctx)
		case shown.Preview.Digest != "":
			_, _ = l.word(ctx, map[string]string{"action": "disable", "end": end, "digest": shown.Preview.Digest})
		default:
			_ = l.Sync(ctx)
		}
	}
}
