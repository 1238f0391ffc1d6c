package directory_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
)

const text = "3a5c3221-c465-48c0-95b8-e9305786a271"

func TestID(t *testing.T) {
	id, err := directory.ParseID(text)
	if err != nil || id.String() != text {
		t.Fatalf("ParseID(%s) = %s, %v", text, id, err)
	}
	if upper, err := directory.ParseID(strings.ToUpper(text)); err != nil || upper != id {
		t.Errorf("in upper case: %s, %v", upper, err)
	}
	for _, s := range []string{"", "{" + text + "}", text[1:], text + "0", strings.ReplaceAll(text, "-", "0"), strings.Replace(text, "3", "g", 1), strings.Replace(text, "-", "_", 1)} {
		if id, err := directory.ParseID(s); err == nil || id != (directory.ID{}) {
			t.Errorf("ParseID(%q) = %s, %v; want an error", s, id, err)
		}
	}
}

func TestIDInJSON(t *testing.T) {
	id, _ := directory.ParseID(text)
	in := map[directory.ID][]directory.ID{id: {id}}
	data, err := json.Marshal(in)
	if want := `{"` + text + `":["` + text + `"]}`; err != nil || string(data) != want {
		t.Fatalf("JSON is %s, %v; want %s", data, err, want)
	}
	var out map[directory.ID][]directory.ID
	if err := json.Unmarshal(data, &out); err != nil || len(out) != 1 || !slices.Equal(out[id], in[id]) {
		t.Errorf("and back: %v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`["nobody"]`), &[]directory.ID{}); err == nil {
		t.Error("an id that is no GUID was read without an error")
	}
}

// The order of ids is that of their text, so that people and programs agree.
func TestIDOrder(t *testing.T) {
	ids := []directory.ID{{}, {15: 1}, {15: 0xa0}, {4: 9}, {0x0f}, {0x10}, {0xff, 0xff}}
	if !slices.IsSortedFunc(ids, directory.ID.Compare) {
		t.Error("ids are not in order")
	}
	if !slices.IsSortedFunc(ids, func(a, b directory.ID) int { return strings.Compare(a.String(), b.String()) }) {
		t.Error("their texts are not in order")
	}
}

func TestSID(t *testing.T) {
	tests := []struct {
		sid, domain string
		rid         uint32
	}{
		{"S-1-5-21-1004336348-1177238915-682003330-1107", "S-1-5-21-1004336348-1177238915-682003330", 1107},
		{"S-1-5-32-544", "S-1-5-32", 544},
		{"S-1-5-18", "S-1-5", 18},
		{"S-1-12-1-4294967295-0-1-2", "S-1-12-1-4294967295-0-1", 2}, // a cloud group's own
		{"S-1-281474976710655-1", "S-1-281474976710655", 1},
		{"S-1-5" + strings.Repeat("-1", 15), "S-1-5" + strings.Repeat("-1", 14), 1},
	}
	for _, tt := range tests {
		sid, err := directory.ParseSID(tt.sid)
		if err != nil || string(sid) != tt.sid || string(sid.Domain()) != tt.domain || sid.RID() != tt.rid {
			t.Errorf("ParseSID(%s) = %s (%s, %d), %v", tt.sid, sid, sid.Domain(), sid.RID(), err)
		}
	}
	for _, s := range []string{
		"", "S", "S-1", "S-1-5", "s-1-5-18", "S-2-5-18", "S-1-5-", "S-1--18", "S-1-5-018", "S-1-5-+18", "S-1-5--18", "S-1-5-18 ", "S-1-5-4294967296",
		"S-1-281474976710656-1", "S-1-5-x", "S-1-5" + strings.Repeat("-1", 16),
	} {
		if sid, err := directory.ParseSID(s); err == nil || sid != "" {
			t.Errorf("ParseSID(%q) = %s, %v; want an error", s, sid, err)
		}
	}
	if d, r := directory.SID("").Domain(), directory.SID("").RID(); d != "" || r != 0 {
		t.Errorf("no SID has domain %q and RID %d", d, r)
	}
}
