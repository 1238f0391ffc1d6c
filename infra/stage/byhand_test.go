package stage

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestCompareSeesChangesByHand is the test of the test: compare.py, on whose word
// the others go, calls AD different after any change that somebody makes by hand,
// and says what it is; and equal again when that is undone.
func TestCompareSeesChangesByHand(t *testing.T) {
	s := newStage(t, 60, 10, 30)
	must(t, s.Start(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s)
	settle(t, s)
	s.StopAgent() // it would put things right
	equal(t, s)
	cn := func(group string) string { return group + "_" + s.Company.ID(group).String()[24:] }
	dn := func(name string) string { return "CN=" + name + "," + s.Base }
	group, mark := "Engineering", "Group_"+s.Company.ID("Engineering").String()
	user := func(i int) string { return fmt.Sprintf("<SID=%s>", s.DC.SIDs[userName(i)]) }
	modify := func(change, attr, value string) string {
		return fmt.Sprintf("dn: %s\nchangetype: modify\n%s: %s\n%[3]s: %s\n", dn(cn(group)), change, attr, value)
	}
	rename := func(from, to string) string {
		return fmt.Sprintf("dn: %s\nchangetype: modrdn\nnewrdn: CN=%s\ndeleteoldrdn: 1\n", dn(from), to)
	}
	for _, test := range []struct{ name, do, undo, says string }{
		{"an attribute added", modify("add", "description", "by hand"), modify("delete", "description", "by hand"), "description is 'by hand', should be ''"},
		{"an attribute replaced", modify("replace", "displayName", "by hand"), modify("replace", "displayName", group), "displayName is 'by hand', should be '" + group + "'"},
		{"a member added", modify("add", "member", user(50)), modify("delete", "member", user(50)), "should not be there"},
		{"a member removed", modify("delete", "member", user(1)), modify("add", "member", user(1)), "is missing"},
		{"a group renamed", rename(cn(group), "by hand"), rename("by hand", cn(group)), "cn is 'by hand', should be '" + cn(group) + "'"},
		{"a mark taken off", modify("delete", "adminDescription", mark), modify("add", "adminDescription", mark), "bears no mark"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ldapAs(t, s.DC, "ldapmodify", test.do)
			if out, err := s.Compare(t.Context()); !errors.Is(err, ErrDiffers) || !strings.Contains(out, test.says) {
				t.Errorf("Compare: %v, want exit code 1 and %q", err, test.says)
			}
			ldapAs(t, s.DC, "ldapmodify", test.undo)
			equal(t, s)
		})
	}
}
