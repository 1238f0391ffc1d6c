package cloudsync_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"groupwriteback/shared/rules"
	"groupwriteback/shared/rules/cloudsync"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestImport: each file of testdata is a schema, and the rules file and notes that it becomes;
// or the error, in place of the file.
func TestImport(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 6 {
		t.Fatalf("only %d schemas", len(files))
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		now := imported(t, a.Files[0].Data)
		now.Comment, now.Files = a.Comment, append(a.Files[:1:1], now.Files...)
		if *update {
			if err := os.WriteFile(name, txtar.Format(now), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(strings.Split(string(txtar.Format(a)), "\n"), strings.Split(string(txtar.Format(now)), "\n")); diff != "" {
			t.Errorf("%s (go test -update writes it anew):\n%s", name, diff)
		}
	}
}

// imported is a schema's rules file and notes, or error. A note of something that is not in
// the file has a ! before it.
func imported(t *testing.T, schema []byte) *txtar.Archive {
	t.Helper()
	file, notes, err := cloudsync.Import(schema)
	out := &txtar.Archive{}
	if err != nil {
		out.Files = append(out.Files, txtar.File{Name: "error", Data: []byte(err.Error() + "\n")})
	} else {
		out.Files = append(out.Files, txtar.File{Name: "rules.yaml", Data: file})
		if _, err := rules.Parse(file); err != nil {
			t.Errorf("the file is none: %v\n%s", err, file)
		}
	}
	var text strings.Builder
	for _, n := range notes {
		if n.Lost {
			text.WriteString("! ")
		}
		text.WriteString(n.String() + "\n")
	}
	out.Files = append(out.Files, txtar.File{Name: "notes", Data: []byte(text.String())})
	return out
}

// TestImportBounds: hostile sizes are refused, or make the scope narrower, and take no time
// that grows faster than they do.
func TestImportBounds(t *testing.T) {
	group := func(scope, mappings string) string {
		return `{"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "Group", "scope": ` + scope + `, "attributeMappings": [
			{"targetAttributeName": "parentDistinguishedName", "source": {"type": "Constant", "name": "OU=x,DC=corp"}}` + mappings + `]}]}]}`
	}
	clause := func(value string) string {
		return `{"sourceOperandName": "displayName", "operatorName": "EQUALS", "targetOperand": {"values": ["` + value + `"]}}`
	}
	filters := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, `{"clauses": [`+clause(strings.Repeat("x", i+1))+`]}`)
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	many := strings.TrimSuffix(strings.Repeat(clause("x")+",", 501), ",")
	tests := []struct{ name, schema, want, fault string }{
		{"a large file", strings.Repeat(" ", cloudsync.MaxSchema+1), "", "has at most"},
		{"deep", strings.Repeat("[", 1_000_000), "", "max depth"},
		{"many mappings", group("null", strings.Repeat(`,{"targetAttributeName": "url"}`, 500)), "", "at most 500 are read"},
		{"many unknown properties", group("null", strings.Repeat(`,{"targetAttributeName": "url", "a": 1, "b": 1}`, 400)), "", "more than 500 things"},
		{"a product of filters", group(`{"groups": `+filters(100)+`, "inputFilterGroups": `+filters(100)+`}`, ""), "groups: []", ""},
		{"many filters", group(`{"groups": `+filters(201)+`}`, ""), "groups: []", ""},
		{"many clauses", group(`{"groups": [{"clauses": [`+many+`]}]}`, ""), "groups: []", ""},
		{"a long value", group(`{"groups": [{"clauses": [`+clause(strings.Repeat("x", 10_001))+`]}]}`, ""), "groups: []", ""},
		{"a long expression", group("null", `,{"targetAttributeName": "url", "source": {"expression": "`+strings.Repeat("[mail]&", 2000)+`[mail]"}}`), "url is not written: its source is too long", ""},
	}
	for _, tt := range tests {
		file, _, err := cloudsync.Import([]byte(tt.schema))
		switch {
		case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
			t.Errorf("%s: %v, want an error that has %q", tt.name, err, tt.fault)
		case tt.fault == "" && (err != nil || !strings.Contains(string(file), tt.want)):
			t.Errorf("%s: %v, want a file that has %q\n%.2000s", tt.name, err, tt.want, file)
		}
	}
}

// FuzzImport: whatever it is given, it does not panic, and what it gives is a rules file with
// each note on a line of its own.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, schema []byte) {
		file, notes, err := cloudsync.Import(schema)
		if err != nil {
			if file != nil {
				t.Fatalf("a file beside the error %v", err)
			}
			return
		}
		if _, err := rules.Parse(file); err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		for _, n := range notes {
			if text := n.String(); strings.ContainsAny(text, "\r\n\u2028\u0085") || text == "" {
				t.Errorf("the note %q", text)
			}
		}
	})
}

// FuzzTexts: a text of the schema is the same text in the file, whatever it is.
func FuzzTexts(f *testing.F) {
	for _, text := range []string{"x", "null", "0x10", "a: b", "#", "'\"", "\\", "tab\there", "line\nfeed", "\u2028", "- x", "{}", "~", "2026-01-01", "trailing ", "é", "\x7f", "\ufeff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || !utf8.ValidString(text) {
			return
		}
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		file, _, err := cloudsync.Import([]byte(`{"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "Group", "attributeMappings": [
			{"targetAttributeName": "parentDistinguishedName", "source": {"type": "Constant", "name": "OU=x,DC=corp"}},
			{"targetAttributeName": "url", "source": {"type": "Constant", "name": ` + string(quoted) + `}}]}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		r, err := rules.Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Mapping {
			if m.Attribute == "url" && (len(m.Constant) != 1 || m.Constant[0] != text) {
				t.Errorf("%q became %q\n%s", text, m.Constant, file)
			}
		}
	})
}

// TestPageLines: each line of docs/coming-from.md that stands for an old setting is one that a
// rules file takes.
func TestPageLines(t *testing.T) {
	page, err := os.ReadFile("../../../docs/coming-from.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)^\\| .* \\| `([a-z_]+: .+)` \\|$").FindAllStringSubmatch(string(page), -1)
	if len(found) < 20 {
		t.Errorf("only %d lines", len(found))
	}
	for _, m := range found {
		file := m[1] + "\n"
		for _, needed := range []string{"ou: OU=x,DC=corp\n", "scope: all\n", "mail: none\n"} {
			if key, _, _ := strings.Cut(needed, " "); !strings.HasPrefix(file, key) {
				file += needed
			}
		}
		if _, err := rules.Parse([]byte(file)); err != nil {
			t.Errorf("%s\n%v", m[1], err)
		}
	}
}
