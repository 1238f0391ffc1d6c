// Package graphtest is a Microsoft Graph and an Entra ID sign-in to test against:
// a tenant whose history is written by method calls, served over TLS as the
// delta feeds that the real service has, with their repetitions, their splits, their
// odd orders and, on demand, their faults.
//
// It serves tests and demonstrations. It is no emulator: it knows the delta feeds of
// groups, users, devices and contacts, the latter three by id, one group by its id, the tenant's
// settings of groups and synchronization jobs, and the client credentials flow, and nothing else. It
// is deterministic for a given history, seed and order of requests, but for its keys.
//
// What Microsoft documents or people have seen of these feeds, and what plays it:
//
//   - $select, also of members and owners; without it everything comes; a change of what is
//     not selected does not show; what was never set is absent, what was cleared
//     is null: always.
//   - $filter by up to 50 ids, $deltatoken=latest, Prefer: return=minimal: when asked
//     for. $top, $expand, $orderby, and parameters beside a token: 400.
//   - Users, devices and contacts by id, up to 15 values of "in", with null for what was never set:
//     when asked for. More are refused with 400.
//   - Groups, users, devices and contacts by name: "eq" of one or several properties, joined by
//     "or", and $top. Letters count as the same in either case: always.
//   - Flags of a Microsoft 365 group, such as hideFromAddressLists, by GET of that group alone,
//     where they are selected and the token has Group.Read.All; null in a delta; no delta tells
//     of a change. 404 for any other group, and for one that is not there: always.
//   - Settings of groups, service principals by their application template, and their
//     synchronization jobs: Tenant.SetGroupSetting, Tenant.AddSyncJob. A setting that nobody has set
//     is absent.
//   - A page has a nextLink or a deltaLink: Options.PageSize; pages without items:
//     EmptyPages.
//   - One object in many items with a slice of its members and owners each: MemberSlice; in any
//     order: Shuffle; an item several times: Repeat; a delta that says again what the
//     one before it said: Replay.
//   - Items of what is deleted, also of members, in a first enumeration: ListDeleted.
//   - "changed" is the recycle bin: Tenant.SoftDelete; "deleted" is for good:
//     HardDelete; who comes back is new, with all members and owners: Restore; or, since
//     nobody promises it, without those it had: BareRestore.
//   - A removed member or owner says "deleted", whether the link or the other end is gone:
//     always. Of both only id and @odata.type are said, of any type: always.
//   - Groups of hidden membership come without members, and 200, unless the token has
//     Member.Read.Hidden: property visibility, Server.SetRoles.
//     A delta that says that a group is hidden no more does not say who was in it.
//   - Changes that show late, and in one feed before the other: Server.Freeze.
//   - Answers that lack members, objects or all there is, in a feed, for groups by id, or
//     in a list, each on its own: Server.Lie.
//   - Links live a week (Options.Now), or less: Server.ExpireLinks. An old one is
//     refused with 410 and a Location, or with 400: Options.Expired. One that is refused
//     for ever with another code, while a new enumeration works: Server.RefuseLinks.
//   - 429 with Retry-After and x-ms-throttle headers, those who come again too early
//     counted: Options.Throttle. 429 without a word, with a date, or with nonsense,
//     5xx, cuts, halves and pages of proxies: Options.Fault.
//   - 401 and 403 by the token and its roles: Server.RevokeTokens, SetRoles, SetSecret.
//
// Not played, since nobody here asks for it: batches, change notifications, writes,
// and relationships other than members and owners.
package graphtest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"sync"

	"groupwriteback/shared/directory"
)

