package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// checkCase is a situation for check: what differs from one in which all is well.
type checkCase struct {
	name    string
	change  func(dir string) // of the files
	roles   []string
	serve   http.Handler
	serving func(*relay.Serving)
	edit    []string // of the agent's file, old and new
	after   func()   // the check; nil: nothing
}

// TestCheck is what check prints, to the letter, and its exit code. It writes nothing in
// Active Directory, and leaves nothing on the disk.
func TestCheck(t *testing.T) {
	dc := shared.DC(t)
	p := &proxy{}
	through := "HTTPS_PROXY=http://" + p.start(t)
	c := newCloud(t)
	real := c.serve
	domain := dc.SIDs["Domain Users"].Domain()
	conn, err := ad.Dial(t.Context(), ad.Config{URL: dc.URL, ServerName: dc.ServerName, CAFile: dc.CAFile, User: dc.BindName, Password: dc.Password})
	ok(t, err)
	ok(t, conn.Close()) // Active Directory notes an account's first sign-in, and then one in two weeks
	seen := &golden.Situations{}
	for _, test := range checkCases(dc.Base, dc.Domain, dc.URL, dc.CAFile, dc.ServerName, domain) {
		c.set(cmp.Or[http.Handler](test.serve, real))
		c.login.SetRoles(agentClient, audience, append(test.roles, relay.AgentRole)[0])
		c.serving = relay.Serving{Target: "corp", Containers: []string{dc.Base}}
		if test.serving != nil {
			test.serving(&c.serving)
		}
		file := c.config(t, c.ca, dcURL(t, dc.URL), "  server_name: "+dc.ServerName, "  ca_file: "+dc.CAFile, "  user: "+dc.BindName, "  base: "+dc.Base)
		dir := filepath.Dir(file)
		ok(t, os.WriteFile(filepath.Join(dir, "password"), []byte(dc.Password), 0o600))
		ok(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
		if test.change != nil {
			test.change(dir)
		}
		data, err := os.ReadFile(file)
		ok(t, err)
		info, err := os.Stat(file)
		ok(t, err)
		ok(t, os.WriteFile(file, []byte(strings.ReplaceAll(strings.NewReplacer(test.edit...).Replace(string(data)), "DIR", dir)), info.Mode()))
		had, before := tree(t, dir), dc.HighestUSN(t)
		out, code := runCheck(t, file, through)
		if test.after != nil {
			test.after()
		}
		counted := strings.Contains(out, "data 52e") // which Active Directory counts, and the agent remembers
		if now := tree(t, dir); now != had && !counted && !strings.Contains(out, "AADSTS") {
			t.Errorf("%s: check leaves\n%s\nthere was\n%s", test.name, now, had)
		}
		if after := dc.HighestUSN(t); after != before && !counted {
			t.Errorf("%s: check wrote to Active Directory: highestCommittedUSN went from %d to %d", test.name, before, after)
		}
		if failed := strings.Contains(out, "FAILED"); failed != (code == exitFailed) || code > exitFailed {
			t.Errorf("%s: exit code %d", test.name, code)
		}
		out = anyContainer.ReplaceAllString(out, "may not read CN=…,CN=System,")
		seen.Add(test.name, out, code, dir, "DIR", c.url, "https://relay.corp.test/api/relay/", c.login.URL(), "https://login.corp.test", dc.URL, "ldaps://dc1", dc.CAFile, "DC-CA", string(domain), "S-1-5-21-1-2-3")
	}
	seen.Hold(t, "check")
	seen.Described(t, "../docs/agent.md")
}

// anyContainer is one of many that nobody may read: which comes first is the server's affair.
var anyContainer = regexp.MustCompile(`may not read CN=[^:]*,CN=System,`)

// tree lists the files below a folder, but for their content.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	ok(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}))
	return strings.Join(all, "\n")
}

