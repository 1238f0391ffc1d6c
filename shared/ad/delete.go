package ad

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// delete removes a group that is as it was when that was decided, and that could be had
// back. It takes the fence first, so that no other agent writes in between; a hand may, so
// the group is read once more behind it. A crash leaves a group with our fence, or none:
// the next try goes on, or finds it done.
func (w *writer) delete(ctx context.Context) error {
	c := w.change
	if c.GUID == "" || c.Digest == "" || len(c.Set)+len(c.Add)+len(c.Remove) > 0 {
		return refusal{text: "a plan of ours names the group that is deleted by its GUID and its digest, and changes nothing of it"}
	}
	w.guid = c.GUID
	o, err := w.condemned(ctx)
	if isGone(err) {
		return w.gone(ctx)
	}
	if err == nil {
		err = w.restorable(ctx)
	}
	if err == nil {
		err = w.childless(ctx, o)
	}
	if err == nil {
		err = w.attributes(ctx, &o, true)
	}
	if err == nil {
		o, err = w.condemned(ctx)
	}
	if err == nil {
		err = w.remove(ctx, o)
	}
	if isGone(err) {
		return w.gone(ctx)
	}
	return err
}

// condemned reads the group, and refuses one that is not ours, or not as it was when its
// deletion was decided.
func (w *writer) condemned(ctx context.Context) (object, error) {
	for range 4 {
		o, err := w.mine(ctx, w.change.GUID, nil)
		if err == nil {
			err = w.outranks(o)
		}
		if err != nil {
			return o, err
		}
		row, found, err := w.Read(ctx, w.change.Group, w.change.GUID)
		switch {
		case err != nil:
			return o, err
		case found && row.Trouble != nil:
			return o, refusal{text: row.Trouble.Text}
		case !found || row.Group.GUID != o.guid || row.USN != o.usn:
			continue // changed between the two readings
		case row.Group.Digest() != w.change.Digest:
			return o, refusal{code: plan.CodeAnother, text: o.dn + " is not as it was when its deletion was decided: it is read again"}
		}
		return o, nil
	}
	return object{}, fmt.Errorf("read group %s: %w", w.change.GUID, errMoved)
}

// restorable refuses what could not be undone.
func (w *writer) restorable(ctx context.Context) error {
	lacks, err := w.Restoring(ctx)
	if err != nil {
		return err
	}
	if lacks != "" {
		return refusal{text: "nothing is deleted that could not be had back: " + lacks}
	}
	return nil
}

// childless refuses a group that is a container of others. The server would, too.
func (w *writer) childless(ctx context.Context, o object) error {
	child := ""
	err := w.search(ctx, query{base: o.dn, scope: ldap.ScopeSingleLevel, attrs: []string{"objectClass"}, page: pageSize}, func(e *ldap.Entry) error {
		child = plainDN(e.DN)
		return errEnough
	})
	if errors.Is(err, errEnough) {
		return refusal{text: fmt.Sprintf("%s is not deleted, because it contains %s: move that away", o.dn, child)}
	}
	return err
}

// remove deletes the one object, never what is below it.
func (w *writer) remove(ctx context.Context, o object) error {
	err := w.patiently(ctx, func() error { return w.Conn.Del(ldap.NewDelRequest(byGUID(o.guid), nil)) })
	switch code(err) {
	case ldap.LDAPResultNoSuchObject:
		return refusal{code: ldap.LDAPResultNoSuchObject, text: o.dn + " is gone"}
	case ldap.LDAPResultInsufficientAccessRights:
		return refusal{code: code(err), text: fmt.Sprintf("delete %s: %s: %s; a group that is protected from accidental deletion denies it to everyone", o.dn, said(err), w.remedy(code(err)))}
	}
	if err != nil {
		return w.refuse("delete "+o.dn, err)
	}
	w.log().DebugContext(ctx, "group deleted", "group", w.change.Group, "guid", o.guid, "seq", w.fence.Seq)
	return nil
}

// isGone says whether a refusal is that the group is not there.
func isGone(err error) bool {
	var no refusal
	return errors.As(err, &no) && no.code == ldap.LDAPResultNoSuchObject
}

// gone makes sure of a group that is not there. What cannot be seen is not gone.
func (w *writer) gone(ctx context.Context) error {
	_, found, err := w.buried(ctx, w.change.GUID)
	if err != nil || found {
		return err
	}
	_, live, err := w.group(ctx, byGUID(w.change.GUID), nil)
	if err == nil && live {
		err = refusal{text: fmt.Sprintf("group %s comes and goes: it is tried again", w.change.GUID)}
	}
	if err != nil {
		return err
	}
	blind, err := w.Sight(ctx)
	if err == nil && blind != "" {
		err = refusal{text: fmt.Sprintf("group %s is not found, and may be there: %s", w.change.GUID, blind)}
	}
	return err
}
