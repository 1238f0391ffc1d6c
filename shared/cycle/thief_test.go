package cycle_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// TestStolenToken: somebody has the agent's access token, and in every other step what the
// agent keeps to itself as well. He says what he likes, bounded values and nonsense, through
// the relay's own door; now and then the agent is away and he has the lease. Nothing is
// removed but who has left, within the limits; nothing else is written to; the planner goes
// on; and when he is gone all comes right without a hand.
func TestStolenToken(t *testing.T) {
	s := newSiege(t)
	door := relay.Handler("/", &relay.Door{Verifier: believing{}, Log: slog.New(slog.DiscardHandler), PerCaller: 1e9}, s.journal, nil, nil)
	thief := &thief{siege: s, door: door, taken: map[int]int{}}
	s.play(thief.act)
	if thief.taken[http.StatusOK] < siegeSteps/2 || thief.taken[http.StatusConflict] < siegeSteps/10 || thief.taken[http.StatusBadRequest] < siegeSteps/20 {
		t.Errorf("answers %v: the play proves nothing", thief.taken)
	}
	t.Logf("answers %v", thief.taken)
	s.calm()
}

// believing takes everybody for the agent.
type believing struct{}

func (believing) Verify(*http.Request, ...string) (relay.Caller, error) {
	return relay.Caller{ID: "id", Name: "agent"}, nil
}

type thief struct {
	*siege
	door  http.Handler
	taken map[int]int // answers, by status
	reply relay.PollReply
}

// act is what he does in one step.
func (f *thief) act() {
	if f.rng.IntN(20) == 0 {
		f.agentOff = !f.agentOff
	}
	instance := "the thief's own"
	if f.rng.IntN(2) == 0 {
		instance = f.self.Instance
	}
	for range 1 + f.rng.IntN(4) {
		switch f.rng.IntN(5) {
		case 0:
			poll := relay.Poll{Agent: f.nonsense(), Instance: instance, DC: relay.DC{Name: f.nonsense(), USN: int64(f.number(5) >> 1)}, Host: f.nonsense()}
			if answer := f.say("poll", poll); answer != nil {
				f.reply = relay.PollReply{}
				f.do(json.Unmarshal(answer, &f.reply))
			}
		case 1:
			f.say("ack", f.ack(instance))
		default:
			for _, part := range f.lie(instance) {
				f.say("report", part)
			}
		}
	}
}

// say sends a message, or what was made of it.
func (f *thief) say(kind string, message any) (answer []byte) {
	data, err := json.Marshal(message)
	f.do(err)
	if f.rng.IntN(4) == 0 {
		var tree any
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		f.do(d.Decode(&tree))
		data, err = json.Marshal(f.spoil(tree))
		f.do(err)
	}
	if f.rng.IntN(20) == 0 {
		data = data[:f.rng.IntN(len(data))]
	}
	r, w := httptest.NewRequest(http.MethodPost, "/"+kind, bytes.NewReader(data)), httptest.NewRecorder()
	r.Header.Set("Content-Type", "application/json")
	f.door.ServeHTTP(w, r)
	f.taken[w.Code]++
	if w.Code >= 500 {
		f.t.Errorf("step %d: %s: %d %s", f.step, kind, w.Code, w.Body)
	}
	if w.Code != http.StatusOK {
		return nil
	}
	if kind != "poll" {
		f.weatherWorld.say("%s %.300s", kind, data)
	}
	return w.Body.Bytes()
}

// spoil puts something else in the place of some values of a message.
func (f *thief) spoil(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			if f.rng.IntN(4) == 0 {
				v[k] = f.spoil(v[k])
			}
		}
		return v
	case []any:
		for i := range v {
			if f.rng.IntN(4) == 0 {
				v[i] = f.spoil(v[i])
			}
		}
		return v
	}
	return []any{nil, true, f.nonsense(), json.Number("1e308"), json.Number("5e-324"), json.Number("-1"), json.Number("18446744073709551615"),
		f.number(7), []any{}, map[string]any{}, strings.Repeat("x", 70_000), []any{map[string]any{}}}[f.rng.IntN(12)]
}

// ack is a word on the batch that is open, or on another.
func (f *thief) ack(instance string) relay.Ack {
	a := relay.Ack{Epoch: f.head().Epoch, Token: f.reply.Token, Instance: instance, Seconds: f.rng.Float64() / float64(1+f.rng.Uint64N(1<<40))}
	if f.rng.IntN(5) == 0 {
		a.Token, a.Epoch = f.number(a.Token), f.number(a.Epoch)
	}
	if p := f.head().Plan; p != nil {
		n := f.rng.IntN(len(p.Digests))
		a.Seq, a.Digest = p.First+uint64(n), p.Digests[n]
		for range f.rng.IntN(p.Changes + 3) {
			a.Results = append(a.Results, plan.Result{Status: []plan.Status{plan.Done, plan.Refused, plan.Skipped, plan.Unknown, plan.Fenced, "odd"}[f.rng.IntN(6)],
				GUID: plan.GUID(f.nonsense()), Text: f.nonsense(), Bad: []plan.BadRef{{Ref: f.anyRef()}}})
		}
	}
	if f.rng.IntN(4) == 0 {
		a.Stopped = f.nonsense()
	}
	return a
}

