package ad

import (
	"errors"
	"strings"
	"testing"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// TestTroubleTexts is each trouble of a group, in the words that people are told.
func TestTroubleTexts(t *testing.T) {
	id := directory.ID{1}
	mark := plan.Mark(id)
	d := &Domain{Base: "OU=Groups,DC=corp,DC=test", Instance: "corp"}
	const ours, dn = "gwb corp 1.2.3", "CN=Staff,OU=Groups,DC=corp,DC=test"
	texts := &golden.Texts{}
	for _, test := range []struct {
		word            string
		dn, mark, fence string
		odd             error
		was             bool
	}{
		{plan.TroubleUnreadable, dn, mark, ours, errors.New("the account may not read member"), true},
		{plan.TroubleForeign, dn, mark, plan.Released("paris"), nil, false},
		{plan.TroubleForeign, dn, mark, "gwb paris 1.2.3", nil, false},
		{plan.TroubleForeign, dn, mark, "", nil, false},
		{plan.TroubleForeign, "CN=Staff,OU=Else,DC=corp,DC=test", "", "", nil, false},
		{plan.TroubleUnfenced, dn, mark, plan.Released("corp"), nil, true},
		{plan.TroubleUnfenced, dn, mark, "hands off", nil, true},
		{plan.TroubleOutside, "CN=Staff,OU=Else,DC=corp,DC=test", mark, ours, nil, true},
		{plan.TroubleUnmarked, dn, "", ours, nil, true},
	} {
		s := sighting{object: object{dn: test.dn, mark: test.mark, fence: test.fence}, odd: test.odd}
		got := d.trouble(s, id, test.was)
		if got.Case != test.word || got.DN != test.dn {
			t.Errorf("%+v is %+v", test, got)
		}
		texts.Add(got.Case + ": " + got.Text)
	}
	two := twins(id, dn, "CN=Staff 2,OU=Groups,DC=corp,DC=test")
	texts.Add(two.Case + ": " + two.Text)
	texts.Hold(t, "troubles")
}

// TestAllowedTexts is what the agent's policy does not allow, in the words that people are told.
func TestAllowedTexts(t *testing.T) {
	texts := &golden.Texts{}
	for line := range strings.Lines(Allowed{}.Lacks([]string{"wWWHomePage", "mail"}, []string{"universal-distribution"}).Error()) {
		texts.Add(strings.TrimRight(line, "\n"))
	}
	for _, set := range []map[string][]string{{"wWWHomePage": {"x"}}, {"mail": {"a@corp.test"}}, {"seeAlso": {"CN=x"}}} {
		w := &writer{Domain: &Domain{Base: "OU=x"}, change: plan.Change{Op: plan.Update, Set: set}}
		texts.Add(w.withLeftOut(w.settable()).Error())
	}
	texts.Add("attribute groupType " + suspends)
	texts.Hold(t, "allowed")
}
