package exchange_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"groupwriteback/shared/exchange"
)

// TestPage holds the table of docs/exchange-hybrid.md to the attributes; -update writes it anew.
func TestPage(t *testing.T) {
	const file, heading, next = "../../docs/exchange-hybrid.md", "\n## Attributes\n", "\n## Address lists\n"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(data), heading)
	_, tail, also := strings.Cut(rest, next)
	if !found || !also {
		t.Fatalf("%s has no heading%sor none%safter it", file, heading, next)
	}
	want := head + heading + "\n" + attributes() + next + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("%s is out of date: go test ./shared/exchange -run TestPage -update writes it anew", file)
	}
	for _, limit := range []string{"500", "571", "1123", "256", "128", "65,536", "100"} {
		if !strings.Contains(tail, limit) {
			t.Errorf("%s does not name the limit %s", file, limit)
		}
	}
	if exchange.MaxAddresses != 500 || exchange.MaxFilter != 65_536 || exchange.MaxDepth != 100 {
		t.Errorf("a limit is another one now: %s has to say so", file)
	}
}

// attributes is the table as the page has it.
func attributes() string {
	var b strings.Builder
	b.WriteString("| Attribute | In which case | What is written | Known from |\n|---|---|---|---|\n")
	for _, r := range exchange.Table() {
		when, source := r.When, r.Source
		if when == "" {
			when = "always"
		}
		if !r.Verified {
			source = "**" + exchange.Unverified + "**: " + source
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Attribute, when, r.What, source)
	}
	return b.String()
}
