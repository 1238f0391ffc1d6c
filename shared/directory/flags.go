package directory

import (
	"errors"
	"maps"
	"slices"
)

// flags are properties of Microsoft 365 groups that lie in Exchange Online: only GET of the
// one group gives them, and only if they are selected. Lists and deltas have null for them,
// and no delta tells that one has changed. In a Group such a property is ["true"] or
// ["false"] as it was read last, and absent while nobody knows it.
//
// Source: https://learn.microsoft.com/graph/api/resources/group, the properties that are
// "returned only on $select for Get group API (GET /groups/{ID})". Those of them that are
// about the signed-in user an app has none of.
var flags = []string{"allowExternalSenders", "autoSubscribeNewMembers", "hideFromAddressLists", "hideFromOutlookClients"}

// IsFlag says whether a property, by its Graph name, is told by nothing but the group itself.
func IsFlag(property string) bool { return slices.Contains(flags, property) }

// Flags returns those of some properties that are flags.
func Flags(properties []string) (out []string) {
	for _, name := range properties {
		if IsFlag(name) {
			out = append(out, name)
		}
	}
	return out
}

// Errors of a group that was asked for its flags. Any other says nothing about the group.
var (
	// ErrUntold: the group has none, at present. A new one gets its mailbox some minutes
	// later; one that is gone the groups' feed tells of. It says nothing else.
	ErrUntold = errors.New("microsoft graph has no flags of this group at present")
	// ErrRefused: the question is refused, or its answer is not understood, and would be again.
	ErrRefused = errors.New("microsoft graph does not tell the flags of this group")
)

// Unified says whether a group is a Microsoft 365 group.
func (p Properties) Unified() bool { return slices.Contains(p["groupTypes"], "Unified") }

// HasFlags says whether a group is one that can be asked for its flags.
func (g *Group) HasFlags() bool { return g.Gone == NotRemoved && g.Props.Unified() }

// Learn returns the group with the flags that it has told, and whether that is news. What it
// did not tell stays as it was.
func (g *Group) Learn(told Properties) (now *Group, news bool) {
	set := Properties{}
	for _, name := range Flags(slices.Collect(maps.Keys(told))) {
		if len(told[name]) > 0 {
			set[name] = told[name]
		}
	}
	props, news := g.Props.with(set)
	if !news {
		return g, false
	}
	out := *g
	out.Props = props
	return &out, true
}

// News lists the groups of which p, before it is folded into s, tells something other than
// who has joined or left, and those that it names and of which no flag is known: to ask them
// is worth it now.
func (s Snapshot) News(p Page) []ID {
	ids := map[ID]bool{}
	for _, c := range p.Groups {
		old := s.Groups[c.ID]
		switch {
		case c.Removed != NotRemoved:
		case old == nil, old.Gone != NotRemoved, len(old.flags()) == 0, len(c.Members)+len(c.Owners) == 0:
			ids[c.ID] = true
		default:
			if _, other := old.Props.with(c.Set); other {
				ids[c.ID] = true
			}
		}
	}
	return sortedIDs(ids)
}

// flags are those properties of a group that are flags.
func (g *Group) flags() Properties {
	out := Properties{}
	for _, name := range flags {
		if v, known := g.Props[name]; known {
			out[name] = v
		}
	}
	return out
}
