package ad

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// A refusal ends a change, with what people are told.
type refusal struct {
	status plan.Status // empty: plan.Refused
	code   int
	text   string
	taken  *plan.Taken // who has the name

	clashes []plan.Clash // who has addresses
}

func (r refusal) Error() string { return r.text }

// An answer is a refusal by the server of what was written, and says nothing against
// other writes to the same group.
type answer struct {
	refusal
	unset []string // attributes that are as they were, where all else of the change was tried
}

func (a answer) Unwrap() error { return a.refusal }

func asAnswer(err error) error {
	var no refusal
	if errors.As(err, &no) && no.code != 0 {
		return answer{refusal: no}
	}
	return err
}

// refuse turns the server's answer into a refusal with a reason and a remedy.
// What is no answer, and what is a refusal already, stays as it is.
func (w *writer) refuse(doing string, err error) error {
	var no refusal
	if errors.As(err, &no) || errors.Is(err, ErrConnection) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if code(err) == 0 {
		return refusal{text: err.Error()}
	}
	text := fmt.Sprintf("%s: %s", doing, said(err))
	if remedy := w.remedy(code(err)); remedy != "" {
		text += ": " + remedy
	}
	return refusal{code: code(err), text: text}
}

// said is what the server said, in one line.
func said(err error) string {
	var e *ldap.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	what := strings.ToLower(ldap.LDAPResultCodeMap[e.ResultCode])
	if e.Err != nil && e.Err.Error() != "" {
		what += " (" + strings.Join(strings.Fields(strings.Trim(e.Err.Error(), "\x00")), " ") + ")"
	}
	return cmp.Or(what, err.Error())
}

func (w *writer) remedy(code int) string {
	switch code {
	case ldap.LDAPResultInsufficientAccessRights:
		return "grant the account 'create and delete group objects' on " + w.Base + ", for it and all below, and 'full control' of the groups below it; " +
			"a group whose adminCount is 1 is under adminSDHolder and takes no rights from its OU: take it out of the protected group that it is in"
	case ldap.LDAPResultConstraintViolation:
		return "a value is too long or has a character that Active Directory does not allow here: change the rule that makes it"
	case ldap.LDAPResultNamingViolation, ldap.LDAPResultInvalidDNSyntax:
		return "the name has a character that Active Directory does not allow in names: change the rule that makes it"
	case ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultUndefinedAttributeType:
		return "the schema does not have the attribute, or not for groups: take it out of the rules or extend the schema"
	case ldap.LDAPResultInvalidAttributeSyntax:
		return "a value has not the form that the attribute needs: change the rule that makes it"
	case ldap.LDAPResultReferral:
		return "the object is in another domain: connect to a domain controller of that domain"
	case ldap.LDAPResultNoSuchObject:
		return "an object that the change names, such as the container or a manager, does not exist"
	case ldap.LDAPResultUnwillingToPerform:
		return "Active Directory does not do this to such a group; if the domain protects cloud objects (msDS-ObjectSoa), put the account on its allow list"
	}
	return ""
}

// misplaced is refuse for writes that place a group or name it: it looks for
// the object that has the name, and for the container. dn is empty where only
// the sAMAccountName is written.
func (w *writer) misplaced(ctx context.Context, doing, dn string, err error) error {
	switch code(err) {
	case ldap.LDAPResultEntryAlreadyExists:
		return w.taken(ctx, dn, err)
	case ldap.LDAPResultConstraintViolation: // what is to be unique in the forest, newer servers hold to be a constraint
		if holder, found, lost := w.holder(ctx, ""); lost != nil || found && !is(holder.mark, w.change.Group) {
			return cmp.Or(lost, w.taken(ctx, "", err))
		}
	case ldap.LDAPResultNoSuchObject, ldap.LDAPResultOther: // Samba says 80
		if dn == "" {
			break
		}
		_, found, lost := w.entry(ctx, query{base: w.change.Parent, attrs: []string{"objectGUID"}})
		if lost != nil {
			return lost
		}
		if !found {
			return refusal{code: code(err), text: fmt.Sprintf("%s: %s does not exist: create it", doing, w.change.Parent)}
		}
	}
	return w.refuse(doing, err)
}

// taken says which object has the name. Whoever asked for it may take another one then,
// but not where the object may be the group itself: that must not be answered by a second
// group. So it is where it bears our fence and no mark, which is all that a group that lost
// its mark is known by where the schema lacks the other one; and where a group is to be
// made, and this account does not see the object.
func (w *writer) taken(ctx context.Context, dn string, err error) error {
	holder, found, lost := w.holder(ctx, dn)
	_, marked := plan.ParseMark(holder.mark)
	ours := installation(holder.fence) == w.Instance && !w.letGo(holder)
	no := refusal{code: code(err), text: fmt.Sprintf("the name or sAMAccountName is taken by %s: rename that object, or change the rule that makes the name", holder.dn),
		taken: &plan.Taken{By: holder.dn, Ours: ours}}
	switch {
	case lost != nil:
		return lost
	case !found:
		no.text = "the name or sAMAccountName is taken by an object that this account cannot see"
		if w.change.Op == plan.Create {
			no.taken = nil
			no.text += ": let it read that object, which may be the group itself"
		}
	case ours && !marked:
		no.taken = nil
		no.text = fmt.Sprintf("the name or sAMAccountName is taken by %s, which bears our fence (its adminDescription is %q): if it stands for cloud group %s, set its adminDescription to %s; else rename that object",
			holder.dn, holder.mark, w.change.Group, plan.Mark(w.change.Group))
	}
	return no
}

// holder finds the object that has the DN or the sAMAccountName of the change. Below one
// parent no two objects of any kind have the same name: an OU is in the way of a group
// (MS-ADTS 3.1.1.1.4).
func (w *writer) holder(ctx context.Context, dn string) (o object, found bool, err error) {
	if name, parent, ok := plan.SplitRDN(dn); ok {
		q := query{base: parent, scope: ldap.ScopeSingleLevel, filter: "(name=" + ldap.EscapeFilter(name) + ")", page: pageSize}
		if o, found, err = w.any(ctx, q); err != nil || found {
			return o, found, err
		}
	}
	for _, sam := range w.change.Set[plan.AccountName] {
		q := query{base: w.Identity.NC, scope: ldap.ScopeWholeSubtree, filter: "(sAMAccountName=" + ldap.EscapeFilter(sam) + ")", page: pageSize}
		if o, found, err = w.any(ctx, q); err != nil || found {
			return o, found, err
		}
	}
	return o, false, nil
}

// any reads the marks and the name of an object of whatever class.
func (w *writer) any(ctx context.Context, q query) (object, bool, error) {
	q.attrs = []string{"adminDescription", "adminDisplayName"}
	e, found, err := w.entry(ctx, q)
	if err != nil || !found {
		return object{}, false, err
	}
	return object{dn: plainDN(e.DN), mark: e.GetEqualFoldAttributeValue("adminDescription"), fence: e.GetEqualFoldAttributeValue("adminDisplayName")}, true, nil
}
