// Package directory is what Entra ID says: groups, their members and owners, and the
// principals that stand behind those, folded from Microsoft Graph's
// delta pages.
//
// It is pure: no context, no clock, no log, no I/O. Its one invariant is that
// unknown is not empty: nothing that Graph did not say is ever concluded from
// what it left out, but that a complete enumeration names all there is.
package directory

import (
	"errors"
	"strings"
)

// ErrResync is what a source returns when Graph no longer knows the token of a
// link: the feed has to be enumerated from its beginning.
// Graph: 410 Gone, or 4xx with syncStateNotFound or resyncRequired.
var ErrResync = errors.New("delta token is no longer known: full enumeration needed")

// Kind is the type of a directory object, from Graph's @odata.type.
type Kind string

// The kinds that Graph names as members of a group.
const (
	User             Kind = "user"
	GroupKind        Kind = "group"
	Device           Kind = "device"
	Contact          Kind = "orgContact"
	ServicePrincipal Kind = "servicePrincipal"
)

// Standing says whether a principal can be written into Active Directory and,
// where it cannot, why.
type Standing string

// The standings. Those that keep a SID or an address ("Lost…") keep its last known value:
// only groups/delta takes a member out of a group.
const (
	Unseen      Standing = ""             // named as a member, not yet named by its own feed
	Synced      Standing = "synced"       // has an on-premises twin: SID is set; of a contact, Mail
	CloudOnly   Standing = "cloud-only"   // has no on-premises twin
	Guest       Standing = "guest"        // a B2B guest without an on-premises twin
	LostSID     Standing = "lost-sid"     // had a SID, Graph now says it has none
	NoMail      Standing = "no-mail"      // a contact without an address
	LostMail    Standing = "lost-mail"    // a contact that had an address, and Graph now says that it has none
	LostSoft    Standing = "soft-deleted" // is in Entra's recycle bin
	LostForGood Standing = "deleted"      // was permanently deleted
)

// Removal is why Graph lists an object with @removed.
type Removal string

// The reasons of a removal.
const (
	NotRemoved  Removal = ""
	SoftDeleted Removal = "soft-deleted" // reason "changed": can be restored for 30 days
	Deleted     Removal = "deleted"      // reason "deleted": gone for good
	Unlisted    Removal = "unlisted"     // not Graph's word: it was looked for, and Graph does not list it
)

// Reading says how a group's members came to be known.
type Reading string

// The readings. Only what was read as a whole, and confirmed by name, tells that
// somebody is none of the members.
const (
	Partial Reading = ""        // by deltas alone: who was a member before is not known
	Whole   Reading = "whole"   // once as a whole, and by deltas since
	Doubted Reading = "doubted" // as a whole, and not as it was known, such as without members of whom Graph never said that they left
	Named   Reading = "named"   // as a whole, and confirmed by name
)

// Properties are Graph properties by their JSON name. Booleans are "true" or
// "false", collections have a value each. In a change an empty slice is a JSON
// null (cleared) and an absent key is "not said"; in a Group an absent key is null.
type Properties map[string][]string

// First returns the first value, or "".
func (p Properties) First(name string) string {
	if v := p[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Member is a direct member or an owner of a group, with what is known of the principal
// behind it, kept here too so that a group can be decided on its own.
type Member struct {
	ID       ID
	Kind     Kind
	Standing Standing
	SID      SID
	Mail     string // of a contact, in the form of Address
}

// Group is a group as Graph has described it so far.
type Group struct {
	ID      ID
	Props   Properties
	Members []Member // by ID, unique
	Left    []Member // left since Active Directory last agreed: guards ask why
	Gone    Removal
	Reading Reading

	// Owners are those of whom Graph said so, by ID, unique. They are all there are if
	// OwnersKnown: who is none of them then is no owner, whether he was one or not. If not,
	// nobody asked for them, a part could not be read, or the group came back or was
	// enumerated or read otherwise than it was known: then others may be owners too.
	Owners      []Member
	OwnersKnown bool

	// Unread says that Members are not to be believed: some of what Graph said of
	// the group was said to an app that may not see them. It stays until the
	// group is enumerated anew: deltas never tell what was kept back before.
	Unread bool
}

// Hidden says whether the cloud keeps the members from those who are none.
func (p Properties) Hidden() bool {
	return strings.EqualFold(p.First("visibility"), "HiddenMembership")
}

// Principal is a user, group, device or contact that can be a member.
type Principal struct {
	ID       ID
	Kind     Kind
	Name     string // userPrincipalName or displayName, for people who read reports
	Standing Standing
	SID      SID
	Mail     string // of a contact, in the form of Address
	Parents  []ID   // groups that it is or once was a member or an owner of; sorted. A superset, pruned when visited
}

// Feed is one of Graph's delta feeds.
type Feed string

// The feeds, in the order in which an incremental round reads them. A full
// round reads the principals first, so that groups find them.
const (
	GroupFeed   Feed = "groups"
	UserFeed    Feed = "users"
	DeviceFeed  Feed = "devices"
	ContactFeed Feed = "contacts" // read where the rules write contacts
)

// Page is one page of a feed. Exactly one of Next and Delta is set, but where
// objects were asked for by id and all of them are here: then neither is.
type Page struct {
	Feed       Feed
	Groups     []GroupChange
	Principals []PrincipalChange
	Next       string // @odata.nextLink: more pages follow
	Delta      string // @odata.deltaLink: the feed is complete up to here
	Odd        []Odd  // what could not be read, and is in neither of the above
}

// GroupChange is one item of groups/delta. The same group may come in many
// items, each with a slice of its members.
type GroupChange struct {
	ID      ID
	Set     Properties
	Members []MemberChange // in the order of the page
	Removed Removal
	Unread  bool // Graph may have kept members back, without a word of it

	// Partial says that members of this item could not all be read: of those that
	// it lists it is true, but nobody may be concluded to have left.
	Partial bool

	// OwnersTold says that owners were asked for, and that those of this item could all
	// be read. Without it nobody knows after the item who all the owners are.
	Owners     []MemberChange // in the order of the page
	OwnersTold bool
}

// MemberChange is one item of members@delta or owners@delta.
type MemberChange struct {
	ID      ID
	Kind    Kind
	Removed bool
}

// PrincipalChange is one item of users/delta, devices/delta or contacts/delta. Of Set it
// reads onPremisesSecurityIdentifier, userType, userPrincipalName and displayName, and of
// a contact mail and displayName.
type PrincipalChange struct {
	ID      ID
	Kind    Kind
	Set     Properties
	Removed Removal
}
