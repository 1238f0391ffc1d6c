package record_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

func ref(n int) plan.Ref { return plan.SIDRef(directory.SID(fmt.Sprintf("S-1-5-21-1-2-3-%06d", n))) }

func bad(ns ...int) (out []plan.BadRef) {
	for _, n := range ns {
		out = append(out, plan.BadRef{Ref: ref(n), Code: 53, Text: "no"})
	}
	return out
}

// parkedOf are the entries of a list in short: kind, link, member, how many tries.
func parkedOf(list []record.Parked) (out []string) {
	for _, p := range list {
		s := string(p.Kind)
		if p.Link != "" {
			s += " " + string(p.Link)
		}
		if p.Ref != "" {
			s += fmt.Sprintf(" %s", p.Ref[len(p.Ref)-1:])
		}
		out = append(out, fmt.Sprintf("%s %d", s, p.Count))
	}
	return out
}

// TestPark: of each kind, and of each member, there is one entry, in order, however often
// and in whatever order it was refused.
func TestPark(t *testing.T) {
	set, rename := record.Parked{Kind: plan.Setting, Wish: "w"}, record.Parked{Kind: plan.Renaming}
	adding, removing := record.Parked{Kind: plan.Adding, Wish: "w"}, record.Parked{Kind: plan.Removing}
	manager := record.Parked{Kind: plan.Adding, Link: plan.ManagedBy}
	type parking func(list []record.Parked) []record.Parked
	whole := func(p record.Parked) parking {
		return func(list []record.Parked) []record.Parked { return record.Park(list, p, hour) }
	}
	members := func(p record.Parked, ns ...int) parking {
		return func(list []record.Parked) []record.Parked { return record.ParkMembers(list, p, bad(ns...), hour) }
	}
	tests := []struct {
		name  string
		steps []parking
		want  []string
	}{
		{"nothing", []parking{members(adding)}, nil},
		{"kinds", []parking{whole(set), whole(adding), whole(rename)}, []string{"add 1", "rename 1", "set 1"}},
		{"one kind again and again", []parking{whole(set), whole(set), whole(set)}, []string{"set 3"}},
		{"members, in any order", []parking{members(adding, 3, 1, 2)}, []string{"add 1 1", "add 2 1", "add 3 1"}},
		{"a member named twice", []parking{members(adding, 1, 1)}, []string{"add 1 1"}},
		{"others, and some of them again", []parking{members(adding, 1, 3), members(adding, 2, 3, 4)}, []string{"add 1 1", "add 2 1", "add 3 2", "add 4 1"}},
		{"members, and all of the kind", []parking{members(adding, 1), whole(adding), members(adding, 1)}, []string{"add 1", "add 1 2"}},
		{"the same object in two links", []parking{members(adding, 1), members(manager, 1), members(adding, 1), members(manager, 2)}, []string{"add 1 2", "add managedBy 1 1", "add managedBy 2 1"}},
		{"all of a kind, in two links", []parking{whole(adding), whole(manager), whole(manager)}, []string{"add 1", "add managedBy 2"}},
		{"the same member in two kinds", []parking{members(removing, 1), members(adding, 1), members(removing, 1)}, []string{"add 1 1", "remove 1 2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var list []record.Parked
			for _, step := range tt.steps {
				before := slices.Clone(list)
				old := list
				list = step(list)
				if diff := cmp.Diff(before, old); diff != "" {
					t.Fatalf("the list before was modified:\n%s", diff)
				}
			}
			if diff := cmp.Diff(tt.want, parkedOf(list)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	p := record.ParkMembers(nil, record.Parked{Kind: plan.Adding, Code: 1, Text: "all", Wish: "w", Grounds: "g"}, bad(1), hour)[0]
	want := record.Parked{Tries: record.Tries{Count: 1, Until: after(5 * time.Minute)}, Kind: plan.Adding, Ref: ref(1), Code: 53, Text: "no", Grounds: "g"}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("a member: -want +got:\n%s", diff)
	}
}

// TestTries: what is refused again and again is tried ever more rarely, and each day at
// least.
func TestTries(t *testing.T) {
	var list []record.Parked
	var waits []time.Duration
	now := hour
	for range 8 {
		list = record.Park(list, record.Parked{Kind: plan.Setting}, now)
		until := list[0].Until
		if list[0].Due(until.Add(-1)) || !list[0].Due(until) {
			t.Fatalf("due before %s, or not then", until)
		}
		waits, now = append(waits, until.Sub(now)), until
	}
	minutes := time.Minute
	want := []time.Duration{5 * minutes, 20 * minutes, 80 * minutes, 320 * minutes, 1280 * minutes, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits -want +got:\n%s", diff)
	}
	list = record.ParkBriefly(nil, record.Parked{Kind: plan.Setting}, hour)
	if wait := list[0].Until.Sub(hour); wait != time.Second {
		t.Errorf("what got no answer waits %s, want a second", wait)
	}
	if many := (record.Tries{Count: 1 << 40}).Next(now, time.Minute); many.Until.Sub(now) != 24*time.Hour {
		t.Errorf("after very many tries: %s", many.Until.Sub(now))
	}
	if !(record.Tries{}).Due(hour) {
		t.Error("what was never tried is not due")
	}
}

// BenchmarkParkMembers parks members one answer after the other, of a group of which all
// were refused before: its cost grows with their number, not with the square of it.
func BenchmarkParkMembers(b *testing.B) {
	for _, n := range []int{2_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var all []plan.BadRef
			for i := range n {
				all = append(all, bad(i)...)
			}
			list := record.ParkMembers(nil, record.Parked{Kind: plan.Adding}, all, hour)
			for b.Loop() {
				if got := record.ParkMembers(list, record.Parked{Kind: plan.Adding}, all, hour); len(got) != n || got[n-1].Count != 2 {
					b.Fatalf("%d are parked", len(got))
				}
			}
		})
	}
}

// TestEmpty: a record says something as soon as any field but its id does.
func TestEmpty(t *testing.T) {
	if r := (record.Group{ID: directory.ID{1}}); !r.Empty() {
		t.Error("a record of an id alone says something")
	}
	for i := range reflect.TypeFor[record.Group]().NumField() {
		name := reflect.TypeFor[record.Group]().Field(i).Name
		if name == "ID" {
			continue
		}
		var r record.Group
		fill(reflect.ValueOf(&r).Elem().Field(i))
		if r.Empty() {
			t.Errorf("a record with %s is taken for empty", name)
		}
	}
}

// TestCountsAdd: nothing is left out of a sum.
func TestCountsAdd(t *testing.T) {
	var one, sum record.Counts
	fill(reflect.ValueOf(&one).Elem())
	sum.Add(one)
	if diff := cmp.Diff(one, sum); diff != "" {
		t.Errorf("one added to nothing: -want +got:\n%s", diff)
	}
	sum.Add(record.Counts{})
	sum.Add(one)
	v, w := reflect.ValueOf(sum), reflect.ValueOf(one)
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Uint64:
			if f.Uint() != 2*w.Field(i).Uint() {
				t.Errorf("%s is %d, want twice %d", v.Type().Field(i).Name, f.Uint(), w.Field(i).Uint())
			}
		case reflect.Int:
			if f.Int() != 2*w.Field(i).Int() {
				t.Errorf("%s is %d, want twice %d", v.Type().Field(i).Name, f.Int(), w.Field(i).Int())
			}
		case reflect.Map:
			for _, k := range f.MapKeys() {
				if f.MapIndex(k).Int() != 2*w.Field(i).MapIndex(k).Int() {
					t.Errorf("%s has %v, want twice %v", v.Type().Field(i).Name, f, w.Field(i))
				}
			}
		default:
			t.Errorf("%s is of a kind that this test cannot add", v.Type().Field(i).Name)
		}
	}
	before := record.Counts{Pending: map[plan.GuardName]int{plan.Moves: 1}}
	var other record.Counts
	other.Add(before)
	other.Add(before)
	if before.Pending[plan.Moves] != 1 {
		t.Error("adding modified what was added")
	}
	if n := (record.Counts{Pending: map[plan.GuardName]int{plan.Moves: 2}, Over: map[plan.GuardName]int{plan.Moves: 3}}).Wants(plan.Moves); n != 5 {
		t.Errorf("%d moves are wanted, held or not; want 5", n)
	}
	if got := (record.Counts{Groups: 9, Members: 9, Known: 2, Managed: 1}).Totals(); got != (plan.Totals{Memberships: 2, Groups: 1}) {
		t.Errorf("shares are of %+v; want what the cloud knows alone", got)
	}
}

// fill sets a value, and all of its fields, to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64, reflect.Uint8:
		v.SetUint(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("x")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		k := reflect.New(v.Type().Key()).Elem()
		e := reflect.New(v.Type().Elem()).Elem()
		fill(k)
		fill(e)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(k, e)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	}
}
