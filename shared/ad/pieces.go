package ad

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// aboutOne says whether what the server has against a write of several attributes may be
// about one of them alone: a value, or a right or the schema that it lacks.
func aboutOne(code int) bool {
	switch code {
	case ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultUndefinedAttributeType, ldap.LDAPResultConstraintViolation, ldap.LDAPResultInvalidAttributeSyntax,
		ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultObjectClassViolation:
		return true
	}
	return false
}

// pieces are changes of attributes that each make sense without the others: what makes a group a
// recipient of mail is one piece, and each other attribute is.
func pieces(changes []ldap.Change) (out [][]ldap.Change) {
	var recipient []ldap.Change
	for _, c := range changes {
		if ofRecipient(c.Modification.Type) {
			recipient = append(recipient, c)
		} else {
			out = append(out, []ldap.Change{c})
		}
	}
	if len(recipient) > 0 {
		out = append(out, recipient)
	}
	return out
}

func ofRecipient(attribute string) bool {
	return !strings.HasPrefix(strings.ToLower(attribute), "extensionattribute") &&
		slices.ContainsFunc(exchange.Attributes(), func(a string) bool { return strings.EqualFold(a, attribute) })
}

// piecewise makes changes that were refused together, each piece by itself. Its answer is about
// the pieces that are refused alone. With always it takes the fence even if all are. errOvertaken.
func (w *writer) piecewise(ctx context.Context, o *object, changes []ldap.Change, always bool, err error) error {
	var all answer
	parts := pieces(changes)
	for _, piece := range parts {
		if len(parts) > 1 {
			err = w.replace(ctx, o, piece...)
		}
		if err == nil {
			always = false
			continue
		}
		if code(err) == 0 { // which says nothing about the piece
			return err
		}
		err = w.setting(ctx, *o, piece, err)
		var no answer
		if !errors.As(err, &no) || no.taken != nil {
			return err
		}
		no.unset = names(piece)
		all.join(no)
	}
	if always {
		if err := w.replace(ctx, o); err != nil {
			return w.setting(ctx, *o, nil, err)
		}
	}
	if all.unset == nil {
		return nil
	}
	return all
}

// setting is the answer to a write of attributes.
func (w *writer) setting(ctx context.Context, o object, changes []ldap.Change, err error) error {
	if errors.Is(err, errOvertaken) {
		return err
	}
	doing := "write to " + o.dn // before it is renamed
	if len(changes) > 0 {
		doing = "set " + strings.Join(names(changes), ", ") + " of " + o.dn
	}
	return asAnswer(w.misplaced(ctx, doing, "", err))
}

// bare is what a group cannot be made without.
func (w *writer) bare() map[string][]string {
	set := maps.Clone(w.change.Set)
	maps.DeleteFunc(set, func(name string, _ []string) bool {
		return !slices.ContainsFunc([]string{plan.AccountName, plan.GroupTypeAttribute, "adminDescription", external}, func(a string) bool { return strings.EqualFold(a, name) })
	})
	return set
}

// add adds the group, without its further attributes where it is refused with them. some says that
// they are still to be set.
func (w *writer) add(ctx context.Context, dn string) (some bool, err error) {
	err = w.patiently(ctx, func() error { return w.Conn.Add(w.addition(dn, w.change.Set)) })
	if err == nil {
		return false, nil
	}
	refused := w.misplaced(ctx, "create "+dn, dn, err)
	var no refusal
	bare := w.bare()
	if !aboutOne(code(err)) || !errors.As(refused, &no) || no.taken != nil || len(bare) == len(w.change.Set) {
		return false, refused
	}
	err = w.patiently(ctx, func() error { return w.Conn.Add(w.addition(dn, bare)) })
	switch {
	case err == nil:
		return true, nil
	case code(err) == 0:
		return false, err
	}
	// A server that looks at values first says nothing of the name before they are left out.
	if alone := w.misplaced(ctx, "create "+dn, dn, err); !errors.As(alone, &no) || no.taken != nil {
		return false, alone
	}
	return false, refused
}

// leaveOut takes an attribute out of the change, and keeps why for the end.
func (w *writer) leaveOut(name, why string) {
	set := maps.Clone(w.change.Set)
	delete(set, name)
	w.change.Set = set
	w.leftOut.join(answer{refusal: refusal{text: why}, unset: []string{name}})
}

// join adds what another answer is about.
func (a *answer) join(b answer) {
	if a.unset == nil {
		a.refusal = b.refusal
	} else {
		a.text += "; " + b.text
	}
	a.unset = append(a.unset, b.unset...)
}

// withLeftOut adds what was left out of the change to what became of the rest.
func (w *writer) withLeftOut(err error) error {
	if w.leftOut.unset == nil {
		return err
	}
	var some answer
	switch all := w.leftOut; {
	case err == nil:
		return all
	case errors.As(err, &some) && some.unset != nil:
		some.join(all)
		return some
	}
	return err
}
