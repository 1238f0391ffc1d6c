package cycle_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/journal/journaltest"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// world is the whole product in one process: a tenant, a planner on a journal,
// and an agent with a directory that is a map.
type world struct {
	t       testing.TB
	tenant  *graphtest.Tenant
	source  *source
	store   blob.Store
	journal *journal.Journal
	planner *cycle.Planner
	now     time.Time

	ad      plan.State
	graves  plan.State        // deleted groups
	let     plan.State        // groups that were let go
	bin     bool              // what is deleted keeps its members
	blunt   bool              // the account may not restore what was deleted
	others  map[string]string // names in the form of plan.Names, and who has them that is none of ours
	mail    map[string]string // what mail attributes hold in the form of plan.Clash.Key, and who has it that is none of ours
	fences  map[directory.ID]string
	usns    map[directory.ID]int64 // one more with each write, whoever makes it
	touched map[directory.ID]bool  // groups that somebody changed by hand
	made    map[directory.ID]int   // how often a group was made, with an identity of its own each time
	removed []string               // every removal that was carried out: "group ref"
	self    journal.Poll           // how the agent is known
	high    journal.Mark
	closed  uint64 // the last batch that the agent knows finished or closed
	writes  int
	blind   string // what the agent's account does not see

	onRemove func(group directory.ID, r plan.Ref) // is told of each removal
	onEnd    func(c plan.Change)                  // is told of each change by which members lose what a group gives
	domains  []directory.SID
	exchange exchange.Site                  // what full reports say
	grounds  string                         // on which the agent's side refuses
	hidden   directory.ID                   // a group that the agent does not see
	trouble  *plan.Trouble                  // what it is told of it by name
	inScan   bool                           // and in a scan
	troubles map[directory.ID]*plan.Trouble // groups that are not as they must be, in scans and by name

	file      string                                  // the rules, for the next restart; empty: all groups
	renames   bool                                    // a new name in the cloud renames the group, from the next restart on
	creations int                                     // the limit on them, for the next restart; 0: that of limits
	limits    *plan.Limits                            // for the next restart; nil: the default
	refuse    func(c plan.Change) (plan.Result, bool) // what the directory says no to; nil: nothing
	barred    string                                  // an attribute that it takes no value of
	keeps     func(*cycle.Planner)                    // says where a process has its rules from; nil: from file
}

const (
	domainSID = "S-1-5-21-1-2-3"
	ou        = "OU=Cloud Groups,DC=corp,DC=test"
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, tenant: &graphtest.Tenant{}, store: blob.Memory(), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		ad: plan.State{}, graves: plan.State{}, let: plan.State{}, others: map[string]string{}, fences: map[directory.ID]string{}, usns: map[directory.ID]int64{}, troubles: map[directory.ID]*plan.Trouble{}, touched: map[directory.ID]bool{}, made: map[directory.ID]int{}}
	w.source, w.domains, w.self = &source{tenant: w.tenant}, []directory.SID{domainSID}, journal.Poll{Agent: "agent"}
	w.restart()
	return w
}

// restart begins a new process on the same store.
func (w *world) restart() {
	r, err := rules.Parse([]byte(cmp.Or(w.file, "ou: "+ou+"\nscope: all\n")))
	if err != nil {
		w.t.Fatal(err)
	}
	if w.limits != nil {
		r.Limits = *w.limits
	}
	r.Rename = r.Rename || w.renames
	if w.creations > 0 {
		r.Limits.Creations = w.creations
	}
	store := w.store
	if hook, is := store.(*blobtest.Hook); is { // it is no write of a planner
		store = hook.Store
	}
	w.do(journaltest.SwitchOn(w.t.Context(), store, "corp"))
	w.journal = &journal.Journal{Store: w.store, Target: "corp", Now: func() time.Time { return w.now }}
	w.planner = &cycle.Planner{Source: w.source, Tenant: "tenant", Rules: r, Journal: w.journal}
	if w.keeps != nil {
		w.keeps(w.planner)
	}
}

func user(i int) directory.ID { return graphtest.ID(fmt.Sprintf("user %d", i)) }

func group(i int) directory.ID { return graphtest.ID(fmt.Sprintf("group %d", i)) }

func ref(i int) plan.Ref { return plan.Ref(fmt.Sprintf("%s-%d", domainSID, 1000+i)) }

// follow has names follow the cloud from now on.
func (w *world) follow() *world {
	w.renames = true
	w.restart()
	return w
}

// users adds n users with accounts.
func (w *world) users(n int) {
	for i := range n {
		w.do(w.tenant.AddUser(graphtest.User{ID: user(i), UPN: fmt.Sprintf("u%d@corp.test", i), SID: directory.SID(ref(i))}))
	}
}

