package ad

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/plan"
)

// TestRefusalTexts are the answers of Active Directory that a person can do
// something about, to the letter. What Samba says of itself is cut out.
func TestRefusalTexts(t *testing.T) {
	w := &writer{Domain: &Domain{Base: "OU=x"}}
	texts := &golden.Texts{}
	for _, code := range []uint16{10, 16, 17, 19, 21, 32, 34, 50, 53, 64, 80} {
		var no refusal
		if err := w.refuse("set x", ldapError(code)); !errors.As(err, &no) || no.code != int(code) {
			t.Fatalf("%d: got %v", code, err)
		}
		texts.Add(fmt.Sprintf("%d: %s", code, no.text))
	}
	texts.Hold(t, "refusals")
}

// TestRefusedChangeTexts are those of a change that a real domain does not take.
func TestRefusedChangeTexts(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "first")
	gone := create(t, d, 1, "gone")
	if err := admin(t).Del(ldap.NewDelRequest(byGUID(gone), nil)); err != nil {
		t.Fatal(err)
	}
	lost := create(t, d, 2, "lost")
	modify(t, lost, "adminDisplayName", "hands off")
	update := func(n int, g plan.GUID) plan.Change {
		return plan.Change{Op: plan.Update, Group: id(t, n), GUID: g, Add: someUsers(t, 1, 1)}
	}
	named := func(n int, name string, edit func(*plan.Change)) plan.Change {
		c := creation(t, d, n, name)
		if edit != nil {
			edit(&c)
		}
		return c
	}
	texts := &golden.Texts{}
	for _, test := range []struct {
		name   string
		change plan.Change
		status plan.Status
		want   string
	}{
		{"taken", named(10, "FIRST", nil), plan.Refused, "the name or sAMAccountName is taken by CN=first,BASE: rename that object, or change the rule that makes the name"},
		{"taken by ours", named(2, "lost", nil), plan.Refused,
			`there is a group already: CN=lost,BASE bears the mark of cloud group ID2 and is not ours (its adminDisplayName is "hands off"): Entra Cloud Sync, Group Writeback or a person made it. ` +
				`Take the cloud group out of the scope of one of the two; only if nothing else writes to this group any more, set its adminDisplayName to "gwb test 0.0.0" to hand it over`},
		{"no container", named(11, "x", func(c *plan.Change) { c.Parent = "OU=none," + d.Base }), plan.Refused, "create CN=x,OU=none,BASE: OU=none,BASE does not exist: create it"},
		{"outside", named(11, "x", func(c *plan.Change) { c.Parent = "DC=corp,DC=test" }), plan.Refused, "DC=corp,DC=test is not below BASE"},
		{"member set", named(11, "x", func(c *plan.Change) { c.Set["member"] = []string{"x"} }), plan.Refused,
			"attribute member is not set by a plan: this agent sets only adminDescription, msDS-ExternalDirectoryObjectId, description, displayName, groupType, info, sAMAccountName"},
		{"mark set", named(11, "x", func(c *plan.Change) { c.Set["adminDescription"] = []string{"x"} }), plan.Refused,
			"attribute adminDescription is the ownership mark: it cannot be another value"},
		{"gone", update(1, gone), plan.Refused, "group GONE is gone: it was deleted in Active Directory, or the account may not read it any more"},
		{"not ours", update(2, lost), plan.Refused,
			`CN=lost,BASE has lost our fence (its adminDisplayName is "hands off"): if nothing else writes to this group, set its adminDisplayName to "gwb test 0.0.0" to have it managed again; ` +
				`or, to let it go, clear adminDescription and msDS-ExternalDirectoryObjectId`},
		{"not yet", update(3, ""), plan.Skipped, "no group stands for cloud group ID3 yet"},
		{"unknown operation", plan.Change{Op: "burn", Group: id(t, 0), GUID: g, Parent: d.Base}, plan.Refused, `this version does not know how to "burn" a group: update the agent`},
	} {
		r := outcome(t, d, 1, test.change)
		text := strings.NewReplacer(plan.NormalDN(d.Base), "BASE", d.Base, "BASE", string(gone), "GONE", id(t, 2).String(), "ID2", id(t, 3).String(), "ID3").Replace(r.Text)
		if r.Status != test.status || text != test.want {
			t.Errorf("%s: %s\n%s\nwant\n%s", test.name, r.Status, text, test.want)
		}
		texts.Add(string(r.Status) + ": " + text)
	}
	texts.Hold(t, "changes")
	create(t, d, 4, "twin one")
	twin := create(t, d, 5, "twin two")
	modify(t, twin, "adminDescription", plan.Mark(id(t, 4)))
	modify(t, twin, external, plan.Mark(id(t, 4)))
	want := fmt.Sprintf("two groups stand for cloud group %[1]s: delete CN=twin one,%[2]s or CN=twin two,%[2]s, or clear adminDescription, adminDisplayName and msDS-ExternalDirectoryObjectId of one", id(t, 4), d.Base)
	if row := scan(t, d)[id(t, 4)]; row.Trouble == nil || row.Trouble.Text != want {
		t.Errorf("twins: got\n%+v\nwant\n%s", row.Trouble, want)
	}
}

