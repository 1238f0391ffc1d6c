package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/status"
)

// stored has the app keep its rules in the store from its next start on.
func (o *office) stored() {
	o.env = slices.DeleteFunc(slices.Clone(o.env), func(kv string) bool { return strings.HasPrefix(kv, "GROUPWRITEBACK_RULES=") })
	o.env = append(o.env, "GROUPWRITEBACK_RULES=store:")
}

// storeOffice is an office whose rules are in the store, in sync by version 1.
func storeOffice(t *testing.T) *office {
	t.Helper()
	o := closedOffice(t)
	o.stored()
	o.do(o.host(Options{}))
	o.apply(officeRules)
	o.enable()
	o.work()
	if len(o.ad) != 3 || o.head().Version.Number != 1 {
		t.Fatalf("set-up: %+v, version %d", o.ad, o.head().Version.Number)
	}
	return o
}

// putting is a message that has rules put in force, or shows what they would do.
func putting(rules string, more string) string {
	return fmt.Sprintf(`{"action":"rules","rules":%q%s}`, rules, more)
}

// reply decodes what was answered.
func (o *office) reply(body string) (r manualReply) {
	o.t.Helper()
	o.do(json.Unmarshal([]byte(body), &r))
	return r
}

// apply puts rules in force: it looks first.
func (o *office) apply(rules string) manualReply {
	o.t.Helper()
	shown := o.reply(o.must(putting(rules, "")))
	return o.confirm(rules, shown)
}

// confirm says yes to what was shown of rules.
func (o *office) confirm(rules string, shown manualReply) manualReply {
	o.t.Helper()
	return o.reply(o.must(putting(rules, yes(shown))))
}

// yes is what is said to confirm what was shown.
func yes(shown manualReply) string {
	replaces := uint64(0)
	if v := shown.Rules.InForce; v != nil {
		replaces = v.Number
	}
	return fmt.Sprintf(`,"replaces":%d,"digest":%q`, replaces, shown.Rules.Digest)
}

// TestNoRulesYet: an installation whose store has no rules starts, says so wherever people look, and
// neither reads, decides nor writes before it has some.
func TestNoRulesYet(t *testing.T) {
	o := closedOffice(t)
	o.stored()
	count := &blobtest.Count{Store: o.store}
	o.do(o.host(Options{Store: func(blob.Store) blob.Store { return count }}))
	asked := o.asked.Load()
	o.do(o.app.Sync(t.Context()))
	for _, message := range []string{`{"action":"sync"}`, `{"action":"preview"}`, `{"action":"enable"}`} {
		if code, body := o.operate(message); code != http.StatusServiceUnavailable || !strings.Contains(body, `"no-rules"`) || !strings.Contains(body, "groupwriteback rules apply FILE") {
			t.Errorf("%s: %d %s", message, code, body)
		}
	}
	if s := o.status(); s.Word != "no-rules" || !strings.Contains(s.Remedy, "groupwriteback rules apply FILE") || len(s.Also) > 0 {
		t.Errorf("status says %+v", s.Standing)
	}
	if code, word := o.word(); code != http.StatusServiceUnavailable || word != `{"status":"no-rules"}` {
		t.Errorf("health says %d %s", code, word)
	}
	if code, body := o.send(http.MethodGet, "rules", ""); code != http.StatusServiceUnavailable || !strings.Contains(body, `"no-rules"`) {
		t.Errorf("rules: %d %s", code, body)
	}
	if c := count.Take(); c.Writes() > 0 {
		t.Errorf("written: %v", c)
	}
	if n := o.asked.Load() - asked; n > 0 {
		t.Errorf("graph was asked %d times", n)
	}
	shown := o.reply(o.must(putting(officeRules, "")))
	if shown.Rules.InForce != nil || !strings.HasPrefix(shown.Rules.Digest, "0-") || !strings.Contains(shown.Done, "not known") || len(o.objects("")) > 0 {
		t.Errorf("shown %+v %+v", shown, shown.Rules)
	}
	if done := o.confirm(moved, shown); done.Rules.InForce != nil || !strings.HasPrefix(done.Done, "not in force: ") {
		t.Fatalf("other rules under this digest: %+v", done)
	}
	if done := o.confirm(officeRules, shown); done.Rules.InForce == nil || done.Rules.InForce.Number != 1 {
		t.Fatalf("%+v", done)
	}
	o.enable()
	o.work()
	o.inSyncAgain()
	if len(o.ad) != 3 {
		t.Errorf("%d groups are written", len(o.ad))
	}
}

