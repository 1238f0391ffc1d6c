package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"groupwriteback/infra/bundle"
	"groupwriteback/infra/stage/host"
	"groupwriteback/shared/graph/graphtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"groupwriteback": main})
}

const (
	handlerClient  = "11111111-0000-4000-8000-000000000001"
	operatorClient = "11111111-0000-4000-8000-000000000003"
	nobodyClient   = "11111111-0000-4000-8000-000000000004" // who has no role
	secret         = "script-secret"
	audience       = "api://groupwriteback"
)

// tenant has two groups of one name, and one that is alone.
func tenant(t *testing.T) *graphtest.Tenant {
	t.Helper()
	all := &graphtest.Tenant{}
	for _, g := range [][2]string{{"staff", "All staff"}, {"twin 1", "Twins"}, {"twin 2", "Twins"}} {
		if err := all.AddGroup(graphtest.Group{ID: graphtest.ID(g[0]), DisplayName: g[1]}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// installation starts a tenant and the real handler, with more settings if some are given, and returns the
// environment of an operator.
func installation(t *testing.T, more ...string) []string {
	t.Helper()
	dir := t.TempDir()
	server := graphtest.NewServer(tenant(t), graphtest.Options{Clients: []graphtest.Client{
		{ID: handlerClient, Secret: secret, Roles: map[string][]string{graphtest.GraphAudience: {"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}}},
		{ID: operatorClient, Secret: secret, Roles: map[string][]string{audience: {"Sync.Operate"}}},
		{ID: nobodyClient, Secret: secret},
	}})
	must(t, server.Start(""))
	t.Cleanup(func() { _ = server.Close() })
	in := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(in("ca.pem"), server.CA(), 0o600))
	must(t, os.WriteFile(in("rules.yaml"), []byte("ou: OU=Groups,DC=corp,DC=test\nscope: all\n"), 0o600))
	if out, err := exec.Command("go", "build", "-o", in("handler"), "../functions/azure").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	must(t, bundle.FunctionApp("..", in("handler"), "", in("app")))
	e := func(name, value string) string { return "GROUPWRITEBACK_" + name + "=" + value }
	both := []string{e("TENANT_ID", server.TenantID()), e("SIGN_IN", "client-secret"), e("CLIENT_SECRET", secret), e("AUTHORITY_URL", server.URL()),
		e("PRIVATE_AUTHORITY", "true"), e("CA_FILE", in("ca.pem")), e("API_AUDIENCE", audience)}
	h := &host.Host{Root: in("app"), Log: t.Output(), Env: append([]string{e("TARGET", "corp"), e("STORE", "dir:"+in("store")), e("RULES", in("rules.yaml")),
		e("GRAPH_URL", server.URL()), e("CLIENT_ID", handlerClient)}, append(both, more...)...)}
	must(t, h.Start(t.Context()))
	t.Cleanup(h.Stop)
	return append([]string{e("URL", h.URL()), e("CLIENT_ID", operatorClient), "NOBODY=" + nobodyClient}, both...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestScripts plays the command against the real handler.
func TestScripts(t *testing.T) {
	env := installation(t)
	testscript.Run(t, testscript.Params{Dir: "testdata", Cmds: map[string]func(*testscript.TestScript, bool, []string){"fill": fill}, Setup: func(e *testscript.Env) error {
		e.Vars = append(e.Vars, env...)
		return nil
	}})
}

// fill puts the values of variables into files: fill FILE….
func fill(ts *testscript.TestScript, _ bool, files []string) {
	for _, name := range files {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(os.Expand(ts.ReadFile(name), ts.Getenv)), 0o600))
	}
}

// TestExamples: every command has one, and it is of that command or of one below.
func TestExamples(t *testing.T) {
	each(command(io.Discard), func(c *cobra.Command) {
		for example := range strings.SplitSeq(c.Example, "\n") {
			if !strings.HasPrefix(example, "  "+c.CommandPath()) && !(c.HasParent() == false && strings.HasPrefix(example, "  groupwriteback ")) {
				t.Errorf("%s has the example %q", c.CommandPath(), example)
			}
		}
	})
}

// each visits a command and all below it.
func each(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		each(sub, visit)
	}
}
