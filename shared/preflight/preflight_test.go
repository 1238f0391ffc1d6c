package preflight

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
)

// lines are rows as people see them.
func lines(rows ...checklist.Row) (out []string) {
	for _, r := range rows {
		out = append(out, r.String())
	}
	return out
}

// begins holds lines against what each begins with.
func begins(t *testing.T, name string, got []string, want ...string) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(g, w string) bool { return strings.HasPrefix(g, w) })
	if !same {
		t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func site(change func(*exchange.Site)) exchange.Site {
	s := exchange.Site{Organization: "CN=Corp", Schema: 17003, Forest: 16763, Domain: 13243, Systems: []string{"CN=x"}, Servers: []string{"Version 15.2 (Build 32562.17)"},
		MailRecipient: true, Attributes: exchange.Attributes(), Accepted: []exchange.AcceptedDomain{{Name: "corp.example", Type: exchange.Authoritative}}}
	change(&s)
	return s
}

// TestExchange: what is missing keeps groups with mail from coming, and no others; of what
// could not be read nothing is said to be missing.
func TestExchange(t *testing.T) {
	none, whole := func(s *exchange.Site) { *s = exchange.Site{} }, func(*exchange.Site) {}
	for name, test := range map[string]struct {
		change  func(*exchange.Site)
		mail    bool
		domains []string
		want    []string
	}{
		"none":               {none, false, nil, []string{"✓ exchange       ok      none in this forest"}},
		"none, and mail":     {none, true, nil, []string{"✗ exchange       missing there is none in this forest, and the rules write groups with mail"}},
		"whole":              {whole, false, nil, []string{"✓ exchange       ok      Exchange SE"}},
		"whole, and mail":    {whole, true, nil, []string{"✓ exchange       ok      Exchange SE"}},
		"a domain":           {whole, true, []string{"corp.example"}, []string{"✓ exchange", "! exchange       warning corp.example is an authoritative domain"}},
		"no server":          {func(s *exchange.Site) { s.Servers = nil }, false, nil, []string{"✓ exchange", "! exchange       warning there is no Exchange server: "}},
		"no server, mail":    {func(s *exchange.Site) { s.Servers = nil }, true, nil, []string{"✓ exchange", "✗ exchange       missing there is no Exchange server: "}},
		"unread":             {func(s *exchange.Site) { *s = exchange.Site{Unread: "no right"} }, true, nil, []string{"! exchange       warning no right; groups with mail wait"}},
		"unread, known once": {func(s *exchange.Site) { s.Unread = "no right" }, true, nil, []string{"! exchange       warning no right; ", "✓ exchange       ok      Exchange SE"}},
	} {
		begins(t, name, lines(Exchange(site(test.change), test.mail, test.domains...)...), test.want...)
	}
}

// TestTenant: each thing in the tenant, as it must be and otherwise.
func TestTenant(t *testing.T) {
	job := func(state, status string) []Job { return []Job{{Name: "corp.test", State: state, Status: status}} }
	for name, test := range map[string]struct {
		rows []checklist.Row
		want []string
	}{
		"may read":       {[]checklist.Row{Permission(Need{"users", "Directory.Read.All", "User.Read.All"})}, []string{"✓ users          ok      may be read, by Directory.Read.All"}},
		"may not read":   {[]checklist.Row{Permission(Need{"users", "", "User.Read.All"})}, []string{"✗ users          missing the app may not read users: grant it User.Read.All as"}},
		"hidden":         {[]checklist.Row{Hidden(true, "Member.Read.Hidden"), Hidden(false, "Member.Read.Hidden")}, []string{"✓ hidden", "! hidden         warning who is in groups of hidden membership is not known, and they stay as they are: grant Member.Read.Hidden"}},
		"no excess":      {Excess(nil), nil},
		"writes":         {Excess([]string{"Mail.Read", "Group.ReadWrite.All", "Group.Create", "User.ReadBasic.All"}), []string{"! permissions    warning the app may write in the tenant, and never does: Group.ReadWrite.All, Group.Create: take", "! permissions    warning more than is needed: Mail.Read, User.ReadBasic.All: take"}},
		"default off":    {[]checklist.Row{Default(false, true)}, []string{"✓ default        ok      new Microsoft 365 groups are not"}},
		"default on":     {[]checklist.Row{Default(true, false)}, []string{"✓ default        ok      the tenant has new"}},
		"default counts": {[]checklist.Row{Default(true, true)}, []string{"! default        warning the tenant has new"}},
		"no job":         {CloudSync(nil), []string{"✓ cloud-sync     ok      no job"}},
		"a job":          {CloudSync(job("Active", "Quarantine")), []string{"! cloud-sync     warning Cloud Sync writes groups to Active Directory too, by the job of corp.test (Active, Quarantine): one group"}},
		"of no state":    {CloudSync(job("", "")), []string{"! cloud-sync     warning"}},
		"a paused job":   {CloudSync(job("Paused", "Active")), []string{"✓ cloud-sync     ok      the job of corp.test that writes groups to Active Directory does not run (paused)"}},
		"a disabled job": {CloudSync(job("disabled", "")), []string{"✓ cloud-sync     ok"}},
		"all written":    {NotWritten(nil), []string{"✓ members        ok      all members"}},
		"some not": {NotWritten([]Left{{Count: 9, Text: "no name", Group: "g"}, {Count: 1, Members: true, Text: "a guest", Member: "m", Group: "g"}, {Count: 1204, Members: true, Text: "cloud only", Member: "n", Group: "h"}}),
			[]string{"! members        warning 1,204 members: cloud only; for example n in h", "! members        warning 1 member: a guest; for example m in g", "! groups         warning 9 groups: no name; for example g"}},
		"tokens of nobody": {[]checklist.Row{Tokens(0, "", 0, "")}, []string{"✓ tokens         ok      nobody is in any"}},
		"tokens of few":    {[]checklist.Row{Tokens(0, "alice", 7, "")}, []string{"✓ tokens         ok      nobody is going to be in more than 1,000 of these security groups; alice is in the most, in 7"}},
		"tokens of many":   {[]checklist.Row{Tokens(2, "alice", 1432, "")}, []string{"! tokens         warning 2 users are going to be in more than 1,000 of these security groups, most of all alice, in 1,432: Windows refuses"}},
		"tokens of a part": {[]checklist.Row{Tokens(0, "alice", 7, "half is looked at"), Tokens(1, "alice", 1001, "half is looked at")}, []string{"? tokens         unknown nobody", "! tokens         warning 1 user is going to be"}},
	} {
		begins(t, name, lines(test.rows...), test.want...)
	}
}

func id(n int) directory.ID { return directory.ID{byte(n >> 8), byte(n)} }

// TestLoad: a user is in each group once, however many ways lead there, and in none by a group that
// nobody wants; who is in few is not looked at twice.
func TestLoad(t *testing.T) {
	const alice, bob, carol = 60_001, 60_002, 60_003
	type tree map[int]struct{ users, groups []int }
	umbrellas := tree{}
	for n := range 900 { // 900 groups, all in the same 90: two ways for each
		umbrellas[n] = struct{ users, groups []int }{users: []int{alice}}
	}
	for n := range 90 {
		var below []int
		for k := range 900 {
			if k%90 == n || k%45 == n {
				below = append(below, k)
			}
		}
		umbrellas[1000+n] = struct{ users, groups []int }{users: []int{bob}, groups: below}
	}
	chain := tree{}
	for n := range 1100 { // each in the next, and the last in the first
		chain[n] = struct{ users, groups []int }{groups: []int{(n + 1099) % 1100}}
	}
	chain[0] = struct{ users, groups []int }{users: []int{alice, bob}, groups: []int{1099}}
	chain[7] = struct{ users, groups []int }{users: []int{alice}, groups: []int{6}}
	flat := tree{}
	for n := range 1001 {
		flat[n] = struct{ users, groups []int }{users: []int{carol}, groups: []int{5000}} // a group that is not wanted
	}
	for name, test := range map[string]struct {
		tree     tree
		suspects int
		over     int
		who, in  int
	}{
		"nothing":   {tree{}, 0, 0, 0, 0},
		"umbrellas": {umbrellas, 1, 0, alice, 990},
		"a circle":  {chain, 2, 2, alice, 1100},
		"flat":      {flat, 0, 1, carol, 1001},
	} {
		var l Load
		ids := func(numbers []int) (out []directory.ID) {
			for _, n := range numbers {
				out = append(out, id(n))
			}
			return out
		}
		for n, g := range test.tree {
			l.Add(id(n), ids(g.users), ids(g.groups))
		}
		again := func(do func(directory.ID, []directory.ID)) {
			for _, g := range l.Family() {
				do(g, ids(test.tree[int(g[0])<<8|int(g[1])].users))
			}
		}
		again(l.Through)
		suspects := l.Suspects()
		again(l.Exactly)
		over, who, in := l.Heaviest()
		if want := id(test.who); suspects != test.suspects || over != test.over || who != want || in != test.in {
			t.Errorf("%s: %d suspects, %d over, %s in %d; want %d, %d, %s in %d", name, suspects, over, who, in, test.suspects, test.over, want, test.in)
		}
	}
}

// TestLoadOfDirectOnly: where the later passes are left out, what is counted stands.
func TestLoadOfDirectOnly(t *testing.T) {
	var l Load
	for n := range Many + 1 {
		l.Add(id(n), []directory.ID{id(60_000)}, nil)
	}
	if over, who, in := l.Heaviest(); over != 1 || who != id(60_000) || in != Many+1 {
		t.Errorf("%d over, %s in %d", over, who, in)
	}
	if got := fmt.Sprintf("%s %s %s", number(7), number(1000), number(1_002_003)); got != "7 1,000 1,002,003" {
		t.Error(got)
	}
}
