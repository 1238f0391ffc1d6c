package record

import "groupwriteback/shared/plan"

// Counts sums up what is and what is still to be done, of one part of the groups or
// of all.
type Counts struct {
	Groups   int `json:"groups" cbor:"1,keyasint,omitempty"`                 // in AD
	Members  int `json:"members" cbor:"2,keyasint,omitempty"`                // in AD
	Retired  int `json:"retired,omitempty" cbor:"3,keyasint,omitempty"`      // groups that are marked as no longer managed
	Known    int `json:"knownMembers,omitempty" cbor:"4,keyasint,omitempty"` // of Members: those that the cloud knows as members
	Managed  int `json:"managed,omitempty" cbor:"5,keyasint,omitempty"`      // of Groups: those that the cloud knows, and that are not retired
	Changes  int `json:"changes" cbor:"6,keyasint,omitempty"`                // still to be done
	Held     int `json:"held" cbor:"7,keyasint,omitempty"`                   // removals that wait for approval, by a limit of their group
	Holds    int `json:"holds,omitempty" cbor:"18,keyasint,omitempty"`       // groups that they are of
	Stale    int `json:"stale" cbor:"8,keyasint,omitempty"`                  // groups to be read again first
	Unasked  int `json:"unasked,omitempty" cbor:"16,keyasint,omitempty"`     // of Stale: those that the agent was not asked for yet
	Parked   int `json:"parked" cbor:"9,keyasint,omitempty"`                 // changes and members that were refused
	Trouble  int `json:"trouble,omitempty" cbor:"10,keyasint,omitempty"`     // groups that cannot be managed as they are
	Unproven int `json:"unproven,omitempty" cbor:"11,keyasint,omitempty"`    // members that stay for lack of evidence
	Asks     int `json:"questions,omitempty" cbor:"12,keyasint,omitempty"`   // groups that wait for an answer of Graph

	Pending  map[plan.GuardName]int `json:"pending,omitempty" cbor:"13,keyasint,omitempty"` // of Changes, as guards count them
	Over     map[plan.GuardName]int `json:"over,omitempty" cbor:"14,keyasint,omitempty"`    // what waits for approval by a limit over all groups
	Problems map[string]int         `json:"problems,omitempty" cbor:"15,keyasint,omitempty"`

	// Wanted names all that is still to be done, held or not, but for who joins: a sum of
	// what names it for each group, in any order.
	Wanted uint64 `json:"-" cbor:"17,keyasint,omitempty"`
}

// Add sums d into c.
func (c *Counts) Add(d Counts) {
	c.Groups += d.Groups
	c.Members += d.Members
	c.Retired += d.Retired
	c.Known += d.Known
	c.Managed += d.Managed
	c.Changes += d.Changes
	c.Held += d.Held
	c.Holds += d.Holds
	c.Stale += d.Stale
	c.Unasked += d.Unasked
	c.Parked += d.Parked
	c.Trouble += d.Trouble
	c.Unproven += d.Unproven
	c.Asks += d.Asks
	c.Pending = sum(c.Pending, d.Pending)
	c.Over = sum(c.Over, d.Over)
	c.Problems = sum(c.Problems, d.Problems)
	c.Wanted += d.Wanted
}

func sum[K comparable](into, more map[K]int) map[K]int {
	for k, n := range more {
		if n == 0 {
			continue
		}
		if into == nil {
			into = map[K]int{}
		}
		into[k] += n
	}
	return into
}

// Totals are what shares of limits are of: nobody but the cloud can make them larger.
func (c Counts) Totals() plan.Totals { return plan.Totals{Memberships: c.Known, Groups: c.Managed} }

// Wants is how many changes a guard counted, held or not.
func (c Counts) Wants(g plan.GuardName) int { return c.Pending[g] + c.Over[g] }