// TestBadMemberTexts: why somebody does not become a member.
func TestBadMemberTexts(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	domain := string(d.Identity.Domain)
	want := map[plan.Ref]string{
		plan.Ref(domain + "-512"): "DOMAIN-512 is an account or group of the system (RID below 1000): it never becomes one of a group's members",
		"S-1-5-21-1-2-3-1104":     "S-1-5-21-1-2-3-1104 is not of a domain of this forest: only its own users, computers and groups become members",
		plan.GUIDRef(g):           "only principals with a SID and groups of ours become members",
		plan.GroupRef(id(t, 9)):   "no group of ours stands for cloud group ID9, or not yet",
	}
	c := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g}
	for ref := range want {
		c.Add = append(c.Add, ref)
	}
	r := outcome(t, d, 2, c)
	var told []string
	for _, b := range r.Bad {
		text := strings.NewReplacer(domain, "DOMAIN", id(t, 9).String(), "ID9").Replace(b.Text)
		if text != want[b.Ref] {
			t.Errorf("%s: got\n%s\nwant\n%s", b.Ref, text, want[b.Ref])
		}
		told = append(told, text)
	}
	if len(r.Bad) != len(want) {
		t.Errorf("%d bad members, want %d", len(r.Bad), len(want))
	}
	modify(t, g, "adminCount", "1")
	r = outcome(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 1)})
	const protected = "the group is in a protected group (adminCount is 1): it takes no new members until an administrator takes it out"
	if len(r.Bad) != 1 || r.Bad[0].Text != protected {
		t.Fatalf("adminCount: got %+v", r.Bad)
	}
	texts := &golden.Texts{}
	for _, text := range slices.Sorted(slices.Values(append(told, r.Bad[0].Text))) {
		texts.Add(text)
	}
	texts.Hold(t, "members")
}

// TestBindTexts has the messages of Active Directory (MS-ADTS 3.1.1.3.1.9).
func TestBindTexts(t *testing.T) {
	texts := &golden.Texts{}
	for _, data := range []string{"525", "52e", "530", "531", "532", "533", "701", "773", "775", "80090346", "57"} {
		said := &ldap.Error{ResultCode: 49, Err: errors.New("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data " + data + ", v1db1")}
		err := bindError(said)
		if !errors.Is(err, said) {
			t.Errorf("data %s: got %v, which is not the server's error any more", data, err)
		}
		texts.Add(err.Error())
	}
	texts.Hold(t, "binds")
	if err := bindError(&ldap.Error{ResultCode: ldap.ErrorNetwork, Err: io.EOF}); !errors.Is(err, ErrConnection) {
		t.Errorf("no answer: got %v", err)
	}
}

