package plan

import "fmt"

// Limits say how much may go without a person's word.
type Limits struct {
	// Share of a group's members that may be removed, and the size from which it counts.
	Share float64
	Floor int
}

// DefaultLimits are in force where nothing else is configured.
func DefaultLimits() Limits { return Limits{Share: 0.30, Floor: 10} }

// Check says whether removing members from a group is over a limit, in words;
// "" if it is not. What is over is held, never trimmed.
func (l Limits) Check(have Group, remove int) string {
	size := len(have.Members)
	if remove == 0 || size < l.Floor || float64(remove) <= l.Share*float64(size) {
		return ""
	}
	return fmt.Sprintf("%d of %d members would go (%d %%); the limit is %.0f %%", remove, size, 100*remove/size, 100*l.Share)
}
