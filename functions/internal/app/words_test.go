package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/status"
)

// The tests of this file are about what operators are told and what their words do, over
// the network and with a tenant behind it.

// TestUnknownGroup: a sync with a group that nobody knows said that a turn was run.
func TestUnknownGroup(t *testing.T) {
	o := newOffice(t)
	none := graphtest.ID("nobody's")
	for _, action := range []string{"sync", "retry"} {
		code, body := o.operate(fmt.Sprintf(`{"action":%q,"groups":["%s","%s"]}`, action, o.group(1), none))
		if code != http.StatusNotFound || !strings.Contains(body, "nobody knows such a group") || !strings.Contains(body, none.String()) || strings.Contains(body, o.group(1).String()) {
			t.Errorf("%s: %d %s; want 404 with the id that nobody knows", action, code, body)
		}
		o.must(fmt.Sprintf(`{"action":%q,"groups":["%s"]}`, action, o.group(1)))
	}
	o.inSync()
}

// TestCauses: a turn that fails tells the operator why, as the log has it.
func TestCauses(t *testing.T) {
	o := newOffice(t)
	o.fault = graphtest.Fault{Status: http.StatusForbidden, Code: "Authorization_RequestDenied"}
	for _, message := range []string{`{"action":"sync"}`, `{"action":"preview"}`} {
		code, body := o.operate(message)
		if code != http.StatusInternalServerError || !strings.Contains(body, "Authorization_RequestDenied") {
			t.Errorf("%s: %d %s; want the cause", message, code, body)
		}
	}
	if code, body := o.send(http.MethodPost, "relay/poll", `{}`); code != http.StatusForbidden || strings.Contains(body, "Denied") {
		t.Errorf("poll by an operator: %d %s", code, body)
	}
	o.fault = graphtest.Fault{}
	o.inSync()
}

// TestPreviewInventsNoHold: what a preview would hold has no id that could be approved; the
// turn's has.
func TestPreviewInventsNoHold(t *testing.T) {
	o := newOffice(t)
	for i := range 6 {
		o.do(o.tenant.RemoveMember(o.group(0), o.user(i)))
	}
	p := o.preview()
	if len(p.Held) != 1 || p.Held[0].ID != "" || p.Held[0].Count != 6 {
		t.Errorf("the preview holds %+v", p.Held)
	}
	if strings.Contains(o.log.String(), "msg=held") || len(o.objects("hold/")) != 0 {
		t.Errorf("the preview has opened a hold:\n%s", &o.log)
	}
	o.work()
	if p = o.preview(); len(p.Held) != 1 || p.Held[0].ID != o.status().Holds[0].ID {
		t.Errorf("the preview holds %+v, status %+v", p.Held, o.status().Holds)
	}
}

// TestLaterWord: of two words on a hold the later one counts, in whichever order they come:
// a click that was sent again does not turn it round.
func TestLaterWord(t *testing.T) {
	o := newOffice(t)
	for i := range 6 {
		o.do(o.tenant.RemoveMember(o.group(0), o.user(i)))
	}
	o.work()
	hold := o.status().Holds[0].ID
	early := time.Now().Add(-time.Second).UTC()
	o.must(fmt.Sprintf(`{"action":"reject","hold":%q}`, hold))
	o.work()
	data, err := json.Marshal(journal.Word{Hold: hold, By: "alice", At: early})
	o.do(err)
	o.put("in/approve/"+hold+"-0000000000000000", string(data))
	o.work()
	if n, s := o.removed(), o.status(); n != 0 || len(s.Holds) != 1 || s.Holds[0].Denied == "" {
		t.Errorf("%d removed, holds %+v", n, s.Holds)
	}
	o.must(fmt.Sprintf(`{"action":"approve","hold":%q}`, hold)) // a later one
	o.work()
	if n := o.removed(); n != 6 {
		t.Errorf("%d removed, want those of the hold", n)
	}
}

// TestNames: a person who reads a hold, a preview or a problem reads names, not SIDs alone.
func TestNames(t *testing.T) {
	o := newOffice(t)
	for i := range 6 {
		o.do(o.tenant.RemoveMember(o.group(0), o.user(i)))
	}
	o.do(o.tenant.AddUser(graphtest.User{ID: o.user(50), UPN: "guest@elsewhere.test", Guest: true}))
	o.do(o.tenant.AddMember(o.group(1), o.user(50)))
	o.do(o.tenant.AddMember(o.group(2), o.user(11)))
	if p := o.preview(); p.Names[plan.SIDRef(o.sid(11))] != "u11@corp.test" {
		t.Errorf("the preview names %v", p.Names)
	}
	o.work()
	s := o.status()
	code, body := o.send(http.MethodGet, "status?hold="+s.Holds[0].ID, "")
	var hold status.Hold
	o.do(json.Unmarshal([]byte(body), &hold))
	if code != http.StatusOK || len(hold.Names) != 6 || hold.Names[plan.SIDRef(o.sid(3))] != "u3@corp.test" || len(hold.Items) != 1 || len(hold.Items[0].Remove) != 6 {
		t.Errorf("the hold: %d %s", code, body)
	}
	if len(s.Problems) != 1 || s.Problems[0].Who != "guest@elsewhere.test" {
		t.Errorf("problems %+v", s.Problems)
	}
}

// TestStartLine: the log begins with what is in force, and warns of what is perhaps not meant.
func TestStartLine(t *testing.T) {
	o := newOffice(t)
	for _, want := range []string{`msg=started version=`, `target=corp`, `sign_in=client-secret`, `ou="OU=Cloud Groups,DC=corp,DC=test" scope=all`,
		`limits="of a group 30 % from 10 on, of all 10 % or 20, growth 50 % or 1000, 500 new groups"`} {
		if !strings.Contains(o.log.String(), want) {
			t.Errorf("the log lacks %s:\n%.2000s", want, &o.log)
		}
	}
	if strings.Contains(o.log.String(), "perhaps not meant") {
		t.Errorf("the log warns:\n%.2000s", &o.log)
	}
}
