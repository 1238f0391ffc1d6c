package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"groupwriteback/infra/stage"
	"groupwriteback/shared/ad"
	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/columns"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// project is the folder of all of it.
const project = ".."

// built is the program, as make build makes it.
func built(t *testing.T, flags ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "pilot")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-trimpath"}, flags...), "-o", exe, "./pilot")...)
	cmd.Dir, cmd.Env = project, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return exe
}

// TestNoWayToWrite: the program has no code that writes to a directory. What is not linked
// cannot be called.
func TestNoWayToWrite(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "tool", "nm", built(t)).Output()
	must(t, err)
	const ours, theirs = "groupwriteback/shared/ad.(*Domain).", "github.com/go-ldap/ldap/v3.(*Conn)."
	for _, reads := range []string{ours + "Scan", theirs + "Search"} {
		if !strings.Contains(string(out), reads+"\n") {
			t.Fatalf("%s is not there: this test looks in the wrong place", reads)
		}
	}
	for _, writes := range []string{ours + "Apply", theirs + "Add", theirs + "Modify", theirs + "ModifyWithResult", theirs + "ModifyDN", theirs + "Del", theirs + "PasswordModify", theirs + "Extended"} {
		if strings.Contains(string(out), writes+"\n") {
			t.Errorf("%s is linked: the pilot is given a directory that can be written to", writes)
		}
	}
}

// trial is a tenant and a domain, and what the pilot does there.
type trial struct {
	*stage.Stage
	dc  *adtest.DC
	exe string

	mu    sync.Mutex
	asked map[string]int // requests to Graph, by method
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	bin, err := stage.Build(t.Context(), project, t.TempDir())
	must(t, err)
	dc := adtest.Start(t, 60)
	company, err := stage.NewCompany("", dc.SIDs, 12, 30)
	must(t, err)
	x := &trial{dc: dc, exe: built(t), asked: map[string]int{}}
	x.Stage = &stage.Stage{Dir: t.TempDir(), Source: project, Bin: bin, Company: company, DC: dc.DC, Target: "corp", Log: t.Output()}
	x.Graph.Fault = func(r *http.Request, _ int) graphtest.Fault {
		if strings.HasPrefix(r.URL.Path, "/v1.0/") || strings.HasPrefix(r.URL.Path, "/beta/") {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.asked[r.Method]++
		}
		return graphtest.Fault{}
	}
	must(t, x.Start(t.Context()))
	t.Cleanup(x.Stop)
	return x
}

// run runs the pilot, as an app where a person would sign in.
func (x *trial) run(t *testing.T, args ...string) (out, told string, code int) {
	t.Helper()
	return x.runFor(t, nil, append([]string{"--sign-in", "environment"}, args...)...)
}

// runFor runs the pilot; person reads what it says to people.
func (x *trial) runFor(t *testing.T, person io.Writer, args ...string) (out, told string, code int) {
	t.Helper()
	at := []string{"--tenant", x.Server.TenantID(), "--graph-url", x.Server.URL(), "--authority-url", x.Server.URL(), "--private-authority",
		"--entra-ca-file", filepath.Join(x.Dir, "graph-ca.pem"),
		"--url", x.DC.URL, "--server-name", x.DC.ServerName, "--ca-file", x.DC.CAFile, "--user", x.DC.BindName}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") { // a command comes first
		at, args = append(args[:1:1], at...), args[1:]
	}
	return x.execute(t, person, append(at, args...)...)
}

