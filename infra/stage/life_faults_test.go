package stage

import (
	"strings"
	"testing"
)

// TestLifeAmongDirectoryFaults plays the chapters of a life through the bad days of the
// directory: a chapter begins while the fault is on, and goes on when it is over, as a person
// has put it right who was told. Each group is then the old one, with its SID, its GUID and
// its members. About six are played, others each day.
func TestLifeAmongDirectoryFaults(t *testing.T) {
	f := newFire(t, 10, lifeRules(0, ""))
	l := &living{Stage: f.Stage}
	l.begin(t)
	var sum tally
	chapters, n := chaptersOfLife(), len(f.ordeals(t))
	for i := range sample(n*len(chapters), 6) {
		o, c := f.ordeals(t)[i%n], chapters[i/n]
		if o.ripple || o.buries && c.deletes {
			continue
		}
		t.Run(o.name+", "+c.name, func(t *testing.T) {
			sum.played.Add(1)
			writes := len(f.proxy.Writes())
			if f.live(t, l, o, c) {
				sum.met.Add(1)
			}
			l.took(t, c, f.proxy.Writes()[writes:])
			sum.take(l.before, identities(t, l.Stage))
		})
	}
	t.Logf("of %d faults %s", n*len(chapters), &sum)
	sum.judge(t)
}

// live plays a chapter of a life through an ordeal, and says whether that was met.
func (f *fire) live(t *testing.T, l *living, o ordeal, c chapterOfLife) (met bool) {
	from := f.console.end()
	for i, words := range o.told { // of how many groups depends on how far the chapter is
		o.told[i] = strings.TrimLeft(words, "0123456789")
	}
	f.set(o)
	over := func(t *testing.T) {
		f.mu.Lock()
		met = met || f.met
		f.mu.Unlock()
		f.set(ordeal{})
		if o.end != nil {
			o.end(t)
		}
		o.end = nil
	}
	defer over(t)
	if o.begin != nil {
		o.begin(t)
	}
	l.seen = func(t *testing.T, st Status) {
		if !met && f.over(o, from, st) {
			met = true
			over(t)
		}
		if met {
			f.askFor(t)
		}
	}
	defer func() { l.seen = nil }()
	l.play(t, c)
	return met
}

// over says whether those who look after the directory know what is wrong with it. Of what is
// over by itself nobody need be told.
func (f *fire) over(o ordeal, from int, st Status) bool {
	return len(o.says)+len(o.told) > 0 && (len(o.says) == 0 || f.console.count(from, o.says) > 0) && (len(o.told) == 0 || o.isTold(st))
}
