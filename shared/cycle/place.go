package cycle

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

// A rank says which updates of a plan come first, where not all have room. Within
// one, those come first that were planned longest ago.
type rank int

const (
	asked    rank = iota // an operator waits for it
	reserved             // left over from earlier steps, for which a quarter of a plan is kept
	news                 // changed since the last step
	leftOver             // left over, beyond that quarter
	missed               // it got no answer the last time: what may be stuck on it must not hold up the rest
)

// A place is where the updates of a group stand in a plan.
type place struct {
	rank
	misses int
	last   uint64 // the last batch that may have changed it
	chance uint32
	shard  uint32
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(p.misses, q.misses), cmp.Compare(p.last, q.last), cmp.Compare(p.chance, q.chance))
}

// placeOf is the place of a group of a rank. gen is the journal's.
func placeOf(r record.Group, rank rank, gen uint64, shard uint32) place {
	switch {
	case r.Misses > 0: // in another order each time: which of them is to blame nobody knows
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(r.ID[:], gen))
		return place{missed, r.Misses, 0, binary.BigEndian.Uint32(sum[:]), shard}
	case r.Asked:
		return place{rank: asked, shard: shard}
	}
	return place{rank: rank, last: r.LastWrite, shard: shard}
}

// mostMembers is how many members the groups of a draft may have, together, before
// others wait: it is what a draft takes in memory.
const mostMembers = 300_000

// keep takes what is to be done about a group into the draft.
func (d *draft) keep(s *shardDraft, out decision.Output, rank rank, gen uint64) {
	g := out.Draft
	d.groups[g.ID], s.open = g, append(s.open, g.ID)
	d.places[g.ID] = placeOf(out.Record, rank, gen, s.Number)
	if slices.Contains(d.first, g.ID) {
		d.places[g.ID] = place{rank: asked, shard: s.Number}
	}
	n := valuesOf(g)
	s.values, d.values = s.values+n, d.values+n
	d.kept, d.members = d.kept+n, d.members+membersOf(g)
}

// prune lets go of what has no place in the next plan, once that is much. It was
// counted, and stays marked.
func (d *draft) prune() {
	if d.kept <= d.room+d.room/4 && d.members <= mostMembers+mostMembers/4 {
		return
	}
	ids := slices.SortedFunc(maps.Keys(d.groups), func(a, b directory.ID) int {
		return cmp.Or(d.places[a].compare(d.places[b]), a.Compare(b))
	})
	values, members := 0, 0
	for _, id := range ids {
		if values <= d.room && members <= mostMembers {
			values, members = values+valuesOf(d.groups[id]), members+membersOf(d.groups[id])
			continue
		}
		s := d.shards[d.places[id].shard]
		s.let, d.more = true, true
		d.forget(id)
	}
	for _, s := range d.shards {
		s.open = slices.DeleteFunc(s.open, func(id directory.ID) bool { return d.groups[id] == nil })
	}
}

func (d *draft) forget(id directory.ID) {
	if g := d.groups[id]; g != nil {
		d.kept, d.members = d.kept-valuesOf(g), d.members-membersOf(g)
		delete(d.groups, id)
		delete(d.places, id)
		for _, allowed := range d.allowed {
			delete(allowed, id)
		}
	}
}

func valuesOf(g *decision.Draft) (n int) {
	for _, c := range g.Changes() {
		n += c.Values()
	}
	return n
}

func membersOf(g *decision.Draft) int {
	n := len(g.Want.Members())
	if g.Observed != nil {
		n += len(g.Observed.Members())
	}
	return n
}
