package stage

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"groupwriteback/shared/graph/graphtest"
)

// A block is a fenced part of a page that a reader types, and this test too. Its kind is
// the second word behind the fence: run (in one shell, one after the other), start (in
// a terminal of its own), stopped (after Ctrl-C there). With until it is typed again
// until it prints that word.
type block struct{ place, kind, until, text string }

var fenced = regexp.MustCompile("(?ms)^```sh (run|start|stopped)(?: until=(\\S+))?\n(.*?)^```$")

// blocksOf are the marked blocks of the project's pages, in their order.
func blocksOf(t *testing.T, project string, pages ...string) (blocks []block) {
	t.Helper()
	for _, page := range pages {
		data, err := os.ReadFile(filepath.Join(project, page))
		must(t, err)
		for i, m := range fenced.FindAllStringSubmatch(string(data), -1) {
			blocks = append(blocks, block{place: fmt.Sprintf("%s, marked block %d", page, i+1), kind: m[1], until: m[2], text: m[3]})
		}
	}
	all := fmt.Sprintf("%q", blocks)
	for _, needed := range []string{`"run" "" `, `"start" "" `, `"stopped" "" `, `"off"`, `"in-sync"`, `"paused"`, "make run", `\"preview\"`, `{\"action\":\"enable\"}`, `\"digest\"`, `\"sync\"`, `\"pause\"`} {
		if !strings.Contains(strings.ReplaceAll(all, `\\"`, `\"`), needed) {
			t.Errorf("the pages have no block with %s: %s", needed, all)
		}
	}
	return blocks
}

// TestInstall walks docs/install.md and docs/leave.md as a reader does: a fresh clone, the
// example's files with the reader's values, and each marked block as it stands.
func TestInstall(t *testing.T) {
	s := newStage(t, 60, 12, 30)
	s.Base = s.DC.Base
	project := filepath.Join(s.Dir, "clone")
	out, err := exec.CommandContext(t.Context(), "git", "clone", "-q", s.Source, project).CombinedOutput()
	if err != nil {
		t.Fatalf("clone: %v: %s", err, out)
	}
	blocks := blocksOf(t, project, "docs/install.md", "docs/leave.md")
	r := newReader(t, s, project)
	for _, b := range blocks {
		r.do(t, b)
	}
	for _, mark := range []string{"adminDisplayName=gwb*", "adminDescription=Group_*", "msDS-ExternalDirectoryObjectId=*"} {
		if found := r.search(t, mark); found != "" {
			t.Errorf("who has left finds %s still on\n%s", mark, found)
		}
	}
	if r.search(t, "objectClass=group") == "" {
		t.Error("the groups are gone with their marks")
	}
}

// A reader types what the pages say.
type reader struct {
	*Stage
	project string
	folder  string            // of the installation's files
	values  *strings.Replacer // the reader's values in place of the page's invented ones
	shell   io.Writer
	said    *bufio.Reader // what the shell prints

	other *exec.Cmd // the other terminal
	shown *screen
	last  string // what the last block printed
	usn   string // of the directory, when nobody had confirmed
}

// screen is what the other terminal shows.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// theAPI is the application id that the pages and the example invented for the API.
const theAPI = "11111111-0000-4000-8000-000000000009"

