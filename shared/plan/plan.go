// Package plan is what should exist in Active Directory and how to get there:
// the state of the groups that one installation owns, the difference between
// two states as a list of changes, and the meaning of a change.
//
// It is pure: no context, no clock, no log, no I/O. Sync, preview, drift repair
// and explain all use its one Diff. Its invariants:
//
//   - every change is idempotent: applied twice it does what it does once;
//   - every prefix of a list of changes is safe to stop at: names are freed
//     before they are taken, and groups exist before they are members;
//   - the same states give the same changes, byte for byte.
package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
)

// GUID is an objectGUID in its text form, lower case, as Windows prints it.
// Empty means not known.
type GUID string

// Ref names a member of a group, or a value of another Link, in one of four forms:
//
//	S-1-5-21-…    the principal with this SID
//	mark:<id>     the group that we own for this cloud group
//	mail:<mail>   the contact with this address, in the form of directory.Address
//	guid:<guid>   an object without SID that is none of ours, nor a contact with an address
//
// Two refs are the same object exactly if they are the same string.
type Ref string

// SIDRef names the principal with a SID.
func SIDRef(s directory.SID) Ref { return Ref(s) }

// GroupRef names the group that we own for a cloud group.
func GroupRef(id directory.ID) Ref { return Ref("mark:" + id.String()) }

// AppendForms appends the forms in which a member of a cloud group may stand in Active
// Directory: a group by its mark, whoever has a SID by that, a contact by its address.
func AppendForms(to []Ref, m directory.Member) []Ref {
	if m.Kind == directory.GroupKind {
		to = append(to, GroupRef(m.ID))
	}
	if m.SID != "" {
		to = append(to, SIDRef(m.SID))
	}
	if m.Mail != "" {
		to = append(to, MailRef(m.Mail))
	}
	return to
}

// MailRef names the contact with an address.
func MailRef(address string) Ref { return Ref("mail:" + address) }

// GUIDRef names an object that has no SID.
func GUIDRef(g GUID) Ref { return Ref("guid:" + g) }

// SID returns the SID of a ref of the first form.
func (r Ref) SID() (directory.SID, bool) {
	return directory.SID(r), strings.HasPrefix(string(r), "S-")
}

// Group returns the cloud group of a ref of the second form.
func (r Ref) Group() (directory.ID, bool) {
	s, ok := strings.CutPrefix(string(r), "mark:")
	if !ok {
		return directory.ID{}, false
	}
	id, err := directory.ParseID(s)
	return id, err == nil
}

// Mail returns the address of a ref of the third form.
func (r Ref) Mail() (address string, ok bool) { return strings.CutPrefix(string(r), "mail:") }

// Nameless says whether a ref is of an object without SID that is none of ours.
func (r Ref) Nameless() bool {
	_, mail := r.Mail()
	_, guid := r.GUID()
	return mail || guid
}

// GUID returns the GUID of a ref of the fourth form.
func (r Ref) GUID() (GUID, bool) {
	s, ok := strings.CutPrefix(string(r), "guid:")
	return GUID(s), ok
}

// Mark returns the ownership mark of the AD group that stands for a cloud
// group: the value of adminDescription and msDS-ExternalDirectoryObjectId, in
// the form that Entra Connect and Cloud Sync know and leave alone.
func Mark(id directory.ID) string { return "Group_" + id.String() }

// ParseMark is the inverse of Mark.
func ParseMark(s string) (directory.ID, bool) {
	s, ok := strings.CutPrefix(s, "Group_")
	if !ok {
		return directory.ID{}, false
	}
	id, err := directory.ParseID(s)
	return id, err == nil
}

// Group is a group in Active Directory that bears our mark.
type Group struct {
	ID     directory.ID        // the cloud group that it stands for
	GUID   GUID                // empty in wanted states
	Parent string              // DN of its container, in the form of NormalDN
	Name   string              // cn, not escaped
	Attrs  map[string][]string // by AD attribute name; values sorted, never empty
	Links  Links               // members, and the others that were read or are wanted

	// Gone is empty for a group that is there, and to be there. life.Deleted is one among Active
	// Directory's deleted objects, life.Disowned one that is left to people: then nothing
	// else of it counts but the GUID, and in a wish the note.
	Gone life.State
}