// group adds a group with users from up to before to as members.
func (w *world) group(i, from, to int) {
	var members []directory.ID
	for k := from; k < to; k++ {
		members = append(members, user(k))
	}
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(i), DisplayName: fmt.Sprintf("Group %d", i), Members: members}))
}

func (w *world) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// turn runs the planner, and the agent until it has nothing to do.
func (w *world) turn() error {
	for rounds, did := 0, true; did; rounds++ {
		if rounds > 1000 {
			w.t.Fatal("planner and agent go on for ever")
		}
		if err := w.planner.Run(w.t.Context()); err != nil {
			return err
		}
		var err error
		if did, err = w.agent(); err != nil {
			return err
		}
	}
	return nil
}

// later lets time pass, and takes turns until one changes nothing.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	w.untilQuiet()
}

// untilQuiet takes turns until one changes nothing.
func (w *world) untilQuiet() {
	w.t.Helper()
	w.untilQuietAgainst(func(err error) { w.do(err) })
}

// untilQuietAgainst does so whatever goes wrong with a turn.
func (w *world) untilQuietAgainst(failed func(error)) {
	w.t.Helper()
	for range 50 {
		before, writes := w.head().Gen, w.writes
		if err := w.turn(); err != nil {
			failed(err)
			continue
		}
		if w.head().Gen == before && w.writes == writes {
			return
		}
	}
	w.t.Fatal("does not come to rest")
}

func (w *world) head() journal.Head {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	return v.Head
}

func (w *world) holds() []record.Listing {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	l, _, err := v.Holds(w.t.Context(), 10_000)
	w.do(err)
	return l
}

func (w *world) approve(l record.Listing) {
	w.t.Helper()
	w.do(w.journal.Approve(w.t.Context(), wordOn(l)))
}

func wordOn(l record.Listing) journal.Word { return journal.Word{Hold: l.ID, By: "test"} }

// agent polls once, and does what it is told. It says whether that was anything.
// An error is one of the journal: the next call does it again.
func (w *world) agent() (did bool, err error) {
	r, err := w.poll()
	if err != nil {
		return false, err
	}
	err = w.answer(r)
	if err != nil || r.Batch == nil {
		return r.ReadAll || len(r.Read) > 0, err
	}
	a := w.carryOut(r, -1)
	_, err = w.journal.Ack(w.t.Context(), a)
	return true, err
}

// answer tells what the relay wants to know.
func (w *world) answer(r journal.PollReply) error {
	switch {
	case r.ReadAll:
		return w.report(true, nil)
	case len(r.Read) > 0:
		return w.report(false, r.Read)
	}
	return nil
}

func (w *world) poll() (journal.PollReply, error) {
	r, err := w.journal.Poll(w.t.Context(), w.self)
	w.closed = max(w.closed, r.Closed)
	return r, err
}

// carryOut applies the first n changes of a batch, all if n is negative, and
// returns the word on it, which says stopped where some are left.
func (w *world) carryOut(r journal.PollReply, n int) journal.Ack {
	w.t.Helper()
	var b journal.Batch
	w.do(json.Unmarshal(r.Batch, &b))
	sum := sha256.Sum256(r.Batch)
	a := journal.Ack{Epoch: b.Epoch, Seq: b.Seq, Digest: hex.EncodeToString(sum[:]), Agent: w.self.Agent, Instance: w.self.Instance, Token: r.Token}
	for i, c := range b.Changes {
		if i == n {
			a.Stopped = "out of time"
			return a
		}
		mine := plan.Fence{Instance: "corp", Epoch: b.Epoch, Seq: b.Seq, Lease: r.Token}
		if w.outranked(c.Group, mine) {
			a.Results = append(a.Results, plan.Result{Status: plan.Fenced, Text: "a newer writer has been at it"})
			continue
		}
		a.Results = append(a.Results, w.apply(c))
		w.fences[c.Group] = mine.String()
	}
	w.high, w.closed = journal.Mark{Epoch: b.Epoch, Seq: b.Seq}, max(w.closed, b.Seq)
	return a
}

// outranked says whether a group has a fence that a writer must not pass. One of an epoch
// that no journal can have reached is no fence.
func (w *world) outranked(id directory.ID, mine plan.Fence) bool {
	theirs, ok := plan.ParseFence(w.fences[id])
	_, exists := w.ad[id] // a fence goes with its group
	return exists && ok && theirs.Compare(mine) > 0 && theirs.Epoch <= uint64(w.now.Add(25*time.Hour).Unix())
}

