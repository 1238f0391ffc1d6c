package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"groupwriteback/shared/rules"
)

const aSchema = `{"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "Group", "attributeMappings": [
	{"targetAttributeName": "member", "source": {"type": "Attribute", "name": "members"}},
	{"targetAttributeName": "cn", "source": {"type": "Attribute", "name": "displayName"}},
	{"targetAttributeName": "parentDistinguishedName", "source": {"type": "Constant", "name": "OU=x,DC=corp"}}MORE]}]}]}`

// TestImportRules: the file alone goes to standard output, so that it can be sent into one,
// and the exit code says whether somebody has to look at it.
func TestImportRules(t *testing.T) {
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(strings.Replace(aSchema, "MORE", "", 1))) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	tests := []struct {
		name   string
		schema []byte
		code   int
		notes  string
	}{
		{"all of it", []byte(strings.Replace(aSchema, "MORE", "", 1)), 0, "All or Selected"},
		{"UTF-16", wide, 0, "All or Selected"},
		{"not all", []byte(strings.Replace(aSchema, "MORE", `, {"targetAttributeName": "managedBy", "source": {"type": "Attribute", "name": "owners"}}`, 1)), 1, "managedBy is left out"},
		{"none", []byte("{}"), 2, "Error: read schema: it has no synchronizationRules"},
		{"zeros", make([]byte, 9), 2, "save it as UTF-8"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "schema.json")
		must(t, os.WriteFile(path, tt.schema, 0o600))
		var out, notes bytes.Buffer
		code, run := (Program{Name: "handler", Notes: &notes}).Command(t.Context(), []string{"rules", "import", path}, nil, &out)
		if run || code != tt.code || !strings.Contains(notes.String(), tt.notes) {
			t.Errorf("%s: code %d, run %t; want %d and %q in\n%s", tt.name, code, run, tt.code, tt.notes, &notes)
		}
		if _, err := rules.Parse(out.Bytes()); (err == nil) != (tt.code < 2) || (tt.code == 2 && out.Len() > 0) {
			t.Errorf("%s: %v, of\n%s", tt.name, err, &out)
		}
	}
	var out, notes bytes.Buffer
	if code, run := (Program{Name: "handler", Notes: &notes}).Command(t.Context(), []string{"rules", "import"}, nil, &out); run || code == 0 || !strings.Contains(out.String(), "rules import FILE") {
		t.Errorf("without a file: code %d, run %t, %s", code, run, &out)
	}
	if code, _ := (Program{Notes: &notes}).Command(t.Context(), []string{"rules", "import", "/no/such"}, nil, &out); code != noFile || !strings.Contains(notes.String(), "read schema: open /no/such") {
		t.Errorf("no such file: code %d, %s", code, &notes)
	}
}
