package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/journal"
)

// ask sends a message by a caller.
func (d *door) ask(method, path, message string, c jwt.MapClaims) (status int, body string) {
	d.t.Helper()
	r := d.request()
	r.Method, r.URL.Path, r.Body, r.ContentLength = method, path, io.NopCloser(strings.NewReader(message)), int64(len(message))
	if at, query, ok := strings.Cut(path, "?"); ok {
		r.URL.Path, r.URL.RawQuery = at, query
	}
	if message == "" {
		r.Body = http.NoBody
	}
	r.Header.Set("Authorization", "Bearer "+d.token(c))
	return d.send(r)
}

// store is the one that the app writes to.
func (d *door) store() blob.Store {
	d.t.Helper()
	s, err := blob.Dir(filepath.Join(d.dir, "store"))
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// written is the first object below a prefix.
func written[T any](d *door, prefix string) (v T) {
	d.t.Helper()
	names, err := d.store().List(d.t.Context(), prefix)
	if err != nil || len(names) == 0 {
		d.t.Fatalf("nothing was written below %s: %v", prefix, err)
	}
	data, _, err := d.store().Get(d.t.Context(), names[0])
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		d.t.Fatal(err)
	}
	return v
}

// person is what the Azure command line, which all operators share, gets for one
// of them by a token of version 1.0.
func (d *door) person(name, id string, roles ...string) jwt.MapClaims {
	c := d.claims(roles...)
	delete(c, "azp")
	c["iss"], c["appid"], c["scp"] = "https://sts.windows.net/"+testTenant+"/", "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "user_impersonation"
	c["upn"], c["unique_name"], c["oid"] = name, name, id
	return c
}

// TestWhoApproved: journal and log name the person who approved, and not the
// program that all share; and a person who calls too often holds no other one up.
func TestWhoApproved(t *testing.T) {
	d := newDoor(t)
	const hold = "0123456789ab"
	if _, err := d.store().Put(t.Context(), "t/corp/hold/"+hold, []byte(`{"id":"`+hold+`"}`), blob.Absent); err != nil {
		t.Fatal(err)
	}
	alice, bob := d.person("alice@corp.test", "a11ce", "Sync.Operate"), d.person("bob@corp.test", "b0b", "Sync.Operate")
	if status, body := d.ask(http.MethodPost, "/api/manualsync", `{"action":"approve","hold":"`+hold+`"}`, alice); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if by := written[journal.Word](d, "t/corp/in/approve/").By; by != "alice@corp.test (a11ce)" {
		t.Errorf("approved by %q", by)
	}
	if log := d.logged(); !strings.Contains(log, `msg="hold approved" hold=0123456789ab by="alice@corp.test (a11ce)"`) {
		t.Errorf("the log has %s", log)
	}
	if status, body := d.ask(http.MethodPost, "/api/manualsync", `{"action":"reject","hold":"`+hold+`"}`, bob); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if by := written[journal.Word](d, "t/corp/in/reject/").By; by != "bob@corp.test (b0b)" {
		t.Errorf("rejected by %q", by)
	}
	if log := d.logged(); !strings.Contains(log, `msg="hold rejected" hold=0123456789ab by="bob@corp.test (b0b)"`) {
		t.Errorf("the log has %s", log)
	}
	refused, calls := 0, 0
	for token := d.token(alice); refused == 0 && calls < 300; calls++ {
		if d.tooMany(token) {
			refused++
		}
	}
	if refused == 0 || d.tooMany(d.token(bob)) {
		t.Errorf("of %d requests of alice's %d are refused, or then one of bob's is", calls, refused)
	}
}

// TestRoles: each role opens its own doors and no other.
func TestRoles(t *testing.T) {
	d := newDoor(t)
	for _, door := range []struct {
		method, path, message string
		roles                 string // that open it
	}{
		{http.MethodGet, "/api/status", "", "Status.Read Sync.Operate"},
		{http.MethodPost, "/api/manualsync", `{"action":"none"}`, "Sync.Operate"},
		{http.MethodPost, "/api/relay/poll", `{}`, "Relay.Agent"},
		{http.MethodPost, "/api/relay/ack", `{}`, "Relay.Agent"},
		{http.MethodPost, "/api/relay/report", `{}`, "Relay.Agent"},
		{http.MethodPost, "/api/relay/check", `{}`, "Relay.Agent"},
	} {
		for _, role := range []string{"Status.Read", "Sync.Operate", "Relay.Agent", "Other"} {
			status, body := d.ask(door.method, door.path, door.message, d.claims(role))
			if open := strings.Contains(door.roles, role); open == (status == http.StatusForbidden) {
				t.Errorf("%s with %s: %d %s", door.path, role, status, body)
			}
		}
	}
}

