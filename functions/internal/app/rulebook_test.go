package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/status"
)

// TestWarmHost: a process that started under older rules decides nothing by them once there are newer
// ones, not in its first turn either, and asks Graph for what the newer ones look at.
func TestWarmHost(t *testing.T) {
	o := storeOffice(t)
	warm := o.app
	o.do(warm.Sync(t.Context()))
	o.do(o.host(Options{}))
	described := officeRules + "attributes: {description: '[mailNickname]'}\n"
	o.apply(described)
	now := o.head().Rules
	o.do(warm.Sync(t.Context()))
	if h := o.head(); h.Rules != now || h.Version.Number != 2 {
		t.Fatalf("the warm host has put rules %.8s in force, version %d; want %.8s", h.Rules, h.Version.Number, now)
	}
	r, err := warm.ruled(t.Context())
	o.do(err)
	if r.Rules.Hash() != now || !strings.Contains(r.Select, "mailNickname") || o.head().Main.Select != r.Select && o.head().Shadow == nil {
		t.Errorf("it goes by %.8s, and reads %s", r.Rules.Hash(), r.Select)
	}
	p, err := warm.planner.Preview(t.Context())
	o.do(err)
	if strings.Contains(p.Waiting, "replaced") {
		t.Errorf("it shows %+v", p)
	}
}

// TestOvertakenTurn: rules that are put in force while a turn is under way have it begin again, by them:
// nothing that was decided by the older ones is committed.
func TestOvertakenTurn(t *testing.T) {
	o := storeOffice(t)
	o.do(o.tenant.Rename(o.group(0), "Renamed"))
	shown := o.reply(o.must(putting(moved, "")))
	inner, overtaken := o.app.planner.InForce, false
	o.app.planner.InForce = func(ctx context.Context, tx *journal.Tx) (cycle.Ruling, error) {
		r, err := inner(ctx, tx)
		if !overtaken {
			overtaken = true
			o.confirm(moved, shown)
		}
		return r, err
	}
	o.must(`{"action":"sync"}`)
	h := o.head()
	if h.Version.Number != 2 || h.Plan == nil {
		t.Fatalf("version %d, plan %+v", h.Version.Number, h.Plan)
	}
	for name, data := range o.objects("batch/") {
		if strings.Contains(name, h.Plan.Nonce) && !bytes.Contains(data, []byte("OU=Moved")) {
			t.Errorf("a batch by the older rules is in flight: %s", data)
		}
	}
}

// TestFromFileToStore: the rules of the file that were in force are version 1, and nothing is decided anew.
// Back to a file the file wins; and to the store again, the store goes on from there: what it had before
// does not come back by itself.
func TestFromFileToStore(t *testing.T) {
	o := newOffice(t)
	before := o.head().Rules
	file := o.env
	o.stored()
	o.do(o.host(Options{}))
	o.work()
	h := o.head()
	if h.Version.Number != 1 || h.Rules != before || h.Version.By != "rules file" || len(h.Former) > 0 {
		t.Fatalf("taken over: %+v, rules %.8s, before %.8s", h.Version, h.Rules, before)
	}
	o.inSyncAgain()
	o.apply(moved)
	o.work()

	o.rules(officeRules + "limits: {creations: 7}\n")
	o.env = file
	o.do(o.host(Options{}))
	o.work()
	if h = o.head(); !h.Lapsed || h.InForce().Number != 0 {
		t.Fatalf("with a file: %+v, lapsed %v", h.Version, h.Lapsed)
	}
	var page status.VersionPage
	if o.read("rules/versions", &page); page.InForce != 0 || len(page.Versions) != 2 {
		t.Errorf("versions: %+v", page)
	}
	o.stored()
	o.do(o.host(Options{}))
	o.work()
	if h = o.head(); h.InForce().Number != 3 || h.Version.Comment == "" {
		t.Fatalf("in the store again: %+v, lapsed %v", h.Version, h.Lapsed)
	}
	r, err := o.app.ruled(t.Context())
	o.do(err)
	if r.Rules.Limits.Creations != 7 {
		t.Errorf("in force are %s", r.Text)
	}
}

