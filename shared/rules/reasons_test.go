package rules

import (
	"maps"
	"slices"
	"testing"

	"groupwriteback/infra/golden"
)

// TestReasons is every reason of a problem that rules give, with what people are told.
func TestReasons(t *testing.T) {
	texts := &golden.Texts{}
	all := explanations()
	for _, reason := range slices.Sorted(maps.Keys(all)) {
		texts.Add(reason + ": " + all[reason])
	}
	texts.Hold(t, "reasons")
}
