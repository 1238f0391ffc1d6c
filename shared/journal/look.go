package journal

import (
	"context"
	"errors"
	"fmt"
)

// ErrTarget: an agent is set up for another target. What it says of its groups would be
// taken for the state of ours: its mark bears the target's name, so it finds none.
var ErrTarget = errors.New("the agent is set up for another target")

// isFor refuses what an agent says that is set up for another target. One of an older
// version does not say for which it is.
func (j *Journal) isFor(target string) error {
	if target == "" || target == j.Target {
		return nil
	}
	return fmt.Errorf("%w: its file says %q, and this relay is for %q: correct target or relay.url in its file", ErrTarget, target, j.Target)
}

// Look reads the head for whoever looks and changes nothing: Gen is 0 where there is
// no journal yet. ErrFormat, ErrOldFormat: it is of another version.
func (j *Journal) Look(ctx context.Context) (Head, error) {
	h, _, err := j.head(ctx)
	return h, err
}
