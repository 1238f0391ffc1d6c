package cycle

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"slices"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// planTime is how much of the agent's work one plan holds.
const planTime = 60 * time.Second

// defaultRate is the pace that is assumed before the agent has shown its own, in
// values per second.
const defaultRate = 1000

// draft is what one step has decided: of each group for which there is something to
// do, and of each shard what was counted.
type draft struct {
	groups   map[directory.ID]*decision.Draft
	shards   map[uint32]*shardDraft
	allowed  map[plan.GuardName]map[directory.ID]plan.Impact // what approvals of limits over all groups list
	opened   map[string]bool                                 // ids of holds that this step opens
	asks     questions
	complete bool // no shard is left whose changes nobody has counted
	more     bool // there are shards that this step did not come to
	values   int
}

type shardDraft struct {
	journal.Shard
	open   []directory.ID // groups for which there is something to do
	counts record.Counts
	wake   time.Time
	rank   rank // of its groups that nobody asked for
}

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

// decide compares wish and reality for all groups that may have changed. It begins
// nothing new after the limit.
func (p *Planner) decide(ctx context.Context, tx *journal.Tx, limit limit, mayAsk bool) (*draft, error) {
	d := &draft{groups: map[directory.ID]*decision.Draft{}, shards: map[uint32]*shardDraft{}, opened: map[string]bool{},
		allowed: map[plan.GuardName]map[directory.ID]plan.Impact{}, complete: true, asks: newQuestions(mayAsk)}
	if err := p.draft(ctx, tx, d, limit); err != nil || len(d.shards) == 0 {
		return d, err
	}
	if err := p.enforce(ctx, tx, d); err != nil {
		return nil, err
	}
	for _, s := range d.shards {
		tx.Counted(s.Shard, s.counts, s.counts.Changes > 0, s.wake)
	}
	return d, nil
}

// draft decides shards: those that nobody has counted first, since limits need
// all counts; then others, up to a plan's worth, and to a quarter of one however
// much is new.
func (p *Planner) draft(ctx context.Context, tx *journal.Tx, d *draft, limit limit) error {
	uncounted, counted, err := tx.Todo(ctx)
	if err != nil {
		return err
	}
	room, old := budget(tx), 0
	for i, n := range slices.Concat(uncounted, counted) {
		isOld := i >= len(uncounted)
		if limit.reached(tx, i) || isOld && d.values > room && old > room/4 {
			d.complete, d.more = isOld, true
			break
		}
		before := d.values
		if err := p.draftShard(ctx, tx, d, n); err != nil {
			return err
		}
		s := d.shards[n]
		switch {
		case !isOld:
			s.rank = news
		case old <= room/4:
			s.rank = reserved
		default:
			s.rank = leftOver
		}
		if isOld {
			tx.Head.Cursor = n
			old += d.values - before
		}
		tx.Trim()
	}
	return nil
}

// budget is how many values a plan should hold.
func budget(tx *journal.Tx) int {
	rate := cmp.Or(tx.Head.Rate, defaultRate)
	return min(max(int(rate*planTime.Seconds()), 1000), journal.MaxBatches*journal.MaxBatchValues)
}

// draftShard decides one shard's groups.
func (p *Planner) draftShard(ctx context.Context, tx *journal.Tx, d *draft, number uint32) error {
	shard, err := tx.Shard(ctx, number)
	if err != nil {
		return err
	}
	if err := tx.Fetch(ctx, shard.Groups); err != nil {
		return err
	}
	if err := tx.Fetch(ctx, kin(tx, shard.Groups)); err != nil {
		return err
	}
	s := &shardDraft{Shard: shard}
	d.shards[number] = s
	for _, id := range shard.Groups {
		out, err := p.decideGroup(ctx, tx, d, id)
		if err != nil {
			return err
		}
		if out.Draft != nil {
			d.groups[id], s.open = out.Draft, append(s.open, id)
			for _, c := range out.Draft.Changes() {
				d.values += c.Values()
			}
		}
		s.counts.Add(out.Counts)
		if !out.Wake.IsZero() && (s.wake.IsZero() || out.Wake.Before(s.wake)) {
			s.wake = out.Wake
		}
	}
	return nil
}

