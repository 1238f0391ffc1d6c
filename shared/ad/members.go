package ad

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// A value is a member to be added or removed: the ref of the plan, by which of
// its identifiers it is recognised, and how a request names it.
type value struct {
	ref  plan.Ref
	key  string // a SID, or a GUID
	name string
}

// members removes, then adds. What is already so is not written.
func (w *writer) members(ctx context.Context, o *object) error {
	if len(w.change.Remove)+len(w.change.Add) == 0 {
		return nil
	}
	guids, err := w.nested(ctx)
	if err != nil {
		return err
	}
	if err := w.write(ctx, o, ldap.DeleteAttribute, w.removals(guids)); err != nil {
		return err
	}
	adds := w.additions(guids)
	if o.adminCount {
		for _, v := range absent(*o, adds) {
			w.reject(v.ref, 0, "the group is in a protected group (adminCount is 1): it takes no new members until an administrator takes it out")
		}
		return nil
	}
	return w.write(ctx, o, ldap.AddAttribute, adds)
}

// nested finds the owned groups among the refs by their marks: where they are is
// read from Active Directory, not taken from the plan, since what a GUID of the
// plan names need not be ours. A removal may use it all the same.
func (w *writer) nested(ctx context.Context) (map[directory.ID]plan.GUID, error) {
	guids := map[directory.ID]plan.GUID{}
	var ids []directory.ID
	for _, r := range w.change.Remove {
		if id, ok := r.Group(); ok && w.change.Known[id] == "" {
			ids = append(ids, id)
		} else if ok {
			guids[id] = w.change.Known[id]
		}
	}
	for _, r := range w.change.Add {
		if id, ok := r.Group(); ok {
			ids = append(ids, id)
		}
	}
	objects, err := w.marked(ctx, ids, w.change.Known)
	for id, o := range objects {
		guids[id] = o.guid
	}
	return guids, err
}

// removals names what to take out. A ref to a group that is gone needs nothing:
// its links went with it.
func (w *writer) removals(guids map[directory.ID]plan.GUID) (out []value) {
	for _, r := range w.change.Remove {
		if sid, ok := r.SID(); ok {
			out = append(out, value{ref: r, key: string(sid)})
		} else if g, ok := r.GUID(); ok {
			out = append(out, value{ref: r, key: string(g)})
		} else if id, ok := r.Group(); ok && guids[id] != "" {
			out = append(out, value{ref: r, key: string(guids[id])})
		}
	}
	return out
}

// additions names what to put in, and rejects what must not become a member
// whatever the server would say: Samba lets Everyone into a group.
func (w *writer) additions(guids map[directory.ID]plan.GUID) (out []value) {
	for _, r := range w.change.Add {
		if sid, ok := r.SID(); ok {
			if reason := w.foreign(sid); reason != "" {
				w.reject(r, 0, reason)
				continue
			}
			out = append(out, value{r, string(sid), "<SID=" + string(sid) + ">"})
		} else if id, ok := r.Group(); ok && guids[id] != "" {
			out = append(out, value{r, string(guids[id]), byGUID(guids[id])})
		} else if ok {
			w.reject(r, ldap.LDAPResultNoSuchObject, fmt.Sprintf("no group of ours stands for cloud group %s, or not yet", id))
		} else {
			w.reject(r, 0, "only principals with a SID and groups of ours become members")
		}
	}
	return out
}

// foreign says why a SID must not become a member; "" if it may.
func (d *Domain) foreign(sid directory.SID) string {
	if _, err := directory.ParseSID(string(sid)); err != nil {
		return err.Error()
	}
	if !slices.Contains(d.Identity.Domains, sid.Domain()) {
		return fmt.Sprintf("%s is not of a domain of this forest: only its own users, computers and groups become members", sid)
	}
	if sid.RID() < 1000 {
		return fmt.Sprintf("%s is an account or group of the system (RID below 1000): it never becomes a member", sid)
	}
	return ""
}

func (w *writer) reject(r plan.Ref, code int, text string) {
	w.bad = append(w.bad, plan.BadRef{Ref: r, Code: code, Text: text})
}

// write adds or removes values, in as many modifies as it takes.
func (w *writer) write(ctx context.Context, o *object, op uint, all []value) error {
	for todo := w.todo(*o, op, all); len(todo) > 0; {
		some := todo[:min(w.limit, len(todo))]
		moved, err := w.chunk(ctx, o, op, some, true)
		if err != nil {
			return err
		}
		if !moved {
			todo = todo[len(some):]
			continue
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
		todo = w.todo(*o, op, all)
	}
	return nil
}

// todo is what of the values is not so yet, without those already rejected.
func (w *writer) todo(o object, op uint, all []value) []value {
	rejected := map[plan.Ref]bool{}
	for _, b := range w.bad {
		rejected[b.Ref] = true
	}
	all = slices.DeleteFunc(slices.Clone(all), func(v value) bool { return rejected[v.ref] })
	if op == ldap.AddAttribute {
		return absent(o, all)
	}
	return present(o, all)
}

// links maps both identifiers of each member to its DN.
func links(o object) map[string]string {
	m := make(map[string]string, 2*len(o.links))
	for _, l := range o.links {
		m[string(l.guid)] = l.dn
		if l.sid != "" {
			m[string(l.sid)] = l.dn
		}
	}
	return m
}

func absent(o object, all []value) (out []value) {
	have := links(o)
	for _, v := range all {
		if _, ok := have[v.key]; !ok {
			have[v.key] = v.name // once is enough
			out = append(out, v)
		}
	}
	return out
}

// present names members by the DN that was read: it is right for members of
// other domains too, whose SIDs this domain controller need not know.
func present(o object, all []value) (out []value) {
	have := links(o)
	for _, v := range all {
		if dn, ok := have[v.key]; ok {
			delete(have, v.key)
			v.name = dn
			out = append(out, v)
		}
	}
	return out
}

// chunk writes some values in one modify. Since a modify that fails changes
// nothing, one with a bad value is halved until the bad one stands alone. moved
// says that the group turned out to be another than was read, and o is what it
// is now: the caller begins again with what is left.
func (w *writer) chunk(ctx context.Context, o *object, op uint, some []value, whole bool) (moved bool, err error) {
	err = w.modify(ctx, o, ldap.Change{Operation: op, Modification: ldap.PartialAttribute{Type: "member", Vals: named(some)}})
	switch c := code(err); c {
	case 0:
		return false, err
	case ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultReferral, ldap.LDAPResultBusy:
		return false, w.refuse("change members of "+o.dn, err)
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
		if whole || len(some) == 1 && c == ldap.LDAPResultEntryAlreadyExists {
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
	fence := o.fence
	if _, err := w.again(ctx, o); err != nil {
		return false, err
	}
	return o.fence != fence || len(w.todo(*o, op, some)) < len(some), nil
}

func named(values []value) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.name
	}
	return out
}
