package ad

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDial(t *testing.T) {
	good := Config{URL: dc(t).URL, ServerName: dc(t).ServerName, CAFile: dc(t).CAFile, User: dc(t).BindName, Password: dc(t).Password, Timeout: 20 * time.Second}
	noPEM := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(noPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*Config)
		err    string // empty: it connects
	}{
		{"ldaps", func(c *Config) {}, ""},
		{"ldaps with port", func(c *Config) { c.URL += ":636" }, ""},
		{"StartTLS", func(c *Config) { c.URL = "ldap://" + dc(t).Addr }, ""},
		{"NetBIOS name", func(c *Config) { c.User = `CORP\svc-groupwriteback` }, ""},
		{"wrong password", func(c *Config) { c.Password = "x" }, "the user name or the password is wrong"},
		{"no password", func(c *Config) { c.Password = "" }, "user and password are needed"},
		{"system's authorities", func(c *Config) { c.CAFile = "" }, "name the file of the authority"},
		{"StartTLS, system's authorities", func(c *Config) { c.CAFile, c.URL = "", "ldap://"+dc(t).Addr }, "certificate signed by unknown authority"},
		{"wrong name", func(c *Config) { c.ServerName = "" }, "name it so"},
		{"no such file", func(c *Config) { c.CAFile += ".not" }, "no such file"},
		{"no PEM", func(c *Config) { c.CAFile = noPEM }, "no certificate in PEM form"},
		{"other scheme", func(c *Config) { c.URL = "http://" + dc(t).Addr }, "must be ldaps://"},
		{"nobody there", func(c *Config) { c.URL = "ldaps://127.0.0.1:1" }, "connection refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := good
			test.change(&c)
			conn, err := Dial(t.Context(), c)
			if err == nil {
				defer conn.Close()
			}
			switch {
			case test.err == "" && err != nil:
				t.Error(err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("got %v, want %q", err, test.err)
			}
		})
	}
}

// TestDialSilence: a server that accepts and says nothing holds nobody up.
func TestDialSilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"ldap://", "ldaps://"} {
		c := Config{URL: scheme + l.Addr().String(), User: "u", Password: "p", Timeout: 50 * time.Millisecond}
		if _, err := Dial(context.Background(), c); err == nil {
			t.Errorf("%s: connected", scheme)
		}
	}
}