// TestPutBeforeTakenOver: whoever is so quick that no turn has run yet with the store puts his rules behind those of
// the file, and can go back to them.
func TestPutBeforeTakenOver(t *testing.T) {
	o := newOffice(t)
	o.stored()
	o.do(o.host(Options{}))
	if v := o.apply(moved).Rules.InForce; v == nil || v.Number != 2 || v.Replaces != 1 {
		t.Fatalf("in force: %+v", v)
	}
	var old status.Rules
	if o.read("rules/1", &old); old.Text != officeRules {
		t.Errorf("version 1 is %q", old.Text)
	}
}

// TestOldFileBesideTheStore: a host that still has the file of before beside others that have their rules in
// the store undoes nothing.
func TestOldFileBesideTheStore(t *testing.T) {
	o := newOffice(t)
	old := o.app
	o.stored()
	o.do(o.host(Options{}))
	o.work()
	o.apply(moved)
	if err := old.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "were replaced by newer ones") {
		t.Errorf("the host with the old file: %v", err)
	}
	if h := o.head(); h.InForce().Number != 2 {
		t.Errorf("version %d is in force", h.InForce().Number)
	}
	o.work()
	o.inSyncAgain()
}

// TestBadFileFollows: a host that goes on with the last good rules goes on with those that another host has put
// in force since, without a restart. It once said that its own were replaced, in every turn.
func TestBadFileFollows(t *testing.T) {
	o := newOffice(t)
	good := o.app
	o.rules(badRules)
	o.do(o.host(Options{}))
	bad := o.app
	o.rules(officeRules + "limits: {creations: 7}\n")
	o.do(o.host(Options{}))
	o.work()
	now := o.head().Rules
	o.do(bad.Sync(t.Context()))
	r, err := bad.ruled(t.Context())
	o.do(err)
	if r.Rules.Limits.Creations != 7 || o.head().Rules != now {
		t.Errorf("it goes on with %s", r.Text)
	}
	if err := good.Sync(t.Context()); err == nil {
		t.Error("a host with an old file is one with an old file")
	}
}

