package cycle

import (
	"testing"

	"groupwriteback/shared/plan"
)

// TestRoutes: a plan says what is lost by the way of mail where that is chosen: also where a group has no target any
// more, and is expanded from then on.
func TestRoutes(t *testing.T) {
	for name, test := range map[string]struct {
		set  map[string][]string
		want bool
	}{
		"gets addresses":     {map[string][]string{"proxyAddresses": {"SMTP:a@corp.test"}}, true},
		"gets a target":      {map[string][]string{"targetAddress": {"SMTP:a@corp.test"}}, true},
		"has no target more": {map[string][]string{"targetAddress": nil}, true},
		"loses its mail":     {map[string][]string{"proxyAddresses": nil, "mail": nil}, false},
		"another name":       {map[string][]string{"displayName": {"A"}}, false},
	} {
		if got := routes(plan.Change{Op: plan.Update, Set: test.set}); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