// apply is the directory: it knows that names are unique, and that members exist.
func (w *world) apply(c plan.Change) plan.Result {
	g, exists := w.ad[c.Group]
	if !exists && c.Op != plan.Create && c.Op != plan.Restore {
		return plan.Result{Status: plan.Skipped}
	}
	if t := w.troubles[c.Group]; t != nil {
		return plan.Result{Status: plan.Refused, Text: t.Text}
	}
	if w.refuse != nil {
		if r, no := w.refuse(c); no {
			return r
		}
	}
	if no := w.begins(&g, exists, c); no != nil {
		return *no
	}
	if no := w.clashes(g, exists, c); no != nil {
		return *no
	}
	without, unset := w.without(bySID(g, c))
	after := plan.Apply(g, without)
	if by := w.holder(after); by != nil && c.Op != plan.Update {
		return plan.Result{Status: plan.Refused, Code: 68, Text: "the name is taken", Taken: by}
	}
	w.writes++
	w.usns[c.Group]++
	if g.GUID == "" {
		w.made[c.Group]++
	}
	if w.onEnd != nil && (c.Op == plan.Delete || c.Op == plan.Disown || c.Op == plan.Update && secure(g) && !secure(after)) {
		w.onEnd(c)
	}
	for _, r := range c.Leaves() {
		w.removed = append(w.removed, g.Name+" "+string(r))
		if w.onRemove != nil {
			w.onRemove(c.Group, r)
		}
	}
	var bad []plan.BadRef
	for _, r := range c.Add {
		if id, nested := r.Group(); nested {
			if _, exists := w.ad[id]; !exists {
				bad = append(bad, plan.BadRef{Ref: r, Code: 32, Text: "no such object"})
				after.Links = after.Links.With(plan.Member, plan.Missing(after.Members(), []plan.Ref{r}))
			}
		}
	}
	if after.GUID == "" {
		after.GUID = plan.GUID("guid-" + c.Group.String())
	}
	switch after.Gone {
	case life.Deleted:
		w.bury(c.Group)
	case life.Disowned:
		g.Attrs = plan.Apply(g, plan.Change{Op: plan.Update, Group: c.Group, Set: c.Set}).Attrs
		w.let[c.Group] = g
		delete(w.ad, c.Group)
	default:
		w.ad[c.Group] = after
		delete(w.graves, c.Group)
		delete(w.let, c.Group)
	}
	if unset != nil && c.Op.Updates() {
		return plan.Result{Status: plan.Refused, Code: 19, Text: "set " + w.barred + ": constraint violation", Bad: bad}
	}
	return plan.Result{Status: plan.Done, GUID: after.GUID, Bad: bad, Unset: unset}
}

// without is a change without the attribute that is barred.
func (w *world) without(c plan.Change) (rest plan.Change, unset []string) {
	if len(c.Set[w.barred]) == 0 {
		return c, nil
	}
	c.Set = maps.Clone(c.Set)
	delete(c.Set, w.barred)
	return c, []string{w.barred}
}

// bury deletes a group, by a plan or by hand.
func (w *world) bury(id directory.ID) {
	w.graves[id] = w.ad[id]
	delete(w.ad, id)
	for other, g := range w.ad { // links to it go with it
		if slices.Contains(g.Members(), plan.GroupRef(id)) {
			w.leave(other, plan.GroupRef(id))
		}
	}
}

// begins is what the directory has of a group that comes to be, and why it may not end.
func (w *world) begins(g *plan.Group, exists bool, c plan.Change) *plan.Result {
	grave, buried := w.graves[c.Group]
	let, was := w.let[c.Group]
	switch {
	case c.Op == plan.Delete && c.Digest != w.seen(*g).Digest():
		return &plan.Result{Status: plan.Refused, Text: "it is not as it was when its deletion was decided"}
	case c.Op == plan.Delete && w.blunt:
		return &plan.Result{Status: plan.Refused, Text: "it could not be had back"}
	case c.Op == plan.Restore && !exists && (!buried || grave.GUID != c.GUID || w.blunt):
		return &plan.Result{Status: plan.Refused, Code: 32, Text: "there is no such deleted group"}
	case c.Op == plan.Restore && !exists:
		*g = plan.Group{ID: c.Group, GUID: grave.GUID}
		if w.bin {
			*g = grave.Clone()
		}
	case c.Op == plan.Create && !exists && was:
		*g = let.Clone()
		delete(g.Attrs, "info") // the agent takes it back without the note
	}
	return nil
}

// holder is who else has a name of a group.
func (w *world) holder(g plan.Group) *plan.Taken {
	for _, name := range plan.Names(g) {
		if by := w.others[name]; by != "" {
			return &plan.Taken{By: by}
		}
		for id, other := range w.let {
			if id != g.ID && slices.Contains(plan.Names(other), name) {
				return &plan.Taken{By: plan.JoinRDN(other.Name, other.Parent)}
			}
		}
		for id, other := range w.ad {
			if id != g.ID && slices.Contains(plan.Names(other), name) {
				return &plan.Taken{By: plan.JoinRDN(other.Name, other.Parent), Ours: true}
			}
		}
	}
	return nil
}

