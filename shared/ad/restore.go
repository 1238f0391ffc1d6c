package ad

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// restore has a deleted group back, with its SID and its GUID, or brings into line what an
// earlier try has restored. The refusal plan.CodeGone says that there is nothing to be had
// back, and nothing else does.
func (w *writer) restore(ctx context.Context) error {
	g := w.change.GUID
	if _, err := EncodeGUID(g); err != nil {
		return err
	}
	w.change.Set = w.stamped()
	s, trouble, found, err := w.look(ctx, w.change.Group, g, w.wanted())
	switch {
	case err != nil:
		return err
	case trouble != nil:
		return w.there(trouble.Text)
	case s.guid == g && found:
		return w.adopt(ctx, s.object)
	case s.guid == g && w.letGo(s.object):
		return w.takeBack(ctx, g)
	case s.guid != "":
		return w.there(fmt.Sprintf("%s stands for cloud group %s", s.dn, w.change.Group))
	}
	if lacks, err := w.Restoring(ctx); err != nil || lacks != "" {
		return orRefusal(err, "deleted groups cannot be restored: "+lacks)
	}
	t, err := w.unearth(ctx)
	if err == nil {
		err = w.undelete(ctx, t)
	}
	if errors.Is(err, errMoved) {
		if err := w.pause(ctx); err != nil {
			return err
		}
		return w.restore(ctx)
	}
	if err != nil {
		return err
	}
	// A crash here leaves a group that is ours, as does one before the answer: the next try
	// finds it. What the server did not take with the undelete is set now.
	o, err := w.mine(ctx, g, w.wanted())
	if err != nil {
		return err
	}
	return w.rename(ctx, o)
}

func orRefusal(err error, text string) error {
	if err != nil {
		return err
	}
	return refusal{text: text}
}

// there refuses to restore a group beside one that is there.
func (w *writer) there(text string) error {
	return refusal{code: ldap.LDAPResultEntryAlreadyExists, text: "there is a group already: " + text}
}

// unearth reads the deleted group of the change, and makes sure that there is a place for it.
func (w *writer) unearth(ctx context.Context) (t tomb, err error) {
	g := w.change.GUID
	t, found, err := w.buried(ctx, g, w.wanted()...)
	if err != nil {
		return t, err
	}
	if !found {
		o, live, err := w.group(ctx, byGUID(g), nil)
		if of, ours := w.owner(o); err == nil && live && ours && of == w.change.Group {
			return t, errMoved // another writer had it back since we looked
		}
		if err == nil && live {
			err = w.there(w.trouble(sighting{object: o}, w.change.Group, true).Text)
		}
		return t, orGone(err, fmt.Sprintf("no deleted group %s is there to be restored: it was deleted too long ago", g))
	}
	if !w.wasOurs(t, w.change.Group) {
		return t, refusal{text: fmt.Sprintf("deleted group %s was not ours, or stood for another cloud group: it is not restored", g)}
	}
	recycled, err := w.beyond(ctx, t)
	if err != nil || recycled {
		return t, orGone(err, fmt.Sprintf("deleted group %s has been recycled, and cannot be restored any more", g))
	}
	if err := w.allowed(t.object); err != nil {
		return t, err
	}
	if err := w.outranks(t.object); err != nil {
		return t, err
	}
	_, found, err = w.entry(ctx, query{base: w.change.Parent, attrs: []string{"objectGUID"}})
	if err == nil && !found {
		err = refusal{text: fmt.Sprintf("restore %s: %s does not exist: create it", w.change.Name, w.change.Parent)}
	}
	if err != nil {
		return t, err
	}
	return t, w.unclaimed(ctx, object{}) // what a deleted group has kept keeps nobody from having it
}

func orGone(err error, text string) error {
	if err != nil {
		return err
	}
	return refusal{code: plan.CodeGone, text: text}
}

// undelete has the group back in one modify (MS-ADTS 3.1.1.5.3.7), which also stamps the
// marks and the fence: at no moment is it a group that others take for theirs. Of two
// writers one finds no isDeleted to delete: then, and where the group is not deleted any
// more for another reason, the error is errMoved.
func (w *writer) undelete(ctx context.Context, t tomb) error {
	dn := plan.JoinRDN(w.change.Name, w.change.Parent)
	err := w.patiently(ctx, func() error { return w.Conn.Modify(w.undeletion(t, dn, w.changes(t.object))) })
	if code(err) == ldap.LDAPResultUnwillingToPerform {
		// Not with these attributes: they are set once the group is there.
		err = w.patiently(ctx, func() error { return w.Conn.Modify(w.undeletion(t, dn, marking(w.changes(t.object)))) })
	}
	if code(err) != 0 {
		return w.notRestored(ctx, t, dn, err)
	}
	if err != nil {
		return err
	}
	w.guid = t.guid
	w.log().DebugContext(ctx, "group restored", "group", w.change.Group, "guid", t.guid, "seq", w.fence.Seq)
	return nil
}

// notRestored says what became of an undelete that the server refused.
func (w *writer) notRestored(ctx context.Context, t tomb, dn string, err error) error {
	doing := "restore " + dn
	_, deleted, lost := w.buried(ctx, t.guid)
	switch {
	case lost != nil:
		return lost
	case !deleted:
		return errMoved
	case code(err) == ldap.LDAPResultOperationsError: // Samba's word for a right that is missing
		return refusal{code: code(err), text: fmt.Sprintf("%s: %s: %s", doing, said(err), w.remedy(ldap.LDAPResultInsufficientAccessRights))}
	case code(err) == ldap.LDAPResultInsufficientAccessRights:
		return refusal{code: code(err), text: fmt.Sprintf("%s: %s: %s; the deleted group has the permissions that it had when it was deleted: where it is they that lack something, an administrator has to restore it", doing, said(err), w.remedy(code(err)))}
	case code(err) == ldap.LDAPResultNoSuchObject: // the container went away; plan.CodeGone says something else
		return refusal{text: fmt.Sprintf("%s: %s: the container is not there any more", doing, said(err))}
	}
	return w.misplaced(ctx, doing, dn, err)
}

func (w *writer) undeletion(t tomb, dn string, changes []ldap.Change) *ldap.ModifyRequest {
	req := ldap.NewModifyRequest(t.dn, []ldap.Control{showDeleted()}) // Samba takes no GUID here
	req.Delete("isDeleted", nil)
	req.Replace("distinguishedName", []string{dn})
	req.Replace("adminDisplayName", []string{w.fence.String()})
	req.Changes = append(req.Changes, changes...)
	return req
}

// marking are those of some changes that set our marks.
func marking(changes []ldap.Change) (out []ldap.Change) {
	for _, c := range changes {
		if name := c.Modification.Type; name == "adminDescription" || name == external {
			out = append(out, c)
		}
	}
	return out
}
