package relay_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/relay"
)

// understood is what an agent makes of an answer.
func understood(t *testing.T, kind string, answer []byte) (got any, err error) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // whoever is gone reads no less
	}))
	defer s.Close()
	c := &relay.Client{URL: s.URL + "/", HTTP: s.Client(), Sign: func(*http.Request) error { return nil }}
	switch kind {
	case "poll":
		return c.Poll(t.Context(), relay.Poll{})
	case "ack":
		last, err := c.Ack(t.Context(), relay.Ack{})
		return map[string]any{"last": last}, err
	default:
		return c.Check(t.Context())
	}
}

// TestRecordedAnswers: what relays that are out there answer is understood whole, and what
// one of the next version says besides changes nothing of that. One of the last version,
// which leaves out what came later, is understood too.
func TestRecordedAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/answers/*/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v: this test looks in the wrong place", files, err)
	}
	for _, file := range files {
		answer, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := understood(t, kindOf(file), answer)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(loose(t, answer), loose(t, again)); diff != "" {
			t.Errorf("%s: -recorded +understood\n%s", file, diff)
		}
		missing := slices.DeleteFunc(zeroes(reflect.ValueOf(got)), func(name string) bool { return strings.Contains(name, ".") }) // but for the inside of times
		if strings.HasPrefix(file, "testdata/answers/v1/") && len(missing) > 0 && slices.Contains([]string{"poll", "check"}, kindOf(file)) {
			t.Errorf("%s says nothing of %v", file, missing)
		}
		newer := strings.Replace(string(answer), "{", `{"ofTheNextVersion": {"list": [1, "two", null]}, `, 1)
		more, err := understood(t, kindOf(file), []byte(newer))
		if err != nil {
			t.Errorf("%s of the next version: %v", file, err)
		}
		if diff := cmp.Diff(got, more); diff != "" {
			t.Errorf("%s: -without the field +with it\n%s", file, diff)
		}
	}
	if got, err := understood(t, "check", []byte(`{"agent":"x","now":"2026-11-01T12:00:00Z"}`)); err != nil || got.(relay.Welcome).Agent != "x" || got.(relay.Welcome).Target != "" {
		t.Errorf("a relay that does not say what it is for: %+v, %v", got, err)
	}
	older := `{"token":3,"until":"2026-11-01T12:01:00Z","now":"2026-11-01T12:00:00Z","epoch":2,"state":"x","closed":7,"attrs":["description"],"next":2}`
	if got, err := understood(t, "poll", []byte(older)); err != nil || got.(relay.PollReply).Epoch != 2 || got.(relay.PollReply).Known != nil {
		t.Errorf("a relay of the last version: %+v, %v", got, err)
	}
}
