package journal

import (
	"errors"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestIDOf: a record's id is found whatever else it says, and what is cut short or in
// another form is an error.
func TestIDOf(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	full, err := encodeRecord(&record.Group{ID: gid(7), SID: sidOf(1), LastWrite: 1 << 40, Stale: true, Hold: &record.Hold{ID: "h", Opened: at, Count: 70_000},
		Observed: &plan.Group{ID: gid(7), Name: "n", Attrs: map[string][]string{"description": {"a", "b"}}, Links: plan.Members(plan.SIDRef(sidOf(1101)))},
		Parked:   []record.Parked{{Kind: plan.Adding, Code: -5, Text: "no"}}, Issued: []record.Issued{{Seq: 3, At: at, Guard: plan.Removals, Impact: plan.Impact{Whole: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := idOf(full, recordKind); id != gid(7) || err != nil {
		t.Errorf("the id is %s, %v", id, err)
	}
	for n := range full {
		if id, err := idOf(full[:n], recordKind); err == nil {
			t.Fatalf("of %d of %d bytes the id is %s", n, len(full), id)
		}
	}
	id := gid(1)
	for name, tt := range map[string]struct {
		record any
		want   error
	}{
		"of a group":             {map[int]any{1: id[:], 9: "x"}, nil},
		"an id of zeros":         {map[int]any{1: make([]byte, 16)}, nil},
		"all forms of values":    {map[int]any{1: id[:], 2: -1, 3: 1.5, 4: cbor.Tag{Number: 1, Content: map[string]any{"a": []int{1, 2}}}, 5: nil, 6: true}, nil},
		"a key of a newer one":   {map[int]any{1: id[:], 13: 1}, ErrFormat},
		"a key that is a word":   {map[any]any{1: id[:], "x": 1}, ErrFormat},
		"no record":              {[]int{1}, errForm},
		"a list without its end": {cbor.RawMessage{0x9f, 0xff}, errForm},
	} {
		b, err := cbor.Marshal(tt.record)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := idOf(b, groupKind); !errors.Is(err, tt.want) || err == nil && got != id && got != (directory.ID{}) {
			t.Errorf("%s: the id is %s, %v; want %v", name, got, err, tt.want)
		}
	}
	for name, record := range map[string]any{"no id": map[int]any{2: 1}, "a short id": map[int]any{1: id[:15]}, "an id that is text": map[int]any{1: "0123456789abcdef"}} {
		if b, err := cbor.Marshal(record); err != nil {
			t.Fatal(err)
		} else if got, err := idOf(b, groupKind); err == nil {
			t.Errorf("%s: the id is %s", name, got)
		}
	}
}
