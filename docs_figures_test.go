package groupwriteback_test

import (
	"fmt"
	"strings"
	"testing"

	"groupwriteback/shared/plan"
)

// TestFiguresOfPages: the limits that pages tell people of are those that are in force.
func TestFiguresOfPages(t *testing.T) {
	l := plan.DefaultLimits()
	share, all := fmt.Sprintf("%.0f %%", 100*l.MemberShare), fmt.Sprintf("%.0f %%", 100*l.Share)
	for page, figures := range map[string][]string{
		"README.md":          {fmt.Sprintf("over %s of a group of %d or more or %s of all", share, l.MemberFloor, all)},
		"docs/comparison.md": {fmt.Sprintf("over %s of a group of %d or more, or %s of all", share, l.MemberFloor, all)},
		"docs/concepts.md":   {fmt.Sprintf("%s of a group's members, %s of all memberships, %d new groups", share, all, l.Creations)},
	} {
		for _, f := range figures {
			if !strings.Contains(readDoc(t, page), f) {
				t.Errorf("%s does not say %q", page, f)
			}
		}
	}
}