// target is the directory as a report names it.
func (w *world) target() journal.Target {
	return journal.Target{Base: ou, BaseGUID: "base", DomainSID: domainSID, Domains: w.domains, Restores: !w.blunt}
}

// hide takes a group out of the agent's sight: links to it are seen by SID alone, and who
// asks for it by name is told what is wrong with it, or nothing. No group: all are seen.
func (w *world) hide(id directory.ID, t *plan.Trouble) { w.hidden, w.trouble, w.inScan = id, t, false }

// sidOf is the SID of a group in the directory.
func sidOf(id directory.ID) directory.SID {
	return directory.SID(fmt.Sprintf("%s-%d", domainSID, 100_000+int(id[0])<<8+int(id[1])))
}

// seen is a group as the agent sees it.
func (w *world) seen(g plan.Group) plan.Group {
	g = g.Clone()
	for i, m := range g.Members() {
		id, nested := m.Group()
		if _, let := w.let[id]; nested && (id == w.hidden || w.troubles[id] != nil || let) {
			g.Members()[i] = plan.SIDRef(sidOf(id))
		}
	}
	slices.Sort(g.Members())
	return g
}

// bySID is a change of a group that takes members out by the names that the directory has them under here.
func bySID(g plan.Group, c plan.Change) plan.Change {
	for _, m := range g.Members() {
		if id, nested := m.Group(); nested && slices.Contains(c.Remove, plan.SIDRef(sidOf(id))) {
			c.Remove = plan.Merge(plan.Missing(c.Remove, []plan.Ref{plan.SIDRef(sidOf(id))}), []plan.Ref{m})
		}
	}
	return c
}

// report tells what is in the directory: all of it, or some groups.
func (w *world) report(full bool, ids []directory.ID) error {
	r := journal.Report{ID: journal.ReportID(w.now), Part: 1, Parts: 1, Agent: w.self.Agent, Instance: w.self.Instance, Full: full, After: w.closed, High: w.high, Proven: w.blind == "", Blind: w.blind,
		Target: w.target(), Grounds: w.grounds}
	for id, g := range w.ad {
		switch named := slices.Contains(ids, id); {
		case w.troubles[id] != nil && (full || named):
			r.Rows = append(r.Rows, journal.Row{ID: id, GUID: g.GUID, After: w.closed, Fence: w.fences[id], Trouble: w.troubles[id], SID: sidOf(id)})
		case id == w.hidden && w.trouble != nil && (named || full && w.inScan):
			r.Rows = append(r.Rows, journal.Row{ID: id, GUID: g.GUID, After: w.closed, Trouble: w.trouble, SID: sidOf(id)})
		case id == w.hidden && named:
			r.Absent = append(r.Absent, journal.Gone{ID: id, After: w.closed})
		case id != w.hidden && (full || named):
			g = w.seen(g)
			r.Rows = append(r.Rows, journal.Row{ID: id, GUID: g.GUID, Digest: g.Digest(), After: w.closed, Fence: w.fences[id], USN: w.usns[id], Group: &g, SID: sidOf(id)})
		}
	}
	for _, id := range ids {
		if _, exists := w.ad[id]; !exists {
			gone := journal.Gone{ID: id, After: w.closed}
			if g, buried := w.graves[id]; buried && !w.blunt {
				gone.Grave = &plan.Grave{GUID: g.GUID, SID: sidOf(id)}
			}
			r.Absent = append(r.Absent, gone)
		}
	}
	if full {
		r.Target.Exchange = w.exchange
	}
	for id, g := range w.graves {
		if _, exists := w.ad[id]; full && !exists && !w.blunt {
			r.Graves = append(r.Graves, journal.Gone{ID: id, After: w.closed, Grave: &plan.Grave{GUID: g.GUID, SID: sidOf(id)}})
		}
	}
	err := w.journal.Report(w.t.Context(), r)
	if errors.Is(err, journal.ErrLease) { // whoever reports has polled before
		if _, err := w.journal.Poll(w.t.Context(), w.self); err != nil {
			return err
		}
		err = w.journal.Report(w.t.Context(), r)
	}
	return err
}

// stranger adds a member to a group in the directory by hand.
func (w *world) stranger(id directory.ID, r plan.Ref) {
	g := w.ad[id].Clone()
	g.Links = g.Links.With(plan.Member, plan.Merge(g.Members(), []plan.Ref{r}))
	w.ad[id] = g
}
