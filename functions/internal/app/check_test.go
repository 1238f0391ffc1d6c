package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/rules"
)

const checkClient = "11111111-0000-4000-8000-000000000001"

// checkCase is a situation for check: what differs from one in which all is well.
type checkCase struct {
	name   string
	set    map[string]string // variables; "-": not set
	files  map[string]string
	roles  []string
	fault  func(*http.Request) graphtest.Fault
	exe    string // "bootstrap"; "": handler
	args   []string
	absent string // a file that is not there
}

func checkCases(tenant string) []checkCase {
	head := func(more string) map[string]string {
		return map[string]string{"store/t/corp/head": fmt.Sprintf(`{"format":%d,"epoch":3,"gen":17,"tenant":"%s"%s}`, journal.Format, tenant, more)}
	}
	r, err := rules.Parse([]byte(checkRules))
	if err != nil {
		panic(err)
	}
	at := func(path string, status int) func(*http.Request) graphtest.Fault {
		return func(r *http.Request) graphtest.Fault {
			if strings.Contains(r.URL.Path, path) {
				return graphtest.Fault{Status: status}
			}
			return graphtest.Fault{}
		}
	}
	return []checkCase{
		{name: "well"},
		{name: "well, on Lambda", exe: "bootstrap"},
		{name: "another argument", args: []string{"chekc"}},
		{name: "one more argument", args: []string{"check", "now"}, exe: "bootstrap"},

		{name: "hidden memberships too", roles: []string{"GroupMember.Read.All", "User.Read.All", "Device.Read.All", "Member.Read.Hidden"}},
		{name: "no permission", roles: []string{}},
		{name: "no permission for devices", roles: []string{"GroupMember.Read.All", "User.Read.All"}},
		{name: "more permissions than are needed", roles: []string{"Directory.ReadWrite.All", "Group.ReadWrite.All"}},
		{name: "rules that write contacts", files: map[string]string{"rules.yaml": checkContacts}, roles: []string{"GroupMember.Read.All", "User.Read.All", "Device.Read.All", "OrgContact.Read.All"}},
		{name: "rules that write contacts, and no permission", files: map[string]string{"rules.yaml": checkContacts}},
		{name: "a permission for contacts, and rules that write none", roles: []string{"GroupMember.Read.All", "User.Read.All", "Device.Read.All", "OrgContact.Read.All"}},
		{name: "rules that write mail", files: map[string]string{"rules.yaml": checkMail}, roles: []string{"GroupMember.Read.All", "User.Read.All", "Device.Read.All", "Group.Read.All"}},
		{name: "rules that write mail, and no permission for flags", files: map[string]string{"rules.yaml": checkMail}},
		{name: "Graph refuses what the token opens", fault: at("/users/delta", http.StatusForbidden)},
		{name: "no signing keys", fault: at("/discovery/", http.StatusInternalServerError)},
		{name: "wrong secret", set: map[string]string{"CLIENT_SECRET": "wrong"}},
		{name: "no such app", set: map[string]string{"CLIENT_ID": "11111111-0000-4000-8000-000000000009"}},
		{name: "another tenant", set: map[string]string{"TENANT_ID": "11111111-0000-4000-8000-000000000008"}},
		{name: "an authority that nobody has signed for", set: map[string]string{"CA_FILE": "-"}},

		{name: "a journal", files: head(`,"rules":"` + r.Hash() + `"`)},
		{name: "a journal of other rules", files: head(`,"rules":"0123456789abcdef"`)},
		{name: "a journal whose rules took the place of these", files: head(`,"rules":"0123456789abcdef","formerRules":["` + r.Hash() + `"]`)},
		{name: "a journal of another tenant", files: map[string]string{"store/t/corp/head": fmt.Sprintf(`{"format":%d,"gen":17,"tenant":"%s"}`, journal.Format, checkClient)}},
		{name: "a journal of a newer version", files: map[string]string{"store/t/corp/head": `{"format":99}`}},
		{name: "a journal of an older version", files: map[string]string{"store/t/corp/head": `{"format":1}`}},
		{name: "a journal that is none", files: map[string]string{"store/t/corp/head": `hello`}},
		{name: "a store where no object can be", files: map[string]string{"store/check": ""}},

		{name: "rules in the store, which has none yet", set: map[string]string{"RULES": "store:"}, absent: "rules.yaml"},
		{name: "rules in the store", set: map[string]string{"RULES": "store:"}, files: rulesInStore(checkRules), absent: "rules.yaml"},
		{name: "rules in the store of a newer version", set: map[string]string{"RULES": "store:"}, files: rulesInStore(checkRules + "warp: 9\n"), absent: "rules.yaml"},

		{name: "rules for nobody", files: map[string]string{"rules.yaml": strings.Replace(checkRules, "all", "[]", 1)}},
		{name: "rules without limits", files: map[string]string{"rules.yaml": checkRules + "limits: {share: 100, member_share: 100}\n"}},
		{name: "rules for two", files: map[string]string{"rules.yaml": strings.Replace(checkRules, "all", "["+checkClient+", "+tenant+"]", 1)}},
		{name: "rules with mistakes, and no target", files: map[string]string{"rules.yaml": "ou: x\nscope: some\n"}, set: map[string]string{"TARGET": "-"}},
		{name: "nothing set", set: map[string]string{"TARGET": "-", "STORE": "-", "RULES": "-", "TENANT_ID": "-", "SIGN_IN": "-", "CLIENT_ID": "-", "CLIENT_SECRET": "-", "API_AUDIENCE": "-",
			"GRAPH_URL": "-", "AUTHORITY_URL": "-", "PRIVATE_AUTHORITY": "-", "CA_FILE": "-"}, absent: "rules.yaml"},
		{name: "no host.json", absent: "host.json"},
		{name: "no limit of time", files: map[string]string{"host.json": `{"functionTimeout":"-1"}`}},
		{name: "no time for a turn", files: map[string]string{"host.json": `{"functionTimeout":"00:00:10"}`}},
	}
}

