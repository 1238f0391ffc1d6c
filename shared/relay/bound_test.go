package relay_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/relay"
)

// changed is a recorded message with one value replaced; at names it, such as
// rows.0.guid.
func changed(t *testing.T, kind, at string, value any) []byte {
	t.Helper()
	message, err := os.ReadFile("testdata/messages/v1/" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	whole := loose(t, message).(map[string]any)
	var here any = whole
	steps := strings.Split(at, ".")
	for _, step := range steps[:len(steps)-1] {
		switch v := here.(type) {
		case map[string]any:
			here = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil {
				t.Fatal(err)
			}
			here = v[i]
		}
	}
	here.(map[string]any)[steps[len(steps)-1]] = value
	if message, err = json.Marshal(whole); err != nil {
		t.Fatal(err)
	}
	return message
}

// many is a list of one value.
func many[T any](n int, value T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = value
	}
	return all
}

// TestBounds: what cannot be is refused with its name, before the journal sees it;
// what is at the edge is taken.
func TestBounds(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	soon := func(d time.Duration) string { return relay.ReportID(time.Now().Add(d)) }
	type m = map[string]any
	for _, test := range []struct {
		kind, at string
		value    any
		want     string // "": it is taken
	}{
		{"poll", "dc.usn", -1, "dc.usn: -1"},
		{"poll", "dc.invocationId", long(257), "dc.invocationId: 257 bytes"},
		{"poll", "instance", long(257), "instance: 257 bytes"},
		{"poll", "instance", long(256), ""},
		{"poll", "host", long(70_000), "larger than 65536 bytes"},

		{"ack", "seconds", -0.1, "seconds: a batch takes 0 to 86400 seconds"},
		{"ack", "seconds", 86400.5, "seconds: a batch takes"},
		{"ack", "seconds", 1e300, "seconds: a batch takes"},
		{"ack", "seconds", 86400, ""},
		{"ack", "epoch", uint64(1)<<63 + 1, "epoch: 9223372036854775809"},
		{"ack", "seq", uint64(1)<<62 + 1, "seq:"},
		{"ack", "token", ^uint64(0), "token:"},
		{"ack", "digest", long(257), "digest: 257 bytes"},
		{"ack", "results", many(5000, m{"status": "done"}), ""},
		{"ack", "results", many(5001, m{"status": "done"}), "more than 5000 items"},
		{"ack", "results", []m{{"status": "done", "bad": many(20_000, m{"ref": "S-1-5-21-1-2-3-4"})}}, ""},
		{"ack", "results", []m{{"status": "done", "bad": many(20_001, m{"ref": "S-1-5-21-1-2-3-4"})}}, "results: 20001 refused members"},
		{"ack", "results.0.status", long(257), "results.status: 257 bytes"},
		{"ack", "results.0.guid", long(257), "results.guid: 257 bytes"},
		{"ack", "results.0.code", -1, "results.code: -1"},
		{"ack", "results.0.code", 1 << 40, "results.code:"},
		{"ack", "results.1.bad.0.ref", long(257), "results.bad.ref: 257 bytes"},
		{"ack", "results.1.bad.0.code", -1, "results.code: -1"},
		{"ack", "results.4.clashes", many(1000, m{"attribute": "mail", "value": "a@b"}), ""},
		{"ack", "results.4.clashes", many(1001, m{"attribute": "mail", "value": "a@b"}), "results.clashes: 1001"},
		{"ack", "results.4.clashes.0.attribute", long(257), "results.clashes.attribute: 257 bytes"},
		{"ack", "results.4.clashes.0.value", long(64<<10 + 1), "results.clashes.value: 65537 bytes"},

		{"report", "id", "", "id: it is not well-formed"},
		{"report", "id", "1", "id: it is not well-formed"},
		{"report", "id", "../../head", "id: it is not well-formed"},
		{"report", "id", "16a1b2c3d4e5f607-a/b", "id: it is not well-formed"},
		{"report", "id", "16A1B2C3D4E5F607-ab", "id: it is not well-formed"},
		{"report", "id", "16a1b2c3d4e5f607-", "id: it is not well-formed"},
		{"report", "id", "16a1b2c3d4e5f607-" + long(60), "id: it is not well-formed"},
		{"report", "id", "7fffffffffffffff-aa", "still to come: set the agent's clock"},
		{"report", "id", "ffffffffffffffff-aa", "id: it is not well-formed"},
		{"report", "id", soon(11 * time.Minute), "still to come: set the agent's clock"},
		{"report", "id", soon(9 * time.Minute), ""},
		{"report", "part", 0, "part 0 of 2"},
		{"report", "part", 3, "part 3 of 2"},
		{"report", "parts", 5001, "part 1 of 5001"},
		{"report", "parts", -1, "part 1 of -1"},
		{"report", "after", ^uint64(0), "after:"},
		{"report", "high.epoch", ^uint64(0) - 1, "high:"},
		{"report", "high.seq", ^uint64(0), "high:"},
		{"report", "grounds", long(257), "grounds: 257 bytes"},
		{"report", "target.base", long(64<<10 + 1), "target.base:"},
		{"report", "target.baseGuid", long(257), "target.baseGuid:"},
		{"report", "target.domainSid", long(257), "target.domainSid:"},
		{"report", "target.domains", []string{long(257)}, "target.domains:"},
		{"report", "target.domains", many(5001, "S-1-5-21-1-2-3"), "target.domains: 5001"},
		{"report", "target.dc.usn", -1, "target.dc.usn: -1"},
		{"report", "target.exchange", m{"lists": many(4096, m{"dn": "CN=x"})}, ""},
		{"report", "target.exchange", m{"lists": many(4097, m{"dn": "CN=x"})}, "target.exchange.lists: 4097"},
		{"report", "target.exchange", m{"accepted": many(4097, m{"name": "x"})}, "target.exchange.accepted: 4097"},
		{"report", "target.exchange", m{"servers": many(4097, "x")}, "target.exchange.servers: 4097"},
		{"report", "target.exchange", m{"systems": many(4097, "x")}, "target.exchange.systems: 4097"},
		{"report", "target.exchange", m{"attributes": many(4097, "x")}, "target.exchange.attributes: 4097"},
		{"report", "target.exchange", m{"protected": many(4097, "x")}, "target.exchange.protected: 4097"},
		{"report", "target.exchange", m{"lists": []m{{"dn": long(1 << 20)}}}, ""},
		{"report", "target.exchange", m{"lists": []m{{"dn": long(1 << 20), "filter": "x"}}}, "target.exchange: 1048577 bytes"},
		{"report", "target.exchange", m{"organization": long(1<<20 + 1)}, "target.exchange: 1048577 bytes"},
		{"report", "target.exchange", m{"schema": -1}, "target.exchange: -1, 0 and 0"},
		{"report", "target.exchange", m{"forest": -1}, "target.exchange: 0, -1 and 0"},
		{"report", "target.exchange", m{"domain": -1}, "target.exchange: 0, 0 and -1"},
		{"report", "rows", many(5000, m{"id": "00000000-0000-4000-8000-000000000001"}), ""},
		{"report", "rows", many(5001, m{"id": "00000000-0000-4000-8000-000000000001"}), "more than 5000 items"},
		{"report", "absent", many(5001, m{"id": "00000000-0000-4000-8000-000000000001"}), "absent: 5001 groups"},
		{"report", "absent", []m{{"after": ^uint64(0)}}, "absent:"},
		{"report", "rows.0.guid", long(257), "rows.guid:"},
		{"report", "rows.0.digest", long(257), "rows.digest:"},
		{"report", "rows.0.sid", long(257), "rows.sid:"},
		{"report", "rows.0.after", ^uint64(0), "rows.after:"},
		{"report", "rows.0.usn", -1, "rows.usn: -1"},
		{"report", "rows.0.piece", 1, "piece 1 of 0"},
		{"report", "rows.1.piece", 0, "piece 0 of 2"},
		{"report", "rows.1.piece", 3, "piece 3 of 2"},
		{"report", "rows.1.pieces", 5001, "piece 1 of 5001"},
		{"report", "rows.2.trouble.case", long(257), "rows.trouble.case:"},
		{"report", "rows.1.group.GUID", long(257), "rows.group.guid:"},
		{"report", "rows.1.group.Name", long(64<<10 + 1), "rows.group.name:"},
		{"report", "rows.1.group.Parent", long(64<<10 + 1), "rows.group.parent:"},
		{"report", "rows.1.group.Members", many(20_000, "S-1-5-21-1-2-3-4"), ""},
		{"report", "rows.1.group.Members", many(20_001, "S-1-5-21-1-2-3-4"), "rows: 20001 members"},
		{"report", "rows.1.group.Members", []string{long(257)}, "rows.group.members:"},
		{"report", "rows.1.group.Links", m{"managedBy": many(20_000, "S-1-5-21-1-2-3-4"), "other": many(1, "S-1-5-21-1-2-3-4")}, "rows: 20003 members"},
		{"report", "rows.1.group.Links", m{"managedBy": []string{long(257)}}, "rows.group.members:"},
		{"report", "rows.1.group.Links", m{long(257): []string{"x"}}, "rows.group.links:"},
		{"report", "rows.1.group.Links", m{"managedBy": many(10, "S-1-5-21-1-2-3-4")}, ""},
		{"report", "rows.1.group.Attrs", m{long(257): []string{"x"}}, "rows.group.attrs:"},
		{"report", "rows.1.group.Attrs", m{"info": []string{long(64<<10 + 1)}}, "rows.group.attrs:"},
	} {
		status, answer, _ := say(t, test.kind, changed(t, test.kind, test.at, test.value))
		taken := test.want == "" && status == http.StatusOK
		refused := test.want != "" && (status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge) && strings.Contains(answer, test.want)
		if !taken && !refused {
			t.Errorf("%s with %s = %.60v: %d %.200s; want %q", test.kind, test.at, test.value, status, answer, test.want)
		}
	}
}

