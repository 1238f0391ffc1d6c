package ad

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// Apply brings one change about, under a fence. The result is the change's own
// outcome: a fence that outranks this one is plan.Fenced, and costs nothing but the
// change itself. An error means stop: ErrConnection or the end of ctx, with a result
// of Unknown; what was done up to there stays, and doing the change again goes on
// from there.
func (d *Domain) Apply(ctx context.Context, f plan.Fence, c plan.Change) (plan.Result, error) {
	w := &writer{Domain: d, fence: f, change: c, patience: 16, limit: d.Values}
	if w.limit <= 0 {
		w.limit = 1000
	}
	err := w.withLeftOut(w.run(ctx))
	var some answer
	if err == nil || w.guid != "" && errors.As(err, &some) && some.unset != nil { // it is there, and all else of it is done
		return plan.Result{Status: plan.Done, GUID: w.guid, Bad: w.bad, Unset: some.unset}, nil
	}
	var no refusal
	if errors.As(w.refuse("read the group", err), &no) && ctx.Err() == nil {
		return plan.Result{Status: cmp.Or(no.status, plan.Refused), GUID: w.guid, Code: no.code, Text: no.text, Bad: w.bad, Taken: no.taken, Clashes: no.clashes}, nil
	}
	err = fmt.Errorf("%s group %s: %w", c.Op, c.Group, err)
	return plan.Result{Status: plan.Unknown, GUID: w.guid, Text: err.Error()}, err
}

// A writer applies one change.
type writer struct {
	*Domain
	fence    plan.Fence
	change   plan.Change
	guid     plan.GUID // of the group, once a create knows it
	bad      []plan.BadRef
	leftOut  answer // about attributes that are no part of the change any more
	limit    int    // values of a link in one modify; falls when the server has enough
	patience int    // how often a busy server is still asked again
}

func (w *writer) run(ctx context.Context) error {
	if err := w.check(); err != nil {
		return err
	}
	switch w.change.Op {
	case plan.Create:
		return w.create(ctx)
	case plan.Rename:
		o, err := w.target(ctx)
		if err == nil {
			err = w.turnable(o)
		}
		if err != nil {
			return err
		}
		return w.rename(ctx, o)
	case plan.Update, plan.Relink:
		return w.update(ctx)
	case plan.Restore:
		return w.restore(ctx)
	case plan.Disown:
		return w.disown(ctx)
	case plan.Delete:
		return w.delete(ctx)
	}
	return refusal{text: fmt.Sprintf("this version does not know how to %q a group: update the agent", w.change.Op)}
}

// check refuses what no plan of ours has, before anything is asked or written.
func (w *writer) check() error {
	if err := w.valid(); err != nil {
		return err
	}
	if w.fence.Instance != w.Instance {
		return fmt.Errorf("the plan is for instance %q, this is %q", w.fence.Instance, w.Instance)
	}
	if err := w.settable(); err != nil {
		return err
	}
	if c := w.change; w.leftOut.unset != nil && c.Op.Updates() && len(c.Set)+len(c.Add)+len(c.Remove) == 0 {
		return w.leftOut
	}
	if err := w.linkable(); err != nil {
		return err
	}
	if w.places() && !strings.EqualFold(plan.NormalDN(w.change.Parent), plan.NormalDN(w.Base)) && !plan.Below(w.change.Parent, w.Base) {
		return fmt.Errorf("%s is not below %s", w.change.Parent, w.Base)
	}
	return w.nameable()
}

// places says whether the change gives the group its container and its name.
func (w *writer) places() bool {
	return slices.Contains([]plan.Op{plan.Create, plan.Rename, plan.Restore}, w.change.Op)
}

// target reads the group that the change is for, and refuses one that is not ours.
func (w *writer) target(ctx context.Context) (object, error) {
	if g := w.change.GUID; g != "" {
		return w.mine(ctx, g, w.wanted())
	}
	s, trouble, found, err := w.look(ctx, w.change.Group, "", w.wanted())
	switch {
	case err != nil:
		return object{}, err
	case !found:
		return object{}, refusal{status: plan.Skipped, text: fmt.Sprintf("no group stands for cloud group %s yet", w.change.Group)}
	case trouble != nil:
		return object{}, refusal{text: trouble.Text}
	}
	return s.object, w.allowed(s.object)
}

