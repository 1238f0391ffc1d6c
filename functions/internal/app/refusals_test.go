package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/relay"
)

// TestRefusals is what the app answers to requests that it does not take, in the words that
// people read: one request for each.
func TestRefusals(t *testing.T) {
	d := newDoor(t)
	texts := &golden.Texts{}
	told := func(status int, body string) {
		t.Helper()
		var p relay.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != status || p.Detail == "" {
			t.Fatalf("%d %s: %v", status, body, err)
		}
		code := p.Code
		if code != "" {
			code = " " + code
		}
		texts.Add(fmt.Sprintf("%d%s: %s", p.Status, code, p.Detail), d.idp.URL, "https://login.test")
	}
	with := func(edit func(jwt.MapClaims)) jwt.MapClaims { c := d.claims("Sync.Operate"); edit(c); return c }
	operator := d.person("alice@corp.test", "a11ce", "Sync.Operate")

	r := d.request()
	r.Header.Del("Authorization")
	told(d.send(r))
	for _, c := range []jwt.MapClaims{
		with(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() }),
		with(func(c jwt.MapClaims) { c["aud"] = "https://graph.microsoft.com" }),
		with(func(c jwt.MapClaims) { c["iss"] = "https://login.test/other/v2.0" }),
		with(func(c jwt.MapClaims) { delete(c, "azp") }),
		with(func(c jwt.MapClaims) { delete(c, "oid") }),
		with(func(c jwt.MapClaims) { c["preferred_username"] = "alice@corp.test" }),
		d.claims("Status.Read"),
	} {
		told(d.ask(http.MethodPost, "/api/manualsync", `{"action":"sync"}`, c))
	}
	told(d.ask(http.MethodPost, "/api/relay/poll", `{}`, operator))
	told(d.ask(http.MethodGet, "/api/status", "", d.claims("Relay.Agent")))
	r = d.request()
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	told(d.send(r))
	r = d.request()
	r.Header.Set("Content-Type", "text/plain")
	told(d.send(r))
	for _, message := range []string{`{"action":"snyc"}`, `{"action":"sync","grups":[]}`, `{`, `{"action":"approve","hold":"none"}`, `{"action":"sync","rules":"ou: OU=x"}`, strings.Repeat(" ", 2<<20)} {
		told(d.ask(http.MethodPost, "/api/manualsync", message, operator))
	}
	told(d.ask(http.MethodGet, "/api/runs/none", "", operator))
	told(d.ask(http.MethodGet, "/api/nothing", "", operator))
	told(d.ask(http.MethodGet, "/api/manualsync", "", operator))
	told(d.ask(http.MethodGet, "/api/groups/staff", "", operator))
	told(d.ask(http.MethodGet, "/api/groups?limit=many", "", operator))
	told(d.ask(http.MethodGet, "/api/groups?cursor=none", "", operator))
	told(d.ask(http.MethodPost, "/api/relay/poll", `{"for":"paris"}`, d.claims("Relay.Agent")))
	limited := httptest.NewRecorder()
	for token := d.token(operator); limited.Code != http.StatusTooManyRequests; {
		limited = httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/api/runs/none", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		d.app.Config.Handler.ServeHTTP(limited, r)
	}
	told(limited.Code, limited.Body.String())
	d.mu.Lock()
	d.down = true
	d.mu.Unlock()
	d.app = d.site("corp", testAudience) // one that has not read the keys yet
	told(d.ask(http.MethodGet, "/api/status", "", operator))
	texts.Hold(t, "refusals")
}
