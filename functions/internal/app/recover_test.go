package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/journal"
	"groupwriteback/shared/relay"
)

// The tests of this file walk docs/recover.md: each begins with what has gone wrong, sees
// what it says a person would see, does what it says, and holds the directory to the cloud.

// TestRecoverFromOddInbox: what nobody of ours writes lies in the inbox.
func TestRecoverFromOddInbox(t *testing.T) {
	o := newOffice(t)
	h := o.head()
	for _, name := range []string{"in/ack/%d-%012d", "in/ack/x", "in/ack/0-0", "in/report/zz/00001-00001", "in/report/" + relay.ReportID(time.Now()) + "/00001-00001",
		"in/ask/x", "in/approve/x-y", "in/reject/x", "in/other/x"} {
		if strings.Contains(name, "%") {
			name = fmt.Sprintf(name, h.Epoch, h.NextSeq)
		}
		for _, text := range []string{"", "{", `{"epoch":"x"}`, "\x00"} {
			o.put(name, text)
			o.must(`{"action":"sync"}`)
		}
	}
	o.removed()
	o.inSync()
	for name := range o.objects("in/") {
		if !strings.HasPrefix(name, "in/other/") {
			t.Errorf("%s lies in the inbox still", name)
		}
	}
}

// TestRecoverLease: the lease is lost, or is none.
func TestRecoverLease(t *testing.T) {
	o := newOffice(t)
	o.do(o.store.Delete(t.Context(), "t/corp/lease"))
	o.inSync()
	for _, lease := range []string{"", "{", `{"agent":"x","token":18446744073709551615,"until":"2026-01-01T00:00:00Z"}`, `{"agent":"x","token":1,"until":"9999-01-01T00:00:00Z"}`} {
		o.put("lease", lease)
		o.do(o.tenant.AddMember(o.group(1), o.user(0)))
		o.do(o.tenant.RemoveMember(o.group(2), o.user(11)))
		o.work()
		o.removed()
		o.inSync()
	}
}

// TestReplaceAgent: another agent, with nothing on its disk, takes the place of one that is
// gone. It waits for the end of the lease; then all goes on.
func TestReplaceAgent(t *testing.T) {
	o := newOffice(t)
	o.self, o.high, o.closed = relay.Poll{Instance: "two"}, relay.Mark{}, 0
	if _, err := o.agent.Poll(t.Context(), o.self); !errors.Is(err, relay.ErrLease) {
		t.Errorf("a second agent of the same registration: %v", err)
	}
	if err := o.report(true, nil); !errors.Is(err, relay.ErrLease) {
		t.Errorf("its report: %v", err)
	}
	var l journal.Lease
	o.do(json.Unmarshal(o.objects("lease")["lease"], &l))
	before := l.Token
	l.Until = time.Now().Add(-3 * time.Minute) // as time goes by
	data, err := json.Marshal(l)
	o.do(err)
	o.put("lease", string(data))
	o.inSync()
	o.do(json.Unmarshal(o.objects("lease")["lease"], &l))
	if l.Token <= before {
		t.Errorf("token %d, then %d", before, l.Token)
	}
}

// TestBeginAnew: the journal is damaged, or of another version. It says so, writes nothing,
// and begins anew at an operator's word; nothing is lost.
func TestBeginAnew(t *testing.T) {
	for _, test := range []struct {
		name string
		harm func(o *office)
		code int
		says string
	}{
		{"units are missing", func(o *office) {
			for _, kind := range []string{"g/", "h/", "m/"} {
				for name := range o.objects(kind) {
					o.do(o.store.Delete(t.Context(), "t/corp/"+name))
				}
			}
			o.do(o.tenant.Rename(o.group(0), "Another name"))
		}, 500, "missing or damaged; if it stays so, begin the journal anew"},
		{"an older format", func(o *office) {
			o.put("head", strings.Replace(string(o.objects("head")["head"]), fmt.Sprintf(`"format":%d`, journal.Format), `"format":1`, 1))
		}, 503, "written by an older version: begin it anew"},
		{"the head is no head", func(o *office) { o.put("head", "{") }, 500, "decode head"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOffice(t)
			before, members := o.head(), len(o.ad[o.group(0)].Members())
			test.harm(o)
			code, body := o.operate(`{"action":"sync"}`)
			if code != test.code || !strings.Contains(body, test.says) {
				t.Errorf("sync: %d %s; want %d %s", code, body, test.code, test.says)
			}
			if code, body := o.operate(`{"action":"begin-anew"}`); code != http.StatusBadRequest || !strings.Contains(body, `which is \"corp\"`) {
				t.Errorf("without the target's name: %d %s", code, body)
			}
			o.must(`{"action":"begin-anew","target":"corp"}`)
			o.enable()
			o.work()
			if n := o.removed(); n != 0 || len(o.ad[o.group(0)].Members()) != members {
				t.Errorf("%d members were removed", n)
			}
			o.inSync()
			h := o.head()
			if h.Epoch <= before.Epoch || test.code != 500 && (h.Tenant != before.Tenant || h.NextSeq < before.NextSeq) {
				t.Errorf("epoch %d, next batch %d; before %d, %d", h.Epoch, h.NextSeq, before.Epoch, before.NextSeq)
			}
			if !strings.Contains(o.log.String(), `msg="journal begins anew" target=corp by="operator (`) {
				t.Errorf("the log does not say who did it:\n%s", &o.log)
			}
		})
	}
}

