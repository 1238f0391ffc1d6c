package samba

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestClose: the address is free again, and nothing of ours is left behind.
func TestClose(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dc")
	var log bytes.Buffer
	dc, err := Launch(t.Context(), dir, 0, &log)
	if err != nil {
		t.Fatalf("%v: run infra/stage/samba/install.sh\n%s", err, &log)
	}
	addr := net.JoinHostPort(dc.Addr, "636")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for range 2 { // a second Close has nothing to do
		if err := dc.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Errorf("something still listens on %s", addr)
	}
	if _, err := os.Stat(filepath.Join(dir, "private", "sam.ldb")); err != nil {
		t.Errorf("the caller's directory is the caller's: %v", err)
	}
	if _, err := Launch(t.Context(), dir, 0, &log); err == nil {
		t.Error("started in a directory that is in use")
	}
}

// TestStopAndStart: what was written is there again, on the same address.
func TestStopAndStart(t *testing.T) {
	var log bytes.Buffer
	dc, err := Launch(t.Context(), "", 0, &log)
	if err != nil {
		t.Fatalf("%v: run infra/stage/samba/install.sh\n%s", err, &log)
	}
	defer dc.Close()
	admin := func(tool, input string, args ...string) string {
		cmd := exec.Command(tool, append([]string{"-x", "-H", dc.URL, "-D", dc.AdminName, "-w", dc.AdminPassword}, args...)...)
		cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+dc.CAFile, "LDAPTLS_REQCERT=allow")
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", tool, err, out)
		}
		return string(out)
	}
	admin("ldapadd", "dn: OU=kept,"+dc.Domain+"\nobjectClass: organizationalUnit\n")
	if err := dc.Stop(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", net.JoinHostPort(dc.Addr, "636")); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
	if err := dc.Start(t.Context(), &log); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	if out := admin("ldapsearch", "", "-LLL", "-b", "OU=kept,"+dc.Domain, "-s", "base", "ou"); !strings.Contains(out, "ou: kept") {
		t.Errorf("found %q", out)
	}
}