// execute runs the program with these arguments alone; it leaves nothing behind.
func (x *trial) execute(t *testing.T, person io.Writer, args ...string) (out, told string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), x.exe, args...)
	temporary := t.TempDir()
	cmd.Env = append(os.Environ(), "AZURE_TENANT_ID="+x.Server.TenantID(), "AZURE_CLIENT_ID=11111111-0000-4000-8000-000000000001", "AZURE_CLIENT_SECRET=stage-secret",
		passwordVariable+"="+x.DC.Password, "TMPDIR="+temporary)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if person != nil {
		cmd.Stderr = io.MultiWriter(&stderr, person)
	}
	_ = cmd.Run() // the code says it
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// TestPlanIsWhatIsWritten: what the pilot shows is, change by change, what the real programs show
// for a confirmation and then write. It has written nothing itself: the domain's highest USN stays,
// and Graph is asked by GET alone.
func TestPlanIsWhatIsWritten(t *testing.T) {
	x := newTrial(t)
	x.written(t) // a domain notes an account's first sign-in by itself, whatever that does then
	before := x.dc.HighestUSN(t)
	out, told, code := x.run(t, "--json", "--target", "corp", "--rules", filepath.Join(x.Dir, "rules.yaml"))
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, told, out)
	}
	var shown findings
	must(t, json.Unmarshal([]byte(out), &shown))
	text, _, code := x.run(t, "--ou", x.DC.Base, "--url", "ldap://"+x.DC.Addr) // and StartTLS
	if now := x.dc.HighestUSN(t); now != before {
		t.Errorf("highestCommittedUSN was %d and is %d", before, now)
	}
	if x.asked["GET"] == 0 || len(x.asked) != 1 {
		t.Errorf("Graph was asked by %v", x.asked)
	}
	if len(shown.Preview.Changes) < 12 || shown.Preview.More > 0 || shown.Preview.Waiting != "" || len(shown.Problems) == 0 {
		t.Errorf("%d changes and %d more, waiting for %q, %d problems", len(shown.Preview.Changes), shown.Preview.More, shown.Preview.Waiting, len(shown.Problems))
	}
	for _, want := range []string{"sign-in        ok", "rights         ok", "sight          ok", "schema ", "+ create All staff", "12 to create", "cloud-only", "cloud1@corp.example in Partners", "Nothing was written", "tokens         ok      nobody is going to be in more than 1,000"} {
		if !strings.Contains(text, want) || code != 0 {
			t.Errorf("exit code %d, and nothing of %q in\n%s", code, want, text)
		}
	}
	if columns.Bare(text) != text {
		t.Error("there are colours, and no terminal")
	}

	must(t, x.StartAgent())
	var real findings
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	must(t, x.Settle(ctx, func(st stage.Status) {
		if st.State == "off" && real.Preview == nil {
			must(t, x.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "preview"}, &real))
		}
	}))
	if diff := gocmp.Diff(real.Preview.Changes, shown.Preview.Changes); diff != "" || real.Preview.Digest != shown.Preview.Digest {
		t.Errorf("the real plan %s and the pilot's %s (-real +pilot):\n%s", real.Preview.Digest, shown.Preview.Digest, diff)
	}
	survey := real.Checklist[slices.IndexFunc(real.Checklist, func(r checklist.Row) bool { return r.What == "tokens" }):]
	if diff := gocmp.Diff(survey, shown.Checklist); diff != "" || len(survey) < 3 {
		t.Errorf("who is left out and whose sign-in suffers (-real +pilot):\n%s", diff)
	}
	if diff := gocmp.Diff(x.written(t), made(shown.Preview.Changes)); diff != "" {
		t.Errorf("what is there and what the pilot has shown (-there +shown):\n%s", diff)
	}
}

// made is what changes make of nothing.
func made(changes []plan.Change) plan.State {
	state := plan.State{}
	for _, c := range changes {
		g := state[c.Group]
		g.ID, g.Parent, g.Name = c.Group, cmp.Or(c.Parent, g.Parent), cmp.Or(c.Name, g.Name)
		if g.Attrs == nil {
			g.Attrs = map[string][]string{}
		}
		maps.Copy(g.Attrs, c.Set)
		g.Links = g.Links.Having(c.Of(), plan.Merge(g.Links[c.Of()], c.Add))
		state[c.Group] = g
	}
	return state
}

// written is what is in the domain, without what it alone knows.
func (x *trial) written(t *testing.T) plan.State {
	t.Helper()
	conn, err := ad.Dial(t.Context(), ad.Config{URL: x.DC.URL, ServerName: x.DC.ServerName, CAFile: x.DC.CAFile, User: x.DC.BindName, Password: x.DC.Password})
	must(t, err)
	defer conn.Close()
	attrs := []string{"adminDescription", "description", "displayName", "groupType", "info", "msDS-ExternalDirectoryObjectId", plan.AccountName}
	r := ad.NewReader(conn, x.DC.Base, "corp", attrs)
	_, err = r.Identify(t.Context())
	must(t, err)
	state := plan.State{}
	must(t, r.Scan(t.Context(), func(row ad.Row) error {
		row.Group.GUID = ""
		state[row.Group.ID] = row.Group
		return nil
	}))
	return state
}

// TestSaysWhatIsWrong: one side that cannot be read, and who has no rights, are told with what to
// do, and there is no plan of half a truth.
func TestSaysWhatIsWrong(t *testing.T) {
	x := newTrial(t)
	for _, c := range []struct {
		name string
		do   func()
		args []string
		says []string
	}{
		{"a password that is wrong", func() { x.DC.Password += "x" }, nil, []string{"directory      FAILED", "the user name or the password is wrong", "rights         unknown", "put right what says FAILED"}},
		{"a permission that is missing", func() {
			x.DC.Password = strings.TrimSuffix(x.DC.Password, "x")
			x.Server.SetRoles("11111111-0000-4000-8000-000000000001", graphtest.GraphAudience, "GroupMember.Read.All", "Device.Read.All")
		}, nil, []string{"users          FAILED", "User.Read.All", "groups         ok"}},
	} {
		c.do()
		out, told, code := x.run(t, append(c.args, "--ou", x.DC.Base)...)
		for _, want := range c.says {
			if !strings.Contains(out+told, want) || code != 1 {
				t.Errorf("%s: exit code %d, and nothing of %q in\n%s%s", c.name, code, want, out, told)
			}
		}
		if strings.Contains(out, "Plan:") {
			t.Errorf("%s: there is a plan\n%s", c.name, out)
		}
	}
}