// lie is a report of what is not so.
func (f *thief) lie(instance string) (parts []relay.Report) {
	h := f.head()
	n := 1 + f.rng.IntN(2)
	id := journal.ReportID(f.now)
	for i := range n {
		r := relay.Report{ID: id, Part: i + 1, Parts: n, Instance: instance, Full: f.rng.IntN(2) == 0, Proven: f.rng.IntN(2) == 0, After: f.number(h.NextSeq), High: f.high, Target: f.target()}
		if f.rng.IntN(4) == 0 {
			r.High = journal.Mark{Epoch: f.number(h.Epoch), Seq: f.number(h.NextSeq)}
		}
		if f.rng.IntN(10) == 0 {
			r.Target.DomainSID = directory.SID("S-1-5-21-9-9-9")
		}
		if f.rng.IntN(10) == 0 {
			r.Blind, r.Grounds, r.Target.Domains = f.nonsense(), f.nonsense(), []directory.SID{"S-1-5-32"}
		}
		for _, g := range f.groups {
			switch f.rng.IntN(4) {
			case 0:
				r.Absent = append(r.Absent, relay.Gone{ID: g, After: f.number(h.NextSeq)})
			case 1:
			default:
				r.Rows = append(r.Rows, f.row(g, h))
			}
		}
		for range f.rng.IntN(3) {
			r.Rows = append(r.Rows, f.row(graphtest.ID(f.nonsense()), h))
		}
		parts = append(parts, r)
	}
	if f.rng.IntN(6) == 0 {
		parts = parts[:n-1] // which never ends
	}
	return parts
}

// row is a group as it is not.
func (f *thief) row(id directory.ID, h journal.Head) relay.Row {
	g := f.ad[id].Clone()
	g.ID = id
	switch f.rng.IntN(5) {
	case 0:
		g.Links = g.Links.With(plan.Member, nil)
	case 1: // as it was, before somebody went
		for i := range siegeSize {
			g.Links = g.Links.With(plan.Member, append(g.Members(), ref(i)))
		}
	case 2:
		for range f.rng.IntN(40) {
			g.Links = g.Links.With(plan.Member, append(g.Members(), f.anyRef()))
		}
	case 3:
		g.Links = g.Links.With(plan.Member, slices.DeleteFunc(g.Members(), func(plan.Ref) bool { return f.rng.IntN(3) == 0 }))
	}
	slices.Sort(g.Members())
	g.Links = g.Links.With(plan.Member, slices.Compact(g.Members()))
	if f.rng.IntN(5) == 0 {
		g.Name, g.Parent = f.nonsense(), []string{ou, "CN=Users,DC=corp,DC=test", f.nonsense()}[f.rng.IntN(3)]
	}
	if f.rng.IntN(5) == 0 {
		g.Attrs = map[string][]string{"info": {f.nonsense()}, f.nonsense(): {f.nonsense()}}
	}
	r := relay.Row{ID: id, GUID: g.GUID, Digest: g.Digest(), After: f.number(h.NextSeq), SID: sidOf(id), Group: &g, Fence: f.fences[id]}
	switch f.rng.IntN(6) {
	case 0:
		r.SID, _ = f.anyRef().SID()
	case 1:
		r.Fence = plan.Fence{Instance: "corp", Epoch: f.number(h.Epoch), Seq: f.number(h.NextSeq), Lease: f.number(f.reply.Token)}.String()
	case 2:
		r.Group = nil
	case 3:
		r.Trouble = &plan.Trouble{Case: []string{plan.TroubleTwin, plan.TroubleOutside, f.nonsense()}[f.rng.IntN(3)], DN: f.nonsense(), Text: f.nonsense()}
	case 4:
		r.Pieces, r.GUID = 1+f.rng.IntN(3), plan.GUID(f.nonsense())
		r.Piece = 1 + f.rng.IntN(r.Pieces)
	}
	return r
}

// TestFalseSIDOfAGroup: whoever has the agent's token says that a nested group has the SID of
// a user. When that group is gone and leaves, the user stays: his SID is his, as Entra ID
// has it, and the planner goes on.
func TestFalseSIDOfAGroup(t *testing.T) {
	w := town(t)
	w.do(w.tenant.AddMember(group(1), group(3)))
	w.later(time.Second)
	if !slices.Contains(w.ad[group(1)].Members(), plan.GroupRef(group(3))) || !w.in(group(1), 0) {
		t.Fatal("set-up: the group is not nested")
	}
	false3 := w.word()
	g := w.ad[group(3)]
	false3.Rows = []journal.Row{{ID: group(3), GUID: g.GUID, Digest: g.Digest(), After: w.closed, Group: &g, SID: directory.SID(ref(0))}}
	w.tell(false3)
	w.now = w.now.Add(time.Second)
	gone := w.word()
	gone.Absent = []journal.Gone{{ID: group(3), After: w.closed}}
	gone.Proven = true
	w.refuse = func(c plan.Change) (plan.Result, bool) { // it does not come back
		return plan.Result{Status: plan.Refused, Text: "no"}, c.Group == group(3)
	}
	w.tell(gone)
	w.do(w.tenant.RemoveMember(group(1), group(3)))
	w.do(w.tenant.RemoveMember(group(1), user(5)))
	w.later(time.Second)
	w.later(time.Minute)
	if !w.in(group(1), 0) || w.in(group(1), 5) {
		t.Errorf("the user whose SID was used is in: %t; one who has left is in: %t", w.in(group(1), 0), w.in(group(1), 5))
	}
}
