package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/status"
)

// office is an app with a tenant to read, an operator, and an agent with a directory
// that is a map.
type office struct {
	t         *testing.T
	tenant    *graphtest.Tenant
	graph     *graphtest.Server
	fault     graphtest.Fault // of all that Graph is asked
	elsewhere graphtest.Fault // of what is no feed
	asked     atomic.Int64    // requests to Graph
	keyless   bool            // the keys of the tenant cannot be read
	dir       string          // of the app's files, with the store below store
	env       []string        // of the app
	store     blob.Store
	url       string
	app       *App
	log       lines

	agent  *relay.Client
	self   relay.Poll
	ad     plan.State
	place  relay.Target
	found  []checklist.Row // what the agent says of its side
	high   relay.Mark
	closed uint64
	wrote  []plan.Change
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const officeDomain = "S-1-5-21-1-2-3"

// newOffice has three groups of twelve, four and three members, in sync.
func newOffice(t *testing.T) *office {
	t.Helper()
	o := closedOffice(t)
	o.enable()
	o.work()
	if len(o.ad) != 3 || len(o.ad[o.group(0)].Members()) != 12 {
		t.Fatalf("set-up: %+v", o.ad)
	}
	return o
}

// closedOffice has three groups of twelve, four and three members, and an app of which nobody
// has heard yet.
func closedOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, tenant: &graphtest.Tenant{}, ad: plan.State{}, self: relay.Poll{Instance: "one"},
		place: relay.Target{Base: "OU=Cloud Groups,DC=corp,DC=test", BaseGUID: "base", DomainSID: officeDomain, Domains: []directory.SID{officeDomain}}}
	for i := range 12 {
		o.do(o.tenant.AddUser(graphtest.User{ID: o.user(i), UPN: fmt.Sprintf("u%d@corp.test", i), SID: o.sid(i)}))
	}
	for i, size := range []int{12, 4, 3} {
		var members []directory.ID
		for k := range size {
			members = append(members, o.user(k))
		}
		o.do(o.tenant.AddGroup(graphtest.Group{ID: o.group(i), DisplayName: fmt.Sprintf("Group %d", i), Members: members}))
	}
	o.start()
	return o
}

