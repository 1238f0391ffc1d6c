package graph_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
)

const unifiedTemplate = "62375ab9-6b52-47ed-826b-58e47e0e304b"

// TestWritebackDefault: it is on until somebody has set it to false; where the app may not read
// it, that is told with the permission, and nobody is asked.
func TestWritebackDefault(t *testing.T) {
	var tenant graphtest.Tenant
	s := serve(t, &tenant, graphtest.Options{})
	c := dial(t, s, nil)
	_, err := c.WritebackDefault(t.Context())
	if u, is := errors.AsType[*graph.Unpermitted](err); !is || !slices.Equal(u.Grant, []string{"GroupSettings.Read.All"}) {
		t.Errorf("without the permission: %v", err)
	}
	if n := len(asked(s, "/v1.0/groupSettings")); n > 0 {
		t.Errorf("it was asked %d times", n)
	}
	s.SetRoles(app, graphtest.GraphAudience, "GroupSettings.Read.All")
	c = dial(t, s, nil)
	tenant.SetGroupSetting(unifiedTemplate, "EnableGroupCreation", "false")
	tenant.SetGroupSetting("08d542b9-071f-4e16-94b0-74abb372e3d9", "NewUnifiedGroupWritebackDefault", "false") // another template's
	if on, err := c.WritebackDefault(t.Context()); err != nil || !on {
		t.Errorf("never set: %t, %v", on, err)
	}
	for value, want := range map[string]bool{"": true, "true": true, "false": false, "False": false} {
		tenant.SetGroupSetting(unifiedTemplate, "NewUnifiedGroupWritebackDefault", value)
		if on, err := c.WritebackDefault(t.Context()); err != nil || on != want {
			t.Errorf("%q: %t, %v", value, on, err)
		}
	}
}

// TestGroupJobs: of all jobs those that write groups to Active Directory, whatever template
// their service principal is of, on any page.
func TestGroupJobs(t *testing.T) {
	var tenant graphtest.Tenant
	const provisioning, cloudSync = "fb81332f-3eca-4ecf-a939-4278e501d330", "1a4721b3-e57f-4451-ae87-ef078703ec94"
	for _, j := range []graphtest.SyncJob{
		{Principal: "corp.test", Template: provisioning, ID: "j1", Job: "AAD2ADGroupProvisioning", State: "Active", Status: "Quarantine"},
		{Principal: "corp.test", Template: provisioning, ID: "j2", Job: "AAD2ADExchangeHybridWriteback", State: "Active", Status: "Active"},
		{Principal: "lab.test", Template: cloudSync, ID: "j3", Job: "AAD2ADGroupProvisioning", State: "Disabled", Status: "Paused"},
		{Principal: "lab.test", Template: cloudSync, ID: "j4", Job: "AD2AADProvisioning", State: "Active", Status: "Active"},
		{Principal: "HR", Template: "11111111-0000-4000-8000-00000000000f", ID: "j5", Job: "AAD2ADGroupProvisioning", State: "Active", Status: "Active"},
	} {
		tenant.AddSyncJob(j)
	}
	s := serve(t, &tenant, graphtest.Options{PageSize: 1})
	for _, test := range []struct{ roles, grant []string }{
		{nil, []string{"Synchronization.Read.All", "Application.Read.All"}},
		{[]string{"Directory.Read.All"}, []string{"Synchronization.Read.All"}},
		{[]string{"Synchronization.Read.All"}, []string{"Application.Read.All"}},
	} {
		s.SetRoles(app, graphtest.GraphAudience, test.roles...)
		_, err := dial(t, s, nil).GroupJobs(t.Context())
		if u, is := errors.AsType[*graph.Unpermitted](err); !is || !slices.Equal(u.Grant, test.grant) {
			t.Errorf("with %v: %v", test.roles, err)
		}
	}
	s.SetRoles(app, graphtest.GraphAudience, "Synchronization.Read.All", "Application.Read.All")
	got, err := dial(t, s, nil).GroupJobs(t.Context())
	ok(t, err)
	want := []graph.Job{{Name: "corp.test", ID: "j1", State: "Active", Status: "Quarantine"}, {Name: "lab.test", ID: "j3", State: "Disabled", Status: "Paused"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestTenantUnknown: what Graph refuses, or does not say in full, is an error and never "none".
func TestTenantUnknown(t *testing.T) {
	for name, fault := range map[string]graphtest.Fault{
		"refused":      {Status: http.StatusForbidden},
		"no list":      {Body: `{"@odata.context":"x"}`},
		"another kind": {Body: `{"value":[1]}`},
		"not found":    {Status: http.StatusNotFound},
		"elsewhere":    {Body: `{"value":[],"@odata.nextLink":"https://elsewhere.example/v1.0/groupSettings"}`},
		"for ever":     {Edit: func(b []byte) []byte { return []byte(strings.Replace(string(b), "{", `{"@odata.nextLink":"SELF",`, 1)) }},
	} {
		t.Run(name, func(t *testing.T) {
			var s *graphtest.Server
			s = serve(t, new(graphtest.Tenant), graphtest.Options{
				Clients: []graphtest.Client{{ID: app, Secret: "s3cret", Roles: map[string][]string{graphtest.GraphAudience: {"Directory.Read.All", "Synchronization.Read.All"}}}},
				Fault: func(r *http.Request, _ int) graphtest.Fault {
					if !strings.HasPrefix(r.URL.Path, "/v1.0/") {
						return graphtest.Fault{}
					}
					f := fault
					if f.Edit != nil {
						f.Edit = func(b []byte) []byte {
							return []byte(strings.Replace(string(fault.Edit(b)), "SELF", s.URL()+r.URL.RequestURI(), 1))
						}
					}
					return f
				}})
			c := dial(t, s, nil)
			if on, err := c.WritebackDefault(t.Context()); err == nil {
				t.Errorf("the default is %t", on)
			}
			if jobs, err := c.GroupJobs(t.Context()); err == nil {
				t.Errorf("the jobs are %v", jobs)
			}
		})
	}
}

// asked are the requests for a path.
func asked(s *graphtest.Server, path string) (found []graphtest.Request) {
	for _, r := range s.Requests() {
		if r.Path == path {
			found = append(found, r)
		}
	}
	return found
}
