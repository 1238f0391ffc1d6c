package app

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
)

// previewRules is what other rules would do.
func (o *office) previewRules(file string, groups ...directory.ID) manualReply {
	o.t.Helper()
	message, err := json.Marshal(manualRequest{Action: "preview", Rules: &file, Groups: groups})
	o.do(err)
	var reply manualReply
	o.do(json.Unmarshal([]byte(o.must(string(message))), &reply))
	return reply
}

// TestPreviewOfOtherRules: an operator sees what a proposed file would do, with nothing
// stored or written, whether the target is on, paused or off; and that is what it does.
func TestPreviewOfOtherRules(t *testing.T) {
	o := newOffice(t)
	count := &blobtest.Count{Store: o.store}
	o.do(o.host(Options{Store: func(blob.Store) blob.Store { return count }}))
	proposed := strings.Replace(officeRules, "all", "["+o.group(0).String()+", "+o.group(1).String()+"]", 1)
	for _, state := range []string{"on", "paused"} {
		if state == "paused" {
			o.must(`{"action":"pause"}`)
		}
		count.Take()
		before := content(t, o.dir)
		r := o.previewRules(proposed)
		if c := count.Take(); c.Writes() > 0 || content(t, o.dir) != before {
			t.Errorf("%s: it wrote: %v", state, c)
		}
		if want := (cycle.ShiftCounts{Go: 1, Problems: 1}); r.Preview.Other == nil || !reflect.DeepEqual(r.Preview.Other.Counts, want) || r.Preview.Other.Groups[0].Group != o.group(2) {
			t.Errorf("%s: %+v", state, r.Preview.Other)
		}
		if r.Done != "by these rules, other than by those in force: 1 group goes; nothing was stored or written" {
			t.Errorf("%s: %s", state, r.Done)
		}
		if some := o.previewRules(proposed, o.group(0)); len(some.Preview.Other.Groups)+len(some.Preview.Changes) > 0 || some.Preview.Other.Counts.Go != 1 {
			t.Errorf("%s, of a group that stays: %+v", state, some.Preview)
		}
	}
	if r := o.previewRules(officeRules + "# the same\n"); r.Done != "these rules are in force; nothing was stored or written" || !r.Preview.Other.Same {
		t.Errorf("the same: %+v", r)
	}
	if r := o.previewRules(strings.Replace(officeRules, "OU=Cloud", "OU=Else,OU=Cloud", 1)); r.Done !=
		"by these rules, other than by those in force: 3 groups move; nothing was stored or written" {
		t.Errorf("another container: %s", r.Done)
	}
	if r := o.previewRules(officeRules + "limits: {floor: 0, share: 0}\n"); !strings.Contains(r.Done, "nothing would be otherwise") {
		t.Errorf("other limits: %s", r.Done)
	}
	if r := o.previewRules(proposed + "limits: {floor: 0, share: 0}\n"); !strings.Contains(r.Done, ": 1 group goes, 1 group is held by the limit on groups that would no longer be managed; nothing") {
		t.Errorf("other limits: %s", r.Done)
	}
	o.must(`{"action":"resume"}`)
	o.rules(proposed)
	o.do(o.host(Options{}))
	o.wrote = nil
	o.work()
	if len(o.wrote) != 1 || o.wrote[0].Group != o.group(2) || len(o.wrote[0].Set["info"]) == 0 {
		t.Errorf("in force they do %+v", o.wrote)
	}
}

// TestProposedMistakes: a proposed file with mistakes is answered with all of them and
// where they are; and only a preview takes a file.
func TestProposedMistakes(t *testing.T) {
	o := newOffice(t)
	quoted := func(text string) string {
		data, err := json.Marshal(text)
		o.do(err)
		return string(data)
	}
	o.rules(officeRules + "revision: 1\n")
	o.do(o.host(Options{}))
	o.work()
	for _, test := range []struct {
		message string
		want    []string
	}{
		{`{"action":"preview","rules":` + quoted(badRules) + `}`, badRulesSaid},
		{`{"action":"preview","rules":""}`, []string{"ou: write the distinguished name", "scope: write all"}},
		{`{"action":"preview","rules":` + quoted("ou: [\n") + `}`, []string{"rules line "}},
		{`{"action":"preview","rules":` + quoted(officeRules) + `}`, []string{"rules: these rules were replaced by newer ones", "raise their revision"}},
		{`{"action":"sync","rules":` + quoted(officeRules) + `}`, []string{"rules: only a preview takes them"}},
		{`{"action":"enable","rules":""}`, []string{"rules: only a preview takes them"}},
	} {
		code, body := o.operate(test.message)
		var p struct{ Detail string }
		o.do(json.Unmarshal([]byte(body), &p))
		for _, want := range test.want {
			if code != http.StatusBadRequest || !strings.Contains(p.Detail, want) {
				t.Errorf("%s: %d %s; want 400 and %q", test.message, code, p.Detail, want)
			}
		}
	}
}

// TestOnePreviewOfRules: a second one is told to come back, and turns go on beside it.
func TestOnePreviewOfRules(t *testing.T) {
	o := newOffice(t)
	o.app.previewing.Lock()
	message := `{"action":"preview","rules":"ou: OU=Cloud Groups,DC=corp,DC=test\nscope: []\n"}`
	if code, body := o.operate(message); code != http.StatusTooManyRequests || !strings.Contains(body, "another preview of rules is under way") {
		t.Errorf("%d %s", code, body)
	}
	o.must(`{"action":"sync"}`)
	o.app.previewing.Unlock()
	o.must(message)
}
