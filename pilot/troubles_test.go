package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"groupwriteback/infra/stage"
)

// isInTrouble: what docs/pilot.md says that the pilot says if it fails, it does say; and it ends with exit code
// 1, without a plan.
func isInTrouble(t *testing.T, x *trial) {
	byCode := []string{"--sign-in", "device-code", "--client", stage.PersonClient, "--ou", x.DC.Base}
	agreeing := func(t *testing.T, args ...string) (out, told string, code int) {
		return x.runFor(t, &person{server: x.Server, agrees: true}, args...)
	}
	seen := map[string]bool{}
	for _, trouble := range []struct {
		says string
		do   func(t *testing.T) (out, told string, code int)
	}{
		{"the app lacks …: grant it as a delegated permission", func(t *testing.T) (string, string, int) {
			x.Server.SetDelegated(stage.PersonClient, "GroupMember.Read.All", "Device.Read.All")
			defer x.Server.SetDelegated(stage.PersonClient, "GroupMember.Read.All", "User.Read.All", "Device.Read.All")
			return agreeing(t, byCode...)
		}},
		{"name the application (client) id of an app registration that allows public client flows", func(t *testing.T) (string, string, int) {
			return x.runFor(t, nil, "--ou", x.DC.Base)
		}},
		{"name the file of the authority that signed the domain controller's certificate", func(t *testing.T) (string, string, int) {
			return x.run(t, "--ou", x.DC.Base, "--ca-file", "")
		}},
		{"nobody has entered the code in time", func(t *testing.T) (string, string, int) {
			late := &person{server: x.Server, late: true}
			return x.runFor(t, late, byCode...)
		}},
		{"allow public client flows in the app registration", func(t *testing.T) (string, string, int) {
			return agreeing(t, "--sign-in", "device-code", "--client", "11111111-0000-4000-8000-000000000001", "--ou", x.DC.Base)
		}},
		{"there is no terminal to ask at", func(t *testing.T) (string, string, int) {
			return x.run(t)
		}},
	} {
		seen[trouble.says] = true
		out, told, code := trouble.do(t)
		pattern := strings.ReplaceAll(regexp.QuoteMeta(trouble.says), "…", ".*")
		if text := out + told; code != 1 || !regexp.MustCompile(pattern).MatchString(text) || strings.Contains(out, "\nPlan\n") {
			t.Errorf("exit code %d, and nothing of %q in\n%s", code, trouble.says, text)
		}
	}
	doc, err := os.ReadFile("../docs/pilot.md")
	must(t, err)
	_, part, _ := strings.Cut(string(doc), "\n## If it fails\n")
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(part, -1) {
		if m[1] == "Microsoft Graph asks to wait" { // it waits, and says so in a line that changes
			continue
		}
		if !seen[m[1]] {
			t.Errorf("docs/pilot.md tells of %q, which is not played", m[1])
		}
		delete(seen, m[1])
	}
	for says := range seen {
		t.Errorf("docs/pilot.md says nothing of %q", says)
	}
}
