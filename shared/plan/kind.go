package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
)

// Kind is what a change does to a group. Each is refused, and tried again, on its
// own: a name that is taken keeps nobody in a group.
type Kind string

// The kinds.
const (
	Renaming Kind = "rename"
	Creating Kind = "create"
	Setting  Kind = "set"
	Removing Kind = "remove"
	Adding   Kind = "add"

	Restoring Kind = "restore"
	Disowning Kind = "disown"
	Deleting  Kind = "delete"
)

// Kinds lists them in the order in which Diff brings those of one group.
func Kinds() []Kind {
	return []Kind{Renaming, Creating, Restoring, Removing, Setting, Adding, Disowning, Deleting}
}

// Kind is the change's kind: Diff makes changes of one kind only.
func (c Change) Kind() Kind {
	switch {
	case c.Op == Rename:
		return Renaming
	case c.Op == Create:
		return Creating
	case c.Op == Restore:
		return Restoring
	case c.Op == Disown:
		return Disowning
	case c.Op == Delete:
		return Deleting
	case len(c.Remove) > 0:
		return Removing
	case len(c.Add) > 0:
		return Adding
	}
	return Setting
}

// Wish identifies what a change wants of the group as a whole, without its
// members: a refusal is of this wish, and another one is tried at once.
func (c Change) Wish() string {
	data, err := json.Marshal([]any{c.Kind(), c.Parent, c.Name, c.Set})
	if err != nil {
		panic("plan: a change of strings cannot fail to encode: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Revert is the wish for a group without a kind of change, or, of Removing and
// Adding, without these values of a link; nil: nothing is wished. Where the one value that a
// link may have stays, no other comes.
func Revert(want, observed Group, kind Kind, link Link, refs []Ref) *Group {
	switch kind {
	case Creating, Restoring:
		return nil
	case Deleting, Disowning:
		return &observed
	case Renaming:
		want.Parent, want.Name = observed.Parent, observed.Name
		want.Attrs = maps.Clone(want.Attrs)
		keep(want.Attrs, observed.Attrs, AccountName)
	case Setting:
		attrs := maps.Clone(observed.Attrs)
		if attrs == nil {
			attrs = map[string][]string{}
		}
		keep(attrs, want.Attrs, AccountName) // it travels with the name
		want.Attrs = attrs
	case Removing:
		stay := Merge(want.Links[link], refs)
		if link.Single() && len(stay) > 1 {
			stay = observed.Links[link]
		}
		want.Links = want.Links.With(link, stay)
	case Adding:
		want.Links = want.Links.With(link, Missing(want.Links[link], refs))
	}
	return &want
}

// keep sets one attribute as another group has it.
func keep(attrs, from map[string][]string, name string) {
	if v, ok := from[name]; ok {
		attrs[name] = slices.Clone(v)
	} else {
		delete(attrs, name)
	}
}

// Wish is what rules want of one group in Active Directory.
type Wish struct {
	Group    *Group // as the cloud has it; nil: nothing should be made, and what is there stays as it is
	Problems []Problem

	// Event is what has become of the group. Of one that is not wanted any more Fate is the rules'
	// word on what stands for it, and Grace how long it stays in quarantine before it is
	// deleted; Reason and Note say why, as a problem's reason and in words.
	Event  life.Event
	Fate   life.Fate
	Grace  time.Duration
	Reason string
	Note   string

	// Loses says for people what is lost by the way that mail takes to the group; empty: nothing.
	Loses string

	// Rename says that a new name in the cloud renames a group that has a name already.
	Rename bool

	// Undescribed are members of whom nobody knows who they are in Active Directory:
	// while there are any, no member of the group is a stranger.
	Undescribed []directory.Member
	// Describe are others of whom that is not known.
	Describe []directory.Member
	// Ask are groups that have to be read by name before more can be said.
	Ask []directory.ID
	// Nameless says that members of the cloud group have no SID by their nature, and are not
	// known to stand in Active Directory by an address: then no object without a SID is a
	// stranger.
	Nameless bool
	// Additive says that strangers stay: who is a member and never was one in the cloud.
	Additive bool
}
