package stage

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestAPIPage types what docs/api.md shows in sh, block by block, at a whole installation: what
// is read there is what a script reads.
func TestAPIPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(source(), "docs/api.md"))
	must(t, err)
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 8 {
		t.Fatalf("%d blocks: this test looks in the wrong place", len(blocks))
	}
	s := newStage(t, 60, 12, 30)
	must(t, s.Start(t.Context()))
	must(t, s.Sync(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s)
	must(t, s.Sync(t.Context()))
	sh := newScript(t, s)
	for _, b := range blocks {
		if strings.Contains(b[1], "get holds") {
			settle(t, s)
			for _, id := range s.Company.Members(s.Company.ID(departmentName(8)))[1:] {
				must(t, s.Company.Tenant.RemoveMember(s.Company.ID(departmentName(8)), id))
			}
			settle(t, s)
		}
		said := sh.typed(b[1])
		for part, want := range shown() {
			if strings.Contains(b[1], part) && !regexp.MustCompile(want).MatchString(said) {
				t.Errorf("%s\nsays\n%s\nwant %s", b[1], said, want)
			}
		}
	}
	for part := range shown() {
		if !strings.Contains(string(page), part) {
			t.Errorf("no block has %s", part)
		}
	}
}

// shown is what is to be seen of the blocks that have these words.
func shown() map[string]string {
	return map[string]string{
		"get status |":                `(?s)^off\nnothing is written until .*\n.+\n\d`,
		"get \"groups?limit=5":        `(?s)([0-9a-f-]{36} .+\n){6,}`,
		"reason=cloud-only":           `(?m)^cloud-only: the account exists only in the cloud`,
		"/explain?member":             `the rules want it, by scope.groups \(line 2: scope: all\)(?s).*is to become a member`,
		`{"action":"preview"}`:        `(?m)^create All staff_`,
		"enable-$DIGEST":              `(?m)^on: what differs is written from now on`,
		"'Prefer: respond-async'":     `(?s)sync\n.*` + operatorClient + `.*\ndone`,
		"get holds |":                 `(?s)` + departmentName(8) + `.*members would go`,
		"approve-$HOLD":               `approved: it is carried out in the next turn`,
		"/history?limit=1":            `"op":`,
		"holds/none":                  `404 unknown-hold: no such hold is open`,
		"get metrics":                 `groupwriteback_state\{state="`,
		"curl -sS $APP/status/health": `"status":"`,
	}
}

// script is a shell that keeps what was set in the blocks before.
type script struct {
	t     *testing.T
	dir   string
	env   []string
	value *strings.Replacer
	past  string
}

// newScript is a shell of somebody who has the page's app registration.
func newScript(t *testing.T, s *Stage) *script {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(secret), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "ca.pem"), s.Server.CA(), 0o600))
	return &script{t: t, dir: dir, env: append(os.Environ(), "CURL_CA_BUNDLE="+filepath.Join(dir, "ca.pem")),
		value: strings.NewReplacer("https://corp-writeback.azurewebsites.net", s.Host.URL(), "https://login.microsoftonline.com", s.Server.URL(),
			"6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55", s.Server.TenantID(), "11111111-0000-4000-8000-000000000003", operatorClient)}
}

// typed runs a block behind the variables and functions of those before, and returns what it prints.
func (s *script) typed(block string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	kept := filepath.Join(s.dir, "kept")
	cmd := exec.CommandContext(ctx, "bash", "-e", "-o", "pipefail", "-c", s.past+s.value.Replace(block)+"\ndeclare -p APP TENANT CLIENT TOKEN GROUP HOLD DIGEST RUN 2>/dev/null > "+kept+" || true; declare -f >> "+kept)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s\n%v: %s", block, err, out)
	}
	s.past = ". " + kept + "\n"
	return string(out)
}
