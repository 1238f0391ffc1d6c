package stage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/infra/stage/ldapproxy"
	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// membership is one of an object of the cloud in a group of it.
type membership struct{ group, member directory.ID }

// checkRemovals holds each member that was removed in AD, group by group, against
// those that the cloud removed. byHand are those that somebody had added in AD.
func checkRemovals(t *testing.T, s *Stage, writes []ldapproxy.Operation, byHand ...membership) {
	t.Helper()
	allowed := map[membership]bool{}
	for _, e := range s.Company.Tenant.History() {
		if e.What == graphtest.MemberRemoved {
			allowed[membership{e.Object, e.Member}] = true
		}
	}
	for _, m := range byHand {
		allowed[m] = true
	}
	known := whoIsWho(t, s)
	for _, w := range writes {
		if w.Op == "delete" {
			t.Errorf("operation %d deletes %s", w.N, w.DN)
		}
		for _, v := range w.Remove {
			if m := (membership{known.find(w.DN), known.find(v)}); !allowed[m] {
				t.Errorf("operation %d removes %s (%s) from %s (%s), which the cloud never did", w.N, v, m.member, w.DN, m.group)
			}
		}
	}
}

// names are the cloud's objects by each way in which the agent may name one to the
// domain controller.
type names map[string]directory.ID

func (n names) find(dn string) directory.ID {
	text := strings.ToLower(dn)
	rdn, _, _ := strings.Cut(text, ",")
	if id, ok := n[text]; ok {
		return id
	}
	return n[rdn] // it was called so once: no two objects have one name
}

// whoIsWho asks the directory for the groups of a stage, wherever they are, and the
// cloud for the accounts.
func whoIsWho(t *testing.T, s *Stage) names {
	t.Helper()
	out := names{}
	truth := s.Company.Tenant.Dump()
	for _, o := range slices.Concat(truth.Users, truth.Devices) {
		upn, isUser := o.Properties["userPrincipalName"].(string)
		name, _, _ := strings.Cut(upn, "@")
		if !isUser {
			name, _ = o.Properties["displayName"].(string)
		}
		out["cn="+name] = o.ID
		if sid := s.DC.SIDs[name]; sid != "" {
			out["<sid="+strings.ToLower(string(sid))+">"] = o.ID
		}
	}
	for _, g := range truth.Groups {
		name, _ := g.Properties["displayName"].(string)
		out["cn="+strings.ToLower(name+"_"+g.ID.String()[24:])] = g.ID
	}
	administrator{s.DC}.do(t, func(c *ldap.Conn) error {
		res, err := c.SearchWithPaging(ldap.NewSearchRequest(s.DC.Domain, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
			"(|(adminDescription=Group_*)(msDS-ExternalDirectoryObjectId=Group_*))", []string{"objectGUID", "objectSid", "adminDescription", "msDS-ExternalDirectoryObjectId"}, nil), 500)
		if err != nil {
			return err
		}
		for _, e := range res.Entries {
			mark := cmp.Or(e.GetAttributeValue("msDS-ExternalDirectoryObjectId"), e.GetAttributeValue("adminDescription"))
			id, err := directory.ParseID(strings.TrimPrefix(mark, "Group_"))
			if err != nil {
				return fmt.Errorf("%s: %w", e.DN, err)
			}
			guid, noGUID := ad.DecodeGUID(e.GetRawAttributeValue("objectGUID"))
			sid, noSID := ad.DecodeSID(e.GetRawAttributeValue("objectSid"))
			if err := errors.Join(noGUID, noSID); err != nil {
				return fmt.Errorf("%s: %w", e.DN, err)
			}
			for _, name := range []string{e.DN, "<guid=" + string(guid) + ">", "<sid=" + string(sid) + ">"} {
				out[strings.ToLower(name)] = id
			}
		}
		return nil
	})
	return out
}
