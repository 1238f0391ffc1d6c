package cycle_test

import (
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// judgeEnd holds what takes from all members of a group what it gives them to the cloud's
// history: did that ever say that the group is not wanted, as late as the plan could know? And
// nothing is deleted that was not in quarantine for its time.
func (w *weatherWorld) judgeEnd(c plan.Change) {
	w.met["end: "+string(c.Kind())]++
	if w.fate == life.Keep || c.Op == plan.Disown || c.Op == plan.Delete && w.fate != life.Delete {
		w.t.Errorf("%s of %s, though the rules have all kept", c.Kind(), c.Group)
	}
	if since, was := w.since[c.Group]; c.Op == plan.Delete && (!was || w.now.Sub(since) < 48*time.Hour) {
		w.say("DELETED %s", c.Group)
		w.t.Errorf("%s was deleted %s after it was put in quarantine (%t)", w.ad[c.Group].Name, w.now.Sub(since), was)
	}
	if c.Op != plan.Delete {
		w.since[c.Group] = w.now
	}
	if !w.wasUnwanted(c.Group) {
		w.say("ENDED %s", c.Group)
		w.t.Errorf("%s: %s, though the cloud has wanted it all the time", w.ad[c.Group].Name, c.Kind())
	}
}

// wasUnwanted says whether the cloud has not wanted a group, at some time since the planner
// last heard of it.
func (w *weatherWorld) wasUnwanted(id directory.ID) bool {
	if w.met["a blackout"] > 0 { // Graph has denied groups by name
		return true
	}
	wanted, ever := true, false
	for i, e := range w.tenant.History() {
		if e.Object != id {
			continue
		}
		switch {
		case e.What == graphtest.SoftDeleted, e.What == graphtest.Deleted:
			wanted = false
		case e.What == graphtest.Restored:
			wanted = true
		case e.What == graphtest.PropertySet && e.Property == "securityEnabled": // the history does not say whether in or out
			return true
		}
		if i < w.knew.heard {
			ever = !wanted // what was before is told, and over
		} else {
			ever = ever || !wanted
		}
	}
	return ever
}

// ended holds a group that the cloud does not have to the rules' word on it.
func (w *weatherWorld) ended(id directory.ID) {
	g, is := w.ad[id]
	switch {
	case !is:
	case w.fate == life.Keep && !plan.Retired(g), w.fate != life.Keep && secure(g) && !w.flipped[id]:
		w.t.Errorf("two weeks later %s, which is not wanted, is %v", g.Name, g.Attrs)
	case w.fate == life.Delete && !w.flipped[id]:
		w.t.Errorf("two weeks later %s is not deleted: %+v", g.Name, w.recordOf(id).Life)
	}
}