// moved is a change of rules that a plan shows: everything is in another container.
const moved = "ou: OU=Moved,OU=Cloud Groups,DC=corp,DC=test\nscope: all\n"

// TestPutRules: rules are shown, confirmed, in force at once, in the history, and gone back from.
func TestPutRules(t *testing.T) {
	o := storeOffice(t)
	shown := o.reply(o.must(putting(moved, `,"comment":"to the new place"`)))
	if shown.Preview == nil || shown.Preview.Other == nil || shown.Preview.Other.Counts.Move != 3 || shown.Preview.Digest != "" || !strings.Contains(shown.Done, "say rules with digest "+shown.Rules.Digest) {
		t.Fatalf("shown: %+v", shown)
	}
	if o.head().Version.Number != 1 || len(o.objects("version/")) != 1 {
		t.Fatal("looking has changed something")
	}
	done := o.reply(o.must(putting(moved, yes(shown)+`,"comment":"to the new place"`)))
	v := done.Rules.InForce
	if v == nil || v.Number != 2 || v.Replaces != 1 || v.Comment != "to the new place" || !strings.HasPrefix(v.By, "operator (") || v.At.IsZero() {
		t.Fatalf("in force: %+v", v)
	}
	o.work()
	if g := o.ad[o.group(0)]; g.Parent != "OU=Moved,OU=Cloud Groups,DC=corp,DC=test" {
		t.Errorf("the group is in %s", g.Parent)
	}
	if s := o.status(); s.Ruled != 2 || s.Rules != v.Rules {
		t.Errorf("status: version %d, rules %s", s.Ruled, s.Rules)
	}
	var now, old status.Rules
	o.read("rules", &now)
	o.read("rules/1", &old)
	if now.Text != moved || !now.InForce || now.Source != status.InStore || *now.Version != *v || old.Text != officeRules || old.InForce {
		t.Errorf("in force %+v, before %+v", now, old)
	}
	back := o.reply(o.must(`{"action":"rules","version":1}`))
	if back.Preview.Other.Counts.Move != 3 {
		t.Fatalf("the way back: %+v", back)
	}
	if v = o.reply(o.must(`{"action":"rules","version":1` + yes(back) + `}`)).Rules.InForce; v.Number != 3 || v.Back != 1 || v.Replaces != 2 {
		t.Fatalf("back: %+v", v)
	}
	o.work()
	o.inSyncAgain()
	if g := o.ad[o.group(0)]; g.Parent != "OU=Cloud Groups,DC=corp,DC=test" {
		t.Errorf("back again the group is in %s", g.Parent)
	}
	var first, rest status.VersionPage
	o.read("rules/versions?limit=2", &first)
	o.read("rules/versions?cursor="+first.Next, &rest)
	if len(first.Versions) != 2 || first.Versions[0].Number != 3 || first.InForce != 3 || len(rest.Versions) != 1 || rest.Versions[0].Number != 1 || rest.Next != "" {
		t.Errorf("versions: %+v, %+v", first, rest)
	}
	var past status.Past
	o.read("history?limit=500", &past)
	var told []uint64
	for _, b := range past.Batches {
		if b.Rules != nil {
			told = append(told, b.Rules.Number)
		}
	}
	if !slices.Equal(told, []uint64{3, 2, 1}) || past.Broken != "" {
		t.Errorf("history tells of versions %v %s", told, past.Broken)
	}
}

// read decodes what a path answers.
func (o *office) read(path string, to any) {
	o.t.Helper()
	code, body := o.send(http.MethodGet, path, "")
	if code != http.StatusOK {
		o.t.Fatalf("%s: %d %s", path, code, body)
	}
	o.do(json.Unmarshal([]byte(body), to))
}

