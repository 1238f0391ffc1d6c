package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/status"
)

// say has the operator say something with headers, and returns what is answered.
func (o *office) say(message string, headers ...string) (code int, reply manualReply, answer *http.Response) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.url+"/api/manualsync", strings.NewReader(message))
	o.do(err)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	o.sign(r, "operator")
	answer, err = http.DefaultClient.Do(r)
	o.do(err)
	defer answer.Body.Close()
	if answer.StatusCode < 300 {
		o.do(json.NewDecoder(answer.Body).Decode(&reply))
	}
	return answer.StatusCode, reply, answer
}

func (o *office) runOf(id string) (r status.Run) {
	o.t.Helper()
	code, body := o.send(http.MethodGet, "runs/"+id, "")
	if code != http.StatusOK {
		o.t.Fatalf("run: %d %s", code, body)
	}
	o.do(json.Unmarshal([]byte(body), &r))
	return r
}

// TestSameKey: the same request under the same key is answered as before, and nothing is done
// twice; another request under it is refused; after a failure it may be tried again.
func TestSameKey(t *testing.T) {
	o := newOffice(t)
	code, first, _ := o.say(`{"action":"pause"}`, "Idempotency-Key", "one")
	if code != http.StatusOK || first.Run == "" || !first.Switch.Paused {
		t.Fatalf("%d %+v", code, first)
	}
	o.must(`{"action":"resume"}`)
	if code, again, _ := o.say(`{"action":"pause"}`, "Idempotency-Key", "one"); code != http.StatusOK || again.Run != first.Run || again.Done != first.Done || !again.Switch.Paused {
		t.Errorf("again: %d %+v; want %+v", code, again, first)
	}
	if o.head().Switch.Paused {
		t.Error("it was paused twice")
	}
	if code, _, _ := o.say(`{"action":"resume"}`, "Idempotency-Key", "one"); code != http.StatusUnprocessableEntity {
		t.Errorf("another request: %d", code)
	}
	unknown := `{"action":"sync","groups":["` + graphtest.ID("none").String() + `"]}`
	for range 2 {
		if code, _, _ := o.say(unknown, "Idempotency-Key", "two"); code != http.StatusNotFound {
			t.Errorf("a group that nobody knows: %d", code)
		}
	}
	if n := len(o.objects("run/")); n != 4 { // enable, pause, resume, and the sync
		t.Errorf("%d runs", n)
	}
	hold := `{"action":"approve","hold":"none"}`
	for range 2 {
		if code, _, _ := o.say(hold, "Idempotency-Key", "three"); code != http.StatusNotFound {
			t.Errorf("a hold that there is not: %d", code)
		}
	}
	if n := len(o.objects("run/")); n != 4 {
		t.Errorf("a word that was refused is noted: %d runs", n)
	}
}

// TestSyncForLater: a sync that nobody waits for is answered at once, and its run says how far
// it is: no turn has taken it up, the agent has to read, to write, and it is done.
func TestSyncForLater(t *testing.T) {
	o := newOffice(t)
	o.do(o.tenant.RemoveMember(o.group(1), o.user(0)))
	code, reply, answer := o.say(`{"action":"sync","groups":["`+o.group(1).String()+`"]}`, "Prefer", "respond-async")
	if code != http.StatusAccepted || reply.Run == "" || answer.Header.Get("Location") != "/api/runs/"+reply.Run || answer.Header.Get("Retry-After") == "" {
		t.Fatalf("%d %+v %v", code, reply, answer.Header)
	}
	r := o.runOf(reply.Run)
	if r.State != status.RunWaiting || r.Groups != 1 || !strings.HasPrefix(r.By, "operator (") {
		t.Errorf("%+v", r)
	}
	o.do(o.app.Sync(t.Context()))
	states := []string{o.runOf(reply.Run).State}
	for range 10 {
		did := o.turn()
		o.do(o.app.Sync(t.Context()))
		if s := o.runOf(reply.Run).State; s != states[len(states)-1] {
			states = append(states, s)
		}
		if !did {
			break
		}
	}
	if got := strings.Join(states, " "); got != "writing done" && got != "reading writing done" && got != "reading done" {
		t.Errorf("states: %s", got)
	}
	if n := len(o.ad[o.group(1)].Members()); n != 3 {
		t.Errorf("%d members", n)
	}
	last := o.past("groups/" + o.group(1).String() + "/history").Batches[0]
	if len(last.Changes) != 1 || last.Removed != 1 || !strings.Contains(last.Changes[0].Why, "asked for by operator (") {
		t.Errorf("%+v", last)
	}
}

// TestSyncOfWhatCannotBeDone: a run ends with what could be done: a group that the rules do not want, or of which
// all that is left is held, keeps nobody waiting, and neither does any while nothing is written.
func TestSyncOfWhatCannotBeDone(t *testing.T) {
	o := newOffice(t)
	outside := graphtest.ID("outside")
	o.do(o.tenant.AddGroup(graphtest.Group{ID: outside, DisplayName: "Outside", Props: map[string]any{"isAssignableToRole": true}}))
	for i := range 11 {
		o.do(o.tenant.RemoveMember(o.group(0), o.user(i)))
	}
	o.do(o.app.Sync(t.Context()))
	run := func(group string, held int) {
		t.Helper()
		code, reply, _ := o.say(`{"action":"sync","groups":["` + group + `"]}`)
		if code != http.StatusOK {
			t.Fatalf("sync: %d", code)
		}
		o.work()
		if r := o.runOf(reply.Run); r.State != status.RunDone || r.Left != 0 || r.Held != held {
			t.Errorf("%+v; want it done, with %d held", r, held)
		}
	}
	run(outside.String(), 0)
	run(o.group(0).String(), 1)
	o.must(`{"action":"pause"}`)
	o.do(o.tenant.AddMember(o.group(2), o.user(9)))
	_, reply, _ := o.say(`{"action":"sync","groups":["` + o.group(2).String() + `"]}`)
	o.work()
	if r := o.runOf(reply.Run); r.State != status.RunDone || r.Left != 1 {
		t.Errorf("while it is paused: %+v", r)
	}
}