// kin are the groups that are or were members of groups.
func kin(tx *journal.Tx, ids []directory.ID) []directory.ID {
	var out []directory.ID
	for _, id := range ids {
		if g := tx.Group(id); g != nil {
			for _, members := range [][]directory.Member{g.Members, g.Left} {
				for _, m := range members {
					if m.Kind == directory.GroupKind {
						out = append(out, m.ID)
					}
				}
			}
		}
	}
	return out
}

// decideGroup loads what is known of a group, has it decided, and stores what comes out.
func (p *Planner) decideGroup(ctx context.Context, tx *journal.Tx, d *draft, id directory.ID) (decision.Output, error) {
	r, g := tx.Record(id), tx.Group(id)
	nested := func(child directory.ID) rules.Nested {
		return rules.Nested{Group: tx.Group(child), Exists: tx.Record(child).Observed != nil}
	}
	target := rules.Target{Domains: tx.Head.Target.Domains, External: tx.Head.Target.External}
	in := decision.Input{Record: *r, Cloud: g, Kin: tx.Record, Limits: p.Rules.Limits, Grounds: grounds(&tx.Head), Now: tx.Now, MayAsk: d.asks.room(),
		Wish: func(observed *plan.Group) plan.Wish { return p.Rules.Decide(id, g, observed, nested, target) }}
	if r.Hold != nil && r.Hold.InForce(tx.Now) {
		l, err := tx.Listing(ctx, r.Hold.ID)
		if err != nil {
			return decision.Output{}, err
		}
		i, _ := l.Item(id)
		in.Approved = i.Remove
	}
	out := decision.Decide(in)
	if out.Open != nil {
		h, err := p.hold(ctx, tx, d, *out.Open)
		if err != nil {
			return out, err
		}
		out.Record.Hold = &h
	}
	if (r.Stale || r.Missing) && !read(tx, r) {
		out.Counts.Unasked = 1
	}
	d.asks.add(out.Ask)
	if !same(*r, out.Record) {
		tx.PutRecord(&out.Record)
	}
	if out.Agreed && len(g.Left) > 0 {
		agreed := *g
		agreed.Left = nil
		tx.PutGroup(&agreed)
	}
	return out, nil
}

// same says whether two records of a group are the same but for the group itself,
// which deciding does not change.
func same(a, b record.Group) bool {
	a.Observed, b.Observed = nil, nil
	return reflect.DeepEqual(a, b)
}

// changes lists what is to be done, in the order in which it has to be done.
func (d *draft) changes(ctx context.Context, tx *journal.Tx) ([]plan.Change, error) {
	want, observed := plan.State{}, plan.State{}
	for id, g := range d.groups {
		want[id] = g.Want
		if g.Observed != nil {
			observed[id] = *g.Observed
		}
	}
	changes := plan.Diff(want, observed)
	if i := slices.IndexFunc(changes, func(c plan.Change) bool { return c.Op == plan.Update }); i >= 0 {
		places, err := d.places(ctx, tx)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(changes[i:], func(a, b plan.Change) int { return places[a.Group].compare(places[b.Group]) })
	}
	return resolve(ctx, tx, changes)
}

// A place is where the updates of a group stand in a plan.
type place struct {
	rank
	misses int
	last   uint64 // the last batch that may have changed it
	chance uint32
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(p.misses, q.misses), cmp.Compare(p.last, q.last), cmp.Compare(p.chance, q.chance))
}

func (d *draft) places(ctx context.Context, tx *journal.Tx) (map[directory.ID]place, error) {
	out := map[directory.ID]place{}
	for _, s := range d.shards {
		if err := tx.Fetch(ctx, s.open); err != nil {
			return nil, err
		}
		for _, id := range s.open {
			r := tx.Record(id)
			switch {
			case r.Misses > 0: // in another order each time: which of them is to blame nobody knows
				sum := sha256.Sum256(binary.BigEndian.AppendUint64(id[:], tx.Head.Gen))
				out[id] = place{missed, r.Misses, 0, binary.BigEndian.Uint32(sum[:])}
			case r.Asked:
				out[id] = place{rank: asked}
			default:
				out[id] = place{rank: s.rank, last: r.LastWrite}
			}
		}
	}
	return out, nil
}
