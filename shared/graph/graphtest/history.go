package graphtest

import (
	"encoding/json"
	"slices"

	"groupwriteback/shared/directory"
)

// What says what an event did.
type What string

// The events of a tenant.
const (
	Added         What = "added"
	PropertySet   What = "property-set"
	MemberAdded   What = "member-added"
	MemberRemoved What = "member-removed"
	OwnerAdded    What = "owner-added"
	OwnerRemoved  What = "owner-removed"
	SoftDeleted   What = "soft-deleted"
	Restored      What = "restored"
	Deleted       What = "deleted"
)

// Event is one thing that happened. A call may be several: to delete a user is also
// to remove it from its groups, before the deletion itself.
type Event struct {
	Seq      uint64       `json:"seq"` // from 1, without gaps
	What     What         `json:"what"`
	Object   directory.ID `json:"object"`
	Member   directory.ID `json:"member,omitzero"`   // the other one, of MemberAdded, MemberRemoved, OwnerAdded and OwnerRemoved
	Property string       `json:"property,omitzero"` // of PropertySet
}

func (t *Tenant) append(e Event) uint64 {
	e.Seq = uint64(len(t.log)) + 1
	t.log = append(t.log, e)
	return e.Seq
}

// History returns all that happened, in order.
func (t *Tenant) History() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.log)
}

// Truth is a tenant at one time, for a comparison by somebody who knows nothing
// of deltas.
type Truth struct {
	Seq     uint64        `json:"seq"` // the last event in it
	Groups  []TruthObject `json:"groups"`
	Users   []TruthObject `json:"users"`
	Devices []TruthObject `json:"devices"`
	Others  []TruthObject `json:"others"`
}

// TruthObject is one object of a Truth. Properties that were never set or were cleared
// are left out. Objects in a Truth and the members and owners in a group are sorted by id.
type TruthObject struct {
	ID         directory.ID      `json:"id"`
	Removed    directory.Removal `json:"removed,omitzero"`
	Properties map[string]any    `json:"properties"`
	First      string            `json:"first,omitzero"`   // the display name that a group came with
	Members    []TruthMember     `json:"members,omitzero"` // nil but for groups
	Owners     []TruthMember     `json:"owners,omitzero"`  // nil where there are none
}

// TruthMember is a direct member or an owner of a group.
type TruthMember struct {
	ID   directory.ID   `json:"id"`
	Kind directory.Kind `json:"kind"`
	SID  directory.SID  `json:"sid,omitzero"` // of its twin on premises
}

// Dump returns the tenant as it is now, deleted objects included.
func (t *Tenant) Dump() Truth {
	t.mu.Lock()
	defer t.mu.Unlock()
	none := []TruthObject{} // not null in JSON
	truth := Truth{Seq: uint64(len(t.log)), Groups: none, Users: none, Devices: none, Others: none}
	for _, id := range slices.SortedFunc(slices.Values(t.order), directory.ID.Compare) {
		o := t.truth(t.objects[id])
		switch t.objects[id].kind {
		case directory.GroupKind:
			truth.Groups = append(truth.Groups, o)
		case directory.User:
			truth.Users = append(truth.Users, o)
		case directory.Device:
			truth.Devices = append(truth.Devices, o)
		default:
			truth.Others = append(truth.Others, o)
		}
	}
	return truth
}

func (t *Tenant) truth(o *object) TruthObject {
	out := TruthObject{ID: o.id, Removed: o.removed, Properties: map[string]any{}}
	for name, p := range o.props {
		if p.value != nil {
			out.Properties[name] = p.value
		}
	}
	if o.kind == directory.GroupKind {
		out.Members, out.First = []TruthMember{}, o.first
	}
	out.Members = append(out.Members, t.truths(o.present(member))...)
	out.Owners = t.truths(o.present(owner))
	return out
}

func (t *Tenant) truths(ids []directory.ID) (out []TruthMember) {
	for _, id := range ids {
		m := t.objects[id]
		sid, _ := m.props["onPremisesSecurityIdentifier"].value.(string)
		out = append(out, TruthMember{ID: id, Kind: m.kind, SID: directory.SID(sid)})
	}
	return out
}

// MarshalJSON writes what Dump returns.
func (t *Tenant) MarshalJSON() ([]byte, error) { return json.Marshal(t.Dump()) }
