package signin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/signin"
)

const confidential = "11111111-2222-3333-4444-666666666666"

// persons is a sign-in with an app for persons, and one that is for programs alone.
func persons(t *testing.T, o graphtest.Options) *graphtest.Server {
	t.Helper()
	delegated := []string{"GroupMember.Read.All", "User.Read.All"}
	o.Clients = []graphtest.Client{{ID: app, Public: true, Delegated: delegated}, {ID: confidential, Secret: "hush", Delegated: delegated}}
	s := graphtest.NewServer(new(graphtest.Tenant), o)
	ok(t, s.Start(""))
	t.Cleanup(func() { ok(t, s.Close()) })
	return s
}

var userCode = regexp.MustCompile(`enter the code (\S+) to authenticate`)

// byCode signs in by a device code; do is what the person does with it.
func byCode(t *testing.T, s *graphtest.Server, client string, do func(user string)) azcore.TokenCredential {
	t.Helper()
	wire, err := signin.Transport(caFile(t, s))
	ok(t, err)
	c, err := signin.PersonCredential(signin.Person{Method: signin.DeviceCode, Tenant: s.TenantID(), Client: client, Authority: s.URL(), Private: true,
		HTTP: &http.Client{Transport: wire}, Ask: func(text string) {
			m := userCode.FindStringSubmatch(text)
			if m == nil {
				t.Errorf("nobody can tell from this what to do: %s", text)
				return
			}
			do(m[1])
		}})
	ok(t, err)
	return c
}

func caFile(t *testing.T, s *graphtest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	ok(t, os.WriteFile(file, s.CA(), 0o600))
	return file
}

func forGraph() policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: []string{graphtest.GraphAudience + "/.default"}}
}

// TestDeviceCode: whoever enters the code is signed in, once for all tokens, and the program waits
// for it while it is pending and while it is told to slow down.
func TestDeviceCode(t *testing.T) {
	pending := make(chan struct{}, 100)
	s := persons(t, graphtest.Options{Fault: func(r *http.Request, _ int) graphtest.Fault {
		if strings.HasSuffix(r.URL.Path, "/token") {
			pending <- struct{}{}
		}
		return graphtest.Fault{}
	}})
	asked := 0
	c := byCode(t, s, app, func(user string) {
		asked++
		go func() {
			for range 3 { // pending, and then two times too early
				<-pending
			}
			if err := s.EnterCode(strings.ToLower(user), true); err != nil {
				t.Error(err)
			}
		}()
	})
	for range 2 {
		token, err := c.GetToken(t.Context(), forGraph())
		ok(t, err)
		if token.Token == "" || time.Until(token.ExpiresOn) < 30*time.Minute {
			t.Errorf("a token of %d bytes, until %v", len(token.Token), token.ExpiresOn)
		}
	}
	if asked != 1 {
		t.Errorf("the person was asked %d times", asked)
	}
}

// TestDeviceCodeRefused: why nobody is signed in is told in one line, with what to do.
func TestDeviceCodeRefused(t *testing.T) {
	for _, test := range []struct {
		name, client string
		options      graphtest.Options
		do           func(*graphtest.Server, string)
		want         string
	}{
		{"somebody says no", app, graphtest.Options{}, func(s *graphtest.Server, user string) { ok(t, s.EnterCode(user, false)) },
			"answer 400 Bad Request: The end user denied the authorization request: somebody has said no to this sign-in: start again, and say yes"},
		{"too late", app, graphtest.Options{}, func(s *graphtest.Server, _ string) { s.ExpireCodes() },
			"answer 400 Bad Request: AADSTS70019: The verification code has expired: nobody has entered the code in time: start again"},
		{"never", app, graphtest.Options{CodeLife: time.Second}, func(*graphtest.Server, string) {},
			"DeviceCodeCredential: context deadline exceeded: nobody has entered the code in time: start again"},
		{"an app for programs", confidential, graphtest.Options{}, func(*graphtest.Server, string) {},
			"answer 401 Unauthorized: AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret': allow public client flows in the app registration (Authentication), or name one that does"},
		{"no such app", "11111111-2222-3333-4444-777777777777", graphtest.Options{}, func(*graphtest.Server, string) {},
			"answer 400 Bad Request: AADSTS700016: Application with identifier '11111111-2222-3333-4444-777777777777' was not found in the directory: check the client id, and that the app is in this tenant"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := persons(t, test.options)
			c := byCode(t, s, test.client, func(user string) { test.do(s, user) })
			_, err := c.GetToken(t.Context(), forGraph())
			if want := "sign-in by device-code: " + test.want; err == nil || err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

// TestAzureCLI: who has said az login is signed in; what az says instead is told.
func TestAzureCLI(t *testing.T) {
	s := persons(t, graphtest.Options{})
	said, err := s.PersonToken(app, graphtest.GraphAudience)
	ok(t, err)
	c, err := signin.PersonCredential(signin.Person{Method: signin.AzureCLI, Tenant: s.TenantID()})
	ok(t, err)
	var want struct {
		AccessToken string `json:"accessToken"`
	}
	ok(t, json.Unmarshal(said, &want))

	asked := az(t, "cat <<'END'\n"+string(said)+"\nEND")
	token, err := c.GetToken(t.Context(), forGraph())
	if err != nil || token.Token != want.AccessToken || time.Until(token.ExpiresOn) < 30*time.Minute {
		t.Errorf("a token of %d bytes, until %v: %v", len(token.Token), token.ExpiresOn, err)
	}
	args, err := os.ReadFile(asked)
	if ask := "account get-access-token -o json --resource " + graphtest.GraphAudience + " --tenant " + s.TenantID() + "\n"; err != nil || string(args) != ask {
		t.Errorf("az is asked %q, want %q: %v", args, ask, err)
	}

	az(t, "echo \"Please run 'az login' to setup account.\" >&2; exit 1")
	if _, err := c.GetToken(t.Context(), forGraph()); err == nil || err.Error() != "sign-in by azure-cli: AzureCLICredential: Please run 'az login' to setup account" {
		t.Errorf("nobody has signed in: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := c.GetToken(t.Context(), forGraph()); err == nil || !strings.Contains(err.Error(), "executable not found on path: install the Azure CLI, or choose another sign-in") {
		t.Errorf("there is no az: %v", err)
	}
}

// az puts a program of this name on the path, which notes what it is asked for.
func az(t *testing.T, does string) (asked string) {
	t.Helper()
	dir := t.TempDir()
	asked = filepath.Join(dir, "asked")
	ok(t, os.WriteFile(filepath.Join(dir, "az"), []byte("#!/bin/sh\necho \"$*\" >"+asked+"\n"+does+"\n"), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return asked
}

// TestEndedWhileAsked: whoever ends the program need not enter the code first.
func TestEndedWhileAsked(t *testing.T) {
	s := persons(t, graphtest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	c := byCode(t, s, app, func(string) { cancel() })
	if _, err := c.GetToken(ctx, forGraph()); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("it was ended, and says %v", err)
	}
}