// TestCuts: what is merely long is cut to what people read of it, in whole
// characters; what is too short a time was not measured.
func TestCuts(t *testing.T) {
	text := strings.Repeat("ü", 100_000)
	short, word := strings.Repeat("ü", 1000), strings.Repeat("ü", 256)
	for _, test := range []struct {
		kind, at string
		value    any
		got      func(*queue) any
		want     any
	}{
		{"poll", "dc.name", strings.Repeat("ü", 5000), func(q *queue) any { return q.poll.DC.Name }, word},
		{"poll", "host", strings.Repeat("ü", 5000), func(q *queue) any { return q.poll.Host }, word},
		{"poll", "version", strings.Repeat("ü", 5000), func(q *queue) any { return q.poll.Version }, word},
		{"ack", "stopped", text, func(q *queue) any { return q.ack.Stopped }, short},
		{"ack", "results.2.text", text, func(q *queue) any { return q.ack.Results[2].Text }, short},
		{"ack", "results.1.bad.0.text", text, func(q *queue) any { return q.ack.Results[1].Bad[0].Text }, short},
		{"ack", "seconds", 5e-324, func(q *queue) any { return q.ack.Seconds }, 0.0},
		{"ack", "seconds", 1e-308, func(q *queue) any { return q.ack.Seconds }, 0.0},
		{"ack", "seconds", 0.25, func(q *queue) any { return q.ack.Seconds }, 0.25},
		{"report", "blind", text, func(q *queue) any { return q.report.Blind }, short},
		{"report", "target.dc.name", text, func(q *queue) any { return q.report.Target.DC.Name }, word},
		{"report", "target.exchange", map[string]any{"unread": text}, func(q *queue) any { return q.report.Target.Exchange.Unread }, short},
		{"report", "rows.0.fence", text, func(q *queue) any { return q.report.Rows[0].Fence }, short},
		{"report", "rows.2.trouble.text", text, func(q *queue) any { return q.report.Rows[2].Trouble.Text }, short},
		{"report", "rows.2.trouble.dn", text, func(q *queue) any { return q.report.Rows[2].Trouble.DN }, short},
	} {
		status, answer, told := say(t, test.kind, changed(t, test.kind, test.at, test.value))
		if status != http.StatusOK {
			t.Errorf("%s, %s: %d %s", test.kind, test.at, status, answer)
		} else if got := test.got(told); got != test.want {
			t.Errorf("%s, %s: %.40v, want %.40v", test.kind, test.at, got, test.want)
		}
	}
}
