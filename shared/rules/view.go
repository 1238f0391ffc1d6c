package rules

import (
	"maps"
	"slices"

	"groupwriteback/shared/directory"
)

// A View is a cloud group as the rules look at it: without the members that they leave out,
// who count as having left, and, where membership is flat, with everybody below it. What
// decides looks at that group alone, and needs evidence as of any other.
type View struct {
	Group *directory.Group

	// Parts are the groups that a flat one is made of, itself among them, of which it is not
	// certain who is in them. Doubtful are those of whom Graph said that they left a part:
	// whether they have another way into the whole will be known when it is certain.
	Parts    []directory.ID
	Doubtful []directory.Member
}

// View shows a group; by default it is as it is. nested is asked for groups at any depth.
// Nothing of g is changed.
func (r *Rules) View(g *directory.Group, nested func(directory.ID) *directory.Group) View {
	m := r.Members
	if g == nil || !m.Flat && !m.NoUsers && !m.NoDevices && !m.NoGroups && !m.NoADGroups {
		return View{Group: g}
	}
	v := viewer{rules: m, nested: nested, members: map[directory.ID]directory.Member{}}
	out := *g
	view := View{Group: &out}
	parts := v.gather(g, v.members)
	unknown := v.unknown
	for _, part := range parts {
		if c := certainty(part); c < certainty(&out) {
			out.Reading = readings[c]
		}
		out.Unread = out.Unread || part.Unread
		if part.Props.Hidden() { // whoever is in it is not told to those who see this one
			out.Props = maps.Clone(out.Props)
			out.Props["visibility"] = part.Props["visibility"]
		}
		if len(parts) > 1 && certainty(part) < certain {
			view.Parts = append(view.Parts, part.ID)
		}
		v.leave(part.Left)
	}
	if !m.Flat || !unknown && certainty(&out) == certain && !out.Unread {
		v.left = append(v.left, v.gone...)
	} else {
		view.Doubtful = v.gone
	}
	out.Members = slices.SortedFunc(maps.Values(v.members), byID)
	out.Left = slices.DeleteFunc(v.left, func(m directory.Member) bool {
		is, yes := v.members[m.ID]
		return yes && is.SID == m.SID && is.Mail == m.Mail
	})
	slices.SortFunc(out.Left, byID)
	out.Left = slices.Compact(out.Left)
	return view
}

type viewer struct {
	rules   Members
	nested  func(directory.ID) *directory.Group
	members map[directory.ID]directory.Member
	unknown bool               // somebody stands for a group of which nobody knows who is in it
	left    []directory.Member // of whom the rules take a link away

	// gone are those of whom Graph said that they left a part. They left the whole if they
	// have no other way into it: that is known when who is in each part is certain.
	gone []directory.Member
}

// gather puts a group's members into to, and lists the groups that it is made of, itself
// first. A group is visited once: they may go round in a circle.
func (v *viewer) gather(g *directory.Group, to map[directory.ID]directory.Member) []*directory.Group {
	parts, seen := []*directory.Group{g}, map[directory.ID]bool{g.ID: true}
	for i := 0; i < len(parts); i++ {
		for _, m := range parts[i].Members {
			switch below, opens := v.opens(m); {
			case v.leavesOut(m):
				v.left = append(v.left, m)
			case !opens:
				to[m.ID] = m
			case below == nil: // nobody knows who is in it: it is asked for
				m.Standing, v.unknown = directory.Unseen, true
				to[m.ID] = m
			default:
				v.left = append(v.left, m) // a link to it, if there is one, is none of a flat group's
				if !seen[m.ID] {
					seen[m.ID] = true
					parts = append(parts, below)
				}
			}
		}
	}
	return parts
}

// leave notes who left a part. With a group everybody left who is in that.
func (v *viewer) leave(left []directory.Member) {
	for _, m := range left {
		below, opens := v.opens(m)
		if !opens {
			v.gone = append(v.gone, m)
			continue
		}
		v.left = append(v.left, m)
		if below == nil {
			continue
		}
		gone := map[directory.ID]directory.Member{}
		for _, part := range v.gather(below, gone) {
			v.gone = append(v.gone, part.Left...)
		}
		v.gone = slices.AppendSeq(v.gone, maps.Values(gone))
	}
}

// opens says whether a member stands for who is in it, and who that is; nil: not known.
// Who is in a group that Active Directory masters is not the cloud's to say.
func (v *viewer) opens(m directory.Member) (below *directory.Group, opens bool) {
	if m.Kind != directory.GroupKind || !v.rules.Flat || m.SID != "" {
		return nil, false
	}
	return v.nested(m.ID), true
}

func (v *viewer) leavesOut(m directory.Member) bool {
	switch m.Kind {
	case directory.User:
		return v.rules.NoUsers
	case directory.Device:
		return v.rules.NoDevices
	case directory.GroupKind:
		if v.rules.Flat && m.SID == "" { // it is no member itself: those in it are
			return false
		}
		return v.rules.NoGroups || v.rules.NoADGroups && m.SID != ""
	}
	return false
}

// certainty orders readings: what is made of several groups is as certain as the least of
// them. A group that Graph does not list, but names as a member, is a contradiction.
func certainty(g *directory.Group) int {
	if g.Gone == directory.Unlisted {
		return 0
	}
	return slices.Index(readings, g.Reading)
}

var readings = []directory.Reading{directory.Partial, directory.Doubted, directory.Whole, directory.Named}

const certain = 3 // of what was read as a whole, and confirmed by name

func byID(a, b directory.Member) int { return a.ID.Compare(b.ID) }
