package graph_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

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
	for _, test := range []struct {
		name    string
		feed    directory.Feed
		clients []graphtest.Client
		faults  []graphtest.Fault
		want    string
	}{
		{name: "no such feed", feed: "mail",
			want: `microsoft graph has no feed "mail": groups, users, devices and contacts are known`},
		{name: "no permission", feed: directory.GroupFeed, clients: denied("User.Read.All", "Device.Read.All"),
			want: "read groups feed: microsoft graph answers 403 Authorization_RequestDenied: Insufficient privileges to complete the operation (request-id ID): " +
				"the app lacks GroupMember.Read.All (it has: Device.Read.All, User.Read.All): grant it as an application permission, with admin consent"},
		{name: "no permissions at all", feed: directory.UserFeed, clients: denied(),
			want: "read users feed: microsoft graph answers 403 Authorization_RequestDenied: Insufficient privileges to complete the operation (request-id ID): " +
				"the app lacks User.Read.All (it has: none): grant it as an application permission, with admin consent"},
		{name: "no permission for devices", feed: directory.DeviceFeed, clients: denied("GroupMember.Read.All"),
			want: "read devices feed: microsoft graph answers 403 Authorization_RequestDenied: Insufficient privileges to complete the operation (request-id ID): " +
				"the app lacks Device.Read.All (it has: GroupMember.Read.All): grant it as an application permission, with admin consent"},
		{name: "permission does not reach", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 403, Code: "Authorization_RequestDenied"}},
			want: "read groups feed: microsoft graph answers 403 Authorization_RequestDenied: The server was told to answer so (request-id ID): " +
				"the app may read groups, but not all that is asked for: its permissions are Device.Read.All, GroupMember.Read.All, User.Read.All"},
		{name: "token refused twice", feed: directory.GroupFeed, faults: times(2, graphtest.Fault{Status: 401, Code: "InvalidAuthenticationToken"}),
			want: "read groups feed: the access token is not accepted: check the tenant, that the app is enabled, that the cloud is the right one, and this machine's clock: " +
				"microsoft graph answers 401 InvalidAuthenticationToken: The server was told to answer so (request-id ID)"},
		{name: "bad request", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 400, Body: `{"error":{"code":"BadRequest","message":"Could not find a property named 'colour' on type 'microsoft.graph.group'."}}`}},
			want: "read groups feed: microsoft graph answers 400 BadRequest: Could not find a property named 'colour' on type 'microsoft.graph.group'"},
		{name: "bad request behind a byte order mark", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 400, Body: "\ufeff" + `{"error":{"code":"BadRequest","message":"No \ud83d."}}`}},
			want: "read groups feed: microsoft graph answers 400 BadRequest: No \ufffd"},
		{name: "not Graph at all", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 404, Body: "<html>"}},
			want: "read groups feed: microsoft graph answers 404 Not Found"},
		{name: "redirect without a way", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 304, Body: ""}},
			want: "read groups feed: microsoft graph answers 304 Not Modified (request-id ID)"},
		{name: "link is lost", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 410, Code: "SyncStateNotFound"}},
			want: "read groups feed: delta token is no longer known: full enumeration needed: microsoft graph answers 410 SyncStateNotFound: The server was told to answer so (request-id ID)"},
		{name: "a captive portal", feed: directory.GroupFeed, faults: times(6, page("<html>log in</html>")),
			want: "read groups feed: gave up after 6 tries: page (text/html; charset=utf-8) is not whole or not JSON: jsontext: invalid character '<' at start of value"},
		{name: "no links", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"value":[]}`)},
			want: "read groups feed: page is not understood: page has neither @odata.nextLink nor @odata.deltaLink: the feed breaks off"},
		{name: "both links", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"value":[],"@odata.nextLink":"a","@odata.deltaLink":"b"}`)},
			want: "read groups feed: page is not understood: page has both @odata.nextLink and @odata.deltaLink"},
		{name: "no value", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"@odata.nextLink":"a"}`)},
			want: `read groups feed: page is not understood: page has no "value"`},
		{name: "items that are no list", feed: directory.UserFeed, faults: []graphtest.Fault{page(`{"value":null,"@odata.nextLink":"a"}`)},
			want: "read users feed: page is not understood: value is not a list"},
		{name: "no page", feed: directory.UserFeed, faults: []graphtest.Fault{page(`[]`)},
			want: "read users feed: page is not understood: found [ where an object belongs"},
		{name: "a link that is none", feed: directory.UserFeed, faults: []graphtest.Fault{page(`{"value":[],"@odata.nextLink":["a"]}`)},
			want: "read users feed: page is not understood: @odata.nextLink is not a string"},
		{name: "a page and more", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"value":[],"@odata.nextLink":"a"}{}`)},
			want: "read groups feed: page is not understood: page is followed by more data"},
		{name: "a link to itself", feed: directory.DeviceFeed, faults: []graphtest.Fault{{Edit: func(body []byte) []byte {
			link := regexp.MustCompile(`https://[^/]+/v1.0/devices/delta\?`).Find(body)
			return fmt.Appendf(nil, `{"value":[],"@odata.nextLink":"%s$select=displayName,id,onPremisesSecurityIdentifier"}`, link)
		}}},
			want: "read devices feed: page is not understood: @odata.nextLink leads back to the page itself: the feed would never end"},
		{name: "link of another host", feed: directory.GroupFeed, faults: []graphtest.Fault{page(`{"value":[],"@odata.deltaLink":"https://graph.example.com/x"}`)},
			want: "read groups feed: link leads to https://graph.example.com, not to SERVER: refused, because the access token would go there"},
		{name: "redirect to another host", feed: directory.GroupFeed, faults: []graphtest.Fault{{Status: 302, Location: "https://graph.example.com/x"}},
			want: "read groups feed: link leads to https://graph.example.com, not to SERVER: refused, because the access token would go there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, new(graphtest.Tenant), graphtest.Options{Clients: test.clients, Fault: script(test.faults...)})
			_, err := dial(t, s, nil).Page(t.Context(), test.feed, "")
			if err == nil {
				t.Fatal("no error")
			}
			if got := plain(err, s); got != test.want {
				t.Errorf("error is\n%s\nwant\n%s", got, test.want)
			}
		})
	}
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