// Grave is a group of ours that was deleted in Active Directory, and can be restored: under
// the SID that it had.
type Grave struct {
	GUID GUID          `json:"guid" cbor:"1,keyasint"`
	SID  directory.SID `json:"sid" cbor:"2,keyasint,omitempty"`
}

// Members are the refs of its members, sorted and unique.
func (g Group) Members() []Ref { return g.Links[Member] }

// First is the first value of an attribute; "" if it has none.
func (g Group) First(attribute string) string {
	if values := g.Attrs[attribute]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// State is a set of owned groups by cloud group.
type State map[directory.ID]Group

// Digest identifies everything about a group that a plan can change, but not
// its GUID. Both ends compute it, so that drift is found without sending members.
func (g Group) Digest() string {
	if g.Gone != "" {
		return string(g.Gone)
	}
	h := sha256.New()
	enc := json.NewEncoder(h) // map keys are sorted: the bytes are canonical
	attrs := g.Attrs
	if len(attrs) == 0 {
		attrs = nil // no attributes are one thing, however they are held
	}
	err := enc.Encode([]any{g.ID, strings.ToLower(g.Parent), g.Name, attrs})
	for _, m := range g.Members() {
		fmt.Fprintln(h, m)
	}
	if others := g.Links.others(); err == nil && others != nil { // behind, so that a group without any has the digest that it always had
		err = enc.Encode(others)
	}
	if err != nil {
		panic("plan: a group of strings cannot fail to encode: " + err.Error())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Clone returns a copy that shares nothing with g.
func (g Group) Clone() Group {
	g.Attrs = maps.Clone(g.Attrs)
	for k, v := range g.Attrs {
		g.Attrs[k] = slices.Clone(v)
	}
	g.Links = g.Links.Clone()
	return g
}

// Op is what a change does.
type Op string

// The operations, in the order in which a plan runs them.
const (
	Rename Op = "rename" // move to Parent and Name, and set sAMAccountName if Set has it
	Create Op = "create" // at Parent and Name, with Set; without members
	Update Op = "update" // Remove members, Set attributes, or Add members: a plan has one of them in a change
	Relink Op = "relink" // Remove or Add values of another Link: an agent that knows members alone refuses it, and does not take them for such

	Restore Op = "restore" // a deleted group, by its GUID: under its old SID, at Parent and Name, with Set, as Create
	Disown  Op = "disown"  // take our fence off, and Set a note for people: the group stays, and is nobody's
	Delete  Op = "delete"  // the group, if it is as Digest says
)

// Updates says whether an operation leaves a group where it is, under its name.
func (o Op) Updates() bool { return o == Update || o == Relink }

// Change is one step towards the wanted state, of one group.
type Change struct {
	Op     Op                  `json:"op"`
	Group  directory.ID        `json:"group"`
	GUID   GUID                `json:"guid,omitempty"` // empty: created by this plan, find it by its mark
	Parent string              `json:"parent,omitempty"`
	Name   string              `json:"name,omitempty"`
	Set    map[string][]string `json:"set,omitempty"`  // an empty value clears
	Link   Link                `json:"link,omitempty"` // of Add and Remove; empty: members
	Add    []Ref               `json:"add,omitempty"`
	Remove []Ref               `json:"remove,omitempty"`

	// Why says for people what the change comes of: the cloud, somebody's hand, new rules,
	// an operator's word. Nothing depends on it.
	Why string `json:"why,omitempty"`
	// Loses says for people what they lose by the way that mail takes to the group. Nothing depends on it.
	Loses string `json:"loses,omitempty"`

	// Digest is the group's, as it was when its deletion was decided: one that is another
	// by now is not deleted. Count is how many memberships in the group the change takes away
	// without naming them: by a deletion, or another type.
	Digest string `json:"digest,omitempty"`
	Count  int    `json:"count,omitempty"`

	// Known is where the owned groups among Add and Remove are. One that is
	// absent is created earlier in the same plan.
	Known map[directory.ID]GUID `json:"known,omitempty"`
}

// Of is the link whose values a change adds or removes.
func (c Change) Of() Link { return cmp.Or(c.Link, Member) }

// Joins are the members that a change puts in: values of other links are not among them.
func (c Change) Joins() []Ref { return c.granting(c.Add) }

// Leaves are the members that a change takes out, as Joins are those that it puts in.
func (c Change) Leaves() []Ref { return c.granting(c.Remove) }

func (c Change) granting(refs []Ref) []Ref {
	if !c.Of().Grants() {
		return nil
	}
	return refs
}

// Values counts the values that a change writes: a measure of its work.
func (c Change) Values() int { return 1 + len(c.Set) + len(c.Add) + len(c.Remove) }

// Status is what became of a change.
type Status string

// The outcomes. Done may still have bad refs.
const (
	Done    Status = "done"
	Refused Status = "refused" // Active Directory or the local policy said no, and will again
	Skipped Status = "skipped" // needs a group that is not there
	Unknown Status = "unknown" // no answer: read the group again
	Fenced  Status = "fenced"  // the group bears a fence that outranks the change's: nothing was done
)

// Known says whether a status is one of the above. Whoever reads one that is not
// takes it for Unknown: a newer agent may know more outcomes.
func (s Status) Known() bool {
	switch s {
	case Done, Refused, Skipped, Unknown, Fenced:
		return true
	}
	return false
}

// Result is the agent's word on one change.
type Result struct {
	Status Status   `json:"status"`
	GUID   GUID     `json:"guid,omitempty"`  // of the group, after Create
	Code   int      `json:"code,omitempty"`  // LDAP result code
	Text   string   `json:"text,omitempty"`  // what to tell people, with the remedy
	Bad    []BadRef `json:"bad,omitempty"`   // members, or values of the change's link, that could not be added or removed
	Taken  *Taken   `json:"taken,omitempty"` // refused, because somebody else has the name; agents of before do not say so

	// Unset are attributes of a group that was made or restored without them, since Active
	// Directory refused them.
	Unset []string `json:"unset,omitempty"`

	// Clashes are of a change that was refused whole, because somebody else in the forest has
	// what it gives to the group: all of them. Agents of before do not look.
	Clashes []Clash `json:"clashes,omitempty"`
}

// Taken is who has a name, or an account name, that a change gives to a group.
type Taken struct {
	By   string `json:"by,omitempty"`   // DN; empty: the agent's account does not see the object
	Ours bool   `json:"ours,omitempty"` // it is a group of this installation
}

// BadRef is a member, or a value of another link, that Active Directory or the local policy refused.
type BadRef struct {
	Ref  Ref    `json:"ref"`
	Code int    `json:"code,omitempty"`
	Text string `json:"text"`
}

// Problem is something that could not be decided or written, and its reason. It
// is data for a report, not an error: the rest goes on.
type Problem struct {
	Group  directory.ID `json:"group"`
	Member directory.ID `json:"member,omitzero"`
	Reason string       `json:"reason"`         // a stable word: cloud-only, guest, name-taken, …
	Text   string       `json:"text,omitempty"` // for people, with the remedy
}

// Trouble is a group that is there, and not as it must be to be managed.
type Trouble struct {
	Case string `json:"case"` // one of the Trouble… words
	DN   string `json:"dn"`   // where the group is
	Text string `json:"text"` // what a person should do about it
}

// The cases of trouble.
const (
	TroubleTwin       = "twin"          // two groups bear the marks of one cloud group
	TroubleOutside    = "outside-base"  // it was moved out of the agent's base
	TroubleUnmarked   = "mark-missing"  // its adminDescription is not the mark any more
	TroubleUnfenced   = "fence-missing" // its adminDisplayName is no fence any more
	TroubleForeign    = "other-writer"  // its fence is of another installation, or it is another product's
	TroubleUnreadable = "unreadable"    // a part of it could not be read
)
