package app

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"groupwriteback/shared/relay"
)

// publisher answers with a tenant's keys, or with 503, a second after it is asked.
// It is within the process, so that the time of a bubble holds for it.
type publisher struct {
	mu    sync.Mutex
	keys  map[string]*rsa.PrivateKey
	down  bool
	reads int
}

func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Second) // in the bubble: nobody waits
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	body, err := json.Marshal(keySet(p.keys))
	answer := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
	if p.down {
		answer.StatusCode = http.StatusServiceUnavailable
	}
	return answer, err
}

func (p *publisher) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *publisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reads
}

// published is a publisher with one key, and what reads it.
func published(t *testing.T, key *rsa.PrivateKey) (*publisher, *keys) {
	p := &publisher{keys: map[string]*rsa.PrivateKey{"one": key}}
	return p, newKeys(t.Context(), "https://login.test/keys", &http.Client{Transport: p}, slog.New(slog.DiscardHandler))
}

func namedKey(name string) *jwt.Token {
	return &jwt.Token{Header: map[string]any{"alg": "RS256", "kid": name}}
}

// TestKeysAfterOutage: the keys could not be read for half a minute. That is said
// as it is, and all is well again within seconds, and not minutes.
func TestKeysAfterOutage(t *testing.T) {
	key := newKey(t)
	synctest.Test(t, func(t *testing.T) {
		p, k := published(t, key)
		p.down = true
		start := time.Now()
		for time.Since(start) < 30*time.Second {
			if _, err := k.find(namedKey("one")); !errors.Is(err, relay.ErrKeys) || !strings.Contains(err.Error(), "503") {
				t.Fatalf("while they cannot be read: %v", err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := p.count(); n < 3 || n > 6 {
			t.Errorf("read %d times in 30 s, want a back-off", n)
		}
		p.set(func() { p.down = false })
		back := time.Now()
		for {
			if _, err := k.find(namedKey("one")); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
			if time.Since(back) > time.Hour {
				t.Fatal("they are not read again")
			}
		}
		if took := time.Since(back); took > 35*time.Second {
			t.Errorf("they are known %v after they could be read", took)
		}
		p, k = published(t, key)
		p.down = true
		if _, err := k.find(namedKey("one")); !errors.Is(err, relay.ErrKeys) {
			t.Fatalf("%v", err)
		}
		p.set(func() { p.down = false })
		time.Sleep(time.Second)
		if _, err := k.find(namedKey("one")); err != nil {
			t.Errorf("a second after the first failure: %v", err)
		}
	})
}

// TestStrangersKeys: strangers name a thousand keys a second that nobody has
// published. Who signs with a new one is let in within seconds all the same, and
// the publisher is not flooded.
func TestStrangersKeys(t *testing.T) {
	one, two := newKey(t), newKey(t)
	synctest.Test(t, func(t *testing.T) {
		p, k := published(t, one)
		stranger := func() {
			if _, err := k.find(namedKey("stranger")); err == nil || errors.Is(err, relay.ErrKeys) {
				t.Errorf("a stranger's key: %v", err)
			}
		}
		for range 60_000 {
			stranger()
			time.Sleep(time.Millisecond)
		}
		if n := p.count(); n > 10 {
			t.Errorf("read %d times in a minute", n)
		}
		p.set(func() { p.keys["two"] = two })
		start := time.Now()
		for {
			stranger()
			if _, err := k.find(namedKey("two")); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
			if time.Since(start) > time.Hour {
				t.Fatal("the new key is never known")
			}
		}
		if took := time.Since(start); took > keysEvery+2*time.Second {
			t.Errorf("the new key is known after %v", took)
		}
	})
}

// TestKeysAreKept: what is known counts while it cannot be read again, and is
// dropped when the tenant does not publish it any more.
func TestKeysAreKept(t *testing.T) {
	one, two := newKey(t), newKey(t)
	synctest.Test(t, func(t *testing.T) {
		p, k := published(t, one)
		find := func(name string) error {
			_, err := k.find(namedKey(name))
			synctest.Wait()
			return err
		}
		if err := find("one"); err != nil {
			t.Fatal(err)
		}
		p.set(func() { p.down = true })
		for range 48 {
			time.Sleep(time.Hour)
			if err := find("one"); err != nil {
				t.Fatalf("a known key: %v", err)
			}
		}
		if err := find("two"); !errors.Is(err, relay.ErrKeys) {
			t.Errorf("an unknown key while they cannot be read: %v", err)
		}
		p.set(func() { p.down, p.keys = false, map[string]*rsa.PrivateKey{"two": two} })
		time.Sleep(keysWorst + time.Second)
		if err := find("two"); err != nil {
			t.Errorf("the new key: %v", err)
		}
		if err := find("one"); err == nil || errors.Is(err, relay.ErrKeys) {
			t.Errorf("a key that was withdrawn: %v", err)
		}
		p.set(func() { p.keys = nil })
		time.Sleep(time.Minute)
		if err := find("three"); !errors.Is(err, relay.ErrKeys) {
			t.Errorf("a set without a key is none: %v", err)
		}
		if err := find("two"); err != nil {
			t.Errorf("and the known one stays: %v", err)
		}
	})
}

// TestKeysAreReadOnce: a hundred requests at the start wait for one reading.
func TestKeysAreReadOnce(t *testing.T) {
	key := newKey(t)
	synctest.Test(t, func(t *testing.T) {
		p, k := published(t, key)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if _, err := k.find(namedKey("one")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := p.count(); n != 1 {
			t.Errorf("read %d times", n)
		}
	})
}
