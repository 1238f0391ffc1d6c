package rules_test

import (
	"strings"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

// TestNamesAreLegal: whatever a group is called in the cloud, its names are ones that Active
// Directory takes, or it has a problem that says why it has none.
func TestNamesAreLegal(t *testing.T) {
	r, err := rules.Parse([]byte("ou: OU=Groups,DC=x\nscope: all\n"))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := directory.ParseID("01000000-0000-0000-0000-000000000001")
	for _, name := range []string{
		"Sales", "line\nfeed", "nul\x00", "\r\n\t", "\x7f", "c1 \u0085 control", " blank ", "trailing dots...", `"/\[]:;|=,+*?<>@`, "#first", "a,b+c=d", "=", "..", "_",
		strings.Repeat("x", 300), strings.Repeat("😀", 80), "zero\u200bwidth", "\u202ebidi", "half \ud7ff", strings.Repeat(" ", 60) + "x", "CN=a,DC=b", "東京",
	} {
		g := &directory.Group{ID: id, Reading: directory.Named, Props: directory.Properties{"displayName": {name}, "securityEnabled": {"true"}}}
		w := r.Decide(id, g, nil, func(directory.ID) rules.Nested { return rules.Nested{} }, rules.Target{})
		if w.Group == nil {
			if len(w.Problems) != 1 || w.Problems[0].Reason != rules.NoName || strings.TrimSpace(name) != "" {
				t.Errorf("%q: no group, problems %+v", name, w.Problems)
			}
			continue
		}
		if text := plan.NameFault(w.Group.Name); text != "" {
			t.Errorf("%q becomes the cn %q, which %s", name, w.Group.Name, text)
		}
		for _, sam := range w.Group.Attrs["sAMAccountName"] {
			if text := plan.AccountNameFault(sam); text != "" {
				t.Errorf("%q becomes the account name %q, which %s", name, sam, text)
			}
		}
	}
}

// TestRename: whether names follow the cloud is told with every wish that has names, and rules
// that differ in it are other rules.
func TestRename(t *testing.T) {
	id, _ := directory.ParseID("01000000-0000-0000-0000-000000000001")
	g := &directory.Group{ID: id, Reading: directory.Named, Props: directory.Properties{"displayName": {"Sales"}, "securityEnabled": {"true"}}}
	hidden := *g
	hidden.Unread = true
	hashes := map[string]bool{}
	for _, rename := range []bool{false, true} {
		r := &rules.Rules{OU: "OU=Groups,DC=x", Scope: rules.Scope{All: true}, Rename: rename}
		hashes[r.Hash()] = true
		for _, g := range []*directory.Group{g, &hidden} {
			w := r.Decide(id, g, &plan.Group{ID: id}, func(directory.ID) rules.Nested { return rules.Nested{} }, rules.Target{})
			if w.Group == nil || w.Rename != rename {
				t.Errorf("rename %t, unread %t: %+v", rename, g.Unread, w)
			}
		}
	}
	if len(hashes) != 2 {
		t.Error("both have the same hash")
	}
}
