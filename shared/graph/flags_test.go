package graph_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
)

var (
	team, list = graphtest.ID("team"), graphtest.ID("list")
	askAll     = []string{"theme", "allowExternalSenders", "hideFromAddressLists", "hideFromOutlookClients"}
)

// flagged is a server of one Microsoft 365 group and one distribution list, and a client that
// asks for flags.
func flagged(t *testing.T, fault func(*http.Request, int) graphtest.Fault) (*graphtest.Tenant, *graphtest.Server, *graph.Client) {
	t.Helper()
	var tenant graphtest.Tenant
	ok(t, tenant.AddGroup(graphtest.Group{ID: team, DisplayName: "Team", Props: map[string]any{"groupTypes": []string{"Unified"}, "hideFromAddressLists": true}}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: list, DisplayName: "List", Props: map[string]any{"mailEnabled": true}}))
	s := serve(t, &tenant, graphtest.Options{Fault: fault})
	s.SetRoles(app, graphtest.GraphAudience, "Group.Read.All")
	return &tenant, s, dial(t, s, func(o *graph.Options) { o.Properties = askAll })
}

// TestFlags: a flag is what the group itself says. Null is not false, and the group's feed
// neither asks for flags nor tells of them.
func TestFlags(t *testing.T) {
	tenant, s, c := flagged(t, nil)
	if got := c.Select(directory.GroupFeed); slices.ContainsFunc(got, directory.IsFlag) || !slices.Contains(got, "theme") {
		t.Errorf("a delta is asked for %v", got)
	}
	pages := read(t, c, directory.GroupFeed, "")
	for _, g := range pages[0].Groups {
		if told := directory.Flags(keys(g.Set)); len(told) > 0 {
			t.Errorf("a delta tells %v", told)
		}
	}
	ask := func(want directory.Properties) {
		t.Helper()
		p, err := c.Flags(t.Context(), team)
		ok(t, err)
		if d := cmp.Diff(directory.Page{Feed: directory.GroupFeed, Groups: []directory.GroupChange{{ID: team, Set: want}}}, p); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
	ask(directory.Properties{"hideFromAddressLists": {"true"}, "hideFromOutlookClients": {"false"}, "allowExternalSenders": {"false"}})
	ok(t, tenant.SetProperty(team, "hideFromAddressLists", nil))
	ok(t, tenant.SetProperty(team, "allowExternalSenders", true))
	ask(directory.Properties{"hideFromOutlookClients": {"false"}, "allowExternalSenders": {"true"}})
	if p := read(t, c, directory.GroupFeed, pages[0].Delta); len(p[0].Groups) > 0 {
		t.Errorf("a delta tells of a change of flags: %v", p[0].Groups)
	}
	last := s.Requests()[len(s.Requests())-2]
	if want := "$select=id,allowExternalSenders,hideFromAddressLists,hideFromOutlookClients"; last.Path != "/v1.0/groups/"+team.String() || last.Query != want {
		t.Errorf("asked %s?%s, want %s", last.Path, last.Query, want)
	}
}

func keys(p directory.Properties) (names []string) {
	for name := range p {
		names = append(names, name)
	}
	return names
}

// TestFlagsUntold: why a group told nothing says what follows: nothing of it, nothing to be
// had by asking again, or that Graph is not well. It is asked once.
func TestFlagsUntold(t *testing.T) {
	good := `{"id":"` + team.String() + `","hideFromAddressLists":`
	tests := []struct {
		name     string
		group    directory.ID
		roles    []string
		fault    graphtest.Fault
		untold   bool
		refused  bool
		mustSay  string
		leaveFor time.Duration
	}{
		{name: "no Microsoft 365 group", group: list, untold: true, mustSay: "MailboxNotEnabledForRESTAPI"},
		{name: "not there", group: graphtest.ID("nobody"), untold: true},
		{name: "a lesser permission", group: team, roles: []string{"GroupMember.Read.All"}, refused: true, mustSay: "lacks Group.Read.All (it has: GroupMember.Read.All)"},
		{name: "not by this permission either", group: team, fault: graphtest.Fault{Status: 403, Code: "ErrorAccessDenied"}, refused: true, mustSay: "ErrorAccessDenied"},
		{name: "a name that this cloud does not know", group: team, fault: graphtest.Fault{Status: 400}, refused: true},
		{name: "another group answers", group: team, fault: graphtest.Fault{Body: `{"id":"` + list.String() + `"}`}, refused: true, mustSay: "another group"},
		{name: "no group answers", group: team, fault: graphtest.Fault{Body: `[]`}, refused: true},
		{name: "no id", group: team, fault: graphtest.Fault{Body: `{"hideFromAddressLists":true}`}, refused: true, mustSay: "no id"},
		{name: "two answers", group: team, fault: graphtest.Fault{Body: good + `true}{}`}, refused: true},
		{name: "half an answer", group: team, fault: graphtest.Fault{Body: good}},
		{name: "a proxy's page", group: team, fault: graphtest.Fault{Body: "<html>"}},
		{name: "throttled", group: team, fault: graphtest.Fault{Status: 429, RetryAfter: "90"}, leaveFor: 90 * time.Second},
		{name: "throttled without a word", group: team, fault: graphtest.Fault{Status: 429}},
		{name: "not well", group: team, fault: graphtest.Fault{Status: 503}},
		{name: "cut", group: team, fault: graphtest.Fault{Cut: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, s, c := flagged(t, func(r *http.Request, _ int) graphtest.Fault {
				if strings.HasPrefix(r.URL.Path, "/v1.0/groups/") {
					return tt.fault
				}
				return graphtest.Fault{}
			})
			if tt.roles != nil {
				s.SetRoles(app, graphtest.GraphAudience, tt.roles...)
			}
			before := time.Now()
			_, err := c.Flags(t.Context(), tt.group)
			if err == nil || errors.Is(err, directory.ErrUntold) != tt.untold || errors.Is(err, directory.ErrRefused) != tt.refused {
				t.Fatalf("error %v, want untold %t, refused %t", err, tt.untold, tt.refused)
			}
			if !strings.Contains(err.Error(), tt.mustSay) || !strings.Contains(err.Error(), tt.group.String()) {
				t.Errorf("error %q does not say %q, and of which group", err, tt.mustSay)
			}
			wait, is := errors.AsType[*graph.NotBefore](err)
			if is != (tt.leaveFor > 0) || is && wait.NotBefore().Sub(before).Round(10*time.Second) != tt.leaveFor {
				t.Errorf("to be left alone: %t, %v", is, wait)
			}
			asked := 0
			for _, r := range s.Requests() {
				if strings.HasPrefix(r.Path, "/v1.0/groups/") {
					asked++
				}
			}
			if asked != 1 {
				t.Errorf("asked %d times, want once", asked)
			}
		})
	}
}

// TestOddFlags: a flag that is neither true nor false is not known, and told; the others are.
func TestOddFlags(t *testing.T) {
	body := `{"id":"` + team.String() + `","hideFromAddressLists":"yes","hideFromOutlookClients":[true,false],"allowExternalSenders":true}`
	_, _, c := flagged(t, func(r *http.Request, _ int) graphtest.Fault {
		if strings.HasPrefix(r.URL.Path, "/v1.0/groups/") {
			return graphtest.Fault{Body: body}
		}
		return graphtest.Fault{}
	})
	p, err := c.Flags(t.Context(), team)
	ok(t, err)
	if d := cmp.Diff(directory.Properties{"allowExternalSenders": {"true"}}, p.Groups[0].Set); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	var odd []string
	for _, o := range p.Odd {
		if o.ID == team {
			odd = append(odd, o.Property)
		}
	}
	if !slices.Equal(odd, []string{"hideFromAddressLists", "hideFromOutlookClients"}) {
		t.Errorf("odd are %v", p.Odd)
	}
}
