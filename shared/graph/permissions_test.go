package graph_test

import (
	"slices"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
)

func TestPermissions(t *testing.T) {
	for _, test := range []struct {
		feed        directory.Feed
		roles       []string
		held, least string
	}{
		{directory.GroupFeed, nil, "", "GroupMember.Read.All"},
		{directory.GroupFeed, []string{"User.Read.All", "GroupMember.Read.All"}, "GroupMember.Read.All", "GroupMember.Read.All"},
		{directory.GroupFeed, []string{"Directory.Read.All", "Group.Read.All"}, "Group.Read.All", "GroupMember.Read.All"},
		{directory.UserFeed, []string{"GroupMember.Read.All"}, "", "User.Read.All"},
		{directory.DeviceFeed, []string{"Directory.Read.All"}, "Directory.Read.All", "Device.Read.All"},
		{directory.ContactFeed, []string{"User.Read.All"}, "", "OrgContact.Read.All"},
		{directory.ContactFeed, []string{"OrgContact.Read.All"}, "OrgContact.Read.All", "OrgContact.Read.All"},
		{"mail", []string{"Directory.Read.All"}, "", ""},
	} {
		if held, least := graph.Permission(test.feed, test.roles); held != test.held || least != test.least {
			t.Errorf("%s by %v: %q, %q; want %q, %q", test.feed, test.roles, held, least, test.held, test.least)
		}
	}
	if ok, by := graph.SeesHidden([]string{"Member.Read.Hidden"}); !ok || by != "Member.Read.Hidden" {
		t.Errorf("hidden memberships: %v by %s", ok, by)
	}
	if held, least := graph.FlagPermission([]string{"GroupMember.Read.All", "Group.ReadWrite.All"}); held != "Group.ReadWrite.All" || least != "Group.Read.All" {
		t.Errorf("flags: %q, %q", held, least)
	}
	if got := graph.Excess([]string{"Group.Read.All", "Application.Read.All"}, nil, true); len(got) > 0 {
		t.Errorf("with flags: %v", got)
	}
	roles := []string{"Device.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All", "Mail.Read", "Member.Read.Hidden", "OrgContact.Read.All", "User.Read.All"}
	feeds := []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed}
	if got := graph.Excess(roles, feeds, false); !slices.Equal(got, []string{"Group.ReadWrite.All", "Mail.Read", "OrgContact.Read.All"}) {
		t.Errorf("more than is needed: %v", got)
	}
	if got := graph.Excess(roles, append(feeds, directory.ContactFeed), false); !slices.Equal(got, []string{"Group.ReadWrite.All", "Mail.Read"}) {
		t.Errorf("more than is needed with contacts: %v", got)
	}
}
