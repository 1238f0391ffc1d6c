package record

import (
	"cmp"
	"slices"
	"time"

	"groupwriteback/shared/plan"
)

// Clash is a value that the group did not get, because somebody else in the forest has it,
// and when it is asked for again.
type Clash struct {
	Tries
	Attribute string `cbor:"3,keyasint" json:"attribute"`
	Value     string `cbor:"4,keyasint" json:"value"`
	By        string `cbor:"5,keyasint,omitempty" json:"by,omitempty"` // DN; empty: nobody knows
	Ours      bool   `cbor:"6,keyasint,omitempty" json:"ours,omitempty"`
	Grounds   string `cbor:"7,keyasint,omitempty" json:"-"` // under which it was said: on others it is asked for at once
}

// Plan is the clash as a plan has it.
func (c Clash) Plan() plan.Clash {
	return plan.Clash{Attribute: c.Attribute, Value: c.Value, By: c.By, Ours: c.Ours}
}

// Waits says whether the value is not asked for now.
func (c Clash) Waits(now time.Time, grounds string) bool {
	return !c.Due(now) && c.Grounds == grounds
}

// soonWait is how long a value that another group of ours has is not asked for at first: it may be
// about to lose it.
const soonWait = time.Minute

// Clashing is what is known of clashes after the word that a change clashes with others. What
// the change was to set besides is free now.
func Clashing(known []Clash, set map[string][]string, said []plan.Clash, grounds string, now time.Time) []Clash {
	asked, told := plan.Keys(plan.Claims(set)), plan.Keys(said)
	before := map[string]Tries{}
	var out []Clash
	for _, c := range known {
		key := c.Plan().Key()
		before[key] = c.Tries
		if !asked[key] && !told[key] {
			out = append(out, c)
		}
	}
	for _, c := range said {
		key, first := c.Key(), firstWait
		if !asked[key] || !told[key] { // of something else, or said twice
			continue
		}
		delete(told, key)
		if c.Ours {
			first = soonWait
		}
		out = append(out, Clash{Tries: before[key].Next(now, first), Attribute: c.Attribute, Value: c.Value, By: c.By, Ours: c.Ours, Grounds: grounds})
	}
	slices.SortFunc(out, func(a, b Clash) int { return cmp.Compare(a.Plan().Key(), b.Plan().Key()) })
	return out
}