// mine reads a group by its GUID and refuses one that is gone or not ours.
func (w *writer) mine(ctx context.Context, g plan.GUID, names []string) (object, error) {
	if _, err := EncodeGUID(g); err != nil {
		return object{}, err
	}
	o, found, err := w.group(ctx, byGUID(g), names)
	if err != nil {
		return o, err
	}
	if !found {
		return o, refusal{code: ldap.LDAPResultNoSuchObject, text: fmt.Sprintf("group %s is gone: it was deleted in Active Directory, or the account may not read it any more", g)}
	}
	if id, ok := w.owner(o); !ok || id != w.change.Group {
		return o, refusal{text: w.trouble(sighting{object: o}, w.change.Group, true).Text}
	}
	return o, w.allowed(o)
}

// allowed refuses groups that Windows or Exchange itself depends on, whatever their marks
// say.
func (w *writer) allowed(o object) error {
	if o.critical || o.sid.RID() < 1000 {
		return refusal{text: fmt.Sprintf("%s is a group of the system (isCriticalSystemObject, or a RID below 1000): it is never touched", o.dn)}
	}
	if w.guarded(o.sid) {
		return refusal{text: fmt.Sprintf("%s is one of Exchange's own groups: it is never touched", o.dn)}
	}
	return nil
}

