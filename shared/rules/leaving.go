package rules

import (
	"time"

	"groupwriteback/shared/life"
)

// Leaving says what becomes of the AD group of a cloud group that is not wanted any more, by
// what has become of that. Empty is life.Keep.
type Leaving struct {
	OutOfScope, SwitchedOff, SoftDeleted, HardDeleted life.Fate

	Grace time.Duration // in quarantine, before what is to be deleted is
}

// DefaultLeaving keeps all groups; the time is as long as Entra ID keeps a deleted group in its
// recycle bin.
func DefaultLeaving() Leaving {
	return Leaving{OutOfScope: life.Keep, SwitchedOff: life.Keep, SoftDeleted: life.Keep, HardDeleted: life.Keep, Grace: 30 * day}
}

const day = 24 * time.Hour

// Of is the fate for an event. A group that Active Directory masters now is kept.
func (l Leaving) Of(e life.Event) life.Fate {
	fate := map[life.Event]life.Fate{
		life.OutOfScope: l.OutOfScope, life.SwitchedOff: l.SwitchedOff, life.SoftDeleted: l.SoftDeleted, life.HardDeleted: l.HardDeleted,
	}[e]
	if fate == "" {
		return life.Keep
	}
	return fate
}