// rulesInStore are the files of a journal that has rules in the store.
func rulesInStore(text string) map[string]string {
	ctx, store, files := context.Background(), blob.Memory(), map[string]string{}
	tx, err := (&journal.Journal{Store: store, Target: "corp"}).Load(ctx)
	if err == nil {
		_, err = tx.FileRules(ctx, journal.Version{By: "anna@corp.example"}, []byte(text))
	}
	if err == nil {
		err = tx.Commit(ctx)
	}
	keys, err2 := store.List(ctx, "")
	for _, k := range keys {
		data, _, err3 := store.Get(ctx, k)
		files["store/"+k], err2 = string(data), errors.Join(err2, err3)
	}
	if err := errors.Join(err, err2); err != nil {
		panic(err)
	}
	return files
}

const checkRules = "ou: OU=Cloud Groups,DC=corp,DC=test\nscope: all\n"

const checkMail = checkRules + "kinds: {microsoft365: distribution}\nmail: {route: expand}\n"

const checkContacts = checkRules + "members: {kinds: [users, contacts]}\n"

// TestCheck is what the real programs print, to the letter, and their exit codes. Nothing
// of a journal is changed, and no object is left.
func TestCheck(t *testing.T) {
	handler, bootstrap := programs(t)
	var fault func(*http.Request) graphtest.Fault
	server := graphtest.NewServer(new(graphtest.Tenant), graphtest.Options{
		Clients: []graphtest.Client{{ID: checkClient, Secret: "the-secret"}},
		Fault: func(r *http.Request, _ int) graphtest.Fault {
			if fault == nil {
				return graphtest.Fault{}
			}
			return fault(r)
		}})
	must(t, server.Start(""))
	defer server.Close()
	seen := &golden.Situations{}
	for _, test := range checkCases(server.TenantID()) {
		fault = test.fault
		if test.roles == nil {
			test.roles = []string{"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}
		}
		server.SetRoles(checkClient, graphtest.GraphAudience, test.roles...)
		dir := t.TempDir()
		files := map[string]string{"rules.yaml": checkRules, "host.json": `{"functionTimeout":"00:10:00"}`, "ca.pem": string(server.CA())}
		for name, text := range test.files {
			files[name] = text
		}
		delete(files, test.absent)
		for name, text := range files {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
			must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		env := map[string]string{"TARGET": "corp", "STORE": "dir:" + dir + "/store", "RULES": dir + "/rules.yaml", "TENANT_ID": server.TenantID(), "SIGN_IN": "client-secret",
			"CLIENT_ID": checkClient, "CLIENT_SECRET": "the-secret", "API_AUDIENCE": testAudience, "GRAPH_URL": server.URL(), "AUTHORITY_URL": server.URL(), "PRIVATE_AUTHORITY": "true", "CA_FILE": dir + "/ca.pem"}
		for name, value := range test.set {
			env[name] = value
		}
		var environ []string
		for name, value := range env {
			if value != "-" {
				environ = append(environ, prefix+name+"="+value)
			}
		}
		exe, args := handler, []string{"check"}
		if test.exe != "" {
			exe = bootstrap
		}
		if test.args != nil {
			args = test.args
		}
		before := content(t, dir)
		out, code := start(t, exe, dir, environ, args...)
		if after := content(t, dir); after != before {
			t.Errorf("%s: check changes what is there:\n%s\nit was\n%s", test.name, after, before)
		}
		if failed := strings.Contains(out, "FAILED") || test.args != nil; failed != (code == 1) || code > 1 {
			t.Errorf("%s: exit code %d", test.name, code)
		}
		if strings.Contains(out, "the-secret") {
			t.Errorf("%s: the secret is told:\n%s", test.name, out)
		}
		for pattern, to := range map[string]string{`request-id [^)]+`: "request-id X", `\([0-9a-f]{8}\)`: "(HASH)", `format \d+,`: "format N,"} {
			out = regexp.MustCompile(pattern).ReplaceAllString(out, to)
		}
		seen.Add(test.name, out, code, dir, "DIR", strings.TrimPrefix(server.URL(), "https://"), "graph.test")
	}
	seen.Hold(t, "check")
	seen.Described(t, "../../../docs/operating.md")
}

// careless is a store that breaks one of its promises.
type careless struct {
	blob.Store
	put    func(old blob.Tag) blob.Tag
	list   bool // nothing is listed
	delete error
	keeps  bool // what was deleted is still there
	err    error
}

func (c careless) Put(ctx context.Context, key string, data []byte, old blob.Tag) (blob.Tag, error) {
	if c.err != nil {
		return "", c.err
	}
	if c.put != nil {
		old = c.put(old)
	}
	return c.Store.Put(ctx, key, data, old)
}

func (c careless) List(ctx context.Context, prefix string) ([]string, error) {
	if c.list {
		return nil, nil
	}
	return c.Store.List(ctx, prefix)
}

func (c careless) Delete(ctx context.Context, key string) error {
	if c.keeps || c.delete != nil {
		return c.delete
	}
	return c.Store.Delete(ctx, key)
}

// TestStoresThatLose: what would have two planners undo each other's work is found out
// before they do.
func TestStoresThatLose(t *testing.T) {
	texts := &golden.Texts{}
	const conditions = ": two planners would undo each other's work: use a store that honours conditional writes"
	for _, test := range []struct {
		name  string
		store careless
		want  string
	}{
		{"a good one", careless{}, ""},
		{"no condition at all", careless{put: func(blob.Tag) blob.Tag { return blob.Any }}, "the store takes a write whose condition (If-None-Match) is not so" + conditions},
		{"no If-Match", careless{put: func(old blob.Tag) blob.Tag {
			if old == blob.Absent {
				return old
			}
			return blob.Any
		}}, "the store takes a write whose condition (If-Match) is not so" + conditions},
		{"lists late", careless{list: true}, "an object that was just made is not listed: use a store that shows at once what was written"},
		{"deletes late", careless{keeps: true}, "an object that was just deleted is still read: use a store that shows at once what was written"},
		{"may not write", careless{err: io.ErrUnexpectedEOF}, "make an object: unexpected EOF"},
		{"may not delete", careless{delete: errors.New("delete object: 403")}, "delete object: 403"},
	} {
		test.store.Store = blob.Memory()
		err := tryStore(t.Context(), test.store)
		if err != nil {
			texts.Add(err.Error())
		}
		if got := fmt.Sprint(err); test.want == "" && err != nil || test.want != "" && got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
		if left, err := test.store.Store.List(t.Context(), ""); err != nil || len(left) > 0 && !test.store.keeps && test.store.delete == nil {
			t.Errorf("%s: left behind: %q, %v", test.name, left, err)
		}
	}
	texts.Hold(t, "stores")
}
