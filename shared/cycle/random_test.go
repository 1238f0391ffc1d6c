package cycle_test

import (
	"errors"
	"fmt"
	"groupwriteback/shared/blob"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// TestRandomWeather plays the whole planner against a Graph that loses, replays, delays,
// cuts, empties and restores, an agent that loses sight, dies and is late, a store whose
// lease or journal is lost, and people who change things by hand. Whatever comes: no
// member is removed whom the cloud's history does not take out, and when the weather is
// well again Active Directory becomes what the cloud says.
//
// What two readings of a group in a row lack is gone, by the rule of evidence: so this
// Graph loses nobody of a listed group twice in a row.
//
// GROUPWRITEBACK_TEST_STEPS plays more steps, GROUPWRITEBACK_TEST_SEED a certain weather.
func TestRandomWeather(t *testing.T) {
	steps, seed := 20_000, uint64(time.Now().Unix()/86_400)*1_000_000 // another each day
	if testing.Short() || raced {                                     // make weather plays them all
		steps = 1_000
	}
	number := func(name string, or uint64) uint64 {
		s := os.Getenv(name)
		if s == "" {
			return or
		}
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	steps = int(number("GROUPWRITEBACK_TEST_STEPS", uint64(steps)))
	seed = number("GROUPWRITEBACK_TEST_SEED", seed)
	t.Logf("seed %d, %d steps", seed, steps)
	done, removed, met := 0, 0, map[string]int{}
	for episode := uint64(0); done < steps; episode++ {
		w := newStorm(t, seed+episode)
		for range storm {
			w.step()
			done++
		}
		w.clear()
		removed += len(w.removed)
		for name, n := range w.met {
			met[name] += n
		}
		if t.Failed() {
			t.Fatalf("in the weather of GROUPWRITEBACK_TEST_SEED=%d, GROUPWRITEBACK_TEST_STEPS=%d; events:\n%s", seed+episode, storm, strings.Join(w.events, "\n"))
		}
	}
	t.Logf("%d steps, %d members removed, met: %v", done, removed, met)
	if removed < done/100 && done >= storm {
		t.Errorf("only %d members were removed in %d steps: the test proves nothing", removed, done)
	}
	for _, end := range []string{"end: set", "end: delete"} {
		if met[end] == 0 && done >= 10_000 {
			t.Errorf("no group came to its %s", end)
		}
	}
	for _, e := range weather() {
		if met[e.name] == 0 && done >= 10_000 {
			t.Errorf("%s was never met", e.name)
		}
	}
}

// storm is how many steps an episode has: fresh worlds, in which few have left yet.
const storm = 120

// weatherWorld is a world in bad weather.
type weatherWorld struct {
	*world
	rng    *rand.Rand
	next   int            // number of the next new user or group
	users  []directory.ID // all there were
	groups []directory.ID
	events []string
	met    map[string]int

	lost     map[string]bool // "group member": the last reading that was kept lacked it
	left     map[string]bool // "group ref": the cloud's history takes it out
	cut      float64         // how often a page is cut
	loses    loss            // what an enumeration loses
	named    loss            // what a reading by name loses
	seen     int             // events whose consequences are in left
	dies     int             // the agent dies at this change of its next batch; -1: no
	silent   bool            // and says nothing
	agentOff bool
	flat     bool // the rules make membership flat
	fate     life.Fate
	since    map[directory.ID]time.Time // when groups were last put in quarantine
	flipped  map[directory.ID]bool      // groups that somebody took out of it by hand
	contacts bool                       // and write contacts
	inner
}

// A loss is what a complete answer of Graph lacks.
type loss struct{ groups, members, users float64 }

func newStorm(t *testing.T, seed uint64) *weatherWorld {
	w := &weatherWorld{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 2)), met: map[string]int{}, left: map[string]bool{}, lost: map[string]bool{}, dies: -1, since: map[directory.ID]time.Time{}, flipped: map[directory.ID]bool{}}
	w.limits = &plan.Limits{MemberShare: 0.5, MemberFloor: 6, EmptyFloor: 5, Share: 0.4, Floor: 8, GrowthShare: 1, GrowthFloor: 200, Creations: 100}
	w.steps, w.renames = seed, seed%2 == 0
	w.rule(seed)
	w.inVersions(seed)
	w.highs, w.pending = map[journal.Mark]string{}, map[string]bool{}
	w.wrap(w.store)
	w.firstRules()
	for range 14 {
		w.newUser()
	}
	for range 6 {
		w.newGroup()
	}
	w.source.edit, w.source.again, w.source.describe = w.page, w.byName, w.byID
	w.untilQuiet()
	w.onRemove, w.onEnd = w.judge, w.judgeEnd
	return w
}