// start makes Graph and the app.
func (o *office) start() {
	o.t.Helper()
	dir := o.t.TempDir()
	role := func(name string) map[string][]string { return map[string][]string{testAudience: {name}} }
	o.graph = graphtest.NewServer(o.tenant, graphtest.Options{
		Clients: []graphtest.Client{{ID: "11111111-0000-4000-8000-000000000001", Secret: "s", Roles: map[string][]string{graphtest.GraphAudience: {"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}}},
			{ID: "agent", Roles: role("Relay.Agent")}, {ID: "operator", Roles: role("Sync.Operate")}, {ID: "reader", Roles: map[string][]string{testAudience: {"Status.Read", "Sync.Operate"}}}},
		Fault: func(r *http.Request, _ int) graphtest.Fault {
			at, is := strings.CutPrefix(r.URL.Path, "/v1.0/")
			if is {
				o.asked.Add(1)
			}
			switch {
			case is && (at == "groupSettings" || at == "servicePrincipals") && o.elsewhere.Status != 0:
				return o.elsewhere
			case is:
				return o.fault
			}
			if o.keyless && strings.Contains(r.URL.Path, "/discovery/") {
				return graphtest.Fault{Status: http.StatusServiceUnavailable}
			}
			return graphtest.Fault{}
		}})
	o.do(o.graph.Start(""))
	o.t.Cleanup(func() { _ = o.graph.Close() })
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		o.do(os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	store, err := blob.Dir(filepath.Join(dir, "store"))
	o.do(err)
	o.dir, o.store = dir, store
	o.env = []string{
		"GROUPWRITEBACK_TARGET=corp", "GROUPWRITEBACK_STORE=dir:" + filepath.Join(dir, "store"), "GROUPWRITEBACK_RULES=" + file("rules.yaml", officeRules),
		"GROUPWRITEBACK_TENANT_ID=" + o.graph.TenantID(), "GROUPWRITEBACK_SIGN_IN=client-secret", "GROUPWRITEBACK_CLIENT_ID=11111111-0000-4000-8000-000000000001", "GROUPWRITEBACK_CLIENT_SECRET=s",
		"GROUPWRITEBACK_GRAPH_URL=" + o.graph.URL(), "GROUPWRITEBACK_AUTHORITY_URL=" + o.graph.URL(), "GROUPWRITEBACK_PRIVATE_AUTHORITY=true",
		"GROUPWRITEBACK_CA_FILE=" + file("ca.pem", string(o.graph.CA())), "GROUPWRITEBACK_API_AUDIENCE=" + testAudience,
	}
	o.do(o.host(Options{}))
}

const officeRules = "ou: OU=Cloud Groups,DC=corp,DC=test\nscope: all\n"

// host starts the app in its folder as it is now, as after a restart.
func (o *office) host(options Options) error {
	o.t.Helper()
	a, err := New(o.t.Context(), o.env, slog.New(slog.NewTextHandler(&o.log, nil)), options)
	if err != nil {
		return err
	}
	s := httptest.NewServer(a.Handler)
	o.t.Cleanup(s.Close)
	o.url, o.app = s.URL, a
	o.agent = &relay.Client{URL: s.URL + "/api/relay/", HTTP: &http.Client{Timeout: time.Minute}, Sign: func(r *http.Request) error { o.sign(r, "agent"); return nil }}
	return nil
}

// rules replaces the rules file; an empty text removes it.
func (o *office) rules(text string) {
	o.t.Helper()
	name := filepath.Join(o.dir, "rules.yaml")
	if text == "" {
		o.do(os.Remove(name))
		return
	}
	o.do(os.WriteFile(name, []byte(text), 0o600))
}

func (o *office) do(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) user(i int) directory.ID  { return graphtest.ID(fmt.Sprintf("user %d", i)) }
func (o *office) group(i int) directory.ID { return graphtest.ID(fmt.Sprintf("group %d", i)) }
func (o *office) sid(i int) directory.SID {
	return directory.SID(fmt.Sprintf("%s-%d", officeDomain, 1100+i))
}

func (o *office) sign(r *http.Request, who string) {
	token, _, err := o.graph.Token(who, testAudience)
	o.do(err)
	r.Header.Set("Authorization", "Bearer "+token)
}

// enable lets the agent report, and has the operator confirm the first plan.
func (o *office) enable() {
	o.t.Helper()
	o.work()
	reply := func(message string) (r manualReply) {
		code, body := o.operate(message)
		if err := json.Unmarshal([]byte(body), &r); err != nil || code != http.StatusOK {
			o.t.Fatalf("%s: %d %s", message, code, body)
		}
		return r
	}
	shown := reply(`{"action":"enable"}`)
	if shown.Switch.On || shown.Preview == nil || shown.Preview.Digest == "" {
		o.t.Fatalf("before anybody has confirmed anything: %+v", shown)
	}
	if on := reply(`{"action":"enable","digest":"` + shown.Preview.Digest + `"}`); !on.Switch.On {
		o.t.Fatalf("confirmed: %+v", on)
	}
}

// operate has the operator say something.
func (o *office) operate(message string) (code int, body string) {
	o.t.Helper()
	return o.send(http.MethodPost, "manualsync", message)
}

func (o *office) send(method, path, message string) (code int, body string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, o.url+"/api/"+path, strings.NewReader(message))
	o.do(err)
	r.Header.Set("Content-Type", "application/json")
	o.sign(r, "operator")
	answer, err := http.DefaultClient.Do(r)
	o.do(err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	o.do(err)
	return answer.StatusCode, string(data)
}

// must has the operator say something that is done.
func (o *office) must(message string) (body string) {
	o.t.Helper()
	code, body := o.operate(message)
	if code != http.StatusOK {
		o.t.Fatalf("%s: %d %s", message, code, body)
	}
	return body
}

func (o *office) status() (s status.Status) {
	o.t.Helper()
	code, body := o.send(http.MethodGet, "status", "")
	if code != http.StatusOK {
		o.t.Fatalf("status: %d %s", code, body)
	}
	o.do(json.Unmarshal([]byte(body), &s))
	return s
}

// preview is what a turn would do.
func (o *office) preview() (p cycle.Preview) {
	o.t.Helper()
	var reply manualReply
	o.do(json.Unmarshal([]byte(o.must(`{"action":"preview"}`)), &reply))
	return *reply.Preview
}

// work has planner and agent work until neither has anything to do.
func (o *office) work() {
	o.t.Helper()
	for range 20 {
		o.must(`{"action":"sync"}`)
		if !o.turn() {
			return
		}
	}
	o.t.Fatal("it does not come to rest")
}

// turn is one of the agent's.
func (o *office) turn() (did bool) {
	o.t.Helper()
	r, err := o.agent.Poll(o.t.Context(), o.self)
	o.do(err)
	if r.Epoch > o.high.Epoch {
		o.closed = 0
	}
	o.closed = max(o.closed, r.Closed)
	if r.Batch != nil {
		o.carryOut(r)
	}
	if r.ReadAll || len(r.Read) > 0 {
		o.do(o.report(r.ReadAll, r.Read))
	}
	return r.Batch != nil || r.ReadAll || len(r.Read) > 0
}

func (o *office) carryOut(r relay.PollReply) {
	o.t.Helper()
	var b relay.Batch
	o.do(json.Unmarshal(r.Batch, &b))
	sum := sha256.Sum256(r.Batch)
	a := relay.Ack{Epoch: b.Epoch, Seq: b.Seq, Digest: hex.EncodeToString(sum[:]), Token: r.Token, Instance: o.self.Instance, Results: []plan.Result{}}
	if b.Epoch < o.high.Epoch || b.Epoch == o.high.Epoch && b.Seq <= o.high.Seq {
		a.Stopped = "the journal was set back"
	}
	for _, c := range b.Changes {
		if a.Stopped != "" {
			break
		}
		g, is := o.ad[c.Group]
		g = plan.Apply(g, c)
		if !is {
			g.GUID = plan.GUID(c.Group.String())
		}
		o.ad[c.Group] = g
		o.wrote = append(o.wrote, c)
		a.Results = append(a.Results, plan.Result{Status: plan.Done, GUID: g.GUID})
	}
	if a.Stopped == "" {
		o.high, o.closed = relay.Mark{Epoch: b.Epoch, Seq: b.Seq}, max(o.closed, b.Seq)
	}
	_, err := o.agent.Ack(o.t.Context(), a)
	o.do(err)
	if a.Stopped != "" {
		o.do(o.report(true, nil))
	}
}

// report tells what is in the directory.
func (o *office) report(full bool, ids []directory.ID) error {
	r := relay.Report{ID: relay.ReportID(time.Now()), Part: 1, Parts: 1, Full: full, After: o.closed, High: o.high, Proven: true, Target: o.place, Found: o.found, Instance: o.self.Instance}
	named := map[directory.ID]bool{}
	for _, id := range ids {
		if named[id] = true; o.ad[id].GUID == "" {
			r.Absent = append(r.Absent, relay.Gone{ID: id, After: o.closed})
		}
	}
	for id, g := range o.ad {
		if full || named[id] {
			r.Rows = append(r.Rows, relay.Row{ID: id, GUID: g.GUID, Digest: g.Digest(), After: o.closed, Group: &g,
				Fence: plan.Fence{Instance: "corp", Epoch: o.high.Epoch, Seq: o.high.Seq, Lease: 1}.String()})
		}
	}
	return o.agent.Report(o.t.Context(), r)
}

// removed are the removals since it was last asked.
func (o *office) removed() (n int) {
	for _, c := range o.wrote {
		n += len(c.Remove)
	}
	o.wrote = nil
	return n
}

// inSync has a member leave and another join, and sees both arrive: all works.
func (o *office) inSync() {
	o.t.Helper()
	o.work()
	o.do(o.tenant.RemoveMember(o.group(1), o.user(0)))
	o.do(o.tenant.AddMember(o.group(2), o.user(11)))
	o.work()
	if got := o.ad[o.group(1)].Members(); len(got) != 3 {
		o.t.Errorf("who left is a member still: %v; %+v", got, o.status())
	}
	if got := o.ad[o.group(2)].Members(); len(got) != 4 {
		o.t.Errorf("who joined is no member: %v; %+v", got, o.status())
	}
	if n := o.removed(); n != 1 {
		o.t.Errorf("%d members were removed, 1 has left", n)
	}
	if s := o.status(); s.Word != "in-sync" {
		o.t.Errorf("%s: %s, problems %v", s.Word, s.Detail, s.Problems)
	}
}

// put writes an object of the journal by hand.
func (o *office) put(name, text string) {
	o.t.Helper()
	_, err := o.store.Put(o.t.Context(), "t/corp/"+name, []byte(text), blob.Any)
	o.do(err)
}

// objects are the names of the journal's objects below a prefix, with what is in them.
func (o *office) objects(prefix string) map[string][]byte {
	o.t.Helper()
	names, err := o.store.List(o.t.Context(), "t/corp/"+prefix)
	o.do(err)
	all := map[string][]byte{}
	for _, name := range names {
		data, _, err := o.store.Get(o.t.Context(), name)
		o.do(err)
		all[strings.TrimPrefix(name, "t/corp/")] = data
	}
	return all
}

// head is the journal's.
func (o *office) head() (h journal.Head) {
	o.t.Helper()
	o.do(json.Unmarshal(o.objects("head")["head"], &h))
	return h
}
