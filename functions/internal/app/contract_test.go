package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/infra/bundle"
	"groupwriteback/infra/stage/host"
	"groupwriteback/shared/graph/graphtest"
)

// TestContract calls every operation of the description, with every answer that it has, of the
// real program under its host, and holds each answer to its schema.
func TestContract(t *testing.T) {
	o := newOffice(t)
	c := newContract(t)
	operator := caller{o, c, "operator"}
	o.stored()
	stop := o.deploy()
	operator.ask(http.MethodGet, "status/health", "")
	o.troubled()

	provokeReads(operator)
	provokeActions(operator)
	provokeRules(operator)
	for _, op := range c.operations() {
		path, body := o.some(op)
		if op.is["security"] == nil {
			caller{o, c, ""}.ask(op.method, path, body)
			caller{o, c, "agent"}.ask(op.method, path, body)
			for code, body := 0, strings.Replace(body, "sync", "nothing", 1); code != http.StatusTooManyRequests; {
				code, _ = caller{o, c, "reader"}.ask(op.method, path, body)
			}
		}
	}
	o.damage()
	o.fault = graphtest.Fault{Status: http.StatusForbidden, Code: "Forbidden"}
	for _, op := range c.operations() {
		path, body := o.some(op)
		operator.ask(op.method, path, body)
	}
	stop()
	o.keyless = true
	o.deploy()
	for _, op := range c.operations() {
		path, body := o.some(op)
		operator.ask(op.method, path, body)
	}
	for _, op := range c.operations() {
		for status := range object(op.is, "responses") {
			if !c.seen[op.id+" "+status] && notProvoked(op.id, status) == "" {
				t.Errorf("%s never answered %s", op.id, status)
			}
		}
	}
}

// deploy runs the real program, as it is deployed, in the place of the app.
func (o *office) deploy() (stop func()) {
	o.t.Helper()
	handler, _ := programs(o.t)
	dir := filepath.Join(o.t.TempDir(), "app")
	o.do(bundle.FunctionApp("../../..", handler, "", dir))
	h := &host.Host{Root: dir, Log: &o.log, Env: o.env}
	o.t.Cleanup(h.Stop)
	if err := h.Start(o.t.Context()); err != nil {
		o.t.Fatalf("%v\n%s", err, &o.log)
	}
	o.url = h.URL()
	return h.Stop
}

// nobodys are the ids of a hold and of a run that nobody has.
var nobodys = map[string]string{"hold": strings.Repeat("0", 40), "run": strings.Repeat("0", 32) + "-" + strings.Repeat("0", 16)}

// damage makes what is read of the journal unreadable.
func (o *office) damage() {
	o.t.Helper()
	store := filepath.Join(o.dir, "store", "t", "corp")
	o.do(os.Rename(filepath.Join(store, "head"), filepath.Join(store, "head.before")))
	for folder, id := range nobodys {
		o.do(os.MkdirAll(filepath.Join(store, folder, id), 0o700))
	}
	o.do(os.Mkdir(filepath.Join(store, "head"), 0o700))
}

// troubled gives the office something to tell of: a guest who cannot be written, a nested group,
// and removals over a limit.
func (o *office) troubled() {
	o.t.Helper()
	o.do(o.tenant.AddUser(graphtest.User{ID: graphtest.ID("guest"), UPN: "guest#EXT#@corp.test", Guest: true}))
	o.do(o.tenant.AddMember(o.group(1), graphtest.ID("guest")))
	o.do(o.tenant.AddMember(o.group(1), o.group(2)))
	o.work()
	for i := range 8 {
		o.do(o.tenant.RemoveMember(o.group(0), o.user(i)))
	}
	o.work()
}

// provokeReads asks for all that can be read, and for what cannot be.
func provokeReads(k caller) {
	k.t.Helper()
	var status struct {
		Holds []struct {
			ID string `json:"id"`
		} `json:"holds"`
	}
	k.get("status", &status)
	if len(status.Holds) != 1 {
		k.t.Fatalf("%d holds", len(status.Holds))
	}
	var v map[string]any
	for _, path := range []string{"status?hold=" + status.Holds[0].ID, "groups", "groups?prefix=group&state=written&problem=any&limit=2", "groups?held=true", "groups/" + k.group(0).String(), "groups/" + k.group(1).String() + "/members",
		"groups/" + k.group(1).String() + "/members?state=excluded", "groups/" + k.group(0).String() + "/explain", "groups/" + k.group(1).String() + "/explain?member=" + k.user(0).String(), "groups/" + k.group(1).String() + "/explain?member=" + k.user(9).String(),
		"groups/" + k.group(1).String() + "/explain?member=" + string(k.sid(0)), "groups/" + k.group(1).String() + "/history", "history", "history?limit=1", "problems", "problems?reason=guest", "holds", "holds/" + status.Holds[0].ID, "find?name=Group%200", "find?name=u1@corp.test&kind=member"} {
		k.get(path, &v)
	}
	for _, path := range []string{"metrics", "openapi.yaml", "status/health"} {
		k.ask(http.MethodGet, path, "")
	}
	none := graphtest.ID("none").String()
	for _, path := range []string{"status?hold=none", "status?hold=" + status.Holds[0].ID + "&part=x", "groups?limit=0", "groups?cursor=x", "groups?state=x", "groups?held=x", "groups?nmae=x", "groups/x", "groups/" + none, "groups/" + none + "/members", "groups/x/members",
		"groups/" + k.group(0).String() + "/members?cursor=x", "groups/" + k.group(0).String() + "/members?state=x", "groups/" + none + "/explain", "groups/x/explain", "groups/" + none + "/history", "groups/x/history", "problems?cursor=x", "holds?limit=x", "holds/none",
		"holds/" + status.Holds[0].ID + "?part=x", "history?cursor=x", "history?limit=501", "runs/none", "find", "find?name=x&kind=y"} {
		if code, body := k.ask(http.MethodGet, path, ""); code != http.StatusBadRequest && code != http.StatusNotFound {
			k.t.Errorf("%s: %d %s", path, code, body)
		}
	}
	k.fault = graphtest.Fault{Status: http.StatusForbidden, Code: "Forbidden"}
	k.ask(http.MethodGet, "find?name=x", "")
	k.fault = graphtest.Fault{}
}

