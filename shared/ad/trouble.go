package ad

import (
	"fmt"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// trouble says why a group that has to do with a cloud group is not to be written to,
// and what a person should do about it. was says that it is where our group was last.
// The order is that of the harm: nothing here leads anybody to take a group away from
// another installation or product that may write to it.
func (d *Domain) trouble(s sighting, id directory.ID, was bool) *plan.Trouble {
	o, by := s.object, installation(s.fence)
	say := func(word, format string, args ...any) *plan.Trouble {
		return &plan.Trouble{Case: word, DN: o.dn, Text: o.dn + " " + fmt.Sprintf(format, args...)}
	}
	switch {
	case s.odd != nil:
		return say(plan.TroubleUnreadable, "cannot be read whole, and is left alone (%v): if that does not end by itself, let the account read it", s.odd)
	case by != "" && by != d.Instance && o.fence == plan.Released(by):
		return say(plan.TroubleForeign, "was let go by installation %q (its adminDisplayName is %q), which takes it back where it may: take cloud group %s out of the scope of that one, and then %s to hand it over", by, o.fence, id, d.handOver(o, id))
	case by != "" && by != d.Instance:
		return say(plan.TroubleForeign, "belongs to installation %q (its adminDisplayName is %q): leave it there, and take cloud group %s out of the scope of one of the two installations", by, o.fence, id)
	case by == "" && !was:
		return say(plan.TroubleForeign, "bears the mark of cloud group %s and is not ours (its adminDisplayName is %q): Entra Cloud Sync, Group Writeback or a person made it. "+
			"Take the cloud group out of the scope of one of the two; only if nothing else writes to this group any more, %s to hand it over", id, o.fence, d.handOver(o, id))
	case d.letGo(o):
		return say(plan.TroubleUnfenced, "was let go (its adminDisplayName is %q), and is not written to", o.fence)
	case by == "":
		return say(plan.TroubleUnfenced, "has lost our fence (its adminDisplayName is %q): if nothing else writes to this group, %s to have it managed again; or, to let it go, clear adminDescription and %s",
			o.fence, d.handOver(o, id), external)
	case !plan.Below(o.dn, d.Base):
		return say(plan.TroubleOutside, "is not below %s: move it back below %s, or make the agent's base wider", d.Base, d.Base)
	default:
		return say(plan.TroubleUnmarked, "has lost our mark (its adminDescription is %q): set its adminDescription to %s to have it managed again; or, to let it go, clear adminDisplayName and %s too",
			o.mark, plan.Mark(id), external)
	}
}

// handOver is all that it takes to make a group ours.
func (d *Domain) handOver(o object, id directory.ID) string {
	steps := []string{fmt.Sprintf("set its adminDisplayName to %q", plan.Fence{Instance: d.Instance})}
	if !is(o.mark, id) {
		steps = append(steps, "set its adminDescription to "+plan.Mark(id))
	}
	if !plan.Below(o.dn, d.Base) {
		steps = append(steps, "move it below "+d.Base)
	}
	return strings.Join(steps, " and ")
}

func twins(id directory.ID, a, b string) *plan.Trouble {
	return &plan.Trouble{Case: plan.TroubleTwin, DN: min(a, b), Text: fmt.Sprintf("two groups stand for cloud group %s: delete %s or %s, or clear adminDescription, adminDisplayName and %s of one",
		id, min(a, b), max(a, b), external)}
}
