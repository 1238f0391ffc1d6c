package rules_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
			rules.Rules{OU: "OU=Cloud Groups,DC=corp", Scope: rules.Scope{All: true}, Limits: plan.DefaultLimits()}},
		{"a list", "# ours\nscope:\n  - " + strings.ToUpper(listed) + "\n  - " + listed + "\nou: ou = Cloud Groups , dc=corp\n",
			rules.Rules{OU: "OU=Cloud Groups,DC=corp", Scope: rules.Scope{Groups: map[directory.ID]bool{id: true}}, Limits: plan.DefaultLimits()}},
		{"an empty list", "ou: OU=x\nscope: []\n",
			rules.Rules{OU: "OU=x", Scope: rules.Scope{Groups: map[directory.ID]bool{}}, Limits: plan.DefaultLimits()}},
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

// TestMistakes is what people read who have written a wrong file: all of it at
// once, and where.
func TestMistakes(t *testing.T) {
	const (
		ou    = "ou: write the distinguished name of the container, for example OU=Cloud Groups,DC=corp,DC=example"
		scope = "scope: write all, or a list of the object ids of the groups to write"
	)
	tests := []struct {
		name, file string
		want       []string
	}{
		{"an empty file", "", []string{"rules: " + ou, "rules: " + scope}},
		{"the one missing", "ou: OU=x\n", []string{"rules: " + scope}},
		{"everything wrong", "ou: corp.example\nscope:\n- " + listed + "\n- everybody\n- 12\nmode: safe\ndry_run: true\n", []string{
			"rules line 6:7: mode: no such setting; there are ou, scope, limits and revision",
			"rules line 7:10: dry_run: no such setting; there are ou, scope, limits and revision",
			"rules line 1:5: " + ou,
			`rules line 4:3: scope[1]: object id "everybody" is not a GUID`,
			`rules line 5:3: scope[2]: object id "12" is not a GUID`,
		}},
		{"values of other kinds", "ou: [OU=x]\nscope: {groups: all}\n", []string{"rules line 1:5: " + ou, "rules line 2:8: " + scope}},
		{"almost all", "ou: OU=x\nscope: ALL\n", []string{"rules line 2:8: " + scope}},
		{"no number", "ou: OU=x\nscope: all\nrevision: two\n", []string{"rules line 3:11: revision: write a whole number, one more than last time"}},
		{"limits of another kind", "ou: OU=x\nscope: all\nlimits: [30]\n", []string{"rules line 3:9: limits: write a mapping, such as member_share: 30"}},
		{"limits that are no numbers", "ou: OU=x\nscope: all\nlimits:\n  share: -1\n  member_share: 0.3\n  floor: ''\n  creations: 2000000\n", []string{
			"rules line 7:14: limits.creations: write a whole number from 0 to 1000000",
			"rules line 6:10: limits.floor: write a whole number from 0 to 1000000",
			"rules line 5:17: limits.member_share: write a whole number from 0 to 100",
			"rules line 4:10: limits.share: write a whole number from 0 to 100"}},
		{"an odd setting", "ou: OU=x\nscope: all\n\"a[1\": 1\n", []string{"rules: a[1: no such setting; there are ou, scope, limits and revision"}},
		{"a setting twice", "ou: OU=x\nscope: all\nou: OU=y\n", []string{`rules line 3:1: mapping key "ou" already defined at [1:1]`}},
		{"two documents", "ou: OU=x\nscope: all\n---\nou: OU=y\n", []string{"rules: there is more than one document: write one, without ---"}},
		{"no settings", "all\n", []string{"rules line 1:1: string was used where mapping is expected"}},
		{"no YAML", "ou: OU=x\n  scope: [\n", []string{"rules line 1:5: mapping value is not allowed in this context"}},
	}
	for _, tt := range tests {
		r, err := rules.Parse([]byte(tt.file))
		if err == nil || r != nil {
			t.Errorf("%s: %v, %v; want an error and no rules", tt.name, r, err)
			continue
		}
		if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, diff)
		}
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
	_, err = rules.Parse([]byte("ou: OU=x\nscope: all\nlimits:\n  member_share: 101\n  shares: 1\n  floor: many\n"))
	wantErr := "rules line 6:10: limits.floor: write a whole number from 0 to 1000000\nrules line 4:17: limits.member_share: write a whole number from 0 to 100\nrules line 5:11: limits.shares: no such limit; there are creations, empty_floor, floor, growth_floor, growth_share, member_floor, member_share, share"
	if err == nil || err.Error() != wantErr {
		t.Errorf("got\n%v\nwant\n%s", err, wantErr)
	}
}