// newReader starts the tenant, and a shell in the project's folder, with an az that
// knows one thing: a token for the operator.
func newReader(t *testing.T, s *Stage, project string) *reader {
	t.Helper()
	roles := func(r ...string) map[string][]string { return map[string][]string{"api://" + theAPI: r} }
	s.Server = graphtest.NewServer(s.Company.Tenant, graphtest.Options{Clients: []graphtest.Client{
		{ID: handlerClient, Secret: secret, Roles: map[string][]string{graphtest.GraphAudience: {"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}}},
		{ID: agentClient, Secret: secret, Roles: roles("Relay.Agent")},
		{ID: operatorClient, Secret: secret, Roles: roles("Sync.Operate")},
	}})
	must(t, s.Server.Start(""))
	token, _, err := s.Server.Token(operatorClient, "api://"+theAPI)
	must(t, err)
	az := fmt.Sprintf("#!/bin/sh\n[ \"$*\" = 'account get-access-token --resource api://%s --query accessToken --output tsv' ] && echo %s\n", theAPI, token)
	tools := filepath.Join(s.Dir, "tools")
	must(t, os.Mkdir(tools, 0o755))
	must(t, os.WriteFile(filepath.Join(tools, "az"), []byte(az), 0o755))
	must(t, os.WriteFile(filepath.Join(s.Dir, "graph-ca.pem"), s.Server.CA(), 0o600))
	must(t, os.WriteFile(filepath.Join(s.Dir, "ad-password"), []byte(s.DC.Password), 0o600))

	r := &reader{Stage: s, project: project, folder: filepath.Join(s.Dir, "groupwriteback"), shown: &screen{}}
	r.values = strings.NewReplacer("/srv/groupwriteback", r.folder, "6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55", s.Server.TenantID(), "127.0.0.1:7071", freeAddress(t),
		"the-agents-secret", secret, "the-planners-secret", secret, "the-accounts-password", s.DC.Password,
		"ldaps://dc1.corp.example", s.DC.URL, "svc-groupwriteback@corp.example", s.DC.BindName, "OU=Cloud Groups,DC=corp,DC=example", s.Base)
	cmd := r.command(context.WithoutCancel(t.Context()), "bash", "-e", "-o", "pipefail")
	cmd.Env = append(cmd.Env, "PATH="+tools+":"+os.Getenv("PATH"))
	in, err := cmd.StdinPipe()
	must(t, err)
	from, to := io.Pipe()
	cmd.Stdout, cmd.Stderr = to, to
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = to.CloseWithError(cmd.Wait()); close(ended) }()
	t.Cleanup(func() { _ = in.Close(); _ = from.Close(); <-ended })
	r.shell, r.said = in, bufio.NewReader(from)
	return r
}

// command is one in the project's folder, by which the domain controller is trusted.
func (r *reader) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = r.project
	cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+r.DC.CAFile, "LDAPTLS_REQCERT=allow")
	return cmd
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return l.Addr().String()
}

