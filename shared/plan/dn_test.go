package plan_test

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

func TestNormalDN(t *testing.T) {
	tests := []struct{ dn, want string }{
		{"", ""},
		{"OU=Groups,DC=corp,DC=example", "OU=Groups,DC=corp,DC=example"},
		{"ou = Groups , dc= corp,dc =example ", "OU=Groups,DC=corp,DC=example"},
		{`cn=Smith\, John,ou=x`, `CN=Smith\, John,OU=x`},
		{`CN=Smith\2C John`, `CN=Smith\, John`},
		{`CN=a\+b\=c\"d\"\<e\>\;f\\g`, `CN=a\+b\=c\"d\"\<e\>\;f\\g`},
		{`CN=a=b`, `CN=a\=b`}, // as Active Directory writes it
		{`CN=\#1`, `CN=\#1`},
		{`CN=a#1`, `CN=a#1`},
		{`CN=\ a\ `, `CN=\ a\ `},
		{`CN=\20a\20,OU=x`, `CN=\ a\ ,OU=x`},
		{`CN=a  b`, `CN=a  b`},
		{`CN=x\0ADEL:0b1c,CN=Deleted Objects`, `CN=x\0ADEL:0b1c,CN=Deleted Objects`},
		{`CN=M\C3\BCller`, `CN=Müller`},
		{"CN=日本 🙂", "CN=日本 🙂"},
		{"2.5.4.3=x", "2.5.4.3=x"},
		{"CN=", "CN="},
		{"CN=,OU=x", "CN=,OU=x"},
		// What is no DN is left as it is.
		{"corp.example", "corp.example"},
		{"CN=a,", "CN=a,"},
		{"=a", "=a"},
		{"CN=a+OU=b", "CN=a+OU=b"},
		{`CN="a,b"`, `CN="a,b"`},
		{`CN=a\`, `CN=a\`},
		{"CN=a;OU=b", "CN=a;OU=b"},
		{"CN=#0401ff", "CN=#0401ff"}, // BER in hexadecimal: not a name that anybody has
	}
	for _, tt := range tests {
		if got := plan.NormalDN(tt.dn); got != tt.want {
			t.Errorf("NormalDN(%s) = %s, want %s", tt.dn, got, tt.want)
		}
		if got := plan.NormalDN(tt.want); got != tt.want {
			t.Errorf("NormalDN(%s) = %s: it is not stable", tt.want, got)
		}
	}
}

// oddNames are values that a cn can have.
var oddNames = []string{
	"a", "Smith, John", "a+b", `"quoted"`, `back\slash`, "<tag>", "a;b", "a=b", "#1", "a#1", " led", "trailed ", " ", "  ", "a  b",
	"line\nbreak", "\x00", "tab\t", "x\nDEL:0b1c", "Müller", "日本", "🙂", "0A", `\`, `\\`, `\0A`, ",", ",,", "=", "'", "(a)", "*", "/",
}

// TestOddNamesAgreeWithGoLDAP reads what JoinRDN writes with a parser that is
// not ours.
func TestOddNamesAgreeWithGoLDAP(t *testing.T) {
	const parent = `OU=A\, B,DC=corp`
	for _, name := range oddNames {
		dn := plan.JoinRDN(name, parent)
		parsed, err := ldap.ParseDN(dn)
		if err != nil {
			t.Errorf("ParseDN(%s) of %q: %v", dn, name, err)
			continue
		}
		if got := parsed.RDNs[0].Attributes[0].Value; len(parsed.RDNs) != 3 || got != name {
			t.Errorf("ParseDN(%s) = %d parts, the first %q; want 3 and %q", dn, len(parsed.RDNs), got, name)
		}
		// And ours reads what go-ldap writes.
		if got, rest, ok := plan.SplitRDN(parsed.String()); !ok || got != name || !strings.EqualFold(rest, parent) {
			t.Errorf("SplitRDN(%s) = %q, %s, %t; want %q", parsed, got, rest, ok, name)
		}
		if got := plan.NormalDN(parsed.String()); !strings.EqualFold(got, dn) {
			t.Errorf("NormalDN(%s) = %s, want %s", parsed, got, dn)
		}
	}
}

func TestSplitRDN(t *testing.T) {
	for _, name := range append(oddNames, "") {
		dn := plan.JoinRDN(name, "ou = x,DC=y")
		if got, parent, ok := plan.SplitRDN(dn); !ok || got != name || parent != "OU=x,DC=y" {
			t.Errorf("SplitRDN(%s) = %q, %s, %t; want %q", dn, got, parent, ok, name)
		}
	}
	for _, dn := range []string{"", "  ", "x", "CN=a,"} {
		if name, parent, ok := plan.SplitRDN(dn); ok {
			t.Errorf("SplitRDN(%q) = %q, %q; want none", dn, name, parent)
		}
	}
}

func FuzzDN(f *testing.F) {
	for _, name := range oddNames {
		f.Add(plan.JoinRDN(name, "OU=x"))
		f.Add(name)
	}
	f.Add("ou = x , DC=\\41 ,CN=ſ")
	f.Fuzz(func(t *testing.T, s string) {
		normal := plan.NormalDN(s)
		if again := plan.NormalDN(normal); again != normal {
			t.Errorf("NormalDN(%q) = %q, then %q", s, normal, again)
		}
		dn := plan.JoinRDN(s, "OU=x")
		if name, parent, ok := plan.SplitRDN(dn); !ok || name != s || parent != "OU=x" {
			t.Errorf("SplitRDN(%q) = %q, %q, %t; want %q", dn, name, parent, ok, s)
		}
		if name, parent, ok := plan.SplitRDN(s); ok && strings.HasPrefix(normal, "CN=") && plan.JoinRDN(name, parent) != normal {
			t.Errorf("%q is %q below %q, which makes %q, want %q", s, name, parent, plan.JoinRDN(name, parent), normal)
		}
	})
}

func TestBelow(t *testing.T) {
	const base = "OU=Cloud Groups,DC=corp,DC=test"
	for dn, want := range map[string]bool{
		"CN=x,OU=Cloud Groups,DC=corp,DC=test":          true,
		"CN=x, ou=sub, ou=cloud groups,dc=CORP,dc=test": true,
		`CN=a\,b,OU=Cloud Groups,DC=corp,DC=test`:       true,
		base:      false,
		"DC=test": false,
		"CN=x,OU=More Cloud Groups,DC=corp,DC=test": false,
		`CN=x\,OU=Cloud Groups,DC=corp,DC=test`:     false, // one name with a comma, in the domain's root
		`CN=x\2cOU=Cloud Groups,DC=corp,DC=test`:    false,
		"":                                          false, "no name": false,
	} {
		if got := plan.Below(dn, base); got != want {
			t.Errorf("%s: got %v", dn, got)
		}
	}
}
