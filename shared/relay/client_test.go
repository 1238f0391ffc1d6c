package relay_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"groupwriteback/shared/relay"
)

// elsewhere are servers that nobody is to be led to; it returns their addresses.
func elsewhere(t *testing.T) []string {
	t.Helper()
	never := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		t.Errorf("%s %s was sent to %s, with %q and %q (%v)", r.Method, r.URL, r.Host, r.Header.Get("Authorization"), body, err)
	})
	plain, secure := httptest.NewServer(never), httptest.NewTLSServer(never)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	return []string{plain.URL + "/x?y=z", strings.Replace(plain.URL, "127.0.0.1", "localhost", 1) + "/", secure.URL + "/", "/api/relay/other"}
}

// TestNoRedirect: an answer that leads elsewhere is an error and nothing is sent
// there. The agent used to go wherever the relay pointed, inside the network, and
// on the relay's own host its token went along in the clear.
func TestNoRedirect(t *testing.T) {
	for _, to := range elsewhere(t) {
		for _, status := range []int{301, 302, 303, 307, 308} {
			asked := 0
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}))
			c := &relay.Client{URL: s.URL + "/api/relay/", HTTP: s.Client(), Sign: func(r *http.Request) error {
				r.Header.Set("Authorization", "Bearer the-token")
				return nil
			}}
			_, err := c.Poll(t.Context(), relay.Poll{})
			want := fmt.Sprintf("poll: answer %d %s, to %q, is not the relay's and is not followed: check the URL, and look for a proxy that asks for a sign-in", status, http.StatusText(status), to)
			if err == nil || err.Error() != want || asked != 1 {
				t.Errorf("asked %d times, got\n%v\nwant\n%s", asked, err, want)
			}
			s.Close()
		}
	}
}

// TestAnothersJSON: an answer in JSON that is not of the relay's form is a proxy's or the
// platform's, and no word of the relay.
func TestAnothersJSON(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"error": "no healthy upstream"}`)) // whoever is gone reads no less
	}))
	defer s.Close()
	c := &relay.Client{URL: s.URL + "/", HTTP: s.Client(), Sign: func(*http.Request) error { return nil }}
	_, err := c.Poll(t.Context(), relay.Poll{})
	const want = "poll: answer 503 Service Unavailable, which is not the relay's: the app is starting, or has failed to: its own log says why"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestEndlessAnswer: an answer is read up to the longest that the relay gives.
func TestEndlessAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 1<<20)
		for i := range part {
			part[i] = ' '
		}
		for range 1000 {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	c := &relay.Client{URL: s.URL + "/", HTTP: s.Client(), Sign: func(*http.Request) error { return nil }}
	_, err := c.Poll(t.Context(), relay.Poll{})
	const want = "the answer to poll is longer than 8388608 bytes: it is not the relay's: look for another program at this URL"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
