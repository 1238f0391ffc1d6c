package graph

import (
	"fmt"
	"slices"

	"groupwriteback/shared/directory"
)

// feed is what the client asks of one of Graph's delta feeds.
type feed struct {
	name       directory.Feed
	kind       directory.Kind // of its items
	properties []string
	members    bool // the feed also tracks who the members are

	// permissions that open the feed, the least first.
	permissions []string
}

// lookup is the one list of what is read from Graph. A change of an unselected
// property does not show in a delta, so that whatever a rule may look at by
// default is here; all else comes by Options.Properties.
//
// Sources: the "permissions" tables of
// https://learn.microsoft.com/graph/api/group-delta, .../user-delta, .../device-delta
// and .../orgcontact-delta.
func lookup(name directory.Feed) (feed, error) {
	switch name {
	case directory.GroupFeed:
		return feed{
			name: name,
			kind: directory.GroupKind,
			properties: []string{
				"description", "displayName", "groupTypes", "isAssignableToRole", "mail", "mailEnabled", "mailNickname",
				"onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "proxyAddresses", "securityEnabled", "visibility",
			},
			members:     true,
			permissions: []string{"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
		}, nil
	case directory.UserFeed:
		return feed{
			name:        name,
			kind:        directory.User,
			properties:  []string{"displayName", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "userPrincipalName", "userType"},
			permissions: []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
		}, nil
	case directory.DeviceFeed:
		return feed{
			name:        name,
			kind:        directory.Device,
			properties:  []string{"displayName", "onPremisesSecurityIdentifier"},
			permissions: []string{"Device.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"},
		}, nil
	case directory.ContactFeed:
		return feed{
			name:        name,
			kind:        directory.Contact,
			properties:  []string{"displayName", "mail"},
			permissions: []string{"OrgContact.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"},
		}, nil
	}
	return feed{}, fmt.Errorf("microsoft graph has no feed %q: groups, users, devices and contacts are known", name)
}

// selection is the feed's $select: sorted and unique, so that equal wishes give
// equal links.
func (f feed) selection(extra []string) []string {
	s := slices.Concat(f.properties, extra, []string{"id"})
	if f.members {
		s = append(s, "members")
	}
	slices.Sort(s)
	return slices.Compact(s)
}
