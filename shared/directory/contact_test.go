package directory_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/directory"
)

func TestAddress(t *testing.T) {
	long := strings.Repeat("x", 234)
	for text, want := range map[string]string{
		"Ann.Lee@Example.COM":              "ann.lee@example.com",
		"ÄNN@example.com":                  "änn@example.com",
		`"a@b"@example.com`:                `"a@b"@example.com`,
		long + "@x.com":                    long + "@x.com",
		long + "x@x.com":                   "",
		strings.Repeat("Ⱥ", 90) + "@x.com": "",
		"":                                 "",
		"ann":                              "",
		"@example.com":                     "",
		"ann@":                             "",
		"ann lee@example.com":              "",
		"ann@example.com\nS-1":             "",
		"ann@example.com\x00":              "",
		"ann\xff@example.com":              "",
		"ann\u00a0@x.com":                  "",
	} {
		if got := directory.Address(text); got != want {
			t.Errorf("%.40q is %.40q, want %.40q", text, got, want)
		}
		if want != "" && directory.Address(want) != want {
			t.Errorf("%.40q is another one in its own form", want)
		}
	}
}

// TestContacts follows what a contact that is a member is worth, and by which address it
// was one.
func TestContacts(t *testing.T) {
	item := func(pairs ...string) directory.PrincipalChange {
		return directory.PrincipalChange{ID: user(1), Kind: directory.Contact, Set: set(pairs...)}
	}
	tests := []struct {
		name  string
		items []directory.PrincipalChange
		want  directory.Member
		left  []string // the addresses by which it is no member any more
	}{
		{"named, not described", nil, directory.Member{}, nil},
		{"with an address", []directory.PrincipalChange{item("mail", "Ann@X.example", "displayName", "Ann")}, directory.Member{Standing: directory.Synced, Mail: "ann@x.example"}, nil},
		{"without one", []directory.PrincipalChange{item("mail", "", "displayName", "Ann")}, directory.Member{Standing: directory.NoMail}, nil},
		{"with something else", []directory.PrincipalChange{item("mail", "ann")}, directory.Member{Standing: directory.NoMail}, nil},
		{"it has another one", []directory.PrincipalChange{item("mail", "a@x.example"), item("mail", "b@x.example")}, directory.Member{Standing: directory.Synced, Mail: "b@x.example"}, []string{"a@x.example"}},
		{"and the first one again", []directory.PrincipalChange{item("mail", "a@x.example"), item("mail", "b@x.example"), item("mail", "a@x.example")}, directory.Member{Standing: directory.Synced, Mail: "a@x.example"}, []string{"b@x.example"}},
		{"in other letters", []directory.PrincipalChange{item("mail", "a@x.example"), item("mail", "A@X.example")}, directory.Member{Standing: directory.Synced, Mail: "a@x.example"}, nil},
		{"not said is not lost", []directory.PrincipalChange{item("mail", "a@x.example"), item("displayName", "Ann")}, directory.Member{Standing: directory.Synced, Mail: "a@x.example"}, nil},
		{"its address is lost, not forgotten", []directory.PrincipalChange{item("mail", "a@x.example"), item("mail", "")}, directory.Member{Standing: directory.LostMail, Mail: "a@x.example"}, nil},
		{"deleted", []directory.PrincipalChange{item("mail", "a@x.example"), {ID: user(1), Kind: directory.Contact, Removed: directory.Deleted}}, directory.Member{Standing: directory.LostForGood, Mail: "a@x.example"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := folded(t, newSnapshot(), groupsPage(directory.GroupChange{ID: group(1), Members: []directory.MemberChange{{ID: user(1), Kind: directory.Contact}}}))
			for _, c := range tt.items {
				folded(t, s, directory.Page{Feed: directory.ContactFeed, Principals: []directory.PrincipalChange{c}, Delta: "next time"})
			}
			tt.want.ID, tt.want.Kind = user(1), directory.Contact
			g := s.Groups[group(1)]
			if diff := gocmp.Diff([]directory.Member{tt.want}, g.Members); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var left []string
			for _, m := range g.Left {
				left = append(left, m.Mail)
			}
			if diff := gocmp.Diff(tt.left, left, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("left by -want +got:\n%s", diff)
			}
		})
	}
}

// TestContactBefore: an enumeration that has not come to the contact yet keeps its address.
func TestContactBefore(t *testing.T) {
	is := directory.Principal{ID: user(1), Kind: directory.Contact, Standing: directory.Synced, Mail: "a@x.example"}
	s := newSnapshot()
	s.Before = map[directory.ID]*directory.Principal{user(1): &is}
	folded(t, s, groupsPage(directory.GroupChange{ID: group(1), Members: []directory.MemberChange{{ID: user(1), Kind: directory.Contact}}}))
	if m := s.Groups[group(1)].Members[0]; m.Mail != is.Mail || m.Standing != directory.Unseen {
		t.Errorf("named alone: %+v", m)
	}
	folded(t, s, directory.Page{Feed: directory.ContactFeed, Principals: []directory.PrincipalChange{{ID: user(1), Kind: directory.Contact, Set: set("mail", "")}}})
	if m := s.Groups[group(1)].Members[0]; m.Mail != is.Mail || m.Standing != directory.LostMail {
		t.Errorf("described without an address: %+v", m)
	}
}