// provokeActions asks for what changes something, and for what cannot be done.
func provokeActions(k caller) {
	k.t.Helper()
	post := func(want int, message string, headers ...string) (reply struct {
		Run string `json:"run"`
	}) {
		k.t.Helper()
		code, body := k.ask(http.MethodPost, "manualsync", message, headers...)
		if code != want {
			k.t.Errorf("%.100s: %d %s; want %d", message, code, body, want)
		}
		_ = json.Unmarshal([]byte(body), &reply)
		return reply
	}
	var run map[string]any
	for _, message := range []string{`{"action":"sync"}`, `{"action":"preview"}`, `{"action":"enable"}`, `{"action":"disable","end":"keep"}`, `{"action":"pause"}`, `{"action":"resume"}`, `{"action":"retry"}`,
		fmt.Sprintf(`{"action":"preview","rules":%q}`, officeRules+"members: {nested: flatten}\n")} {
		post(http.StatusOK, message)
	}
	r := post(http.StatusOK, `{"action":"sync","groups":["`+k.group(0).String()+`"]}`, "Idempotency-Key", "one")
	k.get("runs/"+r.Run, &run)
	r = post(http.StatusAccepted, `{"action":"sync"}`, "Prefer", "respond-async")
	k.get("runs/"+r.Run, &run)
	post(http.StatusUnprocessableEntity, `{"action":"sync"}`, "Idempotency-Key", "one")
	post(http.StatusBadRequest, `{"action":"none"}`)
	post(http.StatusBadRequest, `{"action":"sync"}`, "Idempotency-Key", strings.Repeat("k", 200))
	post(http.StatusNotFound, `{"action":"approve","hold":"none"}`)
	post(http.StatusUnsupportedMediaType, `{"action":"sync"}`, "Content-Type", "text/plain")
	post(http.StatusRequestEntityTooLarge, `{"action":"`+strings.Repeat("x", 1<<20)+`"}`)
}

// provokeRules asks for rules, puts some in force, and for others that were overtaken.
func provokeRules(k caller) {
	k.t.Helper()
	var v map[string]any
	put := func(want int, message string) (r manualReply) {
		k.t.Helper()
		code, body := k.ask(http.MethodPost, "manualsync", message)
		if code != want {
			k.t.Errorf("%.100s: %d %s; want %d", message, code, body, want)
		}
		_ = json.Unmarshal([]byte(body), &r)
		return r
	}
	one, two := put(http.StatusOK, putting(officeRules+"limits: {creations: 7}\n", "")), put(http.StatusOK, putting(officeRules+"limits: {creations: 8}\n", ""))
	put(http.StatusOK, putting(officeRules+"limits: {creations: 7}\n", yes(one)+`,"comment":"one"`))
	put(http.StatusConflict, putting(officeRules+"limits: {creations: 8}\n", yes(two)))
	put(http.StatusOK, `{"action":"rules","version":1}`)
	for _, path := range []string{"rules", "rules/versions", "rules/versions?limit=1", "rules/versions?cursor=2", "rules/1", "history"} {
		k.get(path, &v)
	}
	for path, want := range map[string]int{"rules?x=y": 400, "rules/x": 400, "rules/0": 400, "rules/9": 404, "rules/versions?limit=x": 400, "rules/versions?cursor=x": 400} {
		if code, body := k.ask(http.MethodGet, path, ""); code != want {
			k.t.Errorf("%s: %d %s; want %d", path, code, body, want)
		}
	}
}

// some is a request for an operation.
func (o *office) some(op operation) (path, body string) {
	path = strings.NewReplacer("{group}", o.group(0).String(), "{hold}", nobodys["hold"], "{run}", nobodys["run"], "{version}", "1").Replace(strings.TrimPrefix(op.path, "/"))
	switch op.id {
	case "manualsync":
		body = `{"action":"sync","full":true}`
	case "find":
		path += "?name=x"
	}
	return path, body
}
