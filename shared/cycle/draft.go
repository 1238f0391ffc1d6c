package cycle

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
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

// draft is what one step has decided: of each shard what was counted, and of groups for
// which there is something to do what that is, as far as one plan can hold it.
type draft struct {
	groups  map[directory.ID]*decision.Draft
	places  map[directory.ID]place
	first   []directory.ID // whoever looks wants to see these
	shards  map[uint32]*shardDraft
	allowed map[plan.GuardName]map[directory.ID]plan.Impact // of groups, what approvals of limits over all of them list
	opened  map[string]bool                                 // ids of holds that this step opens
	asks    questions
	shifts  *shifts // of a preview of other rules; nil: it is none
	mail    *exchange.Stamp

	causesRead int // parts of the principals, to tell why members go

	complete bool // no shard is left whose changes nobody has counted
	more     bool // there is something to do that this step has not come to, or has let go of
	room     int  // values of a plan
	values   int  // of all that is to be done
	kept     int  // of groups
	members  int  // of groups, as they are and as they are wanted
}

type shardDraft struct {
	journal.Shard
	open   []directory.ID // groups for which there is something to do
	counts record.Counts
	wake   time.Time
	values int
	let    bool // groups of it were counted and let go of: a later plan has room for them
}

// decide compares wish and reality for all groups that may have changed. It begins
// nothing new after the limit. The groups in first have their place before all others.
func (p *Planner) decide(ctx context.Context, tx *journal.Tx, limit limit, mayAsk bool, first ...directory.ID) (*draft, error) {
	d := &draft{groups: map[directory.ID]*decision.Draft{}, places: map[directory.ID]place{}, shards: map[uint32]*shardDraft{}, opened: map[string]bool{},
		allowed: map[plan.GuardName]map[directory.ID]plan.Impact{}, complete: true, asks: newQuestions(mayAsk), room: cmp.Or(p.Room, budget(tx)), first: first, shifts: p.shifts, mail: p.Rules.Stamp(tx.Head.Target.Exchange)}
	if p.shifts != nil {
		p.shifts.mail = p.shifts.before.Rules.Stamp(tx.Head.Target.Exchange)
	}
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
	if !decides(&tx.Head) {
		counted = nil
	}
	room, old := d.room, 0
	for i, n := range slices.Concat(uncounted, counted) {
		isOld := i >= len(uncounted)
		if limit.reached(tx, i) || isOld && d.values > room && old > room/4 {
			d.complete, d.more = isOld, true
			break
		}
		before, rank := d.values, news
		switch {
		case !isOld:
		case old <= room/4:
			rank = reserved
		default:
			rank = leftOver
		}
		if err := p.draftShard(ctx, tx, d, n, rank, true); err != nil {
			return err
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

// draftShard decides one shard's groups. mayLetGo: what has no place in the next plan need not
// be kept for somebody who looks at all of it.
func (p *Planner) draftShard(ctx context.Context, tx *journal.Tx, d *draft, number uint32, rank rank, mayLetGo bool) error {
	shard, err := tx.Shard(ctx, number)
	if err != nil {
		return err
	}
	s := &shardDraft{Shard: shard}
	if old := d.shards[number]; old != nil { // it is decided once more
		d.values -= old.values
		for _, id := range old.open {
			d.forget(id)
		}
	}
	d.shards[number] = s
	for some := range slices.Chunk(shard.Groups, groupsAtOnce) { // a shard may hold all groups there are: it is divided when something is known of them
		if err := p.draftGroups(ctx, tx, d, s, some, rank, mayLetGo); err != nil {
			return err
		}
	}
	return nil
}

// groupsAtOnce is how many groups of a shard are read at once.
const groupsAtOnce = 500

// draftGroups decides some groups of a shard.
func (p *Planner) draftGroups(ctx context.Context, tx *journal.Tx, d *draft, s *shardDraft, ids []directory.ID, rank rank, mayLetGo bool) error {
	tx.Trim()
	if err := tx.Fetch(ctx, ids); err != nil {
		return err
	}
	if err := p.fetchKin(ctx, tx, ids); err != nil {
		return err
	}
	if d.shifts != nil {
		if err := d.shifts.before.fetchKin(ctx, tx, ids); err != nil {
			return err
		}
	}
	for _, id := range ids {
		out, err := p.decideGroup(ctx, tx, d, id)
		if err != nil {
			return err
		}
		if out.Draft != nil {
			d.keep(s, out, rank, tx.Head.Gen)
			if mayLetGo {
				d.prune()
			}
		}
		s.counts.Add(out.Counts)
		if !out.Wake.IsZero() && (s.wake.IsZero() || out.Wake.Before(s.wake)) {
			s.wake = out.Wake
		}
	}
	return nil
}

// input is what a group is decided from. It and its kin must have been fetched.
func (p *Planner) input(ctx context.Context, tx *journal.Tx, d *draft, id directory.ID) (decision.Input, error) {
	r, view := tx.Record(id), p.view(tx, id)
	in := decision.Input{Record: *r, Cloud: view.Group, Parts: view.Parts, Doubtful: view.Doubtful, Kin: tx.Record, Limits: p.Rules.Limits, Grounds: grounds(&tx.Head), Now: tx.Now, MayAsk: d.asks.room(),
		Ending: cmp.Or(p.end, tx.Head.Switch.EndInView()), Restores: tx.Head.Target.Restores, Epoch: epochBegan(&tx.Head),
		Behind: tx.Head.Main.Behind || slices.ContainsFunc(p.principalFeeds(), tx.Head.Main.Lost),
		Wish: func(observed *plan.Group) plan.Wish {
			w := p.wish(tx, d.mail, view.Group, id, observed)
			if d.shifts != nil {
				before := d.shifts.before
				d.shifts.note(id, before.wish(tx, d.shifts.mail, before.view(tx, id).Group, id, observed), w)
			}
			return w
		}}
	if r.Hold != nil && r.Hold.InForce(tx.Now) {
		approved, err := p.approved(ctx, tx, *r.Hold, id)
		if err != nil {
			return in, err
		}
		in.Approved = approved.Remove
	}
	return in, nil
}

// decideGroup has a group decided by what is known of it, and stores what comes out.
func (p *Planner) decideGroup(ctx context.Context, tx *journal.Tx, d *draft, id directory.ID) (decision.Output, error) {
	r := tx.Record(id)
	in, err := p.input(ctx, tx, d, id)
	if err != nil {
		return decision.Output{}, err
	}
	out := decision.Decide(in)
	if out.Open != nil {
		h, err := p.hold(ctx, tx, d, *out.Open, out.Open.Items)
		if err != nil {
			return out, err
		}
		out.Record.Hold = &h
	}
	if h := out.Record.Hold; h != nil && h.Open() {
		d.shifts.held(id, ownLimit)
	}
	if (r.Stale || r.Missing) && !read(tx, r) {
		out.Counts.Unasked = 1
	}
	d.asks.add(out.Ask)
	if !same(*r, out.Record) {
		r := out.Record // a pointer into out would keep all that was decided with it
		tx.PutRecord(&r)
	}
	if said := tx.Group(id); out.Agreed && len(said.Left) > 0 && p.forgets() && d.shifts == nil {
		agreed := *said
		agreed.Left = nil
		tx.PutGroup(&agreed)
	}
	return out, nil
}

// wish is what the rules want of a group whose kin was fetched: g as they look at it,
// observed as it stands in Active Directory.
func (p *Planner) wish(tx *journal.Tx, mail *exchange.Stamp, g *directory.Group, id directory.ID, observed *plan.Group) plan.Wish {
	target := rules.Target{Domains: tx.Head.Target.Domains, External: tx.Head.Target.External, Mail: mail}
	return p.Rules.Decide(id, g, observed, nested(tx), target)
}

// nested is what the rules ask of other groups.
func nested(tx *journal.Tx) func(directory.ID) rules.Nested {
	return func(child directory.ID) rules.Nested {
		return rules.Nested{Group: tx.Group(child), Exists: tx.Record(child).Observed != nil}
	}
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
		g.Have(observed)
	}
	changes := plan.Diff(want, observed)
	if i := slices.IndexFunc(changes, func(c plan.Change) bool { return c.Op.Updates() }); i >= 0 {
		slices.SortStableFunc(changes[i:], func(a, b plan.Change) int { return d.places[a.Group].compare(d.places[b.Group]) })
	}
	return resolve(ctx, tx, changes)
}
