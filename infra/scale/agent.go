package scale

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
)

// Agent does all that it is told, at once. Its directory is computed: it is as the
// cloud wants it, or Directory, if that is not nil.
type Agent struct {
	Queue     relay.Queue
	Tenant    *Tenant
	Rules     *rules.Rules
	Now       func() time.Time
	Rate      float64 // values per second that it says it manages
	Directory plan.State

	High   journal.Mark
	Closed uint64
	Values int // that it was told to change
}

// Poll asks for work.
func (a *Agent) Poll(ctx context.Context) (journal.PollReply, error) {
	r, err := a.Queue.Poll(ctx, journal.Poll{Agent: "agent"})
	a.Closed = max(a.Closed, r.Closed)
	return r, err
}

// Work carries out batches until there is none. It says how many there were.
func (a *Agent) Work(ctx context.Context) (batches int, err error) {
	for ; ; batches++ {
		r, err := a.Poll(ctx)
		if err != nil || r.Batch == nil {
			return batches, err
		}
		if err := a.batch(ctx, r); err != nil {
			return batches, err
		}
	}
}

func (a *Agent) batch(ctx context.Context, r journal.PollReply) error {
	var b journal.Batch
	if err := json.Unmarshal(r.Batch, &b); err != nil {
		return err
	}
	sum := sha256.Sum256(r.Batch)
	ack := journal.Ack{Epoch: b.Epoch, Seq: b.Seq, Digest: hex.EncodeToString(sum[:]), Agent: "agent", Token: r.Token}
	values := 0
	for _, c := range b.Changes {
		values += c.Values()
		ack.Results = append(ack.Results, a.apply(c))
	}
	a.Values += values
	ack.Seconds = float64(values) / a.Rate
	a.High, a.Closed = journal.Mark{Epoch: b.Epoch, Seq: b.Seq}, max(a.Closed, b.Seq)
	_, err := a.Queue.Ack(ctx, ack)
	return err
}

func (a *Agent) apply(c plan.Change) plan.Result {
	r := plan.Result{Status: plan.Done}
	if c.Op == plan.Create {
		r.GUID = guid(c.Group)
	}
	if a.Directory != nil {
		g := plan.Apply(a.Directory[c.Group], c)
		g.GUID = guid(c.Group)
		a.Directory[c.Group] = g
	}
	return r
}

func guid(id directory.ID) plan.GUID { return plan.GUID(id.String()) }

// stands is how a group stands in the directory.
func (a *Agent) stands(g uint32) plan.Group {
	if a.Directory != nil {
		return a.Directory[groupID(g)]
	}
	return a.Wanted(g)
}

// Wanted is how a group should stand in the directory, as the cloud is now.
func (a *Agent) Wanted(g uint32) plan.Group {
	t := a.Tenant
	cloud := &directory.Group{ID: groupID(g), Props: props(g)}
	s := t.standing(g, t.Passed)
	for j := range s.born {
		if !s.stays(j) {
			continue
		}
		u := t.member(g, j)
		m := directory.Member{ID: userID(u), Kind: directory.User, Standing: directory.CloudOnly, SID: sid(u)}
		if m.SID != "" {
			m.Standing = directory.Synced
		}
		cloud.Members = append(cloud.Members, m)
	}
	if n, yes := t.nested(g); yes && s.stays(0) {
		cloud.Members = append(cloud.Members, directory.Member{ID: groupID(n), Kind: directory.GroupKind, Standing: directory.CloudOnly})
	}
	there := func(directory.ID) rules.Nested { return rules.Nested{Exists: true} }
	want := *a.Rules.Decide(cloud.ID, cloud, nil, there, rules.Target{Domains: target().Domains}).Group
	want.GUID = guid(cloud.ID)
	return want
}

func target() journal.Target {
	return journal.Target{Base: ou, BaseGUID: "base", DomainSID: domainSID, Domains: []directory.SID{domainSID}}
}

// What a part of a report brings at most, as the agent's own.
const (
	rowsInPart    = 2000
	membersInPart = 15_000
	membersInRow  = 10_000
)

// piece is a row of a report: a group, or a part of a large one.
type piece struct {
	group       uint32
	from, count int
	n, of       int
}

// Report tells what is in the directory of so many groups, with what they hold, or by
// digests alone.
func (a *Agent) Report(ctx context.Context, groups int, content bool) error {
	if _, err := a.Poll(ctx); err != nil { // who reports holds the lease
		return err
	}
	parts := a.parts(groups, content)
	id := journal.ReportID(a.Now())
	var last plan.Group
	for i, part := range parts {
		r := journal.Report{ID: id, Part: i + 1, Parts: len(parts), Agent: "agent", Full: true, After: a.Closed, High: a.High, Proven: true, Target: target(), Rows: []journal.Row{}}
		for _, p := range part {
			if p.n <= 1 {
				last = a.stands(p.group)
			}
			row := journal.Row{ID: last.ID, GUID: last.GUID, Digest: last.Digest(), After: a.Closed, USN: 4711,
				Fence: plan.Fence{Instance: "corp", Epoch: a.High.Epoch, Seq: a.High.Seq, Lease: 1}.String(), Piece: p.n, Pieces: p.of}
			if content {
				g := last
				g.Links = g.Links.With(plan.Member, last.Members()[min(p.from, len(last.Members())):min(p.from+p.count, len(last.Members()))])
				row.Group = &g
			}
			r.Rows = append(r.Rows, row)
		}
		if err := a.Queue.Report(ctx, r); err != nil {
			return fmt.Errorf("send part %d of %d: %w", i+1, len(parts), err)
		}
	}
	return nil
}

// parts divides groups over the parts of a report: how many there are is said in each.
func (a *Agent) parts(groups int, content bool) [][]piece {
	out := [][]piece{nil}
	members := 0
	for g := range uint32(groups) {
		size := 0
		if content {
			size = int(a.Tenant.standing(g, a.Tenant.Passed).born) + 1
		}
		of := (size + membersInRow - 1) / membersInRow
		for n := range max(of, 1) {
			p := piece{group: g, from: n * membersInRow, count: min(size-n*membersInRow, membersInRow)}
			if of > 1 {
				p.n, p.of = n+1, of
			}
			if last := len(out) - 1; len(out[last]) == rowsInPart || members+p.count > membersInPart && len(out[last]) > 0 {
				out, members = append(out, nil), 0
			}
			out[len(out)-1] = append(out[len(out)-1], p)
			members += p.count
		}
	}
	return out
}