// wanted are the attributes that the change compares. Members are read only where the
// server's answer to a write does not do: a group may have very many.
func (w *writer) wanted() []string {
	names := slices.Collect(maps.Keys(w.change.Set))
	if len(plan.Claims(w.change.Set)) > 0 {
		names = append(names, plan.ClaimedAttributes()...)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.CompactFunc(names, strings.EqualFold)
}

// rename sets attributes and moves the group to its name. The fence is taken first, by a modify,
// since a rename cannot carry it; a crash in between leaves a group under its old name, which the
// next try finds and renames. Where a group is made or had back, an attribute that the server
// refuses does not keep it from its name.
func (w *writer) rename(ctx context.Context, o object) error {
	name, parent, _ := plan.SplitRDN(o.dn)
	moves := !strings.EqualFold(parent, plan.NormalDN(w.change.Parent))
	var some answer
	unset := w.attributes(ctx, &o, moves || name != w.change.Name || w.letGo(o))
	if unset != nil && (w.change.Op == plan.Rename || !errors.As(unset, &some) || some.unset == nil) {
		return unset
	}
	if !moves && name == w.change.Name {
		return unset
	}
	to := ""
	if moves {
		to = w.change.Parent
	}
	// By its DN, read a moment ago: Samba renames nothing by GUID.
	req := ldap.NewModifyDNRequest(o.dn, plan.JoinRDN(w.change.Name, ""), true, to)
	dn := plan.JoinRDN(w.change.Name, w.change.Parent)
	err := w.patiently(ctx, func() error { return w.Conn.ModifyDN(req) })
	if err != nil {
		return w.misplaced(ctx, fmt.Sprintf("rename %s to %s", o.dn, dn), dn, err)
	}
	w.log().DebugContext(ctx, "group renamed", "group", w.change.Group, "guid", o.guid, "seq", w.fence.Seq)
	return unset
}

// update sets attributes, then removes and adds values of its link. An attribute that the server
// refuses is the outcome of the change and keeps nobody in: the members are done.
func (w *writer) update(ctx context.Context) error {
	o, err := w.target(ctx)
	if err != nil {
		return err
	}
	if err := w.turnable(o); err != nil {
		return err
	}
	err = w.attributes(ctx, &o, false)
	var no answer
	if err != nil && !errors.As(err, &no) {
		return err
	}
	return cmp.Or(w.relink(ctx, &o), err)
}

// attributes sets what is different, in one modify, or piece by piece where that is refused; with
// always it takes the fence even if nothing is. What the server has against the values is an answer.
func (w *writer) attributes(ctx context.Context, o *object, always bool) error {
	for {
		changes := w.changes(*o)
		if len(changes) == 0 && !always {
			return w.outranks(*o)
		}
		if err := w.unclaimed(ctx, *o); err != nil {
			return err
		}
		err := w.replace(ctx, o, changes...)
		switch {
		case err == nil:
			return nil
		case aboutOne(code(err)) && len(changes) > 0:
			err = w.piecewise(ctx, o, changes, always, err)
		default:
			err = w.setting(ctx, *o, changes, err)
		}
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
}

// errOvertaken: somebody else has written to the group since it was read, and it was read again.
var errOvertaken = errors.New("another writer has been at the group")

// replace is modify for changes that replace what is there, so that of all that others do only another fence
// is in the way. errOvertaken: there was one, and what is to be done may be something else now.
func (w *writer) replace(ctx context.Context, o *object, changes ...ldap.Change) error {
	before := o.fence
	err := w.modify(ctx, o, changes...)
	switch code(err) {
	case ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultAttributeOrValueExists, ldap.LDAPResultNoSuchObject:
	default:
		return err
	}
	if gone := w.again(ctx, o, w.wanted()); gone != nil {
		return gone
	}
	if o.fence == before {
		return err
	}
	return cmp.Or(w.pause(ctx), errOvertaken)
}

// changes lists what is to be set and is not so yet.
func (w *writer) changes(o object) (out []ldap.Change) {
	for _, name := range slices.Sorted(maps.Keys(w.change.Set)) {
		values := slices.Sorted(slices.Values(w.change.Set[name]))
		if plan.SameValues(name, values, o.attrs[name]) {
			continue
		}
		// Replace by nothing clears, and does not mind if nothing was there (RFC 4511 4.6).
		out = append(out, ldap.Change{Operation: ldap.ReplaceAttribute, Modification: ldap.PartialAttribute{Type: name, Vals: values}})
	}
	return out
}

func names(changes []ldap.Change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.Modification.Type
	}
	return out
}

// maxAhead is how far before the clock an epoch may be: it is the time at which it
// began, in seconds since 1970, and a planner outbids what it has seen by a day at most.
const maxAhead = 24*time.Hour + 10*time.Minute

// outranks says whether this writer may follow the one whose fence the group has. A
// fence of an epoch that no journal can have reached is somebody's hand, and keeps nobody out.
func (w *writer) outranks(o object) error {
	theirs, ok := plan.ParseFence(o.fence)
	if ok && theirs.Compare(w.fence) > 0 && theirs.Epoch <= uint64(time.Now().Add(maxAhead).Unix()) {
		return refusal{status: plan.Fenced, text: fmt.Sprintf("a newer writer has been at %s: its adminDisplayName is %q, this is %q; if nobody else writes to the group, set its adminDisplayName to %q",
			o.dn, o.fence, w.fence, plan.Fence{Instance: w.Instance})}
	}
	return nil
}

// modify runs changes under the fence: [delete the fence that was read][add
// mine] and the changes are one modify. Mine is put in place of mine too: only
// so does a write fail if a newer writer came in between.
//
// Permissive modify (1.2.840.113556.1.4.1413) stays away, because it would make
// the deletion of a fence that has gone succeed (MS-ADTS 3.1.1.3.4.1.8).
func (w *writer) modify(ctx context.Context, o *object, changes ...ldap.Change) error {
	if err := w.outranks(*o); err != nil {
		return err
	}
	req := ldap.NewModifyRequest(byGUID(o.guid), nil)
	req.Delete("adminDisplayName", []string{o.fence})
	req.Add("adminDisplayName", []string{w.signature()})
	req.Changes = append(req.Changes, changes...)
	err := w.patiently(ctx, func() error { return w.Conn.Modify(req) })
	if err == nil {
		o.fence = w.signature()
		w.log().DebugContext(ctx, "group modified", "group", w.change.Group, "guid", o.guid, "seq", w.fence.Seq, "changes", len(changes))
	}
	return err
}

// again reads the group once more: for values that nobody has read yet, or after a write that was
// refused, perhaps because it is not as it was read.
func (w *writer) again(ctx context.Context, o *object, names []string) error {
	read := w.mine
	if w.letGo(*o) { // and is to be taken back
		read = w.stillLetGo
	}
	now, err := read(ctx, o.guid, names)
	if err != nil {
		return err
	}
	if err := w.outranks(now); err != nil {
		return err
	}
	*o = now
	return nil
}

// patiently asks a busy server again, for a while.
func (w *writer) patiently(ctx context.Context, request func() error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := lostOr(request())
		if code(err) != ldap.LDAPResultBusy || w.patience == 0 {
			return err
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
}

// pause waits, longer each time: 0.1 s at first, 3 s at last, 36 s in all.
func (w *writer) pause(ctx context.Context) error {
	if w.patience == 0 {
		return refusal{code: ldap.LDAPResultBusy, text: "the domain controller is busy, or others keep changing the group: it is tried again later"}
	}
	w.patience--
	return w.wait(ctx, min(3*time.Second, 100*time.Millisecond<<(15-w.patience)))
}
