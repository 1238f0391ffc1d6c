package graph_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/signin"
)

// TestErrorTexts are the errors that a person meets, to the letter.
func TestErrorTexts(t *testing.T) {
	page := func(body string) graphtest.Fault { return graphtest.Fault{Body: body} }
	denied := func(roles ...string) []graphtest.Client {
		return []graphtest.Client{{ID: app, Secret: "s3cret", Roles: map[string][]string{graphtest.GraphAudience: roles}}}
	}
	texts := &golden.Texts{}
	for _, test := range []struct {
		name    string
		feed    directory.Feed
		clients []graphtest.Client
		faults  []graphtest.Fault
	}{
		{name: "no such feed", feed: "mail"},
		{name: "no permission", feed: directory.GroupFeed, clients: denied("User.Read.All", "Device.Read.All")},
		{name: "no permissions at all", feed: directory.UserFeed, clients: denied()},
		{name: "no permission for devices", feed: directory.DeviceFeed, clients: denied("GroupMember.Read.All")},
		{name: "permission does not reach", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 403, Code: "Authorization_RequestDenied"}}},
		{name: "token refused twice", feed: directory.GroupFeed, faults: times(2, graphtest.Fault{Status: 401, Code: "InvalidAuthenticationToken"})},
		{name: "bad request", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 400, Body: `{"error":{"code":"BadRequest","message":"Could not find a property named 'colour' on type 'microsoft.graph.group'."}}`}}},
		{name: "bad request behind a byte order mark", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 400, Body: "\ufeff" + `{"error":{"code":"BadRequest","message":"No \ud83d."}}`}}},
		{name: "not Graph at all", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 404, Body: "<html>"}}},
		{name: "redirect without a way", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 304, Body: ""}}},
		{name: "link is lost", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 410, Code: "SyncStateNotFound"}}},
		{name: "a captive portal", feed: directory.GroupFeed, faults: times(6, page("<html>log in</html>"))},
		{name: "no links", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"value":[]}`)}},
		{name: "both links", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"value":[],"@odata.nextLink":"a","@odata.deltaLink":"b"}`)}},
		{name: "no value", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"@odata.nextLink":"a"}`)}},
		{name: "items that are no list", feed: directory.UserFeed, faults: []graphtest.Fault{page(`{"value":null,"@odata.nextLink":"a"}`)}},
		{name: "no page", feed: directory.UserFeed, faults: []graphtest.Fault{page(`[]`)}},
		{name: "a link that is none", feed: directory.UserFeed, faults: []graphtest.Fault{page(`{"value":[],"@odata.nextLink":["a"]}`)}},
		{name: "a page and more", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"value":[],"@odata.nextLink":"a"}{}`)}},
		{name: "a link to itself", feed: directory.DeviceFeed, faults: []graphtest.Fault{{Edit: func(body []byte) []byte {
			link := regexp.MustCompile(`https://[^/]+/v1.0/devices/delta\?`).Find(body)
			return fmt.Appendf(nil, `{"value":[],"@odata.nextLink":"%s$select=displayName,id,onPremisesSecurityIdentifier"}`, link)
		}}}},
		{name: "link of another host", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"value":[],"@odata.deltaLink":"https://graph.example.com/x"}`)}},
		{name: "redirect to another host", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 302, Location: "https://graph.example.com/x"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, new(graphtest.Tenant), graphtest.Options{Clients: test.clients, Fault: script(test.faults...)})
			_, err := dial(t, s, nil).Page(t.Context(), test.feed, "")
			if err == nil {
				t.Fatal("no error")
			}
			texts.Add(plain(err, s))
		})
	}
	texts.Hold(t, "errors")
}

// plain replaces what differs from run to run.
func plain(err error, s *graphtest.Server) string {
	text := strings.ReplaceAll(err.Error(), s.URL(), "SERVER")
	if before, after, found := strings.Cut(text, "(request-id "); found {
		_, rest, _ := strings.Cut(after, ")")
		text = before + "(request-id ID)" + rest
	}
	return text
}

func TestErrorOfSignIn(t *testing.T) {
	s := serve(t, new(graphtest.Tenant), graphtest.Options{})
	in := signIn(s)
	in.Secret = "wrong"
	credential, err := signin.Credential(in)
	ok(t, err)
	_, err = dial(t, s, func(o *graph.Options) { o.Credential = credential }).Page(t.Context(), directory.GroupFeed, "")
	if err == nil || !strings.HasPrefix(err.Error(), "read groups feed: sign in to microsoft graph: ") || !strings.Contains(err.Error(), "AADSTS7000215: Invalid client secret") {
		t.Errorf("error is %v", err)
	}
}

func TestErrorOfUntrustedCertificate(t *testing.T) {
	s := serve(t, new(graphtest.Tenant), graphtest.Options{})
	c := dial(t, s, func(o *graph.Options) {
		o.HTTP = nil
		o.Wait = func(context.Context, time.Duration) error { return errors.New("it is tried again") }
	})
	_, err := c.Page(t.Context(), directory.GroupFeed, "")
	if err == nil || !strings.HasSuffix(err.Error(), "certificate signed by unknown authority: trust the issuer of the certificate, or look for a proxy that opens TLS") {
		t.Errorf("error is %v", err)
	}
}
