package journal

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
)

// TestLastRules: the text of the rules in force is there from the step on that puts them in
// force, is written with no other, and outlives those that it took the place of.
func TestLastRules(t *testing.T) {
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			hook, writes := watched(store)
			j := (&Journal{Store: hook, Target: "t"}).at(c)
			last := func(want string) {
				t.Helper()
				got, err := j.LastRules(t.Context())
				if text, _, _ := strings.Cut(string(got), " #"); err != nil || text != want || (got == nil) != (want == "") {
					t.Errorf("the rules in force are %q (%v), want %q", got, err, want)
				}
			}
			adopt := func(hash, text string) *Tx {
				w := load(t, j)
				w.Head.Rules = hash
				w.KeepRules(hash, []byte(text))
				return w
			}
			last("")
			commit(t, adopt("aaaa", "ou: OU=one"))
			last("ou: OU=one")
			lost := adopt("bbbb", "ou: OU=two # of the same meaning") // and so of the same hash
			commit(t, adopt("bbbb", "ou: OU=two"))
			if err := lost.Commit(t.Context()); err == nil {
				t.Error("a step that was overtaken is committed")
			}
			last("ou: OU=two")
			writes()
			w := load(t, j)
			w.Head.Rate++
			commit(t, w)
			if got := kinds(writes()); got["rules"] > 0 {
				t.Errorf("another step wrote %v", got)
			}
			c.pass(sweepAge + time.Minute)
			w = load(t, j)
			w.Head.Rate++
			if err := w.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			commit(t, w)
			last("ou: OU=two")
			if got := objects(t, j, "rules/"); len(got) == 0 || slices.ContainsFunc(got, func(n string) bool { return !strings.HasPrefix(n, "rules/bbbb-") }) {
				t.Errorf("after the sweep there are %v", got)
			}
		})
	}
}

// TestDamagedRules: a text that is not what was written is none.
func TestDamagedRules(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	w.Head.Rules = "aaaa"
	w.KeepRules("aaaa", []byte("ou: OU=one\nlimits: {share: 10}\n"))
	commit(t, w)
	key := j.prefix() + objects(t, j, "rules/")[0]
	_, tag, err := j.Store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Store.Put(t.Context(), key, []byte("ou: OU=one\n"), tag); err != nil {
		t.Fatal(err)
	}
	if got, err := j.LastRules(t.Context()); got != nil || err != nil {
		t.Errorf("half a text is taken: %q, %v", got, err)
	}
}
