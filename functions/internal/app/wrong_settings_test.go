package app

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/graph/graphtest"
)

// pasted is a secret that stands where it does not belong.
const pasted = "Zq8~hunter2/s3cr3t=="

// TestWrongSettings is what both hosts' programs say of wrong settings, to the letter, when
// their host starts them. They end with exit code 1, before they have done anything.
func TestWrongSettings(t *testing.T) {
	handler, bootstrap := programs(t)
	seen := &golden.Situations{}
	for _, test := range wrongSettings() {
		environ, dir := environment(t, test.set)
		for name, text := range test.files {
			must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		must(t, os.WriteFile(filepath.Join(dir, "host.json"), []byte(`{"functionTimeout":"00:10:00"}`), 0o600))
		environ = append(environ, "AZURE_FEDERATED_TOKEN_FILE=")
		for _, kv := range test.environ {
			environ = append(environ, strings.ReplaceAll(kv, "DIR", dir))
		}
		onAzure, code := start(t, handler, dir, append([]string{"FUNCTIONS_CUSTOMHANDLER_PORT=0"}, environ...))
		const noHost = "bootstrap: AWS_LAMBDA_RUNTIME_API is not set: this program is started by AWS Lambda\n"
		onAWS, code2 := start(t, bootstrap, dir, environ)
		if onAWS != noHost+strings.TrimPrefix(onAzure, "handler: ") || code != 1 || code2 != 1 {
			t.Errorf("%s: exit codes %d and %d; on AWS\n%s\non Azure\n%s", test.name, code, code2, onAWS, onAzure)
		}
		if strings.Contains(onAzure+onAWS, "hunter2") {
			t.Errorf("%s: a secret is told:\n%s", test.name, onAzure)
		}
		seen.Add(test.name, onAzure, code, dir, "DIR")
	}
	seen.Hold(t, "wrong-settings")
}

type wrongSetting struct {
	name    string
	set     map[string]string // variables; "-": not set
	files   map[string]string
	environ []string // not ours
}

func wrongSettings() []wrongSetting {
	type env = map[string]string
	const certificate = "../../../shared/signin/testdata/older.p12"
	key, err := filepath.Abs(certificate)
	if err != nil {
		panic(err)
	}
	rules := func(text string) env { return env{"rules.yaml": text} }
	noSecret := func(more env) env {
		all := env{"CLIENT_SECRET": "-"}
		maps.Copy(all, more)
		return all
	}
	return []wrongSetting{
		{name: "no target", set: env{"TARGET": "-"}},
		{name: "no store", set: env{"STORE": "-"}},
		{name: "no tenant", set: env{"TENANT_ID": "-"}},
		{name: "no sign-in", set: env{"SIGN_IN": "-", "CLIENT_SECRET": "-", "CLIENT_ID": "-"}},
		{name: "no audience", set: env{"API_AUDIENCE": "-"}},
		{name: "an empty audience", set: env{"API_AUDIENCE": "api://a,"}},
		{name: "a misspelt name", set: env{"STROE": "x"}},
		{name: "a name with its value in it", set: env{"CLIENT_SECRET " + pasted: "x"}},
		{name: "a target in capitals", set: env{"TARGET": "Corp"}},
		{name: "a target that is too long", set: env{"TARGET": strings.Repeat("a", 33)}},
		{name: "the tenant's domain", set: env{"TENANT_ID": "corp.example"}},
		{name: "a secret as tenant", set: env{"TENANT_ID": pasted}},
		{name: "a secret as client id", set: env{"CLIENT_ID": pasted}},
		{name: "a secret as audience of nobody, and as target", set: env{"TARGET": pasted}},
		{name: "a secret as way to sign in", set: env{"SIGN_IN": pasted}},
		{name: "a secret as cloud", set: env{"CLOUD": pasted}},

		{name: "no rules file", set: env{"RULES": "DIR/none.yaml"}},
		{name: "rules of a store with a name", set: env{"RULES": "store:" + pasted}},
		{name: "a folder as rules file", set: env{"RULES": "DIR"}},
		{name: "a secret as rules file", set: env{"RULES": "/etc/" + pasted}},
		{name: "empty rules", files: rules("")},
		{name: "rules that are no YAML", files: rules("ou: [\n")},
		{name: "rules with tabs", files: rules("ou: OU=x\nscope:\n\t- a\n")},
		{name: "rules with unknown keys and wrong values", files: rules("ou: corp.example\nscope: some\nmode: safe\nlimits: {share: 200, flor: 1}\nrevision: new\n")},
		{name: "two rules files in one", files: rules("ou: OU=x\nscope: all\n---\nou: OU=y\nscope: all\n")},
		{name: "rules in UTF-16 without a mark", files: rules("o\x00u\x00:\x00 \x00x\x00")},
		{name: "a scope of names", files: rules("ou: OU=x\nscope: [Sales, 11111111-0000-4000-8000-000000000001]\n")},

		{name: "no secret", set: noSecret(nil)},
		{name: "no secret and no client", set: noSecret(env{"CLIENT_ID": "-"})},
		{name: "a secret beside a managed identity", set: env{"SIGN_IN": "managed-identity"}},
		{name: "a certificate beside a secret", set: env{"CLIENT_CERTIFICATE_FILE": key, "CLIENT_CERTIFICATE_PASSWORD": "pfx-password"}},
		{name: "a certificate that is not there", set: noSecret(env{"SIGN_IN": "client-certificate", "CLIENT_CERTIFICATE_FILE": "DIR/none.pem"})},
		{name: "a secret as certificate's file", set: noSecret(env{"SIGN_IN": "client-certificate", "CLIENT_CERTIFICATE_FILE": pasted})},
		{name: "a certificate's wrong password", set: noSecret(env{"SIGN_IN": "client-certificate", "CLIENT_CERTIFICATE_FILE": key, "CLIENT_CERTIFICATE_PASSWORD": pasted})},
		{name: "a key without its certificate", set: noSecret(env{"SIGN_IN": "client-certificate", "CLIENT_CERTIFICATE_FILE": "DIR/key.pem"})},
		{name: "a workload without its token", set: noSecret(env{"SIGN_IN": "workload-identity"})},

		{name: "no such cloud", set: env{"CLOUD": "germany"}},
		{name: "a cloud and addresses of one's own", set: env{"CLOUD": "public", "GRAPH_URL": "https://graph.test", "AUTHORITY_URL": "https://login.test"}},
		{name: "addresses in the clear", set: env{"GRAPH_URL": "http://graph.test", "AUTHORITY_URL": "http://login.test"}},
		{name: "addresses with a password", set: env{"GRAPH_URL": "https://user:hunter2@graph.test", "AUTHORITY_URL": "https://user:hunter2@login.test"}},
		{name: "addresses with more behind", set: env{"GRAPH_URL": "https://graph.test/v1.0", "AUTHORITY_URL": "https://login.test?x=hunter2"}},
		{name: "a private authority of nobody", set: env{"PRIVATE_AUTHORITY": "true"}},
		{name: "perhaps private", set: env{"PRIVATE_AUTHORITY": "perhaps", "AUTHORITY_URL": "https://login.test"}},
		{name: "no authorities", set: env{"CA_FILE": "DIR/none.pem"}},
		{name: "no authorities in the file", set: env{"CA_FILE": "DIR/empty.pem"}},
		{name: "a secret as authorities", set: env{"CA_FILE": pasted}},
		{name: "a proxy that is none", environ: []string{"HTTPS_PROXY=http://svc:hunter2%@proxy"}},
		{name: "a secret as proxy", environ: []string{"HTTPS_PROXY=Zq8~hunter2"}},

		{name: "no such kind of store", set: env{"STORE": "ftp:journal"}},
		{name: "a connection string as store", set: env{"STORE": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2"}},
		{name: "a connection string without its store", set: env{"STORE_CONNECTION": "AccountName=a;AccountKey=hunter2"}},
		{name: "a connection string beside a URL", set: env{"STORE": "azblob:https://a.blob.core.windows.net/journal", "STORE_CONNECTION": "AccountName=a;AccountKey=hunter2"}},
		{name: "a connection string that is none", set: env{"STORE": "azblob:", "STORE_CONNECTION": "AccountKey=hunter2"}},
		{name: "a container without account", set: env{"STORE": "azblob:journal"}},
		{name: "a container's URL in the clear", set: env{"STORE": "azblob:http://a.blob.core.windows.net/journal"}},
		{name: "a container's URL with a signature", set: env{"STORE": "azblob:https://a.blob.core.windows.net/journal?sig=hunter2"}},
		{name: "a URL without container", set: env{"STORE": "azblob:https://a.blob.core.windows.net/"}},
		{name: "a secret as container", set: env{"STORE": "azblob:" + pasted, "STORE_CONNECTION": "AccountName=a;AccountKey=eA=="}},
		{name: "no bucket", set: env{"STORE": "s3:"}, environ: []string{"AWS_REGION=eu-central-1"}},
		{name: "a secret as bucket", set: env{"STORE": "s3:" + pasted}, environ: []string{"AWS_REGION=eu-central-1"}},
		{name: "no region", set: env{"STORE": "s3:journal"}, environ: []string{"AWS_CONFIG_FILE=DIR/none"}},
		{name: "an S3 server for another store", set: env{"S3_ENDPOINT": "https://s3.test"}},
		{name: "an S3 server without scheme", set: env{"STORE": "s3:journal", "S3_ENDPOINT": "s3.test"}},
		{name: "an S3 server with a password", set: env{"STORE": "s3:journal", "S3_ENDPOINT": "https://user:hunter2@s3.test"}},
		{name: "a prefix with capitals", set: env{"STORE": "s3:journal/Corp"}, environ: []string{"AWS_REGION=eu-central-1"}},
		{name: "a folder that begins nowhere", set: env{"STORE": "dir:journal"}},
		{name: "a folder that is a file", set: env{"STORE": "dir:DIR/rules.yaml"}},
		{name: "a folder that has no name", set: env{"STORE": "dir:"}},
	}
}

// TestPastedSecrets: whatever variable a secret is pasted into, in which form ever, check
// does not tell it, not even by an error of the place that it leads to.
func TestPastedSecrets(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	server := graphtest.NewServer(new(graphtest.Tenant), graphtest.Options{Clients: []graphtest.Client{{ID: checkClient, Secret: "s"}}})
	must(t, server.Start(""))
	defer server.Close()
	for _, name := range slices.Sorted(maps.Keys(variables())) {
		for _, form := range []string{pasted, "https://user:hunter2@127.0.0.1:1/", "/run/secrets/hunter2", "azblob:https://a.test/journal/hunter2~", "azblob:hunter2~", "s3:hunter2~", "s3:journal/hunter2~"} {
			if strings.ContainsAny(form[:2], "az3") && name != "STORE" {
				continue
			}
			set := map[string]string{"GRAPH_URL": server.URL(), "AUTHORITY_URL": server.URL(), "PRIVATE_AUTHORITY": "true", "CA_FILE": "DIR/ca.pem", "TENANT_ID": server.TenantID()}
			set[name] = form
			environ, dir := environment(t, set)
			must(t, os.WriteFile(filepath.Join(dir, "ca.pem"), server.CA(), 0o600))
			var out strings.Builder
			if code, _ := (Program{}).Command(t.Context(), []string{"check"}, environ, &out); strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), "s3cr3t") || code != 1 {
				t.Errorf("%s%s=%s: exit code %d\n%s", prefix, name, form, code, &out)
			}
		}
	}
}
