package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// TestSettle: a flag comes before the environment, that before the installation that was chosen, and that before what the
// file has for all.
func TestSettle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	must(t, os.WriteFile(path, []byte("url: https://all.example\naudience: api://all\nsign_in: browser\ntenant_id: all\nca_file: all.pem\ninstallation: lab\ninstallations:\n  lab:\n    url: https://lab.example\n    audience: api://lab\n    tenant_id: lab\n"), 0o600))
	for _, name := range []string{"URL", "API_AUDIENCE", "SIGN_IN", "TENANT_ID", "CLIENT_ID", "CA_FILE", "AUTHORITY_URL", "PRIVATE_AUTHORITY", "INSTALLATION", "CONFIG"} {
		t.Setenv(prefix+name, "")
	}
	t.Setenv(prefix+"URL", "https://env.example")
	t.Setenv(prefix+"API_AUDIENCE", "api://env")
	o := &options{}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.flags(f)
	must(t, f.Parse([]string{"--url", "https://flag.example", "--config", path}))
	got, err := o.said()
	must(t, err)
	want := map[string]said{
		"url":       {"https://flag.example", "--url"},
		"audience":  {"api://env", prefix + "API_AUDIENCE"},
		"tenant_id": {"lab", path + ":11"},
		"sign_in":   {"browser", path + ":3"},
		"ca_file":   {"all.pem", path + ":5"},
	}
	if !maps.Equal(got, want) {
		t.Error(cmp.Diff(want, got, cmp.AllowUnexported(said{})))
	}
}

// TestTokensStay: tokens go to https, or in the clear to this machine; not to whoever has its address in his name.
func TestTokensStay(t *testing.T) {
	for u, good := range map[string]bool{
		"https://corp.example": true, "https://corp.example/": true, "http://127.0.0.1:8080": true, "http://127.0.0.1:8080/": true,
		"": false, "http://corp.example": false, "http://127.0.0.1:8080@corp.example": false, "http://127.0.0.1.corp.example": false, "https://corp.example/api": false, "https://a@corp.example": false, "http://127.0.0.1:1/?x": false,
	} {
		all := map[string]said{"url": {value: u}, "audience": {value: "api://groupwriteback"}, "sign_in": {value: "azure-cli"}}
		if err := check(all); (err == nil) != good {
			t.Errorf("%q: %v", u, err)
		}
	}
}
