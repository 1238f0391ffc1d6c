package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// whole is a file that is taken; DIR is the folder of the files that it names.
const whole = `target: corp
state: DIR/state
relay:
  url: https://relay.test/api/relay/
  audience: api://groupwriteback
  sign_in: client-secret
  tenant_id: 6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55
  client_id: 11111111-0000-4000-8000-000000000002
  secret_file: DIR/secret
directory:
  url: ldaps://dc.test
  user: svc@corp.test
  password_file: DIR/secret
  base: OU=Cloud Groups,DC=corp,DC=test
`

// configure writes the agent's file and those that it names.
func configure(t *testing.T, text string) (file, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range map[string]string{"secret": "c2VjcmV0\n", "empty": "\n", "agent.yaml": strings.ReplaceAll(text, "DIR", dir)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "agent.yaml"), dir
}

// TestConfig: each mistake is named with its line, key and remedy, all of them at
// once, and no secret is told.
func TestConfig(t *testing.T) {
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", "")
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(whole) }
	unused := func(key, method string) string {
		return "FILE: " + key + " is set, but sign-in by " + method + " does not use it: remove it, or choose another sign-in"
	}
	const (
		tenant    = "  tenant_id: 6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55\n"
		client    = "  client_id: 11111111-0000-4000-8000-000000000002\n"
		top       = "no such key; there are directory, policy, poll_every, relay, scan_every, state, target"
		relayKeys = "no such key; there are audience, authority_url, ca_file, certificate_file, certificate_password_file, client_id, private_authority, secret_file, sign_in, tenant_id, url"
		relayURL  = "FILE:4: relay.url: write https://, a host, and /api/relay/ behind it"
		ldapURL   = "FILE:11: directory.url: write ldaps:// and a domain controller's name, or ldap:// for StartTLS"
		state     = "FILE:2: state: write the whole path, from the root: another folder would be another memory, and neither ~ nor variables such as $HOME are replaced"
		timeout   = "FILE:15: directory.timeout: write a time of up to 1m0s: a longer one could outlast the agent's lease"
	)
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"whole", whole, nil},
		{"a relay on this machine", change("https://relay.test", "http://127.0.0.1:7071"), nil},
		{"managed identity", change("client-secret", "managed-identity", tenant, "", client, "", "  secret_file: DIR/secret\n", ""), nil},
		{"an authority of one's own", change("  client_id", "  authority_url: https://login.test\n  private_authority: true\n  client_id"), nil},

		{"empty", "{}", []string{
			"FILE: target is not set", "FILE: state is not set", "FILE: relay.url is not set", "FILE: relay.audience is not set", "FILE: relay.sign_in is not set",
			"FILE: directory.url is not set", "FILE: directory.user is not set", "FILE: directory.password_file is not set", "FILE: directory.base is not set"}},
		{"no YAML", "target: corp\n  state: [", []string{"FILE:1: mapping value is not allowed in this context: look for a line that is indented too far, or for a value with a ':' in it, which needs quotation marks"}},
		{"a list", "- target", []string{"FILE:1: sequence was used where mapping is expected: write keys, each with a ':' and its value behind it"}},
		{"unknown keys", change("state:", "stat: x\nmode: safe\nstate:", "  url: https", "  uri: x\n  url: https"), []string{
			"FILE:3: mode: " + top, "FILE:6: relay.uri: " + relayKeys, "FILE:2: stat: " + top}},
		{"a key twice", change("state:", "target: x\nstate:"), []string{`FILE:2: mapping key "target" already defined at [1:1]: remove one of them`}},
		{"other kinds", change("state: DIR/state", "state: DIR/state\npolicy:\n  read_only: perhaps"), []string{"FILE:4: policy.read_only: write true or false"}},
		{"no time", change("state:", "scan_every: often\nstate:"), []string{"FILE:2: scan_every: write a time, such as 15m"}},
		{"a mapping for a text", change("target: corp", "target: {name: c2VjcmV0}"), []string{"FILE:1: target: write a text"}},
		{"a number for a time", change("state:", "scan_every: 15\nstate:"), []string{"FILE:2: scan_every: write a time, such as 15m"}},
		{"other kinds, all at once", "relay: yes\ndirectory: []\npolicy:\n  never: S-1-5-21-1-2-3-4\n  keep_members: 1\n", []string{
			"FILE:2: directory: write keys, each in a line below", "FILE:5: policy.keep_members: write true or false", "FILE:4: policy.never: write a list",
			"FILE:1: relay: write keys, each in a line below",
			"FILE: target is not set", "FILE: state is not set", "FILE: relay.url is not set", "FILE: relay.audience is not set", "FILE: relay.sign_in is not set",
			"FILE: directory.url is not set", "FILE: directory.user is not set", "FILE: directory.password_file is not set", "FILE: directory.base is not set"}},
		{"times", change("state:", "scan_every: -1m\npoll_every: -1s\nstate:"), []string{
			"FILE:2: scan_every: write a time, such as 15m", "FILE:3: poll_every: write a time, such as 1s, or leave it out"}},
		{"no time between scans", change("state:", "scan_every: 0s\nstate:"), []string{"FILE:2: scan_every: write a time, such as 15m"}},
		{"longer than the lease", whole + "  timeout: 61s\n", []string{timeout}},
		{"no timeout", whole + "  timeout: -1s\n", []string{timeout}},
		{"target", change("target: corp", "target: Corp!"), []string{"FILE:1: target: use up to 32 lower-case letters, digits and '-'"}},
		{"a state that begins nowhere", change("DIR/state", "state"), []string{state}},
		{"a state at home", change("DIR/state", "~/state"), []string{state}},
		{"a state by a variable", change("DIR/state", "$HOME/state"), []string{state}},
		{"relay in the clear", change("https://relay", "http://relay"), []string{relayURL}},
		{"relay that looks local", change("https://relay.test", "http://127.0.0.1.evil.example"), []string{relayURL}},
		{"relay with a password", change("https://relay", "https://user:c2VjcmV0@relay"), []string{relayURL}},
		{"LDAP by another scheme", change("ldaps://dc", "https://dc"), []string{ldapURL}},
		{"LDAP without scheme", change("ldaps://dc.test", "dc.test"), []string{ldapURL}},
		{"base", change("OU=Cloud Groups,DC=corp,DC=test", "corp.test"), []string{"FILE:14: directory.base: write a distinguished name, such as OU=Cloud Groups,DC=corp,DC=example"}},
		{"policy", whole + "policy:\n  never: [S-1-5-21-1-2-3-4, bob]\n", []string{"FILE:16: policy.never[1]: write a security identifier, such as S-1-5-21-1004336348-1177238915-682003330-1104"}},
		{"private without an authority", change("  client_id", "  private_authority: true\n  client_id"), []string{
			"FILE:8: relay.private_authority: it is about relay.authority_url, which is not set: set that, or remove this"}},
		{"files that are not there", change("DIR/secret", "DIR/none", "  audience", "  ca_file: DIR/none\n  audience", "  user:", "  ca_file: DIR/none\n  user:"), []string{
			"FILE:5: relay.ca_file: open what it names: no such file or directory",
			"FILE:10: relay.secret_file: open what it names: no such file or directory",
			"FILE:13: directory.ca_file: open what it names: no such file or directory",
			"FILE:15: directory.password_file: open what it names: no such file or directory"}},
		{"files without content", change("DIR/secret", "DIR/empty", "  audience", "  ca_file: DIR/empty\n  audience"), []string{
			"FILE:5: relay.ca_file: DIR/empty holds no PEM certificate",
			"FILE:10: relay.secret_file: DIR/empty is empty",
			"FILE:14: directory.password_file: DIR/empty is empty"}},
		{"unknown sign-in", change("client-secret", "guess"), []string{
			`FILE: relay.sign_in: use managed-identity, workload-identity, client-certificate or client-secret`}},
		{"managed identity with a secret", change("client-secret", "managed-identity"), []string{unused("relay.tenant_id", "managed-identity"), unused("relay.secret_file", "managed-identity")}},
		{"certificate with a secret", change("client-secret", "client-certificate"), []string{
			unused("relay.secret_file", "client-certificate"),
			"FILE: relay.certificate_file is not set: sign-in by client-certificate needs a certificate of the app, with its key"}},
		{"secret with a certificate", change("  client_id", "  certificate_file: DIR/secret\n  certificate_password_file: DIR/secret\n  client_id"), []string{
			unused("relay.certificate_file", "client-secret"), unused("relay.certificate_password_file", "client-secret")}},
		{"no certificate in the file", change("client-secret", "client-certificate", "  secret_file: DIR/secret", "  certificate_file: agent.go"), []string{
			"FILE: relay.certificate_file: what is in it has another form: write it as PEM (openssl pkcs12 -nodes), or as PKCS #12 of the older kind (openssl pkcs12 -export -legacy)"}},
		{"no token file", change("client-secret", "workload-identity", "  secret_file: DIR/secret\n", ""), []string{
			"FILE: AZURE_FEDERATED_TOKEN_FILE is not set: sign-in by workload-identity needs the file that the workload's own token is in"}},
		{"no ids", change(tenant, "", client, ""), []string{
			"FILE: relay.tenant_id is not set: sign-in by client-secret needs the tenant's id",
			"FILE: relay.client_id is not set: sign-in by client-secret needs the application (client) id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, dir := configure(t, test.text)
			_, err := readConfig(file)
			want := strings.NewReplacer("DIR", dir, "FILE:", file+":").Replace(strings.Join(test.want, "\n"))
			switch {
			case want == "" && err != nil:
				t.Errorf("refused:\n%v", err)
			case want != "" && (err == nil || err.Error() != want):
				t.Errorf("mistakes are\n%v\nwant\n%s", err, want)
			case err != nil && strings.Contains(err.Error(), "c2VjcmV0"):
				t.Errorf("a secret is told:\n%v", err)
			}
		})
	}
}

// TestConfigProxy: an address that cannot be read is not passed over in silence,
// nor repeated.
func TestConfigProxy(t *testing.T) {
	file, _ := configure(t, whole)
	for value, good := range map[string]bool{"http://proxy:3128": true, "proxy:3128": true, "https://svc:p%40ss@proxy": true, "http://svc:c2VjcmV0%@proxy": false, "http://": false} {
		t.Setenv("HTTPS_PROXY", value)
		_, err := readConfig(file)
		want := file + ": HTTPS_PROXY is no address of a proxy: write http://host:port, or http://user:password@host:port with %-codes for what is not a letter or digit"
		if good && err != nil || !good && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v", value, err)
		}
	}
}
