package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// bind is the error of a bind that Active Directory refused.
func bind(data string) error {
	return fmt.Errorf(`sign in to ldaps://dc: no (LDAP Result Code 49 "Invalid Credentials": 80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data %s, v1db1)`, data)
}

// TestRefusedOnce: a secret that was refused is not shown again before the window of a
// lockout has passed, whichever process asks; another one is. The agent used to try
// again like after a lost connection, and locked its account out.
func TestRefusedOnce(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	m := memory{filepath.Join(t.TempDir(), "corp")}
	next := func() *caution {
		return &caution{memory: m, file: directoryRefused, remedy: "put it right", now: func() time.Time { return now }}
	}
	ok(t, next().allows("svc", "wrong"))
	if err := next().learn(bind("52e"), bindRefused, "svc", "wrong"); err == nil || err.Error() != bind("52e").Error() {
		t.Errorf("the refusal is told as %v", err)
	}
	want := bind("52e").Error() + ": refused at 2026-11-01T12:00:00Z (52e), and not tried again with the same secret before 2026-11-01T12:30:00Z, so that nothing is locked out: " +
		"put it right, or remove " + m.file(directoryRefused) + " to have it tried at once"
	now = now.Add(29 * time.Minute)
	if err := next().allows("svc", "wrong"); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	ok(t, next().allows("svc", "right"))
	ok(t, next().allows("other", "wrong"))
	ok(t, next().allows("svcw", "rong"))
	data, err := os.ReadFile(m.file(directoryRefused))
	ok(t, err)
	if strings.Contains(string(data), "wrong\"") || strings.Contains(string(data), `"svc"`) {
		t.Errorf("the file holds what it must not: %s", data)
	}
	now = now.Add(time.Minute)
	ok(t, next().allows("svc", "wrong"))
	now = now.Add(-time.Hour) // the clock is set back
	ok(t, next().allows("svc", "wrong"))
}

// TestRefusedWithoutFolder: a check before the first start has no state folder. It makes
// one to remember a refusal, or each further check would count towards the lockout.
func TestRefusedWithoutFolder(t *testing.T) {
	m := memory{filepath.Join(t.TempDir(), "state", "corp")}
	c := &caution{memory: m, file: directoryRefused, now: time.Now}
	if err := c.learn(bind("52e"), bindRefused, "svc", "wrong"); err == nil || err.Error() != bind("52e").Error() {
		t.Errorf("the refusal is told as %v", err)
	}
	if again := (&caution{memory: m, file: directoryRefused, now: time.Now}); again.allows("svc", "wrong") == nil {
		t.Error("the next check shows the same password again")
	}
	if info, err := os.Stat(m.folder()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
}

// TestRefusalIsForgotten by a success, and by whoever removes the file.
func TestRefusalIsForgotten(t *testing.T) {
	m := memory{filepath.Join(t.TempDir(), "corp")}
	c := &caution{memory: m, file: directoryRefused, now: time.Now}
	for _, forget := range []func() error{
		func() error { return os.Remove(m.file(directoryRefused)) },
		func() error { return c.learn(nil, bindRefused, "svc", "right") },
	} {
		if c.learn(bind("775"), bindRefused, "svc", "right") == nil || c.allows("svc", "right") == nil {
			t.Fatal("a refused sign-in may be tried again")
		}
		ok(t, forget())
		ok(t, c.allows("svc", "right"))
	}
}

// TestRefusalWithoutDisk: where nothing can be written, the process itself remembers.
func TestRefusalWithoutDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(file, nil, 0o600))
	c := &caution{memory: memory{filepath.Join(file, "corp")}, file: directoryRefused, now: time.Now}
	if err := c.learn(bind("52e"), bindRefused, "svc", "wrong"); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("the disk is not told of: %v", err)
	}
	if c.allows("svc", "wrong") == nil {
		t.Error("a refused sign-in may be tried again")
	}
}

