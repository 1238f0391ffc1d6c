package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// somebody has a token.
type somebody struct{}

func (somebody) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// answers serves one answer after the other, and the last for ever, and notes what came.
type answers struct {
	mu   sync.Mutex
	all  []func(http.ResponseWriter)
	keys []string // Idempotency-Key of each request
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(len(a.keys), len(a.all)-1)
	a.keys = append(a.keys, r.Header.Get("Idempotency-Key"))
	a.all[n](w)
}

// came are the keys of the requests so far.
func (a *answers) came() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.keys)
}

func say(status int, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "{}")
	}
}

// torn ends the connection before there is an answer.
func torn(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func TestAskedAgain(t *testing.T) {
	const problem = "application/problem+json"
	cases := []struct {
		name    string
		message map[string]any
		answers []func(http.ResponseWriter)
		sent    int
		fails   bool
	}{
		{"too many, of a look", nil, []func(http.ResponseWriter){say(429, "Retry-After", "1", "Content-Type", problem), say(200)}, 2, false},
		{"too many, of an action", map[string]any{}, []func(http.ResponseWriter){say(429, "Retry-After", "1", "Content-Type", problem), say(200)}, 2, false},
		{"no keys, of an action", map[string]any{}, []func(http.ResponseWriter){say(503, "Retry-After", "1", "Content-Type", problem), say(200)}, 2, false},
		{"longer than anybody waits", nil, []func(http.ResponseWriter){say(429, "Retry-After", "3600", "Content-Type", problem), say(200)}, 1, true},
		{"old format", nil, []func(http.ResponseWriter){say(503, "Content-Type", problem), say(200)}, 1, true},
		{"front end starts", nil, []func(http.ResponseWriter){say(503, "Content-Type", "text/html"), say(502, "Content-Type", "text/html"), say(200)}, 3, false},
		{"front end starts, of an action", map[string]any{}, []func(http.ResponseWriter){say(502, "Content-Type", "text/html"), say(200)}, 1, true},
		{"torn, of a look", nil, []func(http.ResponseWriter){torn, say(200)}, 2, false},
		{"torn, of an action", map[string]any{}, []func(http.ResponseWriter){torn, say(200)}, 1, true},
		{"a failure", nil, []func(http.ResponseWriter){say(500, "Content-Type", problem), say(200)}, 1, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &answers{all: c.answers}
			server := httptest.NewServer(a)
			defer server.Close()
			plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // which sends again by itself on a connection that was used
			k := &client{base: server.URL + "/api/", as: somebody{}, wire: bounded{plain}}
			method := http.MethodGet
			if c.message != nil {
				method = http.MethodPost
			}
			err := k.do(t.Context(), method, "x", c.message)
			keys := a.came()
			if (err != nil) != c.fails || len(keys) != c.sent {
				t.Errorf("it was sent %d times, want %d; error: %v", len(keys), c.sent, err)
			}
			if c.message != nil && (keys[0] == "" || len(slices.Compact(keys)) != 1) {
				t.Errorf("the keys of one message are %q", keys)
			}
		})
	}
}