// TestForeignRules: rules in the store that this program does not understand are not guessed at. Everything says
// why, and rules that it does understand can be put in force.
func TestForeignRules(t *testing.T) {
	for name, spoil := range map[string]func(o *office){
		"a key of a newer version": func(o *office) {
			tx, err := o.app.journal.Load(o.t.Context())
			o.do(err)
			_, err = tx.FileRules(o.t.Context(), journal.Version{Rules: "0f", By: "newer"}, []byte("ou: OU=x,DC=corp,DC=test\nscope: all\nwarp: 9\n"))
			o.do(err)
			o.do(tx.Commit(o.t.Context()))
		},
		"an object that is damaged": func(o *office) {
			o.do(os.WriteFile(filepath.Join(o.dir, "store", "t", "corp", o.head().Version.In.Name), []byte("{}"), 0o600))
		},
		"an object that is gone": func(o *office) {
			o.do(os.Remove(filepath.Join(o.dir, "store", "t", "corp", o.head().Version.In.Name)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := storeOffice(t)
			wrote := len(o.wrote)
			o.do(o.tenant.RemoveMember(o.group(1), o.user(0)))
			spoil(o)
			o.do(o.host(Options{}))
			if code, body := o.operate(`{"action":"sync"}`); code < http.StatusInternalServerError || !strings.Contains(body, "version") {
				t.Errorf("a turn: %d %s", code, body)
			}
			s := o.status()
			if s.Word != "no-rules" && s.Word != "failing" || !strings.Contains(s.Detail, "version") {
				t.Errorf("status says %+v", s.Standing)
			}
			o.turn()
			if len(o.wrote) > wrote {
				t.Errorf("written: %+v", o.wrote[wrote:])
			}
			shown := o.reply(o.must(putting(officeRules, "")))
			if done := o.confirm(officeRules, shown); done.Rules.InForce == nil {
				t.Fatalf("%+v", done)
			}
			o.work()
			o.inSyncAgain()
			if n := len(o.ad[o.group(1)].Members()); n != 3 {
				t.Errorf("%d members", n)
			}
		})
	}
}

// TestRulesBegunAnew: rules in the store survive a journal that begins anew, and one whose head is lost has none, says
// so, and numbers go on.
func TestRulesBegunAnew(t *testing.T) {
	o := storeOffice(t)
	o.apply(moved)
	o.must(`{"action":"begin-anew","target":"corp"}`)
	if h := o.head(); h.InForce().Number != 2 || h.Version.Rules != h.Rules {
		t.Fatalf("begun anew: %+v, rules %.8s", h.Version, h.Rules)
	}
	o.enable()
	o.work()
	o.inSyncAgain()
	o.put("head", `{"format":"none"}`)
	if code, body := o.operate(`{"action":"begin-anew","target":"corp"}`); code != http.StatusServiceUnavailable || !strings.Contains(body, "no-rules") {
		t.Fatalf("a lost head: %d %s", code, body)
	}
	if s := o.status(); s.Word != "no-rules" {
		t.Errorf("status says %+v", s.Standing)
	}
	if v := o.apply(officeRules).Rules.InForce; v == nil || v.Number != 3 || v.Replaces != 0 {
		t.Errorf("put in force: %+v", v)
	}
	if n := fmt.Sprint(len(o.objects("version/"))); n != "3" {
		t.Errorf("%s versions are in the store", n)
	}
}

// TestStoredRulesCost: an idle turn by rules in the store reads no more than one by a file: their text is read once,
// and again when another version is in force.
func TestStoredRulesCost(t *testing.T) {
	idle := func(o *office) (reads int) {
		count := &blobtest.Count{Store: o.store}
		o.do(o.host(Options{Store: func(blob.Store) blob.Store { return count }}))
		o.do(o.app.Sync(t.Context()))
		count.Take()
		o.do(o.app.Sync(t.Context()))
		c := count.Take()
		if c.Writes() > 0 {
			t.Errorf("an idle turn writes: %v", c)
		}
		return int(c.Reads())
	}
	file, stored := idle(newOffice(t)), idle(storeOffice(t))
	t.Logf("an idle turn reads %d objects by a file, and %d by the store", file, stored)
	if stored != file {
		t.Errorf("an idle turn reads %d objects by rules in the store, and %d by a file", stored, file)
	}
}

// TestOlderProgramOnPurpose: after rules were read by a newer program a host with the older one decides nothing, and
// says what to do to stay with it: that can be done.
func TestOlderProgramOnPurpose(t *testing.T) {
	o := storeOffice(t)
	here := o.head().Rules
	tx, err := o.app.journal.Load(t.Context())
	o.do(err)
	tx.Head.Former, tx.Head.Rules = []string{here}, "a newer program's hash of the same"
	o.do(tx.Commit(t.Context()))
	if code, body := o.operate(`{"action":"sync"}`); code < http.StatusInternalServerError {
		t.Fatalf("a turn: %d %s", code, body)
	}
	if code, body := o.operate(`{"action":"preview"}`); code < http.StatusBadRequest {
		t.Errorf("it shows what would be written by rules that are not in force: %d %s", code, body)
	}
	o.do(o.tenant.RemoveMember(o.group(1), o.user(0)))
	shown := o.reply(o.must(putting(officeRules, "")))
	if done := o.confirm(officeRules, shown); done.Rules.InForce == nil || done.Rules.InForce.Number != 2 {
		t.Fatalf("%+v", done)
	}
	o.work()
	o.inSyncAgain()
	if h := o.head(); h.Rules != here || len(o.ad[o.group(1)].Members()) != 3 {
		t.Errorf("rules %.8s, %d members", h.Rules, len(o.ad[o.group(1)].Members()))
	}
}
