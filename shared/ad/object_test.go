package ad

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// TestSmallPages: a server may give fewer entries in an answer than it was asked for. What
// comes in the pages behind the first is there.
func TestSmallPages(t *testing.T) {
	d := newDomain(t)
	const groups = 5
	for n := range groups {
		create(t, d, n, fmt.Sprint("group ", n))
	}
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		if p, is := ldap.FindControl(r.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging); is {
			p.PagingSize = 2
		}
		return m.Conn.Search(r)
	}
	if rows := scan(t, d); len(rows) != groups {
		t.Errorf("%d groups, want %d", len(rows), groups)
	}
}

// TestGUIDOfAnotherGroup: a change of one cloud group names the AD group of another one,
// which is ours too. It is not touched.
func TestGUIDOfAnotherGroup(t *testing.T) {
	d := newDomain(t)
	create(t, d, 0, "one")
	other := create(t, d, 1, "other")
	c := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: other, Set: map[string][]string{"description": {"of one"}}}
	quiet(t, func() {
		if r := outcome(t, d, 5, c); r.Status != plan.Refused {
			t.Errorf("got %+v", r)
		}
	})
}

// TestSystemsGroups: either sign of a group of the system is enough.
func TestSystemsGroups(t *testing.T) {
	w := writer{Domain: &Domain{}}
	for _, test := range []struct {
		o       object
		allowed bool
	}{
		{object{sid: "S-1-5-21-1-2-3-1101"}, true},
		{object{sid: "S-1-5-21-1-2-3-1000"}, true},
		{object{sid: "S-1-5-21-1-2-3-1101", critical: true}, false},
		{object{sid: "S-1-5-21-1-2-3-512"}, false},
		{object{sid: directory.SID("S-1-5-32-544")}, false},
	} {
		if err := w.allowed(test.o); (err == nil) != test.allowed {
			t.Errorf("%+v: %v", test.o, err)
		}
	}
}

// TestRangeOf: a part of an attribute is the part that was asked for, and whole.
func TestRangeOf(t *testing.T) {
	for _, test := range []struct {
		name   string
		from   int
		values []string
		next   int
		fault  string
	}{
		{"member;range=0-1", 0, []string{"a", "b"}, 2, ""},
		{"member;range=2-*", 2, []string{"c"}, 0, ""},
		{"member;range=4-*", 2, []string{"c"}, 0, "asked for values from 2 on"},
		{"member;range=0-*", 2, []string{"a"}, 0, "asked for values from 2 on"},
		{"member;range=2-5", 2, []string{"c"}, 0, "has 1 values"},
		{"member;range=x-*", 0, []string{"a"}, 0, "asked for values from 0 on"},
		{"managedBy;range=0-*", 0, nil, 0, ""},
	} {
		e := ldap.NewEntry("CN=x", map[string][]string{test.name: test.values})
		values, next, err := rangeOf(e, "member", test.from)
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s from %d: %v, want %s", test.name, test.from, err, test.fault)
			}
			continue
		}
		if err != nil || next != test.next || len(values) != len(test.values) {
			t.Errorf("%s from %d: %v, %d, %v", test.name, test.from, values, next, err)
		}
	}
}
