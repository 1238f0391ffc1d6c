package ad

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// A value is a member, or a value of another link, to be added or removed: the ref of the plan, by which of
// its identifiers it is recognised, and how a request names it.
type value struct {
	ref  plan.Ref
	key  string // a SID, or a GUID
	name string
}

// relink removes values of the change's link, then adds some. What is already so is not written.
func (w *writer) relink(ctx context.Context, o *object) error {
	if len(w.change.Remove)+len(w.change.Add) == 0 {
		return nil
	}
	removals, err := w.removals(ctx)
	if err != nil {
		return err
	}
	if err := w.write(ctx, o, ldap.DeleteAttribute, removals); err != nil {
		return err
	}
	adds, err := w.additions(ctx)
	if err != nil {
		return err
	}
	if len(adds) == 0 || !o.adminCount {
		return w.write(ctx, o, ldap.AddAttribute, adds)
	}
	if err := w.list(ctx, o); err != nil {
		return err
	}
	for _, v := range w.absent(*o, adds) {
		w.reject(v.ref, 0, "the group is in a protected group (adminCount is 1): it takes no new "+w.called()+" until an administrator takes it out")
	}
	return nil
}

// called is what the values of the change's link are called.
func (w *writer) called() string {
	if w.change.Of() == plan.Member {
		return "members"
	}
	return string(w.change.Link)
}

// list reads the link's values, if nobody has.
func (w *writer) list(ctx context.Context, o *object) error {
	if o.listed(w.change.Of()) {
		return nil
	}
	return w.again(ctx, o, w.whole())
}

// whole are the attributes that the change compares, and its link.
func (w *writer) whole() []string { return append(w.wanted(), string(w.change.Of())) }

// nested finds the owned groups among some refs.
func (w *writer) nested(ctx context.Context, refs []plan.Ref) (map[directory.ID]object, error) {
	var ids []directory.ID
	for _, r := range refs {
		if id, ok := r.Group(); ok {
			ids = append(ids, id)
		}
	}
	return w.marked(ctx, ids, w.change.Known)
}

// removals names what to take out. What a GUID of the plan names need not be a group of
// ours any more. A ref to a group that is gone needs nothing: its links went with it. Nor
// does one that names nothing at all.
func (w *writer) removals(ctx context.Context) (out []value, err error) {
	unknown := slices.DeleteFunc(slices.Clone(w.change.Remove), func(r plan.Ref) bool { id, _ := r.Group(); return w.change.Known[id] != "" })
	groups, err := w.nested(ctx, unknown)
	if err != nil {
		return nil, err
	}
	people, err := w.contacts(ctx, w.change.Remove)
	if err != nil {
		return nil, err
	}
	for _, r := range w.change.Remove {
		if s := people[r]; s != nil {
			for _, l := range s.known { // whichever of them is in the group: others are not
				out = append(out, value{r, string(l.guid), byGUID(l.guid)})
			}
			continue
		}
		g, ok := r.GUID()
		if id, nested := r.Group(); nested {
			g, ok = cmp.Or(w.change.Known[id], groups[id].guid), true
		}
		if sid, isSID := r.SID(); isSID {
			if _, err := directory.ParseSID(string(sid)); err == nil {
				out = append(out, value{r, string(sid), bySID(sid)})
			}
		} else if g, err := canonical(g); ok && err == nil {
			out = append(out, value{r, string(g), byGUID(g)})
		}
	}
	return out, nil
}

// additions names what to put in, and rejects what must not become a member
// whatever the server would say: Samba lets Everyone into a group. Which groups are ours
// is read from Active Directory, not taken from the plan: what a GUID of the plan
// names need not be.
func (w *writer) additions(ctx context.Context) (out []value, err error) {
	if w.change.Of().NamesLists() {
		return w.lists(ctx)
	}
	groups, err := w.nested(ctx, w.change.Add)
	if err != nil {
		return nil, err
	}
	people, err := w.contacts(ctx, w.change.Add)
	if err != nil {
		return nil, err
	}
	for _, r := range w.change.Add {
		if sid, ok := r.SID(); ok {
			if reason := w.foreign(sid, w.called()); reason != "" {
				w.reject(r, 0, reason)
				continue
			}
			out = append(out, value{r, string(sid), bySID(sid)})
		} else if id, ok := r.Group(); ok && w.guarded(groups[id].sid) {
			w.reject(r, 0, exchanges(groups[id].sid, w.called()))
		} else if g := groups[id].guid; ok && g != "" {
			out = append(out, value{r, string(g), byGUID(g)})
		} else if s := people[r]; s != nil && w.change.Of() == plan.Member {
			a, _ := r.Mail()
			if l, fault := s.one(a); fault != "" {
				w.reject(r, ldap.LDAPResultNoSuchObject, fault)
			} else {
				out = append(out, value{r, string(l.guid), byGUID(l.guid)})
			}
		} else if ok {
			w.reject(r, ldap.LDAPResultNoSuchObject, fmt.Sprintf("no group of ours stands for cloud group %s, or not yet", id))
		} else {
			w.reject(r, 0, "only principals with a SID and groups of ours become "+w.called())
		}
	}
	return out, nil
}

// foreign says why a SID must not become what the values of a link are called; "" if it may.
func (d *Domain) foreign(sid directory.SID, called string) string {
	if _, err := directory.ParseSID(string(sid)); err != nil {
		return err.Error()
	}
	if !slices.Contains(d.Identity.Domains, sid.Domain()) {
		return fmt.Sprintf("%s is not of a domain of this forest: only its own users, computers and groups become %s", sid, called)
	}
	if sid.RID() < 1000 {
		return fmt.Sprintf("%s is an account or group of the system (RID below 1000): it never becomes one of a group's %s", sid, called)
	}
	if d.guarded(sid) {
		return exchanges(sid, called)
	}
	return ""
}

