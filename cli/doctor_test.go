package main

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/record"
	"groupwriteback/shared/status"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func lines(rows []checklist.Row) string {
	var all []string
	for _, r := range rows {
		all = append(all, r.String())
	}
	return strings.Join(all, "\n")
}

// well is a status of a target that is well.
func well() status.Status {
	return status.Status{Target: "corp", Now: noon, Standing: status.Standing{Word: status.InSync}, Rules: "0123456789abcdef", Read: noon.Add(-20 * time.Minute),
		Agent: journal.Agent{Host: "srv1", Version: "v1", Policy: "keep_members", DC: "CN=NTDS Settings,CN=DC1,CN=Servers,DC=test", Heard: noon.Add(-5 * time.Second)}}
}

func TestStatusRows(t *testing.T) {
	if got, want := lines(statusRows(well())), `✓ target         ok      in-sync
✓ agent          ok      srv1, of version v1, at DC1, last heard of 5 s ago
✓ policy         ok      keep_members
✓ turn           ok      Entra ID was read to its end 20 min ago, or later: that is noted about each hour
✓ plan           ok      none is under way
✓ holds          ok      nothing is held
✓ problems       ok      there are none
✓ rules          ok      01234567`; got != want {
		t.Errorf("well:\n%s\nwant\n%s", got, want)
	}
	for name, test := range map[string]struct {
		so      func(*status.Status)
		has, no string
	}{
		"silent": {func(s *status.Status) {
			s.Standing = status.Standing{Word: "agent-silent", Detail: "it is silent", Remedy: "see it"}
		},
			"✗ agent          missing it is silent: see it", "✓ agent"},
		"read only": {func(s *status.Status) { s.Standing = status.Standing{Word: "read-only", Detail: "it is"} }, "! policy         warning it is", "✓ policy"},
		"also":      {func(s *status.Status) { s.Also = []status.Standing{{Word: "stopped", Detail: "it is"}} }, "✗ target         missing it is", "✗ agent"},
		"a plan": {func(s *status.Status) {
			s.Plan = &journal.Plan{First: 3, Last: 5, Done: 1, Expires: noon.Add(time.Minute)}
		}, "✓ plan           ok      batches 3 to 5 are under way since ", "expired"},
		"an old plan": {func(s *status.Status) { s.Plan = &journal.Plan{First: 3, Last: 5, Expires: noon.Add(-time.Minute)} }, "! plan           warning batches 3 to 5", "✓ plan"},
		"holds": {func(s *status.Status) {
			s.Standing.Word = "held"
			s.Holds = []record.Listing{{Opened: noon.Add(-3 * time.Hour)}, {Opened: noon}}
			s.MoreHolds = 4
		}, "! holds          warning 6 wait for a word, the oldest 3 h ago: groupwriteback holds", "✓ holds"},
		"problems": {func(s *status.Status) {
			s.Totals.Problems = map[string]int{"cloud-only": 7, "guest": 2, "none": 0}
			s.Totals.Parked = 1
		}, "! problems       warning 7 cloud-only, 2 guest, 1 refused: groupwriteback problems", "0 none"},
		"no agent yet": {func(s *status.Status) { s.Agent = journal.Agent{} }, "? policy         unknown", "✓ agent"},
		"a note":       {func(s *status.Status) { s.Notes = []string{"the rules name nobody"} }, "! rules          warning the rules name nobody", "✗"},
		"no rules":     {func(s *status.Status) { s.Standing = status.Standing{Word: "no-rules", Detail: "the store has none"} }, "✗ rules          missing the store has none", "✓ rules"},
		"stored rules": {func(s *status.Status) { s.Ruled = 3 }, "✓ rules          ok      version 3 of the store, 01234567", "✗"},
		"never read":   {func(s *status.Status) { s.Read = time.Time{} }, "? turn           unknown none has read", "✗"},
	} {
		s := well()
		test.so(&s)
		if got := lines(statusRows(s)); !strings.Contains(got, test.has) || strings.Contains(got, test.no) {
			t.Errorf("%s:\n%s\nwant %q, and no %q", name, got, test.has, test.no)
		}
	}
}

func token(payload string) string {
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".s"
}