func (w *weatherWorld) say(format string, args ...any) {
	w.events = append(w.events, w.now.Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}

func (w *weatherWorld) newUser() {
	if w.contacts && w.next%4 == 3 {
		w.newContact()
		return
	}
	w.next++
	w.users = append(w.users, user(w.next))
	w.do(w.tenant.AddUser(graphtest.User{ID: user(w.next), UPN: fmt.Sprintf("u%d@corp.test", w.next), SID: directory.SID(ref(w.next))}))
}

func (w *weatherWorld) newGroup() {
	w.next++
	var members []directory.ID
	for _, u := range w.users {
		if w.rng.IntN(3) == 0 && w.alive(u) {
			members = append(members, u)
		}
	}
	if len(w.groups) > 0 && w.rng.IntN(2) == 0 {
		if g := w.groups[w.rng.IntN(len(w.groups))]; w.alive(g) {
			members = append(members, g)
		}
	}
	w.groups = append(w.groups, group(w.next))
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(w.next), DisplayName: fmt.Sprintf("Group %d", w.next), Members: members}))
}

func (w *weatherWorld) object(id directory.ID) (graphtest.TruthObject, bool) {
	truth := w.tenant.Dump()
	for _, list := range [][]graphtest.TruthObject{truth.Groups, truth.Users, truth.Others} {
		for _, o := range list {
			if o.ID == id {
				return o, true
			}
		}
	}
	return graphtest.TruthObject{}, false
}

func (w *weatherWorld) alive(id directory.ID) bool {
	o, is := w.object(id)
	return is && o.Removed == ""
}

func (w *weatherWorld) anyGroup() directory.ID { return w.groups[w.rng.IntN(len(w.groups))] }

func (w *weatherWorld) anyUser() directory.ID { return w.users[w.rng.IntN(len(w.users))] }

// judge holds each removal to the cloud's history: is it of somebody whom the cloud has
// never taken out of that group?
func (w *weatherWorld) judge(id directory.ID, r plan.Ref) {
	history := w.tenant.History()
	for _, e := range history[w.seen:] {
		if e.What == graphtest.MemberRemoved {
			w.left[e.Object.String()+" "+e.Member.String()] = true
		}
	}
	w.seen = len(history)
	for _, m := range w.members(id, func(of, m directory.ID) bool { return !w.left[of.String()+" "+m.String()] && !w.news(of, m) }) {
		if m.Kind != directory.GroupKind && w.ref(m.ID) == r || m.SID != "" && plan.SIDRef(m.SID) == r || plan.GroupRef(m.ID) == r {
			w.say("LOST %s of %s", r, id)
			w.t.Errorf("%s was removed from %s: it is a member, and no word of the cloud ever took it out", r, w.ad[id].Name)
		}
	}
}

// page is what Graph says by its feeds.
func (w *weatherWorld) page(p *directory.Page) error {
	if w.rng.Float64() < w.cut {
		return errFault
	}
	if w.source.whole {
		w.take(w.loses, p)
		w.call()
	}
	return nil
}

func (w *weatherWorld) byName(p *directory.Page) error {
	if w.rng.Float64() < w.cut {
		return errFault
	}
	w.delay(p)
	w.take(w.named, p)
	return nil
}

func (w *weatherWorld) byID(p *directory.Page) error {
	if w.rng.Float64() < w.cut {
		return errFault
	}
	return nil
}

// take takes a loss out of a page.
func (w *weatherWorld) take(l loss, p *directory.Page) {
	p.Groups = slices.DeleteFunc(p.Groups, func(directory.GroupChange) bool { return w.rng.Float64() < l.groups })
	for i, g := range p.Groups {
		p.Groups[i].Members = slices.DeleteFunc(p.Groups[i].Members, func(m directory.MemberChange) bool {
			key := g.ID.String() + " " + m.ID.String()
			lost := !w.lacked(key) && w.rng.Float64() < l.members
			w.pending[key] = lost
			return lost
		})
	}
	p.Principals = slices.DeleteFunc(p.Principals, func(directory.PrincipalChange) bool { return w.rng.Float64() < l.users })
}