// ID returns an object id made from a name: the same for the same name.
func ID(name string) directory.ID {
	sum := sha256.Sum256([]byte(name))
	id := directory.ID(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // RFC 9562, version 8
	return id
}

// User is a user to add. One without a SID has no twin on premises.
type User struct {
	ID          directory.ID
	UPN         string
	DisplayName string
	SID         directory.SID
	Guest       bool
}

// Device is a device to add.
type Device struct {
	ID          directory.ID
	DisplayName string
	SID         directory.SID
}

// Contact is a contact of the organisation to add.
type Contact struct {
	ID          directory.ID
	DisplayName string
	Mail        string
}

// Group is a group to add, by default a security group without mail.
type Group struct {
	ID          directory.ID
	DisplayName string
	Description string
	Props       map[string]any // further or other properties by Graph name: string, bool or []string
	Members     []directory.ID // objects that exist
	Owners      []directory.ID // users and service principals that exist
}

// Tenant is what the cloud knows, with all its history. Its methods are what
// administrators do; each is atomic, and returns an error, having changed nothing, if the
// object is not there or not in a state for it. The zero value is an empty tenant.
// It is safe for concurrent use.
type Tenant struct {
	mu      sync.Mutex
	objects map[directory.ID]*object
	order   []directory.ID // as created
	log     []Event        // event n has sequence number n+1

	settings []groupSetting
	jobs     []SyncJob
}

// object is a group, user, device or another thing that can be a member.
type object struct {
	id       directory.ID
	kind     directory.Kind
	first    string // its display name when it was added
	props    map[string]prop
	links    [2]map[directory.ID]edge // by relation
	removed  directory.Removal
	added    uint64   // created
	born     uint64   // created or restored
	standing uint64   // last created, deleted or restored
	left     []former // what it lost by being deleted, for Restore
}

// prop is a property that was set once; its value is nil after it was cleared.
type prop struct {
	value any
	seq   uint64
}

// AddUser adds a user.
func (t *Tenant) AddUser(u User) error {
	props := map[string]any{"userPrincipalName": u.UPN, "displayName": u.DisplayName, "userType": "Member"}
	if u.Guest {
		props["userType"] = "Guest"
	}
	return t.add(u.ID, directory.User, synced(props, u.SID))
}

// AddDevice adds a device.
func (t *Tenant) AddDevice(d Device) error {
	return t.add(d.ID, directory.Device, synced(map[string]any{"displayName": d.DisplayName}, d.SID))
}

// AddContact adds a contact.
func (t *Tenant) AddContact(c Contact) error {
	props := map[string]any{"displayName": c.DisplayName}
	if c.Mail != "" {
		props["mail"] = c.Mail
	}
	return t.add(c.ID, directory.Contact, props)
}

// AddOther adds an object that has no feed but can be a member, such as a service
// principal.
func (t *Tenant) AddOther(id directory.ID, kind directory.Kind, displayName string) error {
	switch kind {
	case directory.User, directory.GroupKind, directory.Device, directory.Contact:
		return fmt.Errorf("add %s: kind %s has a method of its own", id, kind)
	}
	return t.add(id, kind, map[string]any{"displayName": displayName})
}

// AddGroup adds a group with its members and owners.
func (t *Tenant) AddGroup(g Group) error {
	props := map[string]any{"displayName": g.DisplayName, "securityEnabled": true, "mailEnabled": false, "groupTypes": []string{}}
	if g.Description != "" {
		props["description"] = g.Description
	}
	maps.Copy(props, g.Props)
	return t.add(g.ID, directory.GroupKind, props, g.Members, g.Owners)
}

func synced(props map[string]any, sid directory.SID) map[string]any {
	if sid != "" {
		props["onPremisesSecurityIdentifier"], props["onPremisesSyncEnabled"] = string(sid), true
	}
	return props
}

func (t *Tenant) add(id directory.ID, kind directory.Kind, props map[string]any, links ...[]directory.ID) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.objects[id] != nil {
		return fmt.Errorf("add %s %s: the id is taken", kind, id)
	}
	for r, others := range links {
		for _, other := range others {
			if err := t.fits(relation(r), other); err != nil {
				return fmt.Errorf("add %s %s: %w", kind, id, err)
			}
		}
	}
	for name, v := range props {
		if err := checkValue(name, v); err != nil {
			return fmt.Errorf("add %s %s: %w", kind, id, err)
		}
	}
	if t.objects == nil {
		t.objects = map[directory.ID]*object{}
	}
	seq := t.append(Event{What: Added, Object: id})
	o := &object{id: id, kind: kind, props: map[string]prop{}, added: seq, born: seq, standing: seq}
	for name, v := range props {
		o.props[name] = prop{v, seq}
	}
	o.first, _ = props["displayName"].(string)
	t.objects[id] = o
	t.order = append(t.order, id)
	for r, others := range links {
		for _, other := range others {
			t.link(o, relation(r), other, true)
		}
	}
	return nil
}

