package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Census is what of groups is in sight below Base.
type Census struct {
	Owned  int            // of this installation
	Others map[string]int // of other installations, by the names in their fences

	// CloudSync and Connect are groups that stand for a cloud group by their marks, and that no
	// installation has written: they bear both marks, as Cloud Sync sets them, or adminDescription alone, as
	// Entra Connect's group writeback does. Example is the DN of one of them.
	CloudSync, Connect int
	Example            string

	// Locked are groups of this installation of which the account may not change all
	// that we write, with what that is, by DN. Looked is of how many that was asked.
	Locked map[string][]string
	Looked int
}

// maxLooked is of how many groups the rights are asked: what inheritance gives one it gives
// the others, and each answer has hundreds of names.
const maxLooked = 500

// Census counts the groups and looks at the rights on them. It writes nothing.
func (d *Domain) Census(ctx context.Context) (Census, error) {
	c := Census{Others: map[string]int{}, Locked: map[string][]string{}}
	err := d.valid()
	if err == nil {
		err = d.count(ctx, &c)
	}
	if err == nil && c.Owned > 0 {
		err = d.locked(ctx, &c)
	}
	if err != nil {
		return Census{}, fmt.Errorf("count groups below %s: %w", d.Base, err)
	}
	return c, nil
}

// Strangers lists which of some SIDs of the domain nobody has, in their order. Those of
// other domains are left out: this domain controller cannot say.
func (d *Domain) Strangers(ctx context.Context, sids []directory.SID) (nobody []directory.SID, err error) {
	for _, sid := range sids {
		if sid.Domain() != d.Identity.Domain {
			continue
		}
		_, found, err := d.entry(ctx, query{base: bySID(sid), attrs: []string{"objectSid"}})
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", sid, err)
		}
		if !found {
			nobody = append(nobody, sid)
		}
	}
	return nobody, nil
}

func (d *Domain) count(ctx context.Context, c *Census) error {
	q := query{base: d.Base, scope: ldap.ScopeWholeSubtree, page: pageSize, attrs: []string{"adminDescription", "adminDisplayName", external},
		filter: "(&(objectCategory=group)(adminDescription=Group_*))"}
	return d.search(ctx, q, func(e *ldap.Entry) error {
		if _, ok := plan.ParseMark(e.GetEqualFoldAttributeValue("adminDescription")); ok {
			d.sort(c, e)
		}
		return nil
	})
}

// sort counts a group for the one who wrote it last. One that an installation has let go counts
// for nobody.
func (d *Domain) sort(c *Census, e *ldap.Entry) {
	fence := e.GetEqualFoldAttributeValue("adminDisplayName")
	f, fenced := plan.ParseFence(fence)
	_, both := plan.ParseMark(e.GetEqualFoldAttributeValue(external))
	switch {
	case d.letGo(object{fence: fence}):
	case strings.HasPrefix(fence, plan.FencePrefix(d.Instance)):
		c.Owned++
	case fenced:
		c.Others[f.Instance]++
	case plan.HasFence(fence): // let go by another one
	case both:
		c.CloudSync++
		c.Example = plainDN(e.DN)
	default:
		c.Connect++
		c.Example = plainDN(e.DN)
	}
}

// errEnough ends a search that has shown enough.
var errEnough = errors.New("enough")

func (d *Domain) locked(ctx context.Context, c *Census) error {
	q := query{base: d.Base, scope: ldap.ScopeWholeSubtree, page: rowsInOne, attrs: []string{"allowedAttributesEffective"},
		filter: "(&(objectCategory=group)(adminDescription=Group_*)(adminDisplayName=" + ldap.EscapeFilter(plan.FencePrefix(d.Instance)) + "*))"}
	err := d.search(ctx, q, func(e *ldap.Entry) error {
		if c.Looked++; c.Looked > maxLooked {
			c.Looked--
			return errEnough
		}
		may := e.GetEqualFoldAttributeValues("allowedAttributesEffective")
		for _, name := range d.written() {
			if !slices.ContainsFunc(may, func(m string) bool { return strings.EqualFold(m, name) }) {
				dn := plainDN(e.DN)
				c.Locked[dn] = append(c.Locked[dn], name)
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}
