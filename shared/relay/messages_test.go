package relay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// say posts a message as an agent does, and returns the answer and what the queue
// was told.
func say(t *testing.T, kind string, message []byte) (status int, answer string, told *queue) {
	t.Helper()
	told = &queue{}
	h := relay.Handler("/", &relay.Door{Verifier: everybody{}, Log: slog.New(slog.DiscardHandler)}, told, nil, nil)
	r := httptest.NewRequest(http.MethodPost, "/"+kind, bytes.NewReader(message))
	r.Header.Set("Authorization", "agent-1")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body), told
}

// recorded are messages of agents that are out there, by version and kind. A
// version that was released is not changed any more: a new field is recorded
// with the next.
func recorded(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/messages/*/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v: this test looks in the wrong place", files, err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = data
	}
	return all
}

func kindOf(file string) string { return strings.TrimSuffix(filepath.Base(file), ".json") }

// message is what the queue was told of a kind.
func (q *queue) message(kind string) any {
	return map[string]any{"poll": q.poll, "ack": q.ack, "report": q.report}[kind]
}

// TestRecordedMessages: what each recorded message says arrives as it is, but for
// the agent's name, which is its caller's. Nothing is lost on the way, and each
// field of today is recorded.
func TestRecordedMessages(t *testing.T) {
	for file, message := range recorded(t) {
		kind := kindOf(file)
		status, answer, told := say(t, kind, message)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", file, status, answer)
			continue
		}
		got, err := json.Marshal(told.message(kind))
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.ReplaceAll(message, []byte("somebody else"), []byte("agent-1"))
		if diff := cmp.Diff(loose(t, want), loose(t, got)); diff != "" {
			t.Errorf("%s: -recorded +understood\n%s", file, diff)
		}
		if missing := zeroes(reflect.ValueOf(told.message(kind))); strings.HasPrefix(file, "testdata/messages/v1/") && len(missing) > 0 {
			t.Errorf("%s says nothing of %v", file, missing)
		}
	}
}

func loose(t *testing.T, message []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(message, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// zeroes names the fields of a message that say nothing: of a list's items, those
// that none of them says something of.
func zeroes(v reflect.Value) (names []string) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return zeroes(v.Elem())
	case v.Kind() == reflect.Slice && v.Len() > 0:
		missing := map[string]int{}
		for i := range v.Len() {
			for _, name := range zeroes(v.Index(i)) {
				missing[name]++
			}
		}
		for name, n := range missing {
			if n == v.Len() {
				names = append(names, name)
			}
		}
		return names
	case v.Kind() != reflect.Struct || v.IsZero():
		return nil
	}
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		if v.Field(i).IsZero() {
			names = append(names, field)
		}
		for _, inner := range zeroes(v.Field(i)) {
			names = append(names, field+"."+inner)
		}
	}
	return names
}

// TestNewerAgent: each object of each recorded message has a field more, as an
// agent of the next version may send it. All else is understood as before.
func TestNewerAgent(t *testing.T) {
	for file, message := range recorded(t) {
		kind := kindOf(file)
		_, _, before := say(t, kind, message)
		newer := regexp.MustCompile(`\{"?`).ReplaceAllStringFunc(string(message), func(open string) string {
			return `{"ofTheNextVersion": {"list": [1, "two", null]}, ` + strings.TrimPrefix(open, "{")
		})
		newer = strings.ReplaceAll(newer, `"Attrs": {"ofTheNextVersion": {"list": [1, "two", null]}, `, `"Attrs": {`) // these keys are data
		status, answer, told := say(t, kind, []byte(newer))
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", file, status, answer)
		}
		if diff := cmp.Diff(before.message(kind), told.message(kind)); diff != "" {
			t.Errorf("%s: -without the field +with it\n%s", file, diff)
		}
	}
}

// TestUnknownStatus: an outcome that this version does not know arrives as it is.
func TestUnknownStatus(t *testing.T) {
	status, answer, told := say(t, "ack", []byte(`{"results":[{"status":"postponed"}]}`))
	if status != http.StatusOK || len(told.ack.Results) != 1 || told.ack.Results[0].Status.Known() || told.ack.Results[0].Status != plan.Status("postponed") {
		t.Errorf("%d %s: %+v", status, answer, told.ack)
	}
}

// TestTinyValues: messages of 8 MiB whose values are two bytes each would take
// many times as much when they are decoded, and more in the journal.
func TestTinyValues(t *testing.T) {
	const size = 8<<20 - 100
	fill := func(item string) string { return strings.Repeat(item+",", size/(len(item)+1)-1) + item }
	for _, test := range []struct{ name, kind, message, want string }{
		{"rows", "report", `{"rows":[` + fill("{}") + `]}`, "200000 is the most"},
		{"rows, just below", "report", `{"rows":[` + strings.Repeat("{},", 99_000) + `{}]}`, "a list has more than 5000 items"},
		{"absent groups", "report", `{"absent":[` + fill("{}") + `]}`, "200000 is the most"},
		{"members", "report", `{"rows":[{"group":{"Members":[` + fill(`""`) + `]}}]}`, "200000 is the most"},
		{"attributes", "report", `{"rows":[{"group":{"Attrs":{` + fill(`"a":[]`) + `}}}]}`, "200000 is the most"},
		{"lists in lists", "report", `{"rows":` + strings.Repeat("[", size/2) + strings.Repeat("]", size/2) + `}`, "200000 is the most"},
		{"results", "ack", `{"results":[` + fill("{}") + `]}`, "200000 is the most"},
		{"results, just below", "ack", `{"results":[` + strings.Repeat("{},", 99_000) + `{}]}`, "a list has more than 5000 items"},
		{"quotes that hide commas", "report", `{"x":"\"","rows":[` + fill("{}") + `]}`, "200000 is the most"},
		{"a text of commas", "ack", `{"stopped":"` + strings.Repeat(",", size) + `"}`, ""},
	} {
		message := []byte(test.message)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		status, answer, _ := say(t, test.kind, message)
		runtime.ReadMemStats(&after)
		if want := map[bool]int{true: http.StatusOK, false: http.StatusBadRequest}[test.want == ""]; status != want || !strings.Contains(answer, test.want) {
			t.Errorf("%s: %d %s; want %d %s", test.name, status, answer, want, test.want)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("%s: %d MB were allocated for a message of %d KB", test.name, taken>>20, len(message)>>10)
		}
	}
}

// TestRoomIsGivenBack: what was read makes room again, however it ended: the
// third large message of each caller is taken as the first was.
func TestRoomIsGivenBack(t *testing.T) {
	h := relay.Handler("/", &relay.Door{Verifier: everybody{}, Log: slog.New(slog.DiscardHandler), PerCaller: 1e9}, &queue{}, nil, nil)
	const unknown = -1 // in chunks: there must be room for the largest
	for i := range 3 { // two of one caller have room at once, and eight of all
		for _, test := range []struct {
			agent, message string
			announced      int64 // bytes
			status         int
		}{
			{"taken", "{}", unknown, 200}, {"not understood", "{", unknown, 400}, {"broken off", "{", 7 << 20, 400}, {"too large", "{}", 9 << 20, 413},
			{"in too many chunks", strings.Repeat(" ", 8<<20+1), unknown, 413},
		} {
			r, w := httptest.NewRequest(http.MethodPost, "/ack", strings.NewReader(test.message)), httptest.NewRecorder()
			r.Header.Set("Authorization", test.agent)
			r.Header.Set("Content-Type", "application/json")
			r.ContentLength = test.announced
			if h.ServeHTTP(w, r); w.Code != test.status {
				t.Fatalf("number %d, %s: %d %s", i, test.agent, w.Code, w.Body)
			}
		}
	}
}

// TestLists: what a list may be instead.
func TestLists(t *testing.T) {
	for message, want := range map[string]string{
		`{"results":null}`:                     "200 []",
		`{"results":[]}`:                       "200 []",
		`{}`:                                   "200 []",
		`{"results":[{}],"results":[{},{}]}`:   "200 [{} {}]",
		`{"results":{}}`:                       "400",
		`{"results":"x"}`:                      "400",
		`{"results":[{},7]}`:                   "400",
		`{"results":[{}]}]`:                    "400",
		`{"results":[{}]}{}`:                   "400",
		`{"results":[{}]`:                      "400",
		`null`:                                 "200 []",
		`[]`:                                   "400",
		``:                                     "400",
		`{"seconds":1e999}`:                    "400",
		`{"seq":18446744073709551616}`:         "400",
		`{"seq":-1}`:                           "400",
		strings.Repeat(`{"x":`, 20_000) + `1}`: "400",
	} {
		status, answer, told := say(t, "ack", []byte(message))
		got := fmt.Sprint(status)
		if status == http.StatusOK {
			got = fmt.Sprint(status, " [", strings.TrimSuffix(strings.Repeat("{} ", len(told.ack.Results)), " "), "]")
		}
		if got != want {
			t.Errorf("%.60s: %s, want %s: %s", message, got, want, answer)
		}
	}
}