// TestWhatCosts tells errors that say no to a secret from those that pass.
func TestWhatCosts(t *testing.T) {
	for _, code := range []string{"525", "52e", "532", "533", "701", "773", "775"} {
		if got := bindRefused(bind(code)); got != code {
			t.Errorf("%s is taken for %q", code, got)
		}
	}
	for _, err := range []error{bind("530"), bind("80090346"), errors.New("connect to ldaps://dc: data 52e: connection refused"),
		errors.New(`LDAP Result Code 52 "Unavailable": data 52e`)} {
		if got := bindRefused(err); got != "" {
			t.Errorf("%v is taken for %q", err, got)
		}
	}
	for text, want := range map[string]string{
		"answer 401 Unauthorized: AADSTS7000215: Invalid client secret provided": "AADSTS7000215",
		"answer 401 Unauthorized: AADSTS7000222: expired":                        "AADSTS7000222",
		"answer 400 Bad Request: AADSTS90033: a transient error":                 "",
		"answer 503 Service Unavailable":                                         "",
	} {
		if got := entraRefused(errors.New(text)); got != want {
			t.Errorf("%s is taken for %q", text, got)
		}
	}
}

// TestNoSecondBind: with the real binary and a real domain controller. The second
// check says why it does not try; with another password it does.
func TestNoSecondBind(t *testing.T) {
	dc := shared.DC(t)
	at, connections := counted(t, dcURL(t, dc.URL).Host)
	c := newCloud(t)
	p := &proxy{}
	through := "HTTPS_PROXY=http://" + p.start(t)
	file := c.config(t, c.ca, &url.URL{Scheme: "ldaps", Host: at}, "  server_name: "+dc.ServerName, "  ca_file: "+dc.CAFile, "  user: "+dc.BindName, "  base: "+dc.Base)
	check := func(password string) string {
		ok(t, os.WriteFile(filepath.Join(filepath.Dir(file), "password"), []byte(password), 0o600))
		return lineOf(t, first(runCheck(t, file, through)), "directory")
	}
	if got := check(dc.Password); !strings.HasPrefix(got, "ok ") {
		t.Fatal(got)
	}
	for range 3 {
		if got := check("not the password"); !strings.HasPrefix(got, "FAILED  sign in to ") {
			t.Error(got)
		}
	}
	if n := connections.Load(); n != 2 { // that with the right password, and one with the wrong
		t.Errorf("the domain controller was asked %d times", n)
	}
	if got := check("not the password"); !strings.Contains(got, "the user name or the password is wrong") || !strings.Contains(got, "(52e), and not tried again with the same secret before ") ||
		!strings.Contains(got, ": put the account right, or directory.user and directory.password_file, or remove ") {
		t.Error(got)
	}
	if got := check(dc.Password); !strings.HasPrefix(got, "ok ") {
		t.Error(got)
	}
}

// counted leads to a server and counts the connections to it.
func counted(t *testing.T, server string) (at string, connections *atomic.Int32) {
	t.Helper()
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "636")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	connections = &atomic.Int32{}
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			to, err := net.Dial("tcp", server)
			if err == nil {
				join(from, to)
				_ = to.Close()
			}
			_ = from.Close()
		}
	}()
	return l.Addr().String(), connections
}

// TestNoSecondSignIn: the same towards Entra ID.
func TestNoSecondSignIn(t *testing.T) {
	c := newCloud(t)
	p := &proxy{}
	through := "HTTPS_PROXY=http://" + p.start(t)
	file := c.config(t, c.ca, nobodyHome)
	check := func(secret string) string {
		ok(t, os.WriteFile(filepath.Join(filepath.Dir(file), "relay-secret"), []byte(secret), 0o600))
		return lineOf(t, first(runCheck(t, file, through)), "relay")
	}
	if got := check("wrong"); !strings.Contains(got, "AADSTS7000215") || strings.Contains(got, "not tried again") {
		t.Error(got)
	}
	requests := func() int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.seen) }
	before := requests()
	if got := check("wrong"); !strings.Contains(got, "AADSTS7000215") || !strings.Contains(got, "(AADSTS7000215), and not tried again with the same secret before ") {
		t.Error(got)
	}
	if before == 0 || requests() != before {
		t.Errorf("the proxy saw %d connections, then %d", before, requests())
	}
	if got := check("relay-secret"); got != c.welcome {
		t.Error(got)
	}
}