// TestDialTexts: why there is no connection.
func TestDialTexts(t *testing.T) {
	for err, want := range map[error]string{
		io.EOF:             "EOF: the domain controller hung up before it showed a certificate: is it up, and has it one for LDAPS?",
		syscall.ECONNRESET: "connection reset by peer: the domain controller hung up before it showed a certificate: is it up, and has it one for LDAPS?",
	} {
		if got := handshakeError(err); got.Error() != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	texts := &golden.Texts{}
	texts.Add(handshakeError(io.EOF).Error())
	good := Config{URL: dc(t).URL, ServerName: dc(t).ServerName, CAFile: dc(t).CAFile, User: dc(t).BindName, Password: dc(t).Password}
	for _, test := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Password = "" }, "connect to Active Directory: user and password are needed"},
		{func(c *Config) { c.URL = "http://dc1" }, "connect to http://dc1: the URL must be ldaps://host or ldap://host"},
		{func(c *Config) { c.URL = "ldaps://127.0.0.1:1" },
			"connect to ldaps://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused"},
		{func(c *Config) { c.CAFile = "" },
			"connect to URL: tls: failed to verify certificate: x509: certificate signed by unknown authority: name the file of the authority that signed the domain controller's certificate"},
		{func(c *Config) { c.ServerName = "dc9.corp.test" },
			"connect to URL: the domain controller's certificate is for dc1.corp.test, localhost and no other name: name it so"},
	} {
		c := good
		test.change(&c)
		_, err := Dial(context.Background(), c)
		if err == nil || strings.ReplaceAll(err.Error(), dc(t).URL, "URL") != test.want {
			t.Fatalf("got\n%v\nwant\n%s", err, test.want)
		}
		texts.Add(err.Error(), dc(t).URL, "URL")
	}
	texts.Hold(t, "connections")
}

// TestIdentifyTexts: why the domain controller is not one to write to.
func TestIdentifyTexts(t *testing.T) {
	texts := &golden.Texts{}
	for _, test := range []struct {
		name   string
		base   string
		answer func(r *ldap.SearchRequest, res *ldap.SearchResult)
		want   string
	}{
		{"read-only", "", func(r *ldap.SearchRequest, res *ldap.SearchResult) {
			for _, e := range res.Entries {
				if r.BaseDN == "" {
					e.Attributes = append(e.Attributes, ldap.NewEntryAttribute("supportedCapabilities", []string{capReadOnly}))
					e.Attributes = e.Attributes[len(e.Attributes)-1:]
				}
			}
		}, "identify domain: the domain controller is read-only: name a writable one"},
		{"no partitions", "", func(r *ldap.SearchRequest, res *ldap.SearchResult) {
			if strings.HasPrefix(r.BaseDN, "CN=Partitions,") {
				res.Entries = nil
			}
		}, "identify domain: the forest's list of domains lacks DC=corp,DC=test: let the account read CN=Partitions"},
		{"no base", "OU=none,DC=corp,DC=test", nil, `identify domain: "OU=none,DC=corp,DC=test" does not exist, or the account may not read it: correct its name, make it, or let the account read it`},
		{"no invocationId", "", func(r *ldap.SearchRequest, res *ldap.SearchResult) {
			if strings.HasPrefix(r.BaseDN, "CN=NTDS Settings,") {
				res.Entries[0].Attributes = nil
			}
		}, "identify domain: the account may not read invocationId of CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=corp,DC=test: let it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDomain(t)
			if test.base != "" {
				d.Base = test.base
			}
			m := meddle(d)
			m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
				res, err := m.Conn.Search(r)
				if err == nil && test.answer != nil {
					test.answer(r, res)
				}
				return res, err
			}
			_, err := d.Identify(t.Context())
			if err == nil || err.Error() != test.want {
				t.Fatalf("got\n%v\nwant\n%s", err, test.want)
			}
			texts.Add(err.Error())
		})
	}
	texts.Hold(t, "identity")
}

// TestStopTexts: why the agent stops in the middle of a batch.
func TestStopTexts(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	apply(t, d, 9, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 1)})
	c := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 2, 2)}
	r := outcome(t, d, 8, c)
	want := fmt.Sprintf(`a newer writer has been at CN=group,%s: its adminDisplayName is "gwb test 1.9.1", this is "gwb test 1.8.1"; `+
		`if nobody else writes to the group, set its adminDisplayName to "gwb test 0.0.0"`, d.Base)
	if r.Status != plan.Fenced || r.Text != want {
		t.Errorf("got %s\n%v\nwant\n%s", r.Status, r.Text, want)
	}
	meddle(d).write = func(int, any, func() error) error { return ldap.NewError(ldap.ErrorNetwork, io.EOF) }
	_, err := d.Apply(t.Context(), fence(10), c)
	want = fmt.Sprintf(`update group %s: no answer from the domain controller: LDAP Result Code 200 "Network Error": EOF`, id(t, 0))
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
