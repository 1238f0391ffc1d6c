package decision

import (
	"cmp"
	"fmt"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// AddressTaken is the reason of a problem: somebody else in the forest has an address, an
// alias or a legacyExchangeDN that the group is to have.
const AddressTaken = "address-taken"

// hear asks the rules for their wish: whole, where others had something of it, to see whether
// that is wished at all; and then without what is not asked for again yet. What the group
// has got meanwhile, or is not to have any more, is no clash.
func (d *decider) hear() {
	d.wish = d.Wish(d.observed, nil)
	clashes := d.Record.Clashes
	d.out.Record.Clashes = nil
	if len(clashes) > 0 && d.wish.Group != nil {
		open := plan.Keys(plan.NewClaims(d.wish.Group.Attrs, d.attributes()))
		for _, c := range clashes {
			if !open[c.Plan().Key()] {
				continue
			}
			d.out.Record.Clashes = append(d.out.Record.Clashes, c)
			if c.Waits(d.Now, d.Grounds) {
				d.taken = append(d.taken, c.Plan())
				d.wake(c.Until)
			}
		}
	}
	if len(d.taken) > 0 {
		d.wish = d.Wish(d.observed, d.taken)
	}
	d.out.Record.Problems = d.wish.Problems
	for _, c := range d.out.Record.Clashes {
		d.problem(AddressTaken, clash(c))
	}
}

// attributes are those that the group has.
func (d *decider) attributes() map[string][]string {
	if d.observed == nil {
		return nil
	}
	return d.observed.Attrs
}

// clash says who has something, and how the group may get it yet.
func clash(c record.Clash) string {
	return fmt.Sprintf("%s %s is that of %s: the group is without it, and it is asked for again by itself; take it from that object, or from the group in Entra ID",
		c.Attribute, c.Value, cmp.Or(c.By, "an object that the agent's account does not see"))
}