// Rename sets displayName.
func (t *Tenant) Rename(id directory.ID, displayName string) error {
	return t.SetProperty(id, "displayName", displayName)
}

// SetProperty sets a property to a string, bool or []string, or clears it if value
// is nil. To set what is set already is no event.
func (t *Tenant) SetProperty(id directory.ID, name string, value any) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.live(id, "")
	if err == nil {
		err = checkValue(name, value)
	}
	if err != nil {
		return fmt.Errorf("set property: %w", err)
	}
	if was, ok := o.props[name]; ok && reflect.DeepEqual(was.value, value) || !ok && value == nil {
		return nil
	}
	o.props[name] = prop{value, t.append(Event{What: PropertySet, Object: id, Property: name})}
	return nil
}

func checkValue(name string, v any) error {
	switch v.(type) {
	case nil, string, bool, []string, map[string]any:
		return nil
	}
	return fmt.Errorf("property %s: a %T is not a string, bool, []string, map[string]any or nil", name, v)
}

// SoftDelete moves a user or group to the recycle bin, which takes it out of the groups
// that hold it or that it owns. Entra ID has none for devices.
func (t *Tenant) SoftDelete(id directory.ID) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.live(id, "")
	if err != nil {
		return fmt.Errorf("soft-delete: %w", err)
	}
	if o.kind != directory.User && o.kind != directory.GroupKind {
		return fmt.Errorf("soft-delete: a %s is only ever deleted for good", o.kind)
	}
	o.left = t.leaveAll(id)
	o.removed, o.standing = directory.SoftDeleted, t.append(Event{What: SoftDeleted, Object: id})
	return nil
}

// HardDelete deletes an object for good, from the recycle bin or at once.
func (t *Tenant) HardDelete(id directory.ID) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.objects[id]
	if o == nil || o.removed == directory.Deleted {
		return fmt.Errorf("delete: there is no object %s", id)
	}
	t.leaveAll(id)
	o.removed, o.standing, o.left = directory.Deleted, t.append(Event{What: Deleted, Object: id}), nil
	return nil
}

// Restore brings a user or group back from the recycle bin, and into the groups
// that held it or that it owned.
func (t *Tenant) Restore(id directory.ID) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.objects[id]
	if o == nil || o.removed != directory.SoftDeleted {
		return fmt.Errorf("restore: object %s is not in the recycle bin", id)
	}
	seq := t.append(Event{What: Restored, Object: id})
	o.removed, o.born, o.standing = directory.NotRemoved, seq, seq
	for _, was := range o.left {
		if g := t.objects[was.group]; g.removed == directory.NotRemoved {
			t.link(g, was.as, id, true)
		}
	}
	o.left = nil
	return nil
}

// live returns an object that exists, of a kind if one is given.
func (t *Tenant) live(id directory.ID, kind directory.Kind) (*object, error) {
	o := t.objects[id]
	switch {
	case o == nil:
		return nil, fmt.Errorf("there is no object %s", id)
	case o.removed != directory.NotRemoved:
		return nil, fmt.Errorf("%s %s is %s", o.kind, id, o.removed)
	case kind != "" && o.kind != kind:
		return nil, fmt.Errorf("object %s is a %s, not a %s", id, o.kind, kind)
	}
	return o, nil
}
