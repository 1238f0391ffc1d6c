package app

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

func settingsDoc(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// TestSettingsAreDocumented holds docs/settings.md and the variables together.
func TestSettingsAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `"+prefix+"([A-Z0-9_]+)` \\| (yes|no) \\| .+ \\|$").FindAllStringSubmatch(settingsDoc(t), -1) {
		documented[row[1]] = row[2] == "yes"
	}
	if !maps.Equal(documented, variables()) {
		t.Errorf("docs/settings.md lists (true: needed)\n%v\nthe program reads\n%v", documented, variables())
	}
}

// TestRulesExample: the rules file that people copy is one.
func TestRulesExample(t *testing.T) {
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(settingsDoc(t))
	if example == nil {
		t.Fatal("docs/settings.md has no example of a rules file")
	}
	r, err := rules.Parse([]byte(example[1]))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Scope.All || r.OU != "OU=Cloud Groups,DC=corp,DC=example" {
		t.Errorf("the example says %+v", r)
	}
}

// TestLimitsAreDocumented: the table of limits is that of plan.DefaultLimits.
func TestLimitsAreDocumented(t *testing.T) {
	l := plan.DefaultLimits()
	for _, row := range []string{
		fmt.Sprintf("| members removed from one group | %.0f %% of its members, for groups of %d or more; all of them, for groups of %d or more |", 100*l.MemberShare, l.MemberFloor, l.EmptyFloor),
		fmt.Sprintf("| memberships removed, and groups no longer managed | %.0f %% of all, but at least %d |", 100*l.Share, l.Floor),
		fmt.Sprintf("| groups created | %d |", l.Creations),
	} {
		if !strings.Contains(settingsDoc(t), row) {
			t.Errorf("docs/settings.md lacks the row\n%s", row)
		}
	}
}
