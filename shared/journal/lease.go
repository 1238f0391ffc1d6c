package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"groupwriteback/shared/blob"
)

// leaseTime is how long an agent may write after it was last heard of.
const leaseTime = 60 * time.Second

// Lease says which agent may write. It is advisory for safety (the fence in the
// directory decides) and keeps two agents from working against each other.
type Lease struct {
	Agent string    `json:"agent"`
	Token uint64    `json:"token"` // one more at each change of holder
	Until time.Time `json:"until"`
	DC    DC        `json:"dc"`

	// Instance is the holder's own name, which nobody else knows: two agents may share
	// a registration, and who has found its access token is not the agent. It is told to
	// nobody.
	Instance string `json:"instance,omitempty"`

	// As the holder describes itself: see Agent.
	Host     string `json:"host,omitempty"`
	Version  string `json:"version,omitempty"`
	Policy   string `json:"policy,omitempty"`
	ReadOnly bool   `json:"readOnly,omitempty"`
}

func (l Lease) isOf(agent, instance string) bool { return l.Agent == agent && l.Instance == instance }

// maxToken is more than a lease ever counts to.
const maxToken = 1 << 62

// lease reads the lease. One that this program does not write, with an end that is too
// far away, say, is as good as none: the next holder's token outranks it by the clock.
func (j *Journal) lease(ctx context.Context) (l Lease, tag blob.Tag, err error) {
	data, tag, err := j.Store.Get(ctx, j.prefix()+"lease")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Lease{}, blob.Absent, nil
	case err != nil:
		return Lease{}, "", fmt.Errorf("read lease: %w", err)
	}
	if json.Unmarshal(data, &l) != nil || l.Token > maxToken || l.Until.Sub(j.now()) > leaseTime+Grace {
		return Lease{}, tag, nil
	}
	return l, tag, nil
}

// held returns the lease if it is this agent's, and ErrLease if it is not.
func (j *Journal) held(ctx context.Context, agent, instance string) (Lease, error) {
	l, _, err := j.lease(ctx)
	if err == nil && !l.isOf(agent, instance) {
		err = ErrLease
	}
	return l, err
}

// renew takes or prolongs the lease.
func (j *Journal) renew(ctx context.Context, q Poll) (Lease, error) {
	l, tag, err := j.lease(ctx)
	if err != nil {
		return l, err
	}
	now := j.now()
	mine := l.isOf(q.Agent, q.Instance)
	if mine && l.DC.Name == q.DC.Name && l.ReadOnly == q.ReadOnly && l.Until.Sub(now) > leaseTime/2 {
		return l, nil
	}
	if !mine {
		if now.Before(l.Until.Add(Grace)) {
			return l, fmt.Errorf("%w: %s, until %s", ErrLease, l.Agent, l.Until.Format(time.TimeOnly))
		}
		// By the clock, so that it outranks every earlier one even where the object that
		// counted them was lost: the fences in Active Directory remember.
		l.Token = max(l.Token+1, uint64(max(now.UnixMilli(), 0)))
	}
	l.Agent, l.Instance, l.DC, l.Until = q.Agent, q.Instance, q.DC, now.Add(leaseTime)
	l.Host, l.Version, l.Policy, l.ReadOnly = q.Host, q.Version, q.Policy, q.ReadOnly
	data, err := json.Marshal(l)
	if err != nil {
		return l, fmt.Errorf("encode lease: %w", err)
	}
	if _, err := j.Store.Put(ctx, j.prefix()+"lease", data, tag); err != nil {
		if errors.Is(err, blob.ErrConflict) {
			return l, ErrLease
		}
		return l, fmt.Errorf("write lease: %w", err)
	}
	return l, nil
}

// LeaseToken is the token of the lease as it is now; 0 if there is none.
func (tx *Tx) LeaseToken(ctx context.Context) (uint64, error) {
	l, _, err := tx.journal.lease(ctx)
	return l.Token, err
}
