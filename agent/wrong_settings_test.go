package main

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/checklist"
)

// pasted is a secret that stands where it does not belong.
const pasted = "Zq8~hunter2/s3cr3t=="

// TestWrongSettings is what the real agent says of wrong settings, to the letter, when it
// is started. It ends with exit code 2, before it has asked anybody or made anything.
func TestWrongSettings(t *testing.T) {
	seen := &golden.Situations{}
	for _, test := range wrongSettings() {
		file, dir := configure(t, test.text)
		had := tree(t, dir)
		out, code := runAgent(t, dir, test.environ, "run", "--config", file)
		if code != exitMistake || tree(t, dir) != had {
			t.Errorf("%s: exit code %d; %s", test.name, code, tree(t, dir))
		}
		if strings.Contains(out, "hunter2") {
			t.Errorf("%s: a secret is told:\n%s", test.name, out)
		}
		seen.Add(test.name, out, code, dir, "DIR")
	}
	seen.Hold(t, "wrong-settings")
}

// runAgent runs the real agent to its end, with nothing but this environment.
func runAgent(t *testing.T, home string, environ []string, args ...string) (out string, code int) {
	t.Helper()
	exe, err := binary()
	ok(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // one that is taken goes on working
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}, environ...)
	data, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(data), cmd.ProcessState.ExitCode()
}

type wrongSetting struct {
	name, text string
	environ    []string
}

func wrongSettings() []wrongSetting {
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(whole) }
	utf16 := func(text string) string {
		var wide strings.Builder
		for _, b := range []byte(text) {
			wide.Write([]byte{b, 0})
		}
		return wide.String()
	}
	const secretFile, ids = "  secret_file: DIR/secret\n", "  tenant_id: 6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55\n  client_id: 11111111-0000-4000-8000-000000000002\n"
	return []wrongSetting{
		{name: "an empty file", text: ""},
		{name: "a list", text: "- target\n"},
		{name: "no YAML", text: "target: corp\n  state: [\n"},
		{name: "tabs", text: change("  url: https", "\turl: https")},
		{name: "backslashes in double quotes", text: change("user: svc@corp.test", `user: "CORP\svc"`)},
		{name: "curly quotes", text: change("base: OU", "base: “OU", "DC=test", "DC=test”")},
		{name: "UTF-16 without a mark", text: utf16(whole)},
		{name: "a key twice", text: change("state:", "target: x\nstate:")},
		{name: "misspelt keys", text: change("state:", "stat: x\nmode: safe\nstate:", "  url: https", "  uri: x\n  url: https")},
		{name: "a secret as key", text: change("state:", pasted+": x\nstate:", "  url: https", "  "+pasted+": x\n  url: https")},
		{name: "no blank behind a key", text: change("secret_file: DIR/secret", "secret_file:"+pasted)},
		{name: "other kinds", text: "relay: yes\ndirectory: []\npolicy:\n  never: S-1-5-21-1-2-3-4\n  keep_members: 1\nscan_every: often\n"},

		{name: "a target in capitals", text: change("target: corp", "target: Corp")},
		{name: "a secret as target", text: change("target: corp", "target: "+pasted)},
		{name: "a state folder that begins nowhere", text: change("DIR/state", "state")},
		{name: "a state folder by a variable", text: change("DIR/state", "$HOME/state")},
		{name: "a secret as state folder", text: change("DIR/state", pasted)},
		{name: "no time between scans", text: change("state:", "scan_every: 0s\nstate:")},
		{name: "a time that is negative", text: change("state:", "poll_every: -1s\nstate:")},
		{name: "a time without unit", text: change("state:", "scan_every: 15\nstate:")},
		{name: "a timeout that outlasts the lease", text: whole + "  timeout: 2m\n"},

		{name: "the relay in the clear", text: change("https://relay", "http://relay")},
		{name: "the relay with a password", text: change("https://relay", "https://user:hunter2@relay")},
		{name: "the relay with a function's key", text: change("/api/relay/", "/api/relay/?code=hunter2")},
		{name: "a secret as relay", text: change("https://relay.test/api/relay/", pasted)},
		{name: "a secret as audience", text: change("api://groupwriteback", pasted)},
		{name: "the tenant's domain", text: change("6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55", "corp.example")},
		{name: "a secret as tenant and as client", text: change("6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55", pasted, "11111111-0000-4000-8000-000000000002", pasted)},
		{name: "no ids", text: change(ids, "")},
		{name: "an unknown sign-in", text: change("client-secret", "password")},
		{name: "a secret as sign-in", text: change("client-secret", pasted)},
		{name: "a secret in place of its file", text: change("DIR/secret", pasted)},
		{name: "files that are not there", text: change("DIR/secret", "DIR/none", "  audience", "  ca_file: DIR/none\n  audience", "  user:", "  ca_file: DIR/none\n  user:")},
		{name: "files that are empty", text: change("DIR/secret", "DIR/empty", "  audience", "  ca_file: DIR/empty\n  audience")},
		{name: "a managed identity with more than it needs", text: change("client-secret", "managed-identity")},
		{name: "a certificate with a secret", text: change("client-secret", "client-certificate")},
		{name: "a certificate that is none", text: change("client-secret", "client-certificate", "secret_file: DIR/secret\ndir", "certificate_file: DIR/agent.yaml\ndir")},
		{name: "a workload without its token", text: change("client-secret", "workload-identity", secretFile+"dir", "dir")},
		{name: "an authority in the clear", text: change("  client_id", "  authority_url: http://login.test\n  client_id")},
		{name: "an authority with a password", text: change("  client_id", "  authority_url: https://user:hunter2@login.test\n  client_id")},
		{name: "a private authority of nobody", text: change("  client_id", "  private_authority: true\n  client_id")},
		{name: "a secret as proxy", text: whole, environ: []string{"HTTPS_PROXY=Zq8~hunter2"}},

		{name: "a domain controller without scheme", text: change("ldaps://dc.test", "dc.test")},
		{name: "a domain controller with a password", text: change("ldaps://dc.test", "ldaps://svc:hunter2@dc.test")},
		{name: "a secret as name of the domain controller", text: whole + "  server_name: " + pasted + "\n"},
		{name: "a secret as authorities", text: change("  user:", "  ca_file: "+pasted+"\n  user:")},
		{name: "a domain as base", text: change("OU=Cloud Groups,DC=corp,DC=test", "corp.test")},
		{name: "a secret as base", text: change("OU=Cloud Groups,DC=corp,DC=test", pasted)},
		{name: "a name under never", text: whole + "policy:\n  never: [bob, S-1-5-21-1-2-3-1104]\n"},
		{name: "a secret under never", text: whole + "policy:\n  never: [" + pasted + "]\n"},
	}
}

