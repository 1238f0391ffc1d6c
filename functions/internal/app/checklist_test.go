package app

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/graph/graphtest"
)

// listed is what an operator is shown.
func (o *office) listed(message string) manualReply {
	o.t.Helper()
	var r manualReply
	o.do(json.Unmarshal([]byte(o.must(message)), &r))
	return r
}

// shows holds a checklist against what each of its lines begins with.
func (o *office) shows(what string, r manualReply, want ...string) {
	o.t.Helper()
	if !slices.EqualFunc(r.Lines, want, strings.HasPrefix) || len(r.Checklist) != len(r.Lines) {
		o.t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(r.Lines, "\n"), strings.Join(want, "\n"))
	}
}

// TestChecklist: whoever is to confirm a plan is told what there is to know, of all that can be looked at:
// before an agent is there, with one, with more permissions; and nobody is told when it is on.
func TestChecklist(t *testing.T) {
	const client = "11111111-0000-4000-8000-000000000001"
	o := closedOffice(t)
	o.do(o.tenant.AddUser(graphtest.User{ID: graphtest.ID("cloud"), UPN: "cloud@corp.test"}))
	o.do(o.tenant.AddMember(o.group(1), graphtest.ID("cloud")))
	o.must(`{"action":"sync"}`)
	tenant := []string{
		"✓ graph groups   ok      may be read, by GroupMember.Read.All",
		"✓ graph users    ok      may be read, by User.Read.All",
		"✓ graph devices  ok      may be read, by Device.Read.All",
		"! graph hidden   warning who is in groups of hidden membership is not known",
	}
	untold := []string{
		"? default        unknown the app may not read the tenant's writeback default: grant it GroupSettings.Read.All to have",
		"? cloud-sync     unknown the app may not read Cloud Sync's jobs: grant it Synchronization.Read.All and Application.Read.All to have",
	}
	nobody := o.listed(`{"action":"enable"}`)
	o.shows("nobody reports", nobody, slices.Concat([]string{
		"✗ agent          missing no agent has reported",
		"? rights         unknown no agent has said",
		"? exchange       unknown no agent has looked",
	}, tenant, untold, []string{
		"? tokens         unknown nothing can be planned yet: no agent has reported",
		"? members        unknown nothing can be planned yet: ",
	})...)
	if !strings.HasSuffix(nobody.Done, ". The checklist: 1 thing is missing, 1 warning, 6 things are not known.") {
		t.Error(nobody.Done)
	}

	o.found = []checklist.Row{{What: "rights", State: checklist.Missing, Text: "the account may not create groups\x1b[2A"}}
	o.place.Exchange = exchange.Site{Schema: 17003}
	o.self.Host, o.self.Version, o.self.Policy = "inside", "v7", "never: 2 accounts or groups are neither added nor removed"
	o.work()
	agent := []string{
		"✓ agent          ok      inside, of version v7, at no domain controller yet, last heard of at ",
		"✓ policy         ok      never: 2 accounts",
		"✗ rights         missing the account may not create groups\uFFFD[2A",
		"✓ exchange       ok      the schema of Exchange 2019",
		"! exchange       warning there is no Exchange organization: run",
		"! exchange       warning there is no Exchange server: install",
		"! exchange       warning the domain was never prepared",
		"! exchange       warning groups cannot have mail",
		"! exchange       warning groups here cannot have authOrig",
	}
	people := []string{
		"✓ tokens         ok      nobody is going to be in more than 1,000 of these security groups; u0@corp.test is in the most, in 3",
		"! members        warning 1 member: the account exists only in the cloud: it has no AD account to refer to; for example cloud@corp.test in Group 1",
	}
	o.shows("an agent", o.listed(`{"action":"enable"}`), slices.Concat(agent, tenant, untold, people)...)
	o.shows("in a preview", o.listed(`{"action":"preview"}`), slices.Concat(agent, tenant, untold, people)...)
	o.shows("of one group", o.listed(`{"action":"preview","groups":["`+o.group(0).String()+`"]}`))

	o.tenant.SetGroupSetting("62375ab9-6b52-47ed-826b-58e47e0e304b", "NewUnifiedGroupWritebackDefault", "false")
	o.tenant.AddSyncJob(graphtest.SyncJob{Principal: "corp.test", Template: "fb81332f-3eca-4ecf-a939-4278e501d330", ID: "j", Job: "AAD2ADGroupProvisioning", State: "Active", Status: "Active"})
	o.graph.SetRoles(client, graphtest.GraphAudience, "Group.ReadWrite.All", "User.Read.All", "Member.Read.Hidden", "GroupSettings.Read.All", "Synchronization.Read.All", "Application.Read.All")
	o.do(o.host(Options{}))
	more := []string{
		"✓ graph groups   ok      may be read, by Group.ReadWrite.All",
		"✓ graph users",
		"✗ graph devices  missing the app may not read devices: grant it Device.Read.All",
		"✓ graph hidden",
		"! permissions    warning the app may write in the tenant, and never does: Group.ReadWrite.All: take",
		"✓ default        ok      new Microsoft 365 groups are not written back before",
		"! cloud-sync     warning Cloud Sync writes groups to Active Directory too, by the job of corp.test (Active, Active): one group has one writer",
	}
	unread := o.listed(`{"action":"enable"}`)
	o.shows("with other permissions", unread, slices.Concat(agent, more, []string{"? tokens         unknown nothing can be planned yet: Entra ID could not be read", "? members        unknown"})...)
	if !strings.HasPrefix(unread.Done, "nothing can be confirmed yet: Entra ID could not be read, or not all of it: ") || !strings.Contains(unread.Done, "the app lacks Device.Read.All") {
		t.Error(unread.Done)
	}
	more[2] = "✓ graph devices  ok      may be read, by Device.Read.All"
	o.graph.SetRoles(client, graphtest.GraphAudience, "Group.ReadWrite.All", "User.Read.All", "Device.Read.All", "Member.Read.Hidden", "GroupSettings.Read.All", "Synchronization.Read.All", "Application.Read.All")
	o.do(o.host(Options{}))
	o.shows("with more permissions", o.listed(`{"action":"preview"}`), slices.Concat(agent, more, people)...)

	on := o.listed(`{"action":"enable","digest":"` + o.listed(`{"action":"enable"}`).Preview.Digest + `"}`)
	if !on.Switch.On || on.Checklist != nil || on.Lines != nil {
		t.Errorf("on: %+v", on)
	}
	o.shows("when it is on", o.listed(`{"action":"preview"}`))
}

// TestChecklistWithoutGraph: what Graph refuses is not known, and a plan is shown all the same.
func TestChecklistWithoutGraph(t *testing.T) {
	o := closedOffice(t)
	o.graph.SetRoles("11111111-0000-4000-8000-000000000001", graphtest.GraphAudience, "GroupMember.Read.All", "User.Read.All", "Device.Read.All", "Directory.Read.All", "Synchronization.Read.All")
	o.work()
	o.elsewhere = graphtest.Fault{Status: http.StatusForbidden}
	r := o.listed(`{"action":"enable"}`)
	if r.Preview == nil || r.Preview.Digest == "" {
		t.Fatalf("no plan is shown: %s", r.Done)
	}
	unknown := 0
	for _, row := range r.Checklist {
		if row.State == checklist.Unknown && (row.What == "default" || row.What == "cloud-sync") && strings.Contains(row.Text, "403") {
			unknown++
		}
	}
	if unknown != 2 {
		t.Errorf("%s", strings.Join(r.Lines, "\n"))
	}
}
