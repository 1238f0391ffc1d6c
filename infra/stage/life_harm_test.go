package stage

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestLifeHarmedAtEveryWrite does to the life of groups what TestHarmedAtEveryWrite does to
// their members: it records each chapter of a life, and plays it again for everything that it
// did, with a harm. Each chapter ends where it began, so that one stage plays many, one after
// the other. Each group is then the old one, with its SID, its GUID and its members, whatever
// was deleted on the way.
func TestLifeHarmedAtEveryWrite(t *testing.T) {
	f := newField(t)
	must(t, f.dc.LetRestore(true))
	first := f.living(t, 900)
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
	rand.New(rand.NewPCG(1, 3)).Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] }) // each chapter follows on each
	var due []turnOfLife
	for i := range sample(len(all), 25) {
		due = append(due, all[i])
	}
	began := time.Now()
	var sum tally
	t.Cleanup(func() {
		t.Logf("%d faults, of which %s, in %.0f s", len(all), sum.String(), time.Since(began).Seconds())
		sum.judge(t)
	})
	const stages = 2
	for k := range stages {
		t.Run(fmt.Sprintf("stage %d", k+1), func(t *testing.T) {
			t.Parallel()
			l := f.living(t, 901+k)
			for i := k; i < len(due); i += stages {
				if !t.Run(due[i].String(), func(t *testing.T) { l.count(t, &sum, due[i]) }) {
					l = f.living(t, 1000+i) // on which nothing is left of that
				}
			}
		})
	}
}

// A turnOfLife is a chapter with a harm.
type turnOfLife struct {
	chapter chapterOfLife
	harm    harm
}

func (x turnOfLife) String() string { return x.chapter.name + ", " + x.harm.String() }

// A livingVictim is one whose groups live.
type livingVictim struct {
	*victim
	life *living
}

// living starts a victim whose groups are as the cloud has them.
func (f field) living(t *testing.T, number int) *livingVictim {
	t.Helper()
	v := f.victim(t, number)
	l := &livingVictim{v, &living{Stage: v.Stage}}
	l.Policy = lifePolicy
	l.namesFollow(lifeRules(0, ""))
	must(t, l.Start(t.Context()))
	t.Cleanup(l.Stop)
	must(t, l.StartAgent())
	waitReported(t, l.Stage)
	l.life.begin(t)
	return l
}

// count plays a chapter with a harm, and counts what became of the groups.
func (l *livingVictim) count(t *testing.T, sum *tally, x turnOfLife) {
	sum.played.Add(1)
	if l.play(t, x).met {
		sum.met.Add(1)
	}
	sum.take(l.life.before, identities(t, l.Stage))
}

// play plays a chapter with a harm, until all is as it was.
func (l *livingVictim) play(t *testing.T, x turnOfLife) run {
	t.Helper()
	armed := l.harm.store > 0 && !l.did(t).met
	l.arm(t, x.harm)
	if armed || x.harm.store > 0 { // the handler has to know
		l.life.again(t)
	}
	l.life.play(t, x.chapter)
	l.life.took(t, x.chapter, l.proxy.Writes()[l.from.writes:])
	return l.did(t)
}