func TestTokenRows(t *testing.T) {
	for payload, want := range map[string]string{
		`{"upn":"anna@corp.example","roles":["Status.Read","Sync.Operate"]}`: "✓ sign-in        ok      as anna@corp.example, by browser, until 2026-11-01T12:00:00Z\n✓ role           ok      Sync.Operate: to look, and to decide",
		`{"appid":"app","roles":["Status.Read"]}`:                            "✓ sign-in        ok      as app, by browser, until 2026-11-01T12:00:00Z\n✓ role           ok      Status.Read: to look; to decide takes Sync.Operate",
		`{"name":"Anna"}`: "✓ sign-in        ok      as Anna, by browser, until 2026-11-01T12:00:00Z\n✗ role           missing the token has no role of the API: give Anna the app role Status.Read or Sync.Operate (Enterprise applications, Users and groups), and sign in anew",
		`{`:               "✓ sign-in        ok      by browser\n? role           unknown the token is of a form that does not say",
	} {
		if got := lines(tokenRows(token(payload), "browser", noon)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", payload, got, want)
		}
	}
	if got := lines(tokenRows("opaque", "browser", noon)); !strings.Contains(got, "? role") {
		t.Errorf("a token that cannot be looked into: %s", got)
	}
}

func TestClockRow(t *testing.T) {
	for apart, want := range map[time.Duration]checklist.State{0: checklist.OK, -29 * time.Second: checklist.OK, time.Minute: checklist.Warning, -time.Minute: checklist.Warning, 6 * time.Minute: checklist.Missing, -time.Hour: checklist.Missing} {
		if got := clockRow(noon.Format(http.TimeFormat), noon.Add(apart)); got.State != want {
			t.Errorf("%v apart: %v", apart, got)
		}
	}
	if got := clockRow("", noon); got.State != checklist.Unknown {
		t.Errorf("no date: %v", got)
	}
}

func TestWayRow(t *testing.T) {
	secured := &http.Response{Status: "200 OK", TLS: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Issuer: pkix.Name{CommonName: "CA"}, NotAfter: noon}}}}
	for body, want := range map[string]string{
		`{"status":"in-sync"}`:    "✓ network        ok      the function app answers that it is in-sync (certificate of CA until 2026-11-01T12:00:00Z)",
		`{"status":"unreadable"}`: "✗ network        missing the function app answers (certificate of CA until 2026-11-01T12:00:00Z), and cannot read its journal: see its log, and handler check",
		`<html>`:                  "✗ network        missing who answers is no Groupwriteback: 200 OK: check that --url is the function app's, and that it has started (its log)",
	} {
		if got := wayRow(secured, []byte(body)).String(); got != want {
			t.Errorf("%s: %s\nwant %s", body, got, want)
		}
	}
	if got := nameRow("corp.example", nil, errors.New("no such host")).String(); !strings.HasPrefix(got, "✗ name           missing corp.example leads nowhere: no such host: check --url") {
		t.Errorf("a name that is none: %s", got)
	}
	if keyringRow(errors.New("none")).State != checklist.Warning || keyringRow(nil).State != checklist.OK {
		t.Error("a keyring that is none keeps a person from working")
	}
}

func TestVersionRow(t *testing.T) {
	for versions, want := range map[[3]string]checklist.State{{"v1", "v1", "v1"}: checklist.OK, {"v1", "v1", ""}: checklist.OK, {"v1", "v2", ""}: checklist.Warning, {"v1", "v1", "v2"}: checklist.Warning} {
		if got := versionRow(versions[0], versions[1], versions[2]); got.State != want {
			t.Errorf("%v: %v", versions, got)
		}
	}
}

// TestDoctorOnlyLooks: it asks by GET alone, whatever it is told.
func TestDoctorOnlyLooks(t *testing.T) {
	var methods []string
	s, _ := serve(t, body(inSync))
	s.wire = transport(func(r *http.Request) (*http.Response, error) {
		methods = append(methods, r.Method+" "+r.URL.Path)
		return http.DefaultClient.Do(r)
	})
	e := &examination{session: s}
	e.way(t.Context(), strings.TrimSuffix(s.base, "/api/"))
	e.target(t.Context())
	if got, want := strings.Join(methods, ", "), "GET /api/status/health, GET /api/status"; got != want {
		t.Errorf("it asks %s, want %s", got, want)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) Do(r *http.Request) (*http.Response, error) { return t(r) }
