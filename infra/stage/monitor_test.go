package stage

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"
)

// watch has a monitor ask for the health of a stage until end is called, and holds what it
// hears to Active Directory: in-sync is not said while the directory differs from the
// cloud, though a whole turn was made since the cloud changed last.
func watch(t *testing.T, s *Stage) (end func()) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	heard := 0
	go func() {
		defer close(done)
		var since *sight // when it was seen to differ first
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
			}
			now, ok := s.look(t)
			if ok {
				heard++
			}
			switch {
			case !ok || !now.differs:
				since = nil
			case since == nil || since.events != now.events:
				since = &now
			case now.turns >= since.turns+2: // one of them began after that
				t.Errorf("health says in-sync after %d turns, and Active Directory is not what the cloud says:\n%s", now.turns-since.turns, now.how)
				since = nil
			}
		}
	}()
	return func() {
		t.Helper()
		close(stop)
		<-done
		// A short story may be over before it stood still for as long as a look takes, and no turn
		// may have read the agent's last word.
		for end := time.Now().Add(30 * time.Second); heard == 0; {
			if time.Now().After(end) {
				t.Fatal("the monitor never heard in-sync: it proves nothing")
			}
			must(t, s.Sync(t.Context()))
			if _, ok := s.look(t); ok {
				heard++
			}
		}
	}
}

// sight is what a monitor sees while health says in-sync.
type sight struct {
	turns   int64
	events  int // of the cloud
	differs bool
	how     string
}

// look asks for the health, and where it is in-sync compares. ok says that it was, before
// and after.
func (s *Stage) look(t *testing.T) (seen sight, ok bool) {
	if !s.healthy() {
		return seen, false
	}
	seen.turns, seen.events = s.turns.Load(), len(s.Company.Tenant.History())
	out, err := s.Compare(t.Context())
	seen.differs, seen.how = errors.Is(err, ErrDiffers), out
	if err != nil && !seen.differs { // the domain controller is stopped, perhaps
		return seen, false
	}
	time.Sleep(2100 * time.Millisecond) // an answer serves for two seconds
	return seen, s.healthy()
}

func (s *Stage) healthy() bool {
	resp, err := http.Get(s.Host.URL() + "/api/status/health")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var health struct{ Status string }
	return json.NewDecoder(resp.Body).Decode(&health) == nil && health.Status == "in-sync"
}
