package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
)

// environment lays out files and returns an environment that is taken, with some
// variables changed; "-" stands for one that is not set. DIR in a value is the
// folder of the files.
func environment(t *testing.T, change map[string]string) (environ []string, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"rules.yaml": "ou: OU=Cloud Groups,DC=corp,DC=test\nscope: all\n", "bad.yaml": "ou: OU=x\nscope: some\nmode: safe\n",
		"empty.pem": "", "key.pem": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"TARGET": "corp", "STORE": "dir:DIR/store", "RULES": "DIR/rules.yaml", "TENANT_ID": testTenant, "SIGN_IN": "client-secret",
		"CLIENT_ID": "11111111-0000-4000-8000-000000000001", "CLIENT_SECRET": "c2VjcmV0", "API_AUDIENCE": testAudience}
	for name, value := range change {
		env[name] = value
	}
	for name, value := range env {
		if ours := prefix + name; value != "-" {
			if strings.HasPrefix(name, "AZURE_") {
				ours = name
			}
			environ = append(environ, ours+"="+strings.ReplaceAll(value, "DIR", dir))
		}
	}
	return environ, dir
}

// TestSettings: each mistake is named with its variable and its remedy, all of
// them at once, and no secret is told.
func TestSettings(t *testing.T) {
	type env = map[string]string
	unused := func(name, method string) string {
		return prefix + name + " is set, but sign-in by " + method + " does not use it: remove it, or choose another sign-in"
	}
	const certificate = "../../../shared/signin/testdata/older.p12"
	const host = ": write https:// and a host, and nothing behind it"
	for _, test := range []struct {
		name   string
		change env
		want   []string
	}{
		{"client secret", nil, nil},
		{"managed identity", env{"SIGN_IN": "managed-identity", "CLIENT_SECRET": "-", "CLIENT_ID": "-"}, nil},
		{"user-assigned identity", env{"SIGN_IN": "managed-identity", "CLIENT_SECRET": "-"}, nil},
		{"workload identity", env{"SIGN_IN": "workload-identity", "CLIENT_SECRET": "-", "AZURE_FEDERATED_TOKEN_FILE": "/token"}, nil},
		{"certificate", env{"SIGN_IN": "client-certificate", "CLIENT_SECRET": "-", "CLIENT_CERTIFICATE_FILE": certificate, "CLIENT_CERTIFICATE_PASSWORD": "pfx-password"}, nil},
		{"a secret beside a cluster's token", env{"AZURE_FEDERATED_TOKEN_FILE": "/token"}, nil},
		{"other cloud", env{"CLOUD": "usgov"}, nil},
		{"own addresses", env{"GRAPH_URL": "https://graph.test/", "AUTHORITY_URL": "https://login.test:8443", "PRIVATE_AUTHORITY": "true"}, nil},
		{"said that it is not private", env{"PRIVATE_AUTHORITY": "false"}, nil},
		{"two audiences", env{"API_AUDIENCE": "api://a, b"}, nil},

		{"nothing", env{"TARGET": "-", "STORE": "-", "RULES": "-", "TENANT_ID": "-", "SIGN_IN": "-", "CLIENT_ID": "-", "CLIENT_SECRET": "-", "API_AUDIENCE": "-"}, []string{
			"GROUPWRITEBACK_API_AUDIENCE is not set", "GROUPWRITEBACK_SIGN_IN is not set", "GROUPWRITEBACK_STORE is not set", "GROUPWRITEBACK_TARGET is not set",
			"GROUPWRITEBACK_TENANT_ID is not set", "GROUPWRITEBACK_RULES: open rules.yaml: no such file or directory"}},
		{"everything wrong", env{"TARGET": "A", "STORE": "ftp:x", "SIGN_IN": "guess", "STROE": "y", "TENANT_ID": "corp.example", "RULES": "DIR/bad.yaml", "CA_FILE": "DIR/empty.pem",
			"CLOUD": "mars", "PRIVATE_AUTHORITY": "yes", "API_AUDIENCE": "api://a,"}, []string{
			"GROUPWRITEBACK_STROE is not a setting of this program: correct its name, or remove it",
			"GROUPWRITEBACK_API_AUDIENCE: number 2 is empty: write audiences with one comma between them",
			"GROUPWRITEBACK_TARGET: use up to 32 lower-case letters, digits and '-'",
			"GROUPWRITEBACK_TENANT_ID: write the tenant's id, a GUID, and not its domain",
			"GROUPWRITEBACK_RULES: DIR/bad.yaml:",
			"rules line 2:8: scope: write all, or a list of the object ids of the groups to write, or a mapping such as members_of: <object id>",
			"rules line 3:1: mode: no such setting; there are preset, ou, scope, kinds, group_scope, writeback_configuration, attributes, rename, members, owners, mail, leaving, limits and revision",
			"GROUPWRITEBACK_CA_FILE: DIR/empty.pem holds no PEM certificate",
			"GROUPWRITEBACK_PRIVATE_AUTHORITY: write true or false",
			"GROUPWRITEBACK_CLOUD: use public, usgov, usgov-dod or china",
			"GROUPWRITEBACK_SIGN_IN: use managed-identity, workload-identity, client-certificate or client-secret",
			"GROUPWRITEBACK_STORE: no such kind of store: write azblob:<container URL>, s3:<bucket> or dir:<folder>"}},
		{"no authorities", env{"CA_FILE": "DIR/none.pem"}, []string{"GROUPWRITEBACK_CA_FILE: open what it names: no such file or directory"}},

		{"secret missing", env{"CLIENT_SECRET": "-", "CLIENT_ID": "-"}, []string{
			"GROUPWRITEBACK_CLIENT_ID is not set: sign-in by client-secret needs the application (client) id",
			"GROUPWRITEBACK_CLIENT_SECRET is not set: sign-in by client-secret needs a client secret of the app"}},
		{"secret with managed identity", env{"SIGN_IN": "managed-identity"}, []string{unused("CLIENT_SECRET", "managed-identity")}},
		{"certificate with a secret", env{"CLIENT_CERTIFICATE_FILE": "DIR/key.pem", "CLIENT_CERTIFICATE_PASSWORD": "c2VjcmV0"}, []string{
			unused("CLIENT_CERTIFICATE_FILE", "client-secret"), unused("CLIENT_CERTIFICATE_PASSWORD", "client-secret")}},
		{"secret with a certificate", env{"SIGN_IN": "client-certificate", "CLIENT_CERTIFICATE_FILE": "DIR/key.pem"}, []string{unused("CLIENT_SECRET", "client-certificate")}},
		{"certificate missing", env{"SIGN_IN": "client-certificate", "CLIENT_SECRET": "-"}, []string{
			"GROUPWRITEBACK_CLIENT_CERTIFICATE_FILE is not set: sign-in by client-certificate needs a certificate of the app, with its key"}},
		{"certificate unreadable", env{"SIGN_IN": "client-certificate", "CLIENT_CERTIFICATE_FILE": "DIR/none.pem"}, []string{
			"GROUPWRITEBACK_CLIENT_CERTIFICATE_FILE: open what it names: no such file or directory", unused("CLIENT_SECRET", "client-certificate")}},
		{"no certificate in the file", env{"SIGN_IN": "client-certificate", "CLIENT_CERTIFICATE_FILE": "DIR/key.pem", "CLIENT_SECRET": "-", "CLIENT_CERTIFICATE_PASSWORD": "c2VjcmV0"}, []string{
			"GROUPWRITEBACK_CLIENT_CERTIFICATE_FILE: a certificate in PEM has no password: remove the password, or write PKCS #12"}},
		{"wrong password", env{"SIGN_IN": "client-certificate", "CLIENT_SECRET": "-", "CLIENT_CERTIFICATE_FILE": certificate, "CLIENT_CERTIFICATE_PASSWORD": "c2VjcmV0"}, []string{
			"GROUPWRITEBACK_CLIENT_CERTIFICATE_FILE: pkcs12: decryption password incorrect: correct the password"}},
		{"no token file", env{"SIGN_IN": "workload-identity", "CLIENT_SECRET": "-"}, []string{
			"AZURE_FEDERATED_TOKEN_FILE is not set: sign-in by workload-identity needs the file that the workload's own token is in"}},

		{"cloud and addresses", env{"CLOUD": "public", "GRAPH_URL": "https://graph.test", "AUTHORITY_URL": "https://login.test"}, []string{
			"GROUPWRITEBACK_GRAPH_URL: it takes the place of GROUPWRITEBACK_CLOUD: remove one of them",
			"GROUPWRITEBACK_AUTHORITY_URL: it takes the place of GROUPWRITEBACK_CLOUD: remove one of them"}},
		{"addresses in the clear", env{"GRAPH_URL": "http://graph.test", "AUTHORITY_URL": "login.test"}, []string{
			"GROUPWRITEBACK_GRAPH_URL" + host, "GROUPWRITEBACK_AUTHORITY_URL" + host}},
		{"addresses with more behind", env{"GRAPH_URL": "https://graph.test/v1.0", "AUTHORITY_URL": "https://user:c2VjcmV0@login.test"}, []string{
			"GROUPWRITEBACK_GRAPH_URL" + host, "GROUPWRITEBACK_AUTHORITY_URL" + host}},
		{"private without an address", env{"PRIVATE_AUTHORITY": "true"}, []string{
			"GROUPWRITEBACK_PRIVATE_AUTHORITY: it is about GROUPWRITEBACK_AUTHORITY_URL, which is not set: set that, or remove this"}},
		{"empty audience", env{"API_AUDIENCE": ",api://a"}, []string{"GROUPWRITEBACK_API_AUDIENCE: number 1 is empty: write audiences with one comma between them"}},

		{"connection string in the wrong place", env{"STORE": "AccountName=a;AccountKey=c2VjcmV0"}, []string{
			"GROUPWRITEBACK_STORE: no such kind of store: write azblob:<container URL>, s3:<bucket> or dir:<folder>"}},
		{"connection string of another store", env{"STORE_CONNECTION": "AccountName=a;AccountKey=c2VjcmV0"}, []string{
			"GROUPWRITEBACK_STORE: it is no store azblob:, which GROUPWRITEBACK_STORE_CONNECTION is for: remove that, or write azblob:[<container>[/<prefix>]]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			environ, dir := environment(t, test.change)
			got, err := read(t.Context(), environ)
			want := strings.ReplaceAll(strings.Join(test.want, "\n"), "DIR", dir)
			switch {
			case want == "" && (err != nil || got.credential == nil || got.store == nil):
				t.Errorf("refused: %v", err)
			case want != "" && (err == nil || err.Error() != want):
				t.Errorf("mistakes are\n%v\nwant\n%s", err, want)
			case err != nil && strings.Contains(err.Error(), "c2VjcmV0"):
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}

// TestSecretInTheWrongPlace: whatever variable a secret is pasted into, one of its
// own name included, it is not told.
func TestSecretInTheWrongPlace(t *testing.T) {
	const secret = "Zq8~hunter2/s3cr3t=="
	mistakes := 0
	for name := range variables() {
		environ, _ := environment(t, map[string]string{name: secret})
		_, err := read(t.Context(), environ)
		if err == nil {
			continue // it may be one
		}
		mistakes++
		if text := err.Error(); strings.Contains(text, "hunter2") || !strings.Contains(text, prefix) {
			t.Errorf("%s: %s", name, text)
		}
	}
	if mistakes < 10 {
		t.Errorf("only %d variables refuse nonsense", mistakes)
	}
	environ, _ := environment(t, map[string]string{"CLIENT_SECRET" + secret: "x"})
	const want = "a setting whose name begins with GROUPWRITEBACK_ has more in its name than capitals, digits and '_': look for a missing '='"
	if _, err := read(t.Context(), environ); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestRulesFromWindows: what its editors write before a text is no part of it.
func TestRulesFromWindows(t *testing.T) {
	wide := []byte{0xff, 0xfe}
	for _, b := range []byte("ou: OU=x\r\nscope: all\r\n") {
		wide = append(wide, b, 0)
	}
	for _, content := range []string{"\xef\xbb\xbfou: OU=x\r\nscope: all\r\n", string(wide)} {
		file := filepath.Join(t.TempDir(), "rules.yaml")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, _, err := readRules(file); err != nil || r.OU != "OU=x" || !r.Scope.All {
			t.Errorf("%.8q…: %+v, %v", content, r, err)
		}
	}
}

// TestAudiences: blanks beside a comma do not count.
func TestAudiences(t *testing.T) {
	environ, _ := environment(t, map[string]string{"API_AUDIENCE": "api://a, b"})
	s, err := read(t.Context(), environ)
	if err != nil || strings.Join(s.audience, "|") != "api://a|b" {
		t.Errorf("%q, %v", s.audience, err)
	}
}

// TestHostsMistakes: what the host should have set is told together with what the
// operator should.
func TestHostsMistakes(t *testing.T) {
	environ, _ := environment(t, map[string]string{"TARGET": "-"})
	for _, test := range []struct {
		name string
		host []string
		want string
	}{
		{"not under a host", nil, "FUNCTIONS_CUSTOMHANDLER_PORT is not set: this program is started by the Azure Functions host\n" +
			"read function timeout: open host.json: no such file or directory\n"},
		{"no limit", []string{"FUNCTIONS_CUSTOMHANDLER_PORT=0", "AzureFunctionsJobHost__functionTimeout=-1"},
			`read function timeout: host.json: functionTimeout: "-1" is not hh:mm:ss: set it, such as 00:10:00` + "\n"},
	} {
		err := ServeAzure(t.Context(), append(test.host, environ...), slog.New(slog.DiscardHandler), Options{})
		if want := test.want + "settings:\nGROUPWRITEBACK_TARGET is not set"; err == nil || err.Error() != want {
			t.Errorf("%s:\n%v\nwant\n%s", test.name, err, want)
		}
	}
}

// TestGraphIsAskedForTheRules: who runs and who checks asks Graph for what the rules look at,
// where it is.
func TestGraphIsAskedForTheRules(t *testing.T) {
	environ, dir := environment(t, map[string]string{"RULES": "DIR/more.yaml"})
	file := "preset: connect-v2\nou: OU=x\nscope: {groups: all, teams: never}\n"
	if err := os.WriteFile(filepath.Join(dir, "more.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := read(t.Context(), environ)
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range []bool{true, false} {
		if !known {
			s.rules = nil
		}
		client, err := s.graph(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"writebackConfiguration", "resourceProvisioningOptions"} {
			if slices.Contains(client.Select(directory.GroupFeed), name) != known {
				t.Errorf("with rules %t: asks for %q", known, client.Select(directory.GroupFeed))
			}
		}
	}
}
