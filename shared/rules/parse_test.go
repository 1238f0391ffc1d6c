package rules_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

const listed = "3a5c3221-c465-48c0-95b8-e9305786a271"

func TestParse(t *testing.T) {
	id, _ := directory.ParseID(listed)
	tests := []struct {
		name, file string
		want       rules.Rules
	}{
		{"all", "ou: OU=Cloud Groups,DC=corp\nscope: all\n",
			rules.Rules{OU: "OU=Cloud Groups,DC=corp", Scope: rules.Scope{All: true}, Limits: plan.DefaultLimits(), Leaving: rules.DefaultLeaving()}},
		{"a list", "# ours\nscope:\n  - " + strings.ToUpper(listed) + "\n  - " + listed + "\nou: ou = Cloud Groups , dc=corp\n",
			rules.Rules{OU: "OU=Cloud Groups,DC=corp", Scope: rules.Scope{Groups: map[directory.ID]bool{id: true}}, Limits: plan.DefaultLimits(), Leaving: rules.DefaultLeaving()}},
		{"as an editor of Windows saves it", "\ufeffou: OU=x\r\nscope: all\r\n",
			rules.Rules{OU: "OU=x", Scope: rules.Scope{All: true}, Limits: plan.DefaultLimits(), Leaving: rules.DefaultLeaving()}},
		{"an empty list", "ou: OU=x\nscope: []\n",
			rules.Rules{OU: "OU=x", Scope: rules.Scope{Groups: map[directory.ID]bool{}}, Limits: plan.DefaultLimits(), Leaving: rules.DefaultLeaving()}},
	}
	for _, tt := range tests {
		got, err := rules.Parse([]byte(tt.file))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(&tt.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, diff)
		}
	}
}

// TestNotUTF8: as another editor of Windows saves it, in UTF-16.
func TestNotUTF8(t *testing.T) {
	_, err := rules.Parse([]byte("\xff\xfeo\x00u\x00:\x00"))
	if err == nil || !strings.Contains(err.Error(), "save the file as UTF-8") {
		t.Errorf("%v", err)
	}
}

// TestMistakes is what people read who have written a wrong file: all of it at once, and
// where. testdata/mistakes.txt has the files, each with its error below it.
func TestMistakes(t *testing.T) {
	const name = "testdata/mistakes.txt"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(data), "== ")
	now, files := head, 0
	for block := range strings.SplitSeq(rest, "\n== ") {
		title, file, _ := strings.Cut(block, "\n")
		file, _, _ = strings.Cut(file, "-> ")
		if file = strings.TrimRight(file, "\n"); file != "" {
			file += "\n"
		}
		r, err := rules.Parse([]byte(file))
		if err == nil || r != nil {
			t.Errorf("%s: %v, %v; want an error and no rules", title, r, err)
			continue
		}
		now += "== " + title + "\n" + file + "-> " + strings.ReplaceAll(err.Error(), "\n", "\n-> ") + "\n\n"
		files++
	}
	if golden.Anew() {
		if err := os.WriteFile(name, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(strings.TrimRight(string(data), "\n"), "\n"), strings.Split(strings.TrimRight(now, "\n"), "\n")); diff != "" {
		t.Errorf("-%s +now (go test -update writes it anew):\n%s", name, diff)
	}
	if files < 60 {
		t.Errorf("only %d wrong files", files)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ou: OU=x\nscope: all\n")
	f.Add("scope:\n- " + listed + "\nou: [")
	f.Add("? {a: *b}\n: &b !!set {x}\n---\n")
	f.Fuzz(func(t *testing.T, file string) {
		r, err := rules.Parse([]byte(file))
		if (r == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", r, err)
		}
		if r != nil && plan.NormalDN(r.OU) != r.OU {
			t.Errorf("%s is not in normal form", r.OU)
		}
	})
}

func TestHash(t *testing.T) {
	parse := func(file string) *rules.Rules {
		r, err := rules.Parse([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a := parse("ou: OU=x\nscope:\n- " + listed + "\n- 11111111-1111-1111-1111-111111111111\n")
	b := parse("# the same in other words\nscope:\n- 11111111-1111-1111-1111-111111111111\n- " + listed + "\nou: ou = x\n")
	if a.Hash() != b.Hash() {
		t.Error("two files that say the same have two hashes")
	}
	seen := map[string]bool{a.Hash(): true}
	for _, file := range []string{"ou: OU=x\nscope: all\n", "ou: OU=y\nscope: all\n", "ou: OU=x\nscope: []\n", "ou: OU=x\nscope:\n- " + listed + "\n",
		"ou: OU=x\nscope: all\nrevision: 1\n", "ou: OU=x\nscope: all\nlimits:\n  share: 20\n"} { // what is held depends on limits
		if h := parse(file).Hash(); seen[h] {
			t.Errorf("%q has the hash of another", file)
		} else {
			seen[h] = true
		}
	}
}

func TestLimits(t *testing.T) {
	r, err := rules.Parse([]byte("ou: OU=x\nscope: all\nlimits:\n  member_share: 50\n  creations: 0\n"))
	want := plan.DefaultLimits()
	want.MemberShare, want.Creations = 0.5, 0
	if err != nil || r.Limits != want {
		t.Errorf("%+v, %v; want %+v", r, err, want)
	}
}