func exchanges(sid directory.SID, called string) string {
	return fmt.Sprintf("%s is one of Exchange's own groups: it never becomes one of a group's %s", sid, called)
}

func (w *writer) reject(r plan.Ref, code int, text string) {
	w.bad = append(w.bad, plan.BadRef{Ref: r, Code: code, Text: text})
}

// write adds or removes values, in as many modifies as it takes. While those of the link are
// not known, it writes what it is asked to and lets the server's answer decide: only
// where that says that something is so already is the group read.
func (w *writer) write(ctx context.Context, o *object, op uint, all []value) error {
	for todo := w.todo(*o, op, all); len(todo) > 0; {
		some, known := todo[:min(w.limit, len(todo))], o.listed(w.change.Of())
		moved, err := w.chunk(ctx, o, op, some, true)
		if err != nil {
			return err
		}
		if !moved {
			todo = todo[len(some):]
			continue
		}
		if known { // else it was the first look, and nobody else need have been there
			if err := w.pause(ctx); err != nil {
				return err
			}
		}
		todo = w.todo(*o, op, all)
	}
	return nil
}

// todo is what of the values is not so yet as far as is known, without those already
// rejected.
func (w *writer) todo(o object, op uint, all []value) []value {
	rejected := map[plan.Ref]bool{}
	for _, b := range w.bad {
		rejected[b.Ref] = true
	}
	all = slices.DeleteFunc(slices.Clone(all), func(v value) bool { return rejected[v.ref] })
	if op == ldap.AddAttribute || !o.listed(w.change.Of()) {
		return w.absent(o, all)
	}
	return w.present(o, all)
}

// known maps both identifiers of each value of the change's link to it.
func (w *writer) known(o object) map[string]link {
	links := o.links[w.change.Of()]
	m := make(map[string]link, 2*len(links))
	for _, l := range links {
		m[string(l.guid)] = l
		if l.sid != "" {
			m[string(l.sid)] = l
		}
	}
	return m
}

// absent are the values that are not among those that are known, each once.
func (w *writer) absent(o object, all []value) (out []value) {
	have := w.known(o)
	for _, v := range all {
		if _, ok := have[v.key]; !ok {
			have[v.key] = link{}
			out = append(out, v)
		}
	}
	return out
}

// present names values by the DN that was read: it is right for objects of
// other domains too, whose SIDs this domain controller need not know. One that is a
// member by its primary group no write to the group takes out.
func (w *writer) present(o object, all []value) (out []value) {
	have := w.known(o)
	for _, v := range all {
		l, ok := have[v.key]
		if !ok {
			continue
		}
		delete(have, v.key)
		if l.primary {
			w.reject(v.ref, ldap.LDAPResultUnwillingToPerform, fmt.Sprintf("%s stays in %s, which is its primary group: "+
				"make another group its primary group (primaryGroupID) first", l.dn, o.dn))
			continue
		}
		v.name = l.dn
		out = append(out, v)
	}
	return out
}

// chunk writes some values in one modify. Since a modify that fails changes
// nothing, one with a bad value is halved until the bad one stands alone. moved
// says that the group turned out to be another than was read, and o is what it
// is now: the caller begins again with what is left.
func (w *writer) chunk(ctx context.Context, o *object, op uint, some []value, whole bool) (moved bool, err error) {
	err = w.modify(ctx, o, ldap.Change{Operation: op, Modification: ldap.PartialAttribute{Type: string(w.change.Of()), Vals: named(some)}})
	switch c := code(err); c {
	case 0:
		return false, err
	case ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultReferral, ldap.LDAPResultBusy:
		return false, w.refuse("change "+w.called()+" of "+o.dn, err)
	case ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultAdminLimitExceeded:
		w.limit = max(1, len(some)/2)
	case ldap.LDAPResultOther:
		if err := w.pause(ctx); err != nil {
			return false, err
		}
	case ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultAttributeOrValueExists, ldap.LDAPResultEntryAlreadyExists,
		ldap.LDAPResultNoSuchObject, ldap.LDAPResultUnwillingToPerform:
		// A stale fence, a member that came or went, or the group itself is gone:
		// one look tells. Halves need none, and a last one only if it may be so already.
		if whole || !o.listed(w.change.Of()) || len(some) == 1 && c == ldap.LDAPResultEntryAlreadyExists {
			if moved, again := w.differs(ctx, o, op, some); moved || again != nil {
				return moved, again
			}
		}
	}
	if len(some) == 1 {
		w.reject(some[0].ref, code(err), fmt.Sprintf("Active Directory refuses %s: %s", some[0].name, said(err)))
		return false, nil
	}
	for half := range slices.Chunk(some, (len(some)+1)/2) {
		if moved, err := w.chunk(ctx, o, op, half, false); moved || err != nil {
			return moved, err
		}
	}
	return false, nil
}

// differs reads the group again and says whether a write of these values to it
// would be another one now.
func (w *writer) differs(ctx context.Context, o *object, op uint, some []value) (bool, error) {
	fence, known := o.fence, o.listed(w.change.Of())
	if err := w.again(ctx, o, w.whole()); err != nil {
		return false, err
	}
	// A removal is another one as soon as the values are known: it names them by their DNs.
	return o.fence != fence || !known && op == ldap.DeleteAttribute || len(w.todo(*o, op, some)) < len(some), nil
}

func named(values []value) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.name
	}
	return out
}
