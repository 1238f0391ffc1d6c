package samba

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestClose: the address is free again, and nothing of ours is left behind.
func TestClose(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dc")
	var log bytes.Buffer
	dc, err := Launch(t.Context(), dir, 0, &log)
	if err != nil {
		t.Fatalf("%v: run infra/demo/samba/install.sh\n%s", err, &log)
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