// do types one block. Whatever it says of a digest, is the one that was shown before.
func (r *reader) do(t *testing.T, b block) {
	t.Helper()
	text := r.values.Replace(b.text)
	if strings.Contains(text, "<digest>") {
		text = strings.ReplaceAll(text, "<digest>", r.look(t))
	}
	switch b.kind {
	case "start":
		r.fill(t)
		r.start(t, text)
		return
	case "stopped":
		r.interrupt(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	for {
		r.last = r.typed(t, b.place, text)
		if b.until == "" || strings.Contains(r.last, `"status":"`+b.until+`"`) {
			break
		}
		if err := pause(ctx, 2*time.Second); err != nil { // the app looks no oftener for anybody
			t.Fatalf("%s: says %q and not %s; the other terminal:\n%s", b.place, r.last, b.until, r.shown)
		}
	}
	switch b.until {
	case "off":
		r.usn = highestUSN(t, r.Stage)
	case "in-sync":
		equal(t, r.Stage)
	}
}

// look reads what enable has shown, at a directory that nobody has written to.
func (r *reader) look(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`"Digest":"([0-9a-f]+)"`).FindStringSubmatch(r.last)
	if m == nil {
		t.Fatalf("enable shows no digest: %s", r.last)
	}
	if now := highestUSN(t, r.Stage); now != r.usn {
		t.Errorf("highestCommittedUSN was %s when nobody had confirmed, and is %s", r.usn, now)
	}
	if found := r.search(t, "objectClass=group"); found != "" {
		t.Errorf("groups before anybody has confirmed:\n%s", found)
	}
	return m[1]
}

// fill puts the reader's values into the example's files.
func (r *reader) fill(t *testing.T) {
	t.Helper()
	ca := filepath.Join(r.Dir, "graph-ca.pem")
	files := map[string]*strings.Replacer{
		"rules.yaml": strings.NewReplacer("scope:\n  - 22222222-0000-4000-8000-000000000001", "scope: all"),
		"agent.yaml": strings.NewReplacer("relay:\n", fmt.Sprintf("relay:\n  ca_file: %s\n  authority_url: %s\n  private_authority: true\n", ca, r.Server.URL()),
			"directory:\n", fmt.Sprintf("directory:\n  ca_file: %s\n  server_name: %s\n", r.DC.CAFile, r.DC.ServerName)),
		"handler.env": strings.NewReplacer("GROUPWRITEBACK_TARGET=", fmt.Sprintf("GROUPWRITEBACK_GRAPH_URL=%s\nGROUPWRITEBACK_AUTHORITY_URL=%[1]s\nGROUPWRITEBACK_PRIVATE_AUTHORITY=true\nGROUPWRITEBACK_CA_FILE=%s\nGROUPWRITEBACK_TARGET=",
			r.Server.URL(), ca)),
	}
	for name, own := range files {
		file := filepath.Join(r.folder, name)
		data, err := os.ReadFile(file)
		must(t, err)
		text := r.values.Replace(string(data))
		filled := own.Replace(text)
		if filled == text {
			t.Fatalf("%s has no place for the reader's values: %s", name, text)
		}
		must(t, os.WriteFile(file, []byte(filled), 0o600))
	}
}

// start types a block into another terminal, and waits until both halves run.
func (r *reader) start(t *testing.T, text string) {
	t.Helper()
	r.other = r.command(context.WithoutCancel(t.Context()), "bash", "-c", text)
	r.other.Env = append(r.other.Env, "RUNFLAGS=-every 5s") // a reader has the minute to wait
	r.other.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.other.Stdout, r.other.Stderr = r.shown, r.shown
	must(t, r.other.Start())
	t.Cleanup(func() { r.interrupt(t) })
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	for !strings.Contains(r.shown.String(), "Both halves run") {
		if strings.Contains(r.shown.String(), "make: ***") || pause(ctx, 50*time.Millisecond) != nil {
			t.Fatalf("it does not start:\n%s", r.shown)
		}
	}
	for _, line := range []string{"handler check", "agent check", "journal", "container"} {
		if !strings.Contains(r.shown.String(), line) {
			t.Errorf("the start does not show %s:\n%s", line, r.shown)
		}
	}
}

// interrupt is Ctrl-C in the other terminal, after which nothing of it runs.
func (r *reader) interrupt(t *testing.T) {
	t.Helper()
	if r.other == nil {
		return
	}
	must(t, syscall.Kill(-r.other.Process.Pid, syscall.SIGINT))
	_ = r.other.Wait() // make's own word for Ctrl-C
	r.other = nil
	if !strings.Contains(r.shown.String(), "Both halves have ended.") {
		t.Errorf("after Ctrl-C:\n%s", r.shown)
	}
	if resp, err := http.Get(r.values.Replace("http://127.0.0.1:7071/api/status/health")); err == nil {
		t.Errorf("after Ctrl-C somebody still answers: %s", resp.Status)
		must(t, resp.Body.Close())
	}
}

// typed has the shell run a block, and returns what it prints. A command that fails ends
// the shell, and the test.
func (r *reader) typed(t *testing.T, place, text string) string {
	t.Helper()
	const done = "::done"
	_, err := fmt.Fprintf(r.shell, "%s\necho; echo %s\n", text, done)
	must(t, err)
	var printed strings.Builder
	for {
		line, err := r.said.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v:\n%s%s\nthe other terminal:\n%s", place, err, &printed, line, r.shown)
		}
		if line == done+"\n" {
			return printed.String()
		}
		printed.WriteString(line)
	}
}

// search lists what is in the OU, and bears this.
func (r *reader) search(t *testing.T, filter string) string {
	t.Helper()
	cmd := r.command(t.Context(), "ldapsearch", "-x", "-LLL", "-H", r.DC.URL, "-D", r.DC.BindName, "-y", filepath.Join(r.Dir, "ad-password"), "-b", r.Base, "("+filter+")", "1.1")
	out, err := cmd.Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}
