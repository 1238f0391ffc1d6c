package journal

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestWalk: page by page every group comes once, whatever the size of a page, also while the
// shards are split between two pages; and a part that does not match is not read.
func TestWalk(t *testing.T) {
	ctx := t.Context()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	if next, more, err := load(t, j).Walk(ctx, Walk{Parts: 1}, func(directory.ID) (bool, error) { return true, nil }); err != nil || more {
		t.Errorf("of no groups: %v, %v, %v", next, more, err)
	}
	fill := func(from, to, width int) (ids []directory.ID) {
		w := load(t, j)
		for i := from; i < to; i++ {
			ids = append(ids, gid(i))
		}
		if err := w.Mark(ctx, ids...); err != nil {
			t.Fatal(err)
		}
		if err := w.FetchRecords(ctx, ids); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			w.PutRecord(&record.Group{ID: id, Observed: &plan.Group{ID: id, Name: fmt.Sprintf("%0*d", width, 7)}})
		}
		commit(t, w)
		return ids
	}
	want := fill(0, 300, 100)
	var got []directory.ID
	at, pages := Place{}, 0
	for more := true; more; pages++ {
		var err error
		n := 0
		at, err = ParsePlace(at.String())
		if err != nil {
			t.Fatal(err)
		}
		at, more, err = load(t, j).Walk(ctx, Walk{From: at, Parts: 2, Records: pages%2 == 0}, func(id directory.ID) (bool, error) {
			if n == 7 {
				return false, nil
			}
			n++
			if slices.Contains(want, id) {
				got = append(got, id)
			}
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if pages == 3 {
			fill(1000, 2000, 200)
		}
	}
	slices.SortFunc(got, directory.ID.Compare)
	slices.SortFunc(want, directory.ID.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("%d groups in %d pages, want %d", len(got), pages, len(want))
	}
	w := load(t, j)
	_, more, err := w.Walk(ctx, Walk{Parts: 0, Records: true, Which: func(c record.Counts) bool { return c.Held > 0 }}, func(directory.ID) (bool, error) { return true, errors.New("looked at") })
	if more || err != nil {
		t.Errorf("parts that do not match: %v, %v", more, err)
	}
}

// TestPlaces: a cursor that somebody made up is refused.
func TestPlaces(t *testing.T) {
	for _, text := range []string{"0", "1000000001", "100000001", "-00000001", "00000000\u00e9", "000000001" + "00000000000000000000000000000G00", "00000000100000000000000000000000000000"} {
		if p, err := ParsePlace(text); !errors.Is(err, ErrPlace) {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	for _, p := range []Place{{}, {hash: 1 << 32}, {hash: 7, id: gid(5)}} {
		if got, err := ParsePlace(p.String()); err != nil || got != p {
			t.Errorf("%v: %v, %v", p, got, err)
		}
	}
}