// TestNobodyWaitsForALongTurn: a turn runs that takes long. Who asks for a group meanwhile is answered with
// a run before that turn is over, and who pauses hears that it is paused: the turn has taken both up.
func TestNobodyWaitsForALongTurn(t *testing.T) {
	o := newOffice(t)
	o.do(o.app.begin(t.Context(), forEver)) // the long turn
	defer o.app.end()
	asked, paused := make(chan int, 1), make(chan string, 1)
	go func() {
		code, _, _ := o.say(`{"action":"sync","groups":["` + o.group(1).String() + `"]}`)
		asked <- code
	}()
	go func() {
		_, reply, _ := o.say(`{"action":"pause"}`)
		paused <- reply.Done
	}()
	for len(o.objects("in/ask/")) < 2 {
		if t.Context().Err() != nil {
			return
		}
	}
	_, err := o.app.planner.Step(t.Context()) // of the long turn
	o.do(err)
	if code := <-asked; code != http.StatusAccepted {
		t.Errorf("asked for a group: %d", code)
	}
	if done := <-paused; !strings.HasPrefix(done, "paused: ") {
		t.Errorf("pause: %q", done)
	}
}

func (o *office) past(path string) (p status.Past) {
	o.t.Helper()
	code, body := o.send(http.MethodGet, path, "")
	if code != http.StatusOK {
		o.t.Fatalf("%s: %d %s", path, code, body)
	}
	o.do(json.Unmarshal([]byte(body), &p))
	return p
}

// TestSecondSyncJoins: of several who ask while a turn runs one makes the next turn, and it is
// that of all.
func TestSecondSyncJoins(t *testing.T) {
	o := newOffice(t)
	o.do(o.app.begin(t.Context(), forEver)) // a turn runs
	before := o.app.begun.Load()
	const callers = 5
	answers := make(chan int, callers)
	for range callers {
		go func() {
			code, _, _ := o.say(`{"action":"sync","groups":["` + o.group(1).String() + `"]}`)
			answers <- code
		}()
	}
	for len(o.objects("in/ask/")) < callers { // all have asked, and wait
		if t.Context().Err() != nil {
			return
		}
	}
	o.app.end()
	for range callers {
		if code := <-answers; code != http.StatusOK {
			t.Errorf("answer %d", code)
		}
	}
	if n := o.app.begun.Load() - before; n < 1 || n >= callers {
		t.Errorf("%d turns for %d who asked at once", n, callers)
	}
}

// TestHistory: what was done is told page by page, the latest first, and a cursor that nobody
// made is refused.
func TestHistory(t *testing.T) {
	o := newOffice(t)
	for i := range 3 {
		o.do(o.tenant.RemoveMember(o.group(2), o.user(i)))
		o.work()
	}
	var all []status.Batch
	for path := "history?limit=2"; path != ""; {
		p := o.past(path)
		if p.Broken != "" || len(p.Batches) > 2 {
			t.Fatalf("%+v", p)
		}
		all = append(all, p.Batches...)
		if path = ""; p.Next != "" {
			path = "history?limit=2&cursor=" + p.Next
		}
	}
	if len(all) < 4 || all[0].Removed != 1 || all[len(all)-1].Added == 0 || all[0].At.Before(all[1].At) {
		t.Errorf("%+v", all)
	}
	for i, b := range all[1:] {
		if b.Seq >= all[i].Seq {
			t.Errorf("batch %d comes behind %d", b.Seq, all[i].Seq)
		}
	}
	of := o.past("groups/" + o.group(2).String() + "/history")
	if len(of.Batches) < 4 || of.Batches[0].Seq != all[0].Seq {
		t.Errorf("of the group: %+v", of)
	}
	for _, b := range of.Batches {
		for _, c := range b.Changes {
			if c.Group != o.group(2) {
				t.Errorf("a change of %s", c.Group)
			}
		}
	}
}

// TestNowhere: what leads nowhere is answered with problem details too.
func TestNowhere(t *testing.T) {
	o := newOffice(t)
	for _, test := range []struct {
		method, path, allow string
		status              int
	}{{"GET", "nothing", "", http.StatusNotFound}, {"GET", "groups/", "", http.StatusNotFound}, {"DELETE", "groups", "GET, HEAD", http.StatusMethodNotAllowed}, {"GET", "manualsync", "POST", http.StatusMethodNotAllowed}} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, o.url+"/api/"+test.path, nil)
		o.do(err)
		a, err := http.DefaultClient.Do(r)
		o.do(err)
		var p struct {
			Title, Detail string
			Status        int
		}
		o.do(json.NewDecoder(a.Body).Decode(&p))
		o.do(a.Body.Close())
		if a.StatusCode != test.status || p.Status != test.status || p.Detail == "" || a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d %+v %v", test.method, test.path, a.StatusCode, p, a.Header)
		}
	}
}