// An event is something that happens in a step.
type event struct {
	name   string
	weight int
	do     func(w *weatherWorld)
}

// weather lists what may happen.
func weather() []event {
	return append(harsher(), []event{
		{"somebody joins", 12, func(w *weatherWorld) { _ = w.tenant.AddMember(w.anyGroup(), w.anyUser()) }},
		{"somebody leaves", 8, func(w *weatherWorld) { _ = w.tenant.RemoveMember(w.anyGroup(), w.anyUser()) }},
		{"a group joins", 2, func(w *weatherWorld) { _ = w.tenant.AddMember(w.anyGroup(), w.anyGroup()) }},
		{"a group leaves", 2, func(w *weatherWorld) { _ = w.tenant.RemoveMember(w.anyGroup(), w.anyGroup()) }},
		{"a new user", 4, func(w *weatherWorld) { w.newUser() }},
		{"a new group", 2, func(w *weatherWorld) { w.newGroup() }},
		{"a new name", 3, func(w *weatherWorld) { w.next++; _ = w.tenant.Rename(w.anyGroup(), fmt.Sprintf("Renamed %d", w.next)) }},
		{"a group is deleted", 2, func(w *weatherWorld) { _ = w.tenant.SoftDelete(w.anyGroup()) }},
		{"a group is restored", 4, func(w *weatherWorld) { _ = w.tenant.Restore(w.anyGroup()) }},
		{"an account is made anew", 1, func(w *weatherWorld) { w.renewed(w.anyUser()) }},
		{"somebody owns", 4, func(w *weatherWorld) { _ = w.tenant.AddOwner(w.anyGroup(), w.anyUser()) }},
		{"somebody owns no more", 2, func(w *weatherWorld) { _ = w.tenant.RemoveOwner(w.anyGroup(), w.anyUser()) }},
		{"somebody manages by hand", 1, func(w *weatherWorld) {
			if g, is := w.ad[w.anyGroup()]; is && w.source.owners {
				g.Links = g.Links.With(plan.ManagedBy, []plan.Ref{ref(5000)})
				w.ad[g.ID] = g
			}
		}},

		{"links are forgotten", 3, func(w *weatherWorld) { w.source.expired = true }},
		{"Graph cuts", 3, func(w *weatherWorld) { w.cut = w.rng.Float64() / 2 }},
		{"Graph lags", 3, func(w *weatherWorld) { w.source.lag = w.rng.IntN(6) }},
		{"Graph tells again", 4, func(w *weatherWorld) { w.source.rewind = w.rng.IntN(12) }},
		{"enumerations lose", 3, func(w *weatherWorld) { w.loses = w.someLoss() }},
		{"readings by name lose", 2, func(w *weatherWorld) { w.named = loss{members: w.rng.Float64() / 3} }},
		{"restored groups are bare", 2, func(w *weatherWorld) { w.source.bare = true }},
		{"a blackout", 2, func(w *weatherWorld) {
			w.loses, w.named, w.source.expired = loss{groups: 1}, loss{groups: 1}, true
		}},
		{"the users' feed is empty", 1, func(w *weatherWorld) { w.loses, w.named, w.source.expired = loss{users: 1}, loss{}, true }},
		{"Graph is well", 8, func(w *weatherWorld) { w.wellAgain() }},

		{"a stranger is put in", 4, func(w *weatherWorld) {
			id := w.anyGroup()
			if _, is := w.ad[id]; is {
				w.stranger(id, w.someStranger())
			}
		}},
		{"somebody is taken out by hand", 3, func(w *weatherWorld) {
			if g, is := w.ad[w.anyGroup()]; is && len(g.Members()) > 0 {
				w.leave(g.ID, g.Members()[w.rng.IntN(len(g.Members()))])
			}
		}},
		{"a group is deleted by hand", 1, func(w *weatherWorld) { w.deleteByHand(w.anyGroup()) }},
		{"a group is deleted by hand, and can be restored", 2, func(w *weatherWorld) {
			if id := w.anyGroup(); w.ad[id].ID == id {
				w.bury(id)
			}
		}},
		{"deleted groups are gone for good", 1, func(w *weatherWorld) { clear(w.graves) }},
		{"the recycle bin is switched on", 2, func(w *weatherWorld) { w.bin = true }},
		{"what is deleted cannot be restored", 2, func(w *weatherWorld) { w.blunt = true }},
		{"what is deleted can be restored", 4, func(w *weatherWorld) { w.blunt = false }},
		{"a type is flipped by hand", 2, func(w *weatherWorld) {
			if g, is := w.ad[w.anyGroup()]; is && !secure(g) {
				g = g.Clone()
				g.Attrs["groupType"] = []string{"-2147483640"}
				w.ad[g.ID], w.flipped[g.ID] = g, true
			}
		}},
		{"a group is out of sight", 2, func(w *weatherWorld) {
			w.hide(w.anyGroup(), &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=Users", Text: "move it back"})
		}},
		{"the account is blind", 1, func(w *weatherWorld) { w.hide(w.anyGroup(), nil); w.blind = "it may not read" }},
		{"all is in sight", 5, func(w *weatherWorld) { w.hide(directory.ID{}, nil); w.blind = "" }},

		{"the agent scans", 10, func(w *weatherWorld) { w.scan() }},
		{"the agent dies", 3, func(w *weatherWorld) { w.dies, w.silent = w.rng.IntN(4), w.rng.IntN(2) == 0 }},
		{"the agent is away", 2, func(w *weatherWorld) { w.agentOff = true }},
		{"the agent is there", 5, func(w *weatherWorld) { w.agentOff = false }},
		{"a right is lacking", 2, func(w *weatherWorld) {
			w.refuseKind(w.anyGroup(), []plan.Kind{plan.Renaming, plan.Creating, plan.Removing, plan.Setting, plan.Adding, plan.Deleting, plan.Restoring}[w.rng.IntN(7)], new(int))
		}},
		{"a right is granted", 3, func(w *weatherWorld) { w.refuse = nil }},

		{"another process", 3, func(w *weatherWorld) { w.restart(); w.pace() }},
		{"the lease is lost", 1, func(w *weatherWorld) { _ = w.store.Delete(w.t.Context(), "t/corp/lease") }},
		{"the journal is lost", 1, func(w *weatherWorld) { w.wrap(blob.Memory()); w.heard = 0; w.firstRules() }},
		{"other rules are put in force", 3, func(w *weatherWorld) { w.otherRules() }},
		{"an attribute is refused", 2, func(w *weatherWorld) { w.barred = []string{"displayName", "description"}[w.rng.IntN(2)] }},
		{"no attribute is refused", 2, func(w *weatherWorld) { w.barred = "" }},
		{"calls come while all is read", 2, func(w *weatherWorld) { w.calls = 0.1 }},
		{"nobody calls", 2, func(w *weatherWorld) { w.calls = 0 }},
		{"everything is read anew", 1, func(w *weatherWorld) { w.do(w.journal.Ask(w.t.Context(), journal.Ask{Full: true, By: "operator"})) }},
		{"hours pass", 6, func(w *weatherWorld) { w.now = w.now.Add(time.Duration(w.rng.IntN(12)) * time.Hour) }},
		{"days pass", 2, func(w *weatherWorld) { w.now = w.now.Add(time.Duration(w.rng.IntN(10)) * 24 * time.Hour) }},
	}...)
}

func (w *weatherWorld) someLoss() loss {
	return loss{groups: w.rng.Float64() / 3, members: w.rng.Float64() / 2, users: w.rng.Float64() / 2}
}

func (w *weatherWorld) wellAgain() {
	w.source.bare = false
	w.cut, w.source.lag, w.source.rewind, w.loses, w.named = 0, 0, 0, loss{}, loss{}
}

// deleteByHand deletes a group in the directory: its links go with it.
func (w *weatherWorld) deleteByHand(id directory.ID) {
	delete(w.ad, id)
	for other, g := range w.ad {
		if slices.Contains(g.Members(), plan.GroupRef(id)) {
			w.leave(other, plan.GroupRef(id))
		}
	}
}

// step lets something happen, and everybody do a bit of work.
func (w *weatherWorld) step() {
	all := weather()
	total := 0
	for _, e := range all {
		total += e.weight
	}
	n := w.rng.IntN(total)
	for _, e := range all {
		if n -= e.weight; n < 0 {
			w.say("%s", e.name)
			w.met[e.name]++
			e.do(w)
			break
		}
	}
	w.now = w.now.Add(time.Duration(w.rng.IntN(300)) * time.Second)
	w.work()
}

// work takes a turn of the planner, and some of the agent.
func (w *weatherWorld) work() {
	w.run()
	if w.agentOff {
		return
	}
	for range 3 {
		r, err := w.poll()
		if err != nil {
			w.t.Errorf("poll: %v", err)
			return
		}
		w.do(w.answer(r))
		if r.Batch != nil && w.refuses(r) {
			_, err := w.journal.Ack(w.t.Context(), journal.Ack{Epoch: r.Epoch, Seq: r.Seq, Digest: journal.Digest(r.Batch), Agent: "agent", Token: r.Token, Stopped: "older than what was done"})
			if err != nil && !errors.Is(err, journal.ErrClosed) {
				w.t.Errorf("ack: %v", err)
			}
			w.scan()
		} else if r.Batch != nil {
			a := w.carryOut(r, w.dies)
			w.highs[w.high] = journal.Digest(r.Batch)
			silent := w.dies >= 0 && w.silent
			w.dies = -1
			if !silent {
				if _, err := w.journal.Ack(w.t.Context(), a); err != nil && !errors.Is(err, journal.ErrClosed) {
					w.t.Errorf("ack: %v", err)
				}
			}
		}
		w.run()
	}
}

// scan tells what is in the directory, as the agent that holds the lease.
func (w *weatherWorld) scan() {
	_, err := w.poll()
	w.do(err)
	w.do(w.report(true, nil))
}

// clear ends the weather, answers what waits for a person, lets two weeks pass, and holds
// Active Directory to the cloud.
func (w *weatherWorld) clear() {
	w.say("the weather ends")
	w.wellAgain()
	w.hide(directory.ID{}, nil)
	w.blind, w.refuse, w.dies, w.agentOff, w.blunt = "", nil, -1, false, false
	w.failing, w.twice, w.late = 0, 0, nil
	w.barred, w.calls = "", 0
	for _, g := range w.groups {
		_ = w.tenant.SetProperty(g, "securityEnabled", true)
	}
	for range 30 {
		w.now = w.now.Add(12 * time.Hour)
		w.scan()
		w.work()
		for _, l := range w.holds() {
			w.approve(l)
		}
		w.work()
	}
	w.tiny = false
	w.pace()
	for range 4 {
		w.now = w.now.Add(time.Hour)
		w.work()
	}
	w.equal()
}

// equal holds Active Directory to the cloud.
func (w *weatherWorld) equal() {
	truth := w.tenant.Dump()
	there := map[directory.ID]bool{}
	for _, g := range truth.Groups {
		there[g.ID] = g.Removed == ""
	}
	for _, g := range truth.Groups {
		if g.Removed != "" {
			w.ended(g.ID)
			continue
		}
		var want []plan.Ref
		for _, m := range w.members(g.ID, func(_, _ directory.ID) bool { return true }) {
			if _, exists := w.ad[m.ID]; m.Kind == directory.GroupKind && (there[m.ID] || exists) {
				want = append(want, plan.GroupRef(m.ID))
			} else if r := w.ref(m.ID); m.Kind != directory.GroupKind && r != "" {
				want = append(want, r)
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)
		have, is := w.ad[g.ID]
		if !is {
			w.t.Errorf("two weeks later %v is not there", g.Properties["displayName"])
			continue
		}
		w.distinct(g.ID, g.Properties["displayName"].(string))
		if fault := w.described(g, have); fault != "" {
			w.t.Errorf("two weeks later of %s: %s", have.Name, fault)
		}
		if fault := w.manages(g); fault != "" {
			w.t.Errorf("two weeks later of %s: %s", have.Name, fault)
		}
		if plan.Retired(have) || !secure(have) || !slices.Equal(have.Members(), want) {
			w.t.Errorf("two weeks later %s is not what the cloud says: retired %t, gives rights %t, lacks %v, has %v too much; totals %+v", have.Name, plan.Retired(have), secure(have),
				plan.Missing(want, have.Members()), plan.Missing(have.Members(), want), w.head().Totals)
		}
	}
}
