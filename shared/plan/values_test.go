package plan_test

import (
	"testing"

	"groupwriteback/shared/plan"
)

// TestSameValues: Active Directory answers in its own spelling where a value names an
// object. Compared byte by byte such a value would be written again after each scan.
func TestSameValues(t *testing.T) {
	v := func(values ...string) []string { return values }
	for _, test := range []struct {
		attr string
		a, b []string
		same bool
	}{
		{"description", nil, nil, true},
		{"description", nil, v(), true},
		{"description", v("x"), nil, false},
		{"description", v("a", "b"), v("b", "a"), true},
		{"description", v("a", "b"), v("a"), false},
		{"displayName", v("sales"), v("Sales"), false}, // people see it: it is put right
		{"sAMAccountName", v("sales"), v("Sales"), false},
		{"managedBy", v("cn=owner, ou=a,dc=x"), v("CN=Owner,OU=a,DC=x"), true},
		{"MANAGEDBY", v(`cn=a\2cb,dc=x`), v(`CN=a\,b,DC=x`), true},
		{"managedBy", v("cn=owner,dc=x"), v("cn=owner,dc=y"), false},
		{"managedBy", v("no name"), v("no name"), true},
		{"description", v("cn=owner,dc=x"), v("CN=owner,DC=x"), false},
		{"adminDescription", v("Group_AB"), v("group_ab"), true},
		{"msDS-ExternalDirectoryObjectId", v("Group_AB"), v("Group_ac"), false},
		{"groupType", v("-2147483640"), v("2147483656"), true}, // with and without a sign
		{"grouptype", v("-2147483640"), v("-2147483646"), false},
		{"groupType", v("x"), v("y"), false},
	} {
		if got := plan.SameValues(test.attr, test.a, test.b); got != test.same || plan.SameValues(test.attr, test.b, test.a) != got {
			t.Errorf("%s: %q and %q: %v, want %v", test.attr, test.a, test.b, got, test.same)
		}
	}
	values := v("b", "a")
	if plan.SameValues("info", values, values); values[0] != "b" {
		t.Errorf("the caller's values were sorted: %q", values)
	}
	if !plan.NamesObjects("ManagedBy") || plan.NamesObjects("description") {
		t.Error("managedBy names an object, description does not")
	}
}