// TestNewerJournal: a newer version has written to the journal. This one stops, whether it
// sees so by the format or by a key, and the agent is told.
func TestNewerJournal(t *testing.T) {
	for what, harm := range map[string]func(string) string{
		"format": func(head string) string {
			return strings.Replace(head, fmt.Sprintf(`"format":%d`, journal.Format), fmt.Sprintf(`"format":%d`, journal.Format+1), 1)
		},
		"a key": func(head string) string {
			return strings.Replace(head, `{"format"`, `{"ofTheNextVersion":1,"format"`, 1)
		},
	} {
		o := newOffice(t)
		head := o.objects("head")["head"]
		o.put("head", harm(string(head)))
		if code, body := o.operate(`{"action":"sync"}`); code != http.StatusServiceUnavailable || !strings.Contains(body, "update this planner") {
			t.Errorf("%s: %d %s", what, code, body)
		}
		if _, err := o.agent.Poll(t.Context(), o.self); !errors.Is(err, journal.ErrFormat) {
			t.Errorf("%s: the agent is told %v", what, err)
		}
		if got := o.objects("head")["head"]; !bytes.Equal(got, []byte(harm(string(head)))) {
			t.Errorf("%s: the head was written", what)
		}
		o.put("head", string(head)) // the newer version has gone back
		o.inSync()
	}
}

// TestRecoverPin: the journal is for a domain that the first report named, and which is not
// ours. An operator names the right one.
func TestRecoverPin(t *testing.T) {
	o := newOffice(t)
	h := o.head()
	h.Target.DomainSID = "S-1-5-21-9-9-9"
	data, err := json.Marshal(h)
	o.do(err)
	o.put("head", string(data))
	o.do(o.report(true, nil))
	o.must(`{"action":"sync"}`)
	if s := o.status(); s.Word != "stopped" || !strings.Contains(s.Detail, officeDomain) || !strings.Contains(s.Detail, "action repin") {
		t.Errorf("status says %s: %s", s.Word, s.Detail)
	}
	for _, message := range []string{`{"action":"repin"}`, `{"action":"repin","domain":"corp.example"}`} {
		if code, body := o.operate(message); code != http.StatusBadRequest || !strings.Contains(body, "name the domain's SID") {
			t.Errorf("%s: %d %s", message, code, body)
		}
	}
	o.must(`{"action":"repin","domain":"` + officeDomain + `"}`)
	o.inSync()
}

// TestRecoverStore: the store is restored from a backup of some changes ago, and once more
// while a plan of then is in flight.
func TestRecoverStore(t *testing.T) {
	o := newOffice(t)
	for i := range 2 {
		backup := o.objects("")
		o.do(o.tenant.RemoveMember(o.group(0), o.user(i)))
		o.do(o.tenant.AddMember(o.group(1), o.user(0)))
		o.do(o.tenant.RemoveMember(o.group(2), o.user(11)))
		o.work()
		for name := range o.objects("") {
			o.do(o.store.Delete(t.Context(), "t/corp/"+name))
		}
		for name, data := range backup {
			o.put(name, string(data))
		}
		o.removed()
		o.turn()
		o.do(o.report(true, nil)) // the scan that is due, or that the relay asks for
		o.inSync()
		o.do(o.tenant.AddMember(o.group(1), o.user(0)))
		o.do(o.tenant.RemoveMember(o.group(2), o.user(11)))
		o.must(`{"action":"sync"}`) // a plan
	}
	if !strings.Contains(o.log.String(), `level=WARN msg="a new epoch begins: all of Active Directory is read again" epoch=`) {
		t.Errorf("the log does not say what happened:\n%s", &o.log)
	}
}

// TestRecoverDirectory: the domain controller is restored from a backup of some changes ago.
func TestRecoverDirectory(t *testing.T) {
	o := newOffice(t)
	backup := maps.Clone(o.ad)
	o.inSync()
	o.ad = backup
	o.do(o.report(true, nil)) // the agent notices, and reads all first
	o.work()
	if got := len(o.ad[o.group(1)].Members()); got != 3 || len(o.ad[o.group(2)].Members()) != 4 {
		t.Errorf("the directory is as it was restored: %d members", got)
	}
}
