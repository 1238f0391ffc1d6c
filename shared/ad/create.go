package ad

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// create adds the group, or brings into line what an earlier try has added, or takes back
// the one that was let go. It makes
// no second group: what bears a mark of the cloud group, wherever in the domain, is
// found first, and refused if it is not ours.
func (w *writer) create(ctx context.Context) error {
	w.change.Set = w.stamped()
	s, trouble, found, err := w.look(ctx, w.change.Group, "", w.wanted())
	switch {
	case err != nil:
		return err
	case trouble != nil:
		return refusal{code: ldap.LDAPResultEntryAlreadyExists, text: "there is a group already: " + trouble.Text}
	case found:
		return w.adopt(ctx, s.object)
	case s.guid != "":
		return w.takeBack(ctx, s.guid)
	}
	if err := w.unclaimed(ctx, object{}); err != nil {
		return err
	}
	dn := plan.JoinRDN(w.change.Name, w.change.Parent)
	some, err := w.add(ctx, dn)
	if err != nil {
		return err
	}
	// A crash before this read leaves a group that the next try finds by its mark.
	o, found, err := w.group(ctx, dn, w.wanted())
	if err == nil && !found {
		err = fmt.Errorf("%s was created and cannot be read: let the account read the groups of %s", dn, w.Base)
	}
	w.guid = o.guid
	w.log().DebugContext(ctx, "group created", "group", w.change.Group, "guid", o.guid, "seq", w.fence.Seq)
	if err == nil && some {
		err = w.attributes(ctx, &o, false)
	}
	return err
}

// stamped is what to set, with the ownership marks.
func (w *writer) stamped() map[string][]string {
	set := maps.Clone(w.change.Set)
	if set == nil {
		set = map[string][]string{}
	}
	mark := []string{plan.Mark(w.change.Group)}
	set["adminDescription"] = mark
	if w.Identity.External {
		set[external] = mark
	}
	return set
}

func (w *writer) addition(dn string, set map[string][]string) *ldap.AddRequest {
	req := ldap.NewAddRequest(dn, nil)
	req.Attribute("objectClass", []string{"group"})
	req.Attribute("adminDisplayName", []string{w.fence.String()})
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if values := set[name]; len(values) > 0 {
			req.Attribute(name, values)
		}
	}
	return req
}

// adopt goes on with a group that an earlier try of this change created.
func (w *writer) adopt(ctx context.Context, o object) error {
	w.guid = o.guid
	if err := w.allowed(o); err != nil {
		return err
	}
	if err := w.turnable(o); err != nil {
		return err
	}
	return w.rename(ctx, o)
}
