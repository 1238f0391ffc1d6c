package cycle

import (
	"reflect"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// TestShift is what two wishes for a group are told to differ in.
func TestShift(t *testing.T) {
	id := directory.ID{1}
	group := func(parent, name, info string, members ...plan.Ref) *plan.Group {
		g := &plan.Group{ID: id, Parent: parent, Name: name, Attrs: map[string][]string{"displayName": {name}}, Members: members}
		if info != "" {
			g.Attrs["info"] = []string{info}
		}
		return g
	}
	why := func(reason string, member byte) []plan.Problem {
		return []plan.Problem{{Group: id, Member: directory.ID{member}, Reason: reason}}
	}
	one := plan.Wish{Event: life.Wanted, Group: group("OU=a", "One", "", "S-1", "S-2")}
	for _, test := range []struct {
		name          string
		before, after plan.Wish
		want          Shift
	}{
		{"nothing", one, plan.Wish{Event: life.Wanted, Group: group("ou=A", "One", "", "S-1", "S-2")}, Shift{}},
		{"nobody wants it", plan.Wish{}, plan.Wish{}, Shift{}},
		{"it comes", plan.Wish{}, one, Shift{Name: "One", Come: true, Join: 2}},
		{"it comes back", plan.Wish{Event: life.OutOfScope}, one, Shift{Name: "One", Come: true, Join: 2}},
		{"it goes", one, plan.Wish{Event: life.OutOfScope, Problems: why("not-listed", 0)}, Shift{Name: "One", Go: true, Problems: []string{"not-listed"}}},
		{"it is left as it is", one, plan.Wish{}, Shift{Name: "One", Go: true}},
		{"it moves", one, plan.Wish{Event: life.Wanted, Group: group("OU=b", "One", "", "S-1", "S-2")}, Shift{Name: "One", Move: "OU=b"}},
		{"another name", one, plan.Wish{Event: life.Wanted, Group: group("OU=a", "Two", "", "S-1", "S-2"), Rename: true}, Shift{Name: "Two", Rename: "One", Change: []string{"displayName"}}},
		{"another name, which groups that have one do not get", one, plan.Wish{Event: life.Wanted, Group: group("OU=a", "Two", "", "S-1", "S-2")}, Shift{Name: "One", Change: []string{"displayName"}}},
		{"other members", one, plan.Wish{Event: life.Wanted, Group: group("OU=a", "One", "", "S-2", "S-3", "S-4")}, Shift{Name: "One", Join: 2, Leave: 1}},
		{"a member's new problem", plan.Wish{Event: life.Wanted, Group: one.Group, Problems: why("guest", 2)}, plan.Wish{Event: life.Wanted, Group: one.Group, Problems: append(why("guest", 2), why("guest", 3)...)},
			Shift{Name: "One", Problems: []string{"guest"}}},
		{"a problem that was there", plan.Wish{Event: life.Wanted, Group: one.Group, Problems: why("guest", 2)}, plan.Wish{Event: life.Wanted, Group: one.Group, Problems: why("guest", 2)}, Shift{}},
	} {
		s := &shifts{groups: map[directory.ID]*Shift{}}
		s.note(id, one, plan.Wish{}) // it may be decided twice: the last word counts
		s.note(id, test.before, test.after)
		got := Shift{}
		if x := s.groups[id]; x != nil {
			got, test.want.Group = *x, id
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}