// tooMany makes one more request of a person, without the network, which may be
// slower than the limit, and says whether it was one too many.
func (d *door) tooMany(token string) bool {
	r, w := httptest.NewRequest(http.MethodPost, "/api/manualsync", strings.NewReader(`{"action":"none"}`)), httptest.NewRecorder()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	d.app.Config.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusTooManyRequests && w.Code != http.StatusBadRequest {
		d.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Code == http.StatusTooManyRequests
}

// TestNotSaid: what was not taken is not logged as done, and what callers got
// wrong is no error of the program's.
func TestNotSaid(t *testing.T) {
	d := newDoor(t)
	d.logged() // what it says when it starts
	long := strings.Repeat("a", 300)
	operator, agent := d.person("alice@corp.test", "a11ce", "Sync.Operate"), d.claims("Relay.Agent")
	for _, test := range []struct {
		method, path, message string
		by                    jwt.MapClaims
		status                int
		want                  string
	}{
		{http.MethodPost, "/api/manualsync", `{"action":"approve","hold":"abc"}`, operator, 404, "no such hold is open"},
		{http.MethodPost, "/api/manualsync", `{"action":"reject","hold":"abc"}`, operator, 404, "no such hold is open"},
		{http.MethodPost, "/api/manualsync", `{"action":"approve","hold":"` + long + `"}`, operator, 404, "no such hold is open"},
		{http.MethodPost, "/api/manualsync", `{"action":"approve"}`, operator, 404, "no such hold is open"},
		{http.MethodPost, "/api/manualsync", `{"action":"aprove"}`, operator, 400, "use sync, preview, enable, disable, pause, resume, rules, retry, approve, reject, repin or begin-anew"},
		{http.MethodGet, "/api/status?hold=" + long, "", operator, 404, "no such hold is open"},
		{http.MethodGet, "/api/status?hold=abc", "", operator, 404, "no such hold is open"},
		{http.MethodGet, "/api/status?hold=abc&part=3", "", operator, 404, "no such hold is open"},
		{http.MethodGet, "/api/status?hold=abc&part=three", "", operator, 400, "name a part by its number"},
		{http.MethodPost, "/api/relay/report", `{"id":"../../head","part":1,"parts":1}`, agent, 400, "it is not well-formed"},
		{http.MethodPost, "/api/relay/report", `{"id":"` + long + `","part":1,"parts":1}`, agent, 400, "it is not well-formed"},
		{http.MethodPost, "/api/relay/report", `{"id":"16a1b2c3d4e5f607-aa","part":2,"parts":1}`, agent, 400, "part 2 of 1"},
		{http.MethodPost, "/api/relay/ack", `{"results":"none"}`, agent, 400, "a list is needed"},
	} {
		status, body := d.ask(test.method, test.path, test.message, test.by)
		if status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s %.80s: %d %s; want %d %s", test.path, test.message, status, body, test.status, test.want)
		}
		if log := d.logged(); log != "" {
			t.Errorf("%s %.80s: the log has %s", test.path, test.message, log)
		}
	}
}

// TestRetry: an operator has what was refused tried again, of some groups or of all.
func TestRetry(t *testing.T) {
	const group = "11111111-0000-4000-8000-000000000001"
	for message, want := range map[string]string{
		`{"action":"retry"}`:                            `{"groups":null,"retry":true,"by":"alice@corp.test (a11ce)"}`,
		`{"action":"retry","groups":["` + group + `"]}`: `{"groups":["` + group + `"],"retry":true,"by":"alice@corp.test (a11ce)"}`,
	} {
		d := newDoor(t)
		// The turn that follows has no Graph to read: what was asked for is in the journal then.
		if status, body := d.ask(http.MethodPost, "/api/manualsync", message, d.person("alice@corp.test", "a11ce", "Sync.Operate")); status != 500 {
			t.Errorf("%s: %d %s", message, status, body)
		}
		got, wanted := written[map[string]any](d, "t/corp/in/ask/"), map[string]any{}
		delete(got, "id")
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: asked for %v, want %v", message, got, wanted)
		}
	}
}

// TestNoKeys: that the tenant's keys cannot be read is said as it is: no token is
// called invalid, and strangers do not fill the log.
func TestNoKeys(t *testing.T) {
	d := newDoor(t)
	d.mu.Lock()
	d.down = true
	d.mu.Unlock()
	for range 20 {
		r := d.request()
		status, body := d.send(r)
		if status != 503 || !strings.Contains(body, "the tenant's signing keys could not be read: read "+d.idp.URL) || !strings.Contains(body, "503") {
			t.Fatalf("%d %s", status, body)
		}
	}
	if log := d.logged(); strings.Count(log, "\n") > 3 || !strings.Contains(log, `level=WARN msg="signing keys were not read"`) {
		t.Errorf("the log has %s", log)
	}
}
