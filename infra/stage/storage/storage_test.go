package storage

import (
	"net"
	"os"
	"strings"
	"testing"
)

// TestStop: the port is free again, and nothing is left behind.
func TestStop(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var a Azurite
	var v Versity
	for _, s := range []interface{ Stop() }{&a, &v} {
		t.Cleanup(s.Stop)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := v.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second Stop has nothing to do
		a.Stop()
		v.Stop()
	}
	for _, url := range []string{a.URL, v.URL} {
		addr, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("something still listens on %s", addr)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// TestRemedy: a test that cannot start its server says what to do.
func TestRemedy(t *testing.T) {
	t.Setenv("GROUPWRITEBACK_CACHE", t.TempDir())
	var a Azurite
	err := a.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "run infra/stage/storage/install.sh") {
		t.Errorf("Start without the program: %v, want the remedy", err)
	}
}
