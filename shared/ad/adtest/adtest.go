// Package adtest gives tests a real Active Directory domain: a Samba domain
// controller, fresh, on a loopback address, stopped when the test ends.
//
// It never skips: a test that cannot have its domain fails and says how to get
// one. It is for tests only; the demo uses infra/stage/samba itself.
package adtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"groupwriteback/infra/stage/samba"
)

// Remedy is what to do when Samba does not start.
const Remedy = "run infra/stage/samba/install.sh, and the tests as root (port 389 of a loopback address)"

// DC is a running domain, with helpers for tests.
type DC struct{ *samba.DC }

// Start starts a fresh domain with a number of users, user00001 and so on, for
// the duration of a test.
func Start(t testing.TB, users int) *DC {
	t.Helper()
	return StartWith(t, samba.Options{Users: users})
}

// StartWith is Start for a domain that has more, such as Exchange.
func StartWith(t testing.TB, o samba.Options) *DC {
	t.Helper()
	dc, err := o.Launch(t.Context(), "", t.Output())
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

// Shared is one domain for all tests of a package, each of which takes names of
// its own. It starts when the first test asks for it, so that tests and fuzzing
// that need no domain do not wait for one.
type Shared struct {
	Users int

	once sync.Once
	dc   *DC
	err  error
}

// DC returns the domain.
func (s *Shared) DC(t testing.TB) *DC {
	t.Helper()
	s.once.Do(func() {
		dc, err := samba.Launch(context.Background(), "", s.Users, os.Stderr)
		s.dc, s.err = &DC{dc}, err
	})
	if s.err != nil {
		t.Fatalf("%v\nremedy: %s", s.err, Remedy)
	}
	return s.dc
}

// Main runs the tests of a package and stops the domain after them. It returns
// what TestMain passes to os.Exit.
func (s *Shared) Main(m *testing.M) int {
	code := m.Run()
	if s.dc == nil || s.err != nil {
		return code
	}
	if err := s.dc.Close(); err != nil {
		fmt.Fprintf(os.Stderr, "stop domain: %v\n", err)
		return 1
	}
	return code
}

// Modify does as the administrator what a text in LDIF says.
func (dc *DC) Modify(t testing.TB, ldif string) {
	t.Helper()
	if err := dc.DC.Modify(t.Context(), ldif); err != nil {
		t.Fatal(err)
	}
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
