package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"groupwriteback/shared/blob"
)

// file makes rules the next version, and commits.
func file(t *testing.T, j *Journal, text string) Version {
	t.Helper()
	w := load(t, j)
	v, err := w.FileRules(t.Context(), Version{Rules: "hash of " + text, By: "anna"}, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	return v
}

func look(t *testing.T, j *Journal) Head {
	t.Helper()
	h, err := j.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestVersions: each version can be read as it was put in force, the last hundred of any number, and no
// sweep takes one of them away, however old; what nobody can go back to goes after its retention.
func TestVersions(t *testing.T) {
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			j := (&Journal{Store: store, Target: "t"}).at(c)
			const made = mostVersions + 5
			for i := 1; i <= made; i++ {
				v := file(t, j, fmt.Sprint("rules ", i))
				if v.Number != uint64(i) || v.Replaces != uint64(i-1) {
					t.Fatalf("version %d of %d, want the %dth", v.Number, v.Replaces, i)
				}
				c.pass(time.Minute)
			}
			for _, of := range []struct {
				wait time.Duration
				left int
			}{{sweepAge + time.Hour, made}, {retention + time.Hour, mostVersions}} {
				c.pass(of.wait)
				w := load(t, j)
				w.Head.Rate++
				if err := w.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				commit(t, w)
				if n := len(objects(t, j, versions)); n != of.left {
					t.Errorf("after %v %d versions are left, want %d", of.wait, n, of.left)
				}
			}
			h := look(t, j)
			for i := uint64(made - mostVersions + 1); i <= made; i++ {
				if v, text, err := j.RulesText(t.Context(), h, i); err != nil || string(text) != fmt.Sprint("rules ", i) || v.Number != i {
					t.Fatalf("version %d is %q, %v", i, text, err)
				}
			}
			for _, none := range []uint64{0, made - mostVersions, made + 1} {
				if _, _, err := j.RulesText(t.Context(), h, none); !errors.Is(err, ErrUnknownVersion) {
					t.Errorf("version %d: %v", none, err)
				}
			}
			var all []uint64
			for before, more := uint64(0), true; more; {
				var page []Version
				var err error
				if page, more, err = j.Versions(t.Context(), h, before, 30); err != nil {
					t.Fatal(err)
				}
				for _, v := range page {
					all = append(all, v.Number)
				}
				before = all[len(all)-1]
			}
			if len(all) != mostVersions || all[0] != made || all[len(all)-1] != made-mostVersions+1 {
				t.Errorf("pages have %v", all)
			}
		})
	}
}

// TestLostVersion: of a step that was overtaken nothing is in force, listed, or can be read.
func TestLostVersion(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	file(t, j, "one")
	lost := load(t, j)
	if _, err := lost.FileRules(t.Context(), Version{By: "bert"}, []byte("lost")); err != nil {
		t.Fatal(err)
	}
	file(t, j, "two")
	if err := lost.Commit(t.Context()); !errors.Is(err, ErrConflict) {
		t.Fatalf("the second of two: %v", err)
	}
	h := look(t, j)
	if _, text, err := j.RulesText(t.Context(), h, 2); err != nil || string(text) != "two" {
		t.Errorf("version 2 is %q, %v", text, err)
	}
	if list, _, err := j.Versions(t.Context(), h, 0, 10); err != nil || len(list) != 2 || list[0].By != "anna" {
		t.Errorf("versions %+v, %v", list, err)
	}
}

// TestForeignVersion: an object of a newer version, or one that is not what was written, is not read, and of a newer
// one nothing is lost by putting others in its place.
func TestForeignVersion(t *testing.T) {
	for name, spoil := range map[string]func(o map[string]any){
		"another format": func(o map[string]any) { o["format"] = 2 },
		"one more key":   func(o map[string]any) { o["warp"] = 9 },
	} {
		t.Run(name, func(t *testing.T) {
			j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
			file(t, j, "one")
			w := load(t, j)
			data, _, err := j.Store.Get(t.Context(), j.prefix()+w.Head.Version.In.Name)
			if err != nil {
				t.Fatal(err)
			}
			o := map[string]any{}
			if err := json.Unmarshal(data, &o); err != nil {
				t.Fatal(err)
			}
			spoil(o)
			if data, err = json.Marshal(o); err != nil {
				t.Fatal(err)
			}
			at := Filed{Version{Number: 2}, refTo("version/00000002-newer", data)}
			w.puts = append(w.puts, object{at.In.Name, data})
			w.Head.Version = at
			commit(t, w)
			h := look(t, j)
			if _, text, err := j.RulesText(t.Context(), h, 2); !errors.Is(err, ErrUnusable) || !errors.Is(err, ErrVersionFormat) || len(text) > 0 {
				t.Errorf("%q, %v", text, err)
			}
			if _, err := load(t, j).FileRules(t.Context(), Version{}, []byte("three")); !errors.Is(err, ErrVersionFormat) {
				t.Errorf("others in its place: %v", err)
			}
		})
	}
}

// TestVersionsBegunAnew: a journal that begins anew has the rules that it had.
func TestVersionsBegunAnew(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	file(t, j, "one")
	file(t, j, "two")
	if err := j.BeginAnew(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := look(t, j)
	if _, text, err := j.RulesText(t.Context(), h, h.InForce().Number); err != nil || string(text) != "two" {
		t.Errorf("in force is %q, %v", text, err)
	}
	if v := file(t, j, "three"); v.Number != 3 || v.Replaces != 2 {
		t.Errorf("the next is %+v", v)
	}
}
