package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/graph/graphtest"
)

// word is what a monitor is told.
func (o *office) word() (code int, word string) {
	o.t.Helper()
	o.app.health.asked = time.Time{} // as after healthLife
	code, body := o.send(http.MethodGet, "status/health", "")
	return code, strings.TrimSpace(body)
}

// TestHealth: a monitor hears 200 only while the target is kept true, and no secrets. It
// follows what is the case, there and back.
func TestHealth(t *testing.T) {
	o := newOffice(t)
	see := func(what string, code int, word string) {
		t.Helper()
		if c, w := o.word(); c != code || w != `{"status":"`+word+`"}` {
			t.Errorf("%s: %d %s, want %d %s; %+v", what, c, w, code, word, o.status().Standing)
		}
	}
	see("all is well", 200, "in-sync")
	o.must(`{"action":"pause"}`)
	see("paused", 503, "paused")
	o.must(`{"action":"resume"}`)
	see("resumed", 200, "in-sync")
	o.fault = graphtest.Fault{Status: http.StatusForbidden}
	if code, body := o.operate(`{"action":"sync"}`); code != http.StatusInternalServerError || !strings.Contains(body, "403") {
		t.Errorf("a turn without Graph: %d %s", code, body)
	}
	see("Graph refuses", 503, "unread")
	o.fault = graphtest.Fault{}
	o.must(`{"action":"sync"}`)
	see("Graph is well", 200, "in-sync")
}

// TestHealthIsCheap: whoever asks and asks has the store read every few seconds, and a
// store that cannot be read is not healthy.
func TestHealthIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := appOn(t, &cloud{})
		count := &blobtest.Count{Store: blob.Memory()}
		a.journal.Store = count
		ask := func() (int, string) {
			w := httptest.NewRecorder()
			a.healthOf(w, httptest.NewRequest(http.MethodGet, "/api/status/health", nil))
			return w.Code, w.Body.String()
		}
		for range 1000 {
			ask()
		}
		if c := count.Take(); c.Reads() > 4 || c.Writes() > 0 {
			t.Errorf("a thousand questions: %v", c)
		}
		a.journal.Store = broken{blob.Memory()}
		time.Sleep(2 * healthLife)
		if code, body := ask(); code != http.StatusServiceUnavailable || !strings.Contains(body, `"unreadable"`) || strings.Contains(body, "secret") {
			t.Errorf("the store is broken: %d %s", code, body)
		}
	})
}

// broken is a store that cannot be listed.
type broken struct{ blob.Store }

func (broken) Get(context.Context, string) ([]byte, blob.Tag, error) {
	return nil, "", errors.New("the secret is wrong")
}