// TestTwoOperators: of two who have looked at changes of the same version one wins. The other is told
// who was quicker, when, and what to do; nothing of his is in force.
func TestTwoOperators(t *testing.T) {
	o := storeOffice(t)
	one, two := officeRules+"limits: {creations: 7}\n", moved
	first, second := o.reply(o.must(putting(one, ""))), o.reply(o.must(putting(two, "")))
	won := o.confirm(one, first).Rules.InForce
	code, body := o.operate(putting(two, yes(second)))
	if code != http.StatusConflict || !strings.Contains(body, `"outdated"`) {
		t.Fatalf("%d %s", code, body)
	}
	for _, want := range []string{"version 2 is in force", "operator (", won.At.UTC().Format(time.RFC3339), "your change is of version 1", "make your change on top of it"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in %s", want, body)
		}
	}
	if h := o.head(); h.Version.Number != 2 || h.Rules != won.Rules {
		t.Errorf("in force are version %d, rules %s", h.Version.Number, h.Rules)
	}
	// Who has lost his answer says it again, under another key: it is done, and done once.
	if again := o.confirm(one, first).Rules.InForce; again == nil || again.Number != 2 || o.head().Version.Number != 2 {
		t.Errorf("said again: %+v", again)
	}
}

// TestOtherByThen: what rules would do is another thing than what was confirmed: nothing is put in force,
// and the answer shows what it is now.
func TestOtherByThen(t *testing.T) {
	o := storeOffice(t)
	shown := o.reply(o.must(putting(moved, "")))
	o.do(o.tenant.Rename(o.group(2), "Renamed meanwhile"))
	now := o.confirm(moved, shown)
	if o.head().Version.Number != 1 || !strings.HasPrefix(now.Done, "not in force: ") || now.Rules.Digest == "" || now.Rules.Digest == shown.Rules.Digest {
		t.Fatalf("version %d, %+v %+v", o.head().Version.Number, now, now.Rules)
	}
	if done := o.confirm(moved, now); done.Rules.InForce.Number != 2 {
		t.Errorf("confirmed as it is: %+v", done)
	}
	// A digest of other rules is none for these.
	other := o.reply(o.must(putting(officeRules, "")))
	if done := o.confirm(officeRules+"limits: {creations: 7}\n", other); !strings.HasPrefix(done.Done, "not in force: ") || o.head().Version.Number != 2 {
		t.Errorf("another's digest: %+v", done)
	}
}

// TestNotWhileNobodyKnows: while a plan is being carried out nobody knows what other rules would do, and no digest puts
// them in force; the answer says what to wait for.
func TestNotWhileNobodyKnows(t *testing.T) {
	o := storeOffice(t)
	shown := o.reply(o.must(putting(moved, "")))
	o.do(o.tenant.RemoveMember(o.group(1), o.user(0)))
	o.must(`{"action":"sync"}`)
	for _, more := range []string{"", yes(shown)} {
		said := o.reply(o.must(putting(moved, more)))
		if said.Rules.Digest != "" || o.head().Version.Number != 1 || !strings.Contains(said.Done, "a plan of 1 changes is being applied") || !strings.Contains(said.Done, "pause") {
			t.Errorf("%s: %+v %+v", more, said, said.Rules)
		}
	}
}

// TestWrongRules: mistakes are all told, a file's rules are not put in force this way, and what is no version
// is none.
func TestWrongRules(t *testing.T) {
	o := newOffice(t)
	if code, body := o.operate(putting(officeRules, "")); code != http.StatusBadRequest || !strings.Contains(body, "GROUPWRITEBACK_RULES=store:") {
		t.Errorf("rules of a file: %d %s", code, body)
	}
	var file status.Rules
	if o.read("rules", &file); file.Source != status.InFile || file.Text != officeRules || file.Version != nil {
		t.Errorf("rules of a file: %+v", file)
	}
	o = storeOffice(t)
	code, body := o.operate(putting(badRules, ""))
	for _, want := range badRulesSaid {
		if code != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%d %s; want %q", code, body, want)
		}
	}
	for message, want := range map[string]int{
		`{"action":"rules"}`: 400, `{"action":"rules","rules":"","version":1}`: 400, `{"action":"rules","version":9}`: 404, `{"action":"sync","version":1}`: 400,
		`{"action":"rules","version":1,"comment":"` + strings.Repeat("x", 501) + `"}`: 400, `{"action":"sync","rules":"x"}`: 400,
	} {
		if code, body := o.operate(message); code != want {
			t.Errorf("%s: %d %s; want %d", message, code, body, want)
		}
	}
	if done := o.reply(o.must(`{"action":"rules","version":1}`)); done.Rules.Digest != "" || !strings.Contains(done.Done, "are in force") {
		t.Errorf("those in force: %+v", done)
	}
}
