package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRound: each thing that can become of a mutant, in a module of a few lines.
func TestRound(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("testdata", "tiny"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := load(filepath.Join(root, "mutants"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out strings.Builder
	r := round{root: root, out: &out, parallel: 2, spare: time.Second}
	err = r.play(t.Context(), list)
	if err == nil || !strings.Contains(err.Error(), "could not be played") {
		t.Errorf("a round with errors ends with %v", err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, want := range [][]string{
		{"killed", "Any word opens", "(TestShut,"},
		{"SURVIVED", "A long word is let in", "no test notices", "door.txt:8"},
		{"survived", "A word of 65 letters is let in", "no word of that length opens anyway"},
		{"killed", "Turns never end", "(no end within "},
		{"ERROR", "The word is a number", "does not compile", "door.go:12:17: invalid operation"},
		{"ERROR", "The word is whispered", "does not apply", "0 times in door/door.go"},
		{"ERROR", "The door is locked", "does not apply", "4 times in door/door.go"},
		{"ERROR", "Nobody is told of the word", "none has the name TestTold"},
		{"ERROR", "Nobody gets in", "has leave to survive, and is killed (TestOpen)"},
	} {
		says := func(line string) bool {
			return strings.HasPrefix(line, want[0]+" ") && !slices.ContainsFunc(want[1:], func(s string) bool { return !strings.Contains(line, s) })
		}
		if n := len(slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !says(l) })); n != 1 {
			t.Errorf("%d lines say %q", n, want)
		}
	}
	if last := lines[len(lines)-1]; last != "2 killed, 2 survived (1 with a reason), 5 errors" {
		t.Errorf("the round ends with %q", last)
	}
	if t.Failed() {
		t.Log(out.String())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("the round leaves %v behind (%v)", left, err)
	}
}

// TestTestsThatFail kill nothing: they are an error of their own.
func TestTestsThatFail(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join("testdata", "tiny"))); err != nil {
		t.Fatal(err)
	}
	test := "package door\n\nimport \"testing\"\n\nfunc TestNever(t *testing.T) { t.Fatal() }\n"
	if err := os.WriteFile(filepath.Join(root, "door", "never_test.go"), []byte(test), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := load(filepath.Join(root, "mutants"))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	r := round{root: root, out: &out, parallel: 1, spare: time.Second}
	if err := r.play(t.Context(), list[:1]); err == nil || !strings.Contains(out.String(), "fail as the source stands (TestNever)") {
		t.Errorf("got %v and %s", err, &out)
	}
}

// TestVerdict: a survivor without a reason fails the round, one with a reason does not.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		tally tally
		ok    bool
	}{
		{tally{killed: 20, survived: 1, excused: 1}, true},
		{tally{killed: 20, survived: 2, excused: 1}, false},
		{tally{killed: 20, errors: 1}, false},
	} {
		if err := c.tally.verdict(); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.tally, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"A.\nfile: a.go\n+ x":              "list.txt:1: say what it changes",
		"A.\nfile: a.go\n- x\n+ x":         "list.txt:1: say what it changes",
		"# why\n\nA.\n- x":                 "list.txt:3: say which file",
		"A.\nfile: a.go\nfiles: b\n- x":    "list.txt:3: \"files: b\"",
		"A.\nfile: a.go\n- x\n@@ 1 @@\n+y": "list.txt:4: \"@@ 1 @@\"",
	} {
		if _, err := parse("list.txt", "p", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestChooseByDay: in as many days as it takes each mutant is played once.
func TestChooseByDay(t *testing.T) {
	var list []mutant
	for _, name := range strings.Split("abcdefghijklmnopqrstuvw", "") {
		list = append(list, mutant{name: name, owner: "p"})
	}
	played := map[string]int{}
	for day := range 3 {
		some, err := choose(list, "10", 20_000+day)
		if err != nil || len(some) > 10 || len(some) < 7 {
			t.Fatalf("day %d: %d mutants, %v", day, len(some), err)
		}
		for _, m := range some {
			played[m.name]++
		}
	}
	for _, m := range list {
		if played[m.name] != 1 {
			t.Errorf("%s is played %d times in three days", m.name, played[m.name])
		}
	}
}

func TestChooseByName(t *testing.T) {
	list := []mutant{{name: "Any word opens", owner: "shared/door"}, {name: "None does", owner: "shared/door"}, {name: "All", owner: "agent"}}
	for what, want := range map[string]int{"": 3, "shared/door": 2, "any WORD": 1, "5": 3, "window": 0} {
		some, err := choose(list, what, 0)
		if len(some) != want || (err != nil) != (want == 0) {
			t.Errorf("%q chooses %d, %v", what, len(some), err)
		}
	}
}

// TestListsAreTrue: each mutant's text is in its file once. A change of the code
// is to change the list too.
func TestListsAreTrue(t *testing.T) {
	list, err := load("mutants")
	if err != nil {
		t.Fatal(err)
	}
	if err := leave(list); err != nil {
		t.Error(err)
	}
	for _, m := range list {
		source, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(m.file)))
		if err != nil {
			t.Errorf("%s: %v", m.at, err)
			continue
		}
		if _, err := m.apply(string(source)); err != nil {
			t.Error(err)
		}
	}
}

func TestLeave(t *testing.T) {
	list := make([]mutant, 40)
	list[0].survives, list[1].survives = "a", "b"
	if err := leave(list); err != nil {
		t.Error(err)
	}
	list[2].survives = "c"
	if err := leave(list); err == nil {
		t.Error("three of forty may survive")
	}
}

// TestTwins: a name chooses one mutant.
func TestTwins(t *testing.T) {
	dir := t.TempDir()
	text := "A.\nfile: a.go\n- x\n+ y\n\nA.\nfile: a.go\n- z\n+ y\n"
	if err := os.WriteFile(filepath.Join(dir, "shared-door.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := load(dir)
	if err == nil || !strings.Contains(err.Error(), "txt:6") {
		t.Errorf("got %v", err)
	}
	if want := "shared/door: A."; len(list) != 2 || list[0].title() != want || list[0].file != "shared/door/a.go" {
		t.Errorf("got %+v, want %s", list, want)
	}
}
