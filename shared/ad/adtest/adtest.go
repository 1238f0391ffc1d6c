// Package adtest gives tests a real Active Directory domain: a Samba domain
// controller, fresh, on a loopback address, stopped when the test ends.
//
// It never skips: a test that cannot have its domain fails and says how to get
// one. It is for tests only; the demo uses infra/demo/samba itself.
package adtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"groupwriteback/infra/demo/samba"
)

// Remedy is what to do when Samba does not start.
const Remedy = "run infra/demo/samba/install.sh, and the tests as root (port 389 of a loopback address)"

// DC is a running domain, with helpers for tests.
type DC struct{ *samba.DC }

// Start starts a fresh domain with a number of users, user00001 and so on, for
// the duration of a test.
func Start(t testing.TB, users int) *DC {
	t.Helper()
	dc, err := samba.Launch(t.Context(), "", users, t.Output())
	if err != nil {
		t.Fatalf("%v\nremedy: %s", err, Remedy)
	}
	t.Cleanup(func() {
		if err := dc.Close(); err != nil {
			t.Errorf("stop domain: %v", err)
		}
	})
	return &DC{dc}
}

// Main runs the tests of a package with one domain for all of them, and returns
// what TestMain passes to os.Exit. Each test takes names of its own.
func Main(m *testing.M, users int, use func(*DC)) int {
	dc, err := samba.Launch(context.Background(), "", users, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\nremedy: %s\n", err, Remedy)
		return 1
	}
	use(&DC{dc})
	code := m.Run()
	if err := dc.Close(); err != nil {
		fmt.Fprintf(os.Stderr, "stop domain: %v\n", err)
		return 1
	}
	return code
}

// LDAPSearch runs ldapsearch as the administrator and returns its LDIF: a second
// opinion on what is in the directory, by a client that is not ours. Arguments
// follow the base DN: options such as "-s", "base", then the filter and attributes.
func (dc *DC) LDAPSearch(t testing.TB, base string, args ...string) string {
	t.Helper()
	cmd := exec.Command("ldapsearch", append([]string{
		"-LLL", "-o", "ldif-wrap=no", "-x", "-H", dc.URL, "-D", dc.AdminName, "-w", dc.AdminPassword, "-b", base,
	}, args...)...)
	// The certificate is for the name, the URL has the address: the name is checked by our own client.
	cmd.Env = append(cmd.Environ(), "LDAPTLS_CACERT="+dc.CAFile, "LDAPTLS_REQCERT=allow")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ldapsearch %s %q: %v\n%s", base, args, err, out)
	}
	return string(out)
}

// HighestUSN returns highestCommittedUSN: two equal values say that nothing was
// written in between.
func (dc *DC) HighestUSN(t testing.TB) int64 {
	t.Helper()
	out := dc.LDAPSearch(t, "", "-s", "base", "(objectClass=*)", "highestCommittedUSN")
	_, value, _ := strings.Cut(out, "highestCommittedUSN: ")
	value, _, _ = strings.Cut(value, "\n")
	usn, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		t.Fatalf("read highestCommittedUSN: %v in %q", err, out)
	}
	return usn
}
