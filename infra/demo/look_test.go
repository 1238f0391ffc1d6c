package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLDIF(t *testing.T) {
	const text = `dn: CN=Empty_1,OU=Cloud Groups,DC=corp,DC=test
cn: Empty_1
displayName:: w5xiZXJtb3JnZW4=
member: CN=b,DC=corp,DC=test
member: CN=a,DC=corp,DC=test
description: with: a colon

# refldaps://corp.test/DC=DomainDnsZones,DC=corp,DC=test
`
	got, err := parseLDIF([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := entry{
		"dn": {"CN=Empty_1,OU=Cloud Groups,DC=corp,DC=test"}, "cn": {"Empty_1"}, "displayName": {"Übermorgen"},
		"description": {"with: a colon"}, "member": {"CN=a,DC=corp,DC=test", "CN=b,DC=corp,DC=test"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, err := parseLDIF([]byte("\n# only a referral\n")); err != nil || len(got) != 0 {
		t.Errorf("no entry: %v, %v", got, err)
	}
	if _, err := parseLDIF([]byte("cn:: no base64!\n")); err == nil {
		t.Error("what is no base64 was read")
	}
}

func TestDifference(t *testing.T) {
	people := func(from, to int) (dns []string) {
		for i := from; i < to; i++ {
			dns = append(dns, fmt.Sprintf(`CN=user%04d\, x,OU=People`, i))
		}
		return dns
	}
	long := strings.Repeat("No longer managed ", 10)
	tests := map[string][2]entry{
		"diff-none":    {{"cn": {"a"}}, {"cn": {"a"}}},
		"diff-new":     {{}, {"cn": {"a"}}},
		"diff-rename":  {{"cn": {"a_1"}, "displayName": {"a"}}, {"cn": {"b_1"}, "displayName": {"b"}}},
		"diff-cleared": {{"description": {"Everybody"}}, {}},
		"diff-note":    {{"cn": {"a"}}, {"cn": {"a"}, "info": {long}}},
		"diff-long":    {{"info": {long}}, {"info": {"now " + long}}},
		"diff-member":  {{"member": people(0, 6000)}, {"member": people(1, 6000)}},
		"diff-nested":  {{"member": people(0, 3)}, {"member": append(people(0, 3), "CN="+long+",OU=Cloud Groups")}},
		"diff-members": {{"member": people(0, 44)}, {"member": people(18, 46)}},
	}
	for name, x := range tests {
		t.Run(name, func(t *testing.T) {
			held(t, name, func(paint palette) string {
				var b strings.Builder
				for _, line := range paint.difference(x[0], x[1]) {
					b.WriteString("     " + line + "\n") // as it is told
				}
				return b.String()
			})
		})
	}
}

// TestCommand has a shell read back what people are told to paste.
func TestCommand(t *testing.T) {
	args := []string{"-x", "-b", "OU=Cloud Groups,DC=corp,DC=test", "(displayName=it's)", "-y", "/tmp/" + strings.Repeat("long", 10), "cn", "member", "--flag", "--", "$HOME"}
	for _, width := range []int{60, 80, 100} {
		text := command(width, []string{"A=1"}, append([]string{"printf", `%s\n`, "$A"}, args...)...)
		for line := range strings.Lines(text) {
			if n := len(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("a line of %d columns: %s", n, line)
			}
		}
		long := "/" + strings.Repeat("long", 30)
		if got, want := command(width, nil, long, "x"), "    "+long+" \\\n      x"; got != want {
			t.Errorf("a word that is too long is written\n%s, not\n%s", got, want)
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", text).Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if want := append([]string{"$A"}, args...); !slices.Equal(got, want) {
			t.Errorf("the shell read %q, not %q, in\n%s", got, want, text)
		}
	}
}
