package stage

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// TestHandsOnQuarantine: people do by hand what they like to a group in quarantine: nothing of that
// is fought that may be meant, it is told, and the group is the old one when the cloud has it again.
// And writeback that shall end by deletion waits for the word of the agent's policy, until it is
// taken back.
func TestHandsOnQuarantine(t *testing.T) {
	s := scene{Stage: newStage(t, 60, 10, 30)}
	s.Rules, s.Policy, s.Scan = "leaving: {deleted: quarantine}\n", "policy:\n  quarantine: true\n", "500ms"
	must(t, s.DC.LetRestore(true))
	must(t, s.Start(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s.Stage)
	settle(t, s.Stage)
	converge(t, s.Stage)
	before := identities(t, s.Stage)
	id, c, admin := s.Company.ID("Kiosk machines"), s.Company.Tenant, administrator{s.DC}
	mark := plan.Mark(id)
	type look struct{ dn, info, groupType string }
	is := func() look {
		e := s.entry(t, id)
		return look{e.DN, e.GetAttributeValue("info"), e.GetAttributeValue("groupType")}
	}
	says := func(reason string) func(Status) bool {
		return func(st Status) bool {
			return slices.ContainsFunc(st.Problems, func(p Problem) bool { return p.Group == id && p.Reason == reason })
		}
	}

	must(t, c.SoftDelete(id))
	s.until(t, "it is in quarantine", func(Status) bool { return is().groupType == "8" })

	admin.set(t, is().dn, "info", "the note of a person")

	attic := "OU=Attic," + s.Base
	admin.do(t, func(c *ldap.Conn) error {
		req := ldap.NewAddRequest(attic, nil)
		req.Attribute("objectClass", []string{"organizationalUnit"})
		return c.Add(req)
	})
	rdn, _, _ := strings.Cut(is().dn, ",")
	admin.do(t, func(c *ldap.Conn) error { return c.ModifyDN(ldap.NewModifyDNRequest(is().dn, rdn, true, attic)) })
	admin.set(t, is().dn, "adminDescription")
	s.until(t, "that its mark is gone is told", says(plan.TroubleUnmarked))
	admin.set(t, is().dn, "adminDescription", mark)
	admin.set(t, is().dn, "groupType", "-2147483640")
	s.until(t, "that its quarantine was lifted is told", says("type-flipped"))
	if now := is(); now.groupType != "-2147483640" || !strings.HasSuffix(now.dn, attic) || now.info != "the note of a person" {
		t.Errorf("what a hand did is fought: %+v", now)
	}

	shown := s.say(t, map[string]string{"action": "disable", "end": "delete"})
	s.say(t, map[string]string{"action": "disable", "end": "delete", "digest": shown.Preview.Digest})
	s.until(t, "that nothing is deleted is told", func(st Status) bool {
		for _, h := range st.Holds {
			s.say(t, map[string]string{"action": "approve", "hold": h.ID})
		}
		return st.State == "ending" && slices.ContainsFunc(st.Problems, func(p Problem) bool { return strings.Contains(p.Text, "policy.delete") })
	})
	must(t, c.Restore(id))
	shown = s.say(t, map[string]string{"action": "enable"})
	s.say(t, map[string]string{"action": "enable", "digest": shown.Preview.Digest})
	converge(t, s.Stage)
	same(t, "as if nothing had been", before, identities(t, s.Stage))
	if now := is(); now.info != "" || strings.HasSuffix(now.dn, attic) {
		t.Errorf("back in the cloud it is %+v", now)
	}
}