func checkCases(base, domain, dcURL, dcCA, serverName string, sid directory.SID) []checkCase {
	status := func(code int, media, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	write := func(name, content string) func(string) {
		return func(dir string) { must(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600)) }
	}
	mode := func(name string, mode os.FileMode) func(string) {
		return func(dir string) { must(os.Chmod(filepath.Join(dir, name), mode)) }
	}
	store := func(ending string, v any) func(string) {
		return func(dir string) { must(memory{filepath.Join(dir, "state", "corp")}.store(ending, v)) }
	}
	welcome := func(agent string, late time.Duration) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			relay.WriteJSON(w, http.StatusOK, relay.Welcome{Agent: agent, Now: time.Now().Add(-late)})
		})
	}
	var unlock func() error // a lock that nobody holds on to is let go with its file, by the garbage collector
	return []checkCase{
		{name: "well"},
		{name: "nothing in the way of a policy, but one", edit: []string{"target: corp\n", fmt.Sprintf("target: corp\npolicy:\n  keep_members: true\n  never: [%s-513, %[1]s-99999, S-1-5-21-9-9-9-1104]\n", sid)}},
		{name: "a policy that deletes, without the rights for it", edit: []string{"target: corp\n", "target: corp\npolicy: {delete: true, quarantine: true}\n"}},
		{name: "read only", edit: []string{"target: corp\n", "target: corp\npolicy: {read_only: true}\n"}},
		{name: "while an agent is at work", change: func(dir string) {
			var err error
			unlock, err = memory{filepath.Join(dir, "state", "corp")}.lock() // until this process ends
			must(err)
		}, after: func() { must(unlock()) }},
		{name: "after work", change: store(highFile, highWater{2, 7, "d"})},
		{name: "in doubt", change: store(doubtFile, doubt{"it was restored"})},
		{name: "damaged memory, of two kinds", change: func(dir string) { write("state/corp.json", "{")(dir); write("state/corp-dc.json", "")(dir) }},
		{name: "no state folder yet", edit: []string{"/state\n", "/new/state\n"}},
		{name: "a state folder where none can be", edit: []string{"/state\n", "/agent.yaml\n"}},
		{name: "a state folder that cannot be made", edit: []string{"/state\n", "/agent.yaml/state\n"}},

		{name: "a state folder that is open", change: mode("state", 0o777)},
		{name: "a state folder that is for the group too", change: mode("state", 0o750)},
		{name: "secrets that all may read", change: func(dir string) { mode("relay-secret", 0o644)(dir); mode("password", 0o666)(dir) }},
		{name: "a file that all may change", change: mode("agent.yaml", 0o666)},
		{name: "authorities that the group may change", change: mode("ca.pem", 0o664)},
		{name: "a folder in which all may replace files", change: func(dir string) { must(os.Chmod(dir, 0o777)) }},
		{name: "a blank behind the secret", change: write("relay-secret", "relay-secret ")},

		{name: "wrong password", change: write("password", "wrong")},
		{name: "unknown authority", edit: []string{"ca_file: " + dcCA, "ca_file: DIR/ca.pem"}},
		{name: "wrong name", edit: []string{serverName, "dc2.corp.test"}},
		{name: "nobody there", edit: []string{dcURL, "ldaps://127.0.0.1:1"}},
		{name: "no such container", edit: []string{"OU=", "OU=No "}},
		{name: "the base is the domain", edit: []string{"base: " + base, "base: " + domain}},
		{name: "the base is a group", edit: []string{"base: " + base, "base: CN=Domain Admins,CN=Users," + domain}},
		{name: "the base is a container of the system, without rights", edit: []string{"base: " + base, "base: CN=Users," + domain}},

		{name: "wrong secret", change: write("relay-secret", "wrong")},
		{name: "no role", roles: []string{"Status.Read"}},
		{name: "another audience", edit: []string{"audience: " + audience, "audience: api://other"}},
		{name: "nobody at the relay's address", edit: []string{"https://relay.corp.test", "https://127.0.0.1:1/api/relay/ #"}},
		{name: "a relay and a sign-in that nobody has signed for", change: func(dir string) {
			other, err := os.ReadFile(dcCA)
			must(err)
			write("ca.pem", string(other))(dir)
		}},
		{name: "wrong path", edit: []string{"/api/relay/", "/relay/"}},
		{name: "a platform's sign-in", serve: status(401, "text/html", "<html>")},
		{name: "failed app", serve: status(503, "text/html", "<html>")},
		{name: "a page", serve: status(200, "text/html", "<html>")},
		{name: "words that move the cursor", serve: welcome("\x1b[2Aok\r!", 0)},
		{name: "a relay that leads elsewhere", serve: http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound)},
		{name: "another time", serve: welcome("x", time.Hour)},

		{name: "another target", serving: func(s *relay.Serving) { s.Target = "paris" }},
		{name: "a journal of another domain", serving: func(s *relay.Serving) { s.Pinned = &relay.Target{DomainSID: "S-1-5-21-9-9-9", Base: base} }},
		{name: "a journal of another container", serving: func(s *relay.Serving) { s.Pinned = &relay.Target{DomainSID: sid, Base: "OU=x", BaseGUID: "other"} }},
		{name: "a journal of this domain", serving: func(s *relay.Serving) { s.Pinned = &relay.Target{DomainSID: sid, Base: base} }},
		{name: "rules for elsewhere", serving: func(s *relay.Serving) { s.Containers = []string{"OU=Elsewhere," + domain} }},
		{name: "rules for a container that is not there", serving: func(s *relay.Serving) { s.Containers = []string{"OU=None," + base} }},
		{name: "nothing answers", edit: []string{dcURL, "ldaps://127.0.0.1:1"}, serve: status(503, "text/html", "<html>")},
		{name: "a journal of this domain, which does not answer", edit: []string{dcURL, "ldaps://127.0.0.1:1"}, serving: func(s *relay.Serving) { s.Pinned = &relay.Target{DomainSID: sid, Base: base} }},
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// TestCheckRights: an account with too few and with too many rights, and groups of ours and
// of others in sight.
func TestCheckRights(t *testing.T) {
	dc := shared.DC(t)
	p := &proxy{}
	through := "HTTPS_PROXY=http://" + p.start(t)
	c := newCloud(t)
	admin, err := ad.Dial(t.Context(), ad.Config{URL: dc.URL, ServerName: dc.ServerName, CAFile: dc.CAFile, User: dc.AdminName, Password: dc.AdminPassword})
	ok(t, err)
	defer admin.Close()
	add := func(dn, class string, attrs map[string]string) {
		t.Helper()
		q := ldap.NewAddRequest(dn, nil)
		q.Attribute("objectClass", []string{class})
		for name, value := range attrs {
			q.Attribute(name, []string{value})
		}
		ok(t, admin.Add(q))
	}
	group := func(dn string, n int, fence string) {
		t.Helper()
		add(dn, "group", map[string]string{"adminDescription": plan.Mark(directory.ID{15: byte(n)}), "adminDisplayName": fence})
	}
	bare := "OU=No rights," + dc.Domain
	add(bare, "organizationalUnit", nil)
	mixed := "OU=Mixed," + dc.Base
	add(mixed, "organizationalUnit", nil)
	group("CN=ours,"+mixed, 1, "gwb corp 1.2.3")
	group("CN=theirs,"+mixed, 2, "gwb paris 1.2.3")
	theirs := "OU=Theirs," + dc.Base
	add(theirs, "organizationalUnit", nil)
	group("CN=theirs,"+theirs, 3, "gwb paris 1.2.3")
	defer func() {
		for _, dn := range []string{"CN=ours," + mixed, "CN=theirs," + mixed, mixed, "CN=theirs," + theirs, theirs, "CN=locked," + bare, bare} {
			ok(t, admin.Del(ldap.NewDelRequest(dn, nil)))
		}
	}()
	group("CN=locked,"+bare, 4, "gwb corp 1.2.3")
	seen, extra := &golden.Situations{}, ""
	for _, test := range []struct{ name, base, user, password string }{
		{"no rights", bare, dc.BindName, dc.Password},
		{"groups of ours and of others", mixed, dc.BindName, dc.Password},
		{"groups of others alone", theirs, dc.BindName, dc.Password},
		{"an administrator", dc.Base, dc.AdminName, dc.AdminPassword},
		{"who may have back what was deleted", dc.Base, dc.BindName, dc.Password},
	} {
		if test.name == "who may have back what was deleted" {
			ok(t, dc.LetRestore(true))
			defer func() { ok(t, dc.LetRestore(false)) }()
			extra = "policy: {delete: true}"
		}
		c.serving = relay.Serving{Target: "corp", Containers: []string{test.base}}
		file := c.config(t, c.ca, dcURL(t, dc.URL), "  server_name: "+dc.ServerName, "  ca_file: "+dc.CAFile, "  user: "+test.user, "  base: "+test.base, extra)
		dir := filepath.Dir(file)
		ok(t, os.WriteFile(filepath.Join(dir, "password"), []byte(test.password), 0o600))
		out, code := runCheck(t, file, through)
		seen.Add(test.name, out, code, dir, "DIR", c.url, "https://relay.corp.test/api/relay/", string(dc.SIDs["Domain Users"].Domain()), "S-1-5-21-1-2-3")
	}
	seen.Hold(t, "check-rights")
}
