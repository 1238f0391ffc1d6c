package journal

import (
	"context"
	"slices"
	"time"

	"groupwriteback/shared/life"
)

// Switch says whether anything is written. That of a new journal is off: everything is
// read, decided and shown, until a person has confirmed a plan.
type Switch struct {
	On     bool      `json:"on"`
	Paused bool      `json:"paused,omitempty"`
	By     string    `json:"by,omitempty"` // who has said so
	At     time.Time `json:"at,omitzero"`

	// Confirmed is the digest of the plan that somebody has confirmed: it goes if that
	// is the plan still.
	Confirmed string `json:"confirmed,omitempty"`
	// Moved says that it was not.
	Moved bool `json:"moved,omitempty"`

	// Ending is what becomes of all groups until it is off; End what would, by the plan that
	// was confirmed; Ended what has, if it is off by that.
	Ending life.Fate `json:"ending,omitempty"`
	End    life.Fate `json:"end,omitempty"`
	Ended  life.Fate `json:"ended,omitempty"`
}

// EndInView is what becomes of all groups or, while somebody's word on a plan is looked at,
// would by that; empty: they are as the rules want them.
func (s Switch) EndInView() life.Fate {
	if s.Confirmed != "" {
		return s.End
	}
	return s.Ending
}

// Writes says whether plans are made and handed out.
func (s Switch) Writes() bool { return s.On && !s.Paused }

// What an operator may say of the switch.
const (
	SwitchOn    = "enable" // with the digest of a plan
	SwitchPause = "pause"
	SwitchGoOn  = "resume"
	SwitchOff   = "disable" // with what becomes of the groups, and the digest of the plan by which it does
)

// Say takes an operator's word.
func (s *Switch) Say(a Ask, now time.Time) {
	switch {
	case a.Switch == SwitchOn && (!s.On || s.Ending != ""):
		s.Confirmed, s.End, s.Moved = a.Digest, "", false
	case a.Switch == SwitchOff && s.On && slices.Contains(life.Fates(), a.End):
		s.Confirmed, s.End, s.Moved = a.Digest, a.End, false
	case a.Switch == SwitchPause && (s.On || s.Confirmed != ""): // who has just said enable may think better of it
		s.Paused = true
	case a.Switch == SwitchGoOn && s.On:
		s.Paused = false
	default:
		return // it is so
	}
	s.By, s.At = a.By, now
}

// confirmLife is how long a word on a plan counts that could not be looked at meanwhile.
const confirmLife = 10 * time.Minute

// Settle holds what a person has confirmed against the plan as it is, if anything waits
// for that; went says that the switch is on by it.
func (s *Switch) Settle(digest string, now time.Time) (went bool) {
	if s.Confirmed == "" {
		return false
	}
	went = s.Confirmed == digest && now.Sub(s.At) < confirmLife
	if went {
		s.On, s.Ending, s.Ended = true, s.End, ""
	}
	s.Confirmed, s.End, s.Moved = "", "", !went
	s.Paused = s.Paused && s.On
	return went
}

// Over says that nothing is left to be done of the end.
func (s *Switch) Over() { s.On, s.Paused, s.Ending, s.Ended = false, false, "", s.Ending }

// SwitchNow is the switch as it is.
func (j *Journal) SwitchNow(ctx context.Context) (Switch, error) {
	h, _, err := j.head(ctx)
	return h.Switch, err
}

// Agent is the holder of the lease as it describes itself.
type Agent struct {
	ID       string    `json:"id,omitempty"`
	Host     string    `json:"host,omitempty"`
	Version  string    `json:"version,omitempty"`
	Policy   string    `json:"policy,omitempty"`   // in force there, in words
	ReadOnly bool      `json:"readOnly,omitempty"` // it would refuse every change
	DC       string    `json:"dc,omitempty"`
	Heard    time.Time `json:"heard,omitzero"` // about when it polled last
}

// Agent is which agent polled last; zero if none ever did.
func (tx *Tx) Agent(ctx context.Context) (Agent, error) {
	l, _, err := tx.journal.lease(ctx)
	if err != nil || l.Until.IsZero() {
		return Agent{}, err
	}
	return Agent{ID: l.Agent, Host: l.Host, Version: l.Version, Policy: l.Policy, ReadOnly: l.ReadOnly, DC: l.DC.Name, Heard: l.Until.Add(-leaseTime)}, nil
}
