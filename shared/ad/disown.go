package ad

import (
	"context"
	"fmt"

	"groupwriteback/shared/plan"
)

// disown lets a group go: our fence becomes plan.Released, with what Set says, in one
// modify. The group stays as it is, and keeps its marks, so that Entra Connect leaves it
// alone and a later create of the cloud group finds it.
func (w *writer) disown(ctx context.Context) error {
	g := w.change.GUID
	if g == "" {
		return refusal{text: "a plan of ours names the group that is let go by its GUID"}
	}
	w.guid = g
	o, found, err := w.group(ctx, byGUID(g), nil)
	if err == nil && found && w.letGo(o) && is(o.mark, w.change.Group) {
		return nil // by an earlier try
	}
	if err == nil {
		o, err = w.mine(ctx, g, w.wanted())
	}
	if err == nil {
		err = w.turnable(o)
	}
	if err != nil {
		return err
	}
	return w.attributes(ctx, &o, true)
}

// signature is what a write leaves in place of the fence that it read.
func (w *writer) signature() string {
	if w.change.Op == plan.Disown {
		return plan.Released(w.Instance)
	}
	return w.fence.String()
}

// letGo says whether this installation has let a group go.
func (d *Domain) letGo(o object) bool {
	return d.Instance != "" && o.fence == plan.Released(d.Instance)
}

// takeBack makes a group ours again that was let go: with its members, which the next
// report tells, and without the note for people, unless there is another one.
func (w *writer) takeBack(ctx context.Context, g plan.GUID) error {
	if _, ok := w.change.Set["info"]; !ok {
		w.change.Set["info"] = nil
	}
	o, err := w.stillLetGo(ctx, g, w.wanted())
	switch {
	case err != nil:
		return err
	case !plan.Below(o.dn, w.Base):
		return refusal{text: fmt.Sprintf("%s was let go and moved: move it back below %s, or clear its adminDescription, adminDisplayName and %s to have another one made", o.dn, w.Base, external)}
	}
	return w.adopt(ctx, o)
}

// stillLetGo reads a group that was let go, and refuses one that is another by now.
func (w *writer) stillLetGo(ctx context.Context, g plan.GUID, names []string) (object, error) {
	o, found, err := w.group(ctx, byGUID(g), names)
	if err == nil && (!found || !w.letGo(o)) {
		err = refusal{text: fmt.Sprintf("group %s was let go, and is another one since it was read a moment ago: it is tried again", g)}
	}
	return o, err
}