// TestPastedSecrets: whatever key a secret is pasted to, in which form ever, check does not
// tell it, not even by an error of the place that it leads to.
func TestPastedSecrets(t *testing.T) {
	dc := shared.DC(t)
	p := &proxy{}
	t.Setenv("HTTPS_PROXY", "http://"+p.start(t))
	c := newCloud(t)
	known := keys(reflect.ValueOf(defaults()), "")
	tried := 0
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if _, isText := known[key].(string); !isText {
			continue
		}
		for _, form := range []string{pasted, "https://user:hunter2@127.0.0.1:1/", "/run/secrets/hunter2"} {
			if key == "state" && form[0] == '/' {
				continue // it is a folder's name
			}
			file := c.config(t, c.ca, dcURL(t, dc.URL), "  server_name: "+dc.ServerName, "  ca_file: "+dc.CAFile, "  user: "+dc.BindName, "  base: "+dc.Base, "  timeout: 10s")
			ok(t, os.WriteFile(filepath.Join(filepath.Dir(file), "password"), []byte(dc.Password), 0o600))
			replaceKey(t, file, key, form)
			var out strings.Builder
			started := time.Now()
			err := check(t.Context(), file, &checklist.List{Out: &out})
			tried++
			if text := out.String(); err == nil || strings.Contains(text, "hunter2") || strings.Contains(text, "s3cr3t") || time.Since(started) > time.Minute {
				t.Errorf("%s: %s: %v\n%s", key, form, err, text)
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d were tried", tried)
	}
}

// replaceKey gives a key of the agent's file another value.
func replaceKey(t *testing.T, file, key, value string) {
	t.Helper()
	data, err := os.ReadFile(file)
	ok(t, err)
	var all map[string]any
	ok(t, yaml.Unmarshal(data, &all))
	in := all
	above, below, isBelow := strings.Cut(key, ".")
	if isBelow {
		in = all[above].(map[string]any)
	} else {
		below = above
	}
	in[below] = value
	data, err = yaml.Marshal(all)
	ok(t, err)
	ok(t, os.WriteFile(file, data, 0o600))
}
