package stage

import (
	"cmp"
	"fmt"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// Company is an invented tenant whose people have accounts in a real domain.
type Company struct {
	Tenant *graphtest.Tenant
	Salt   string // makes the ids of one company another's
}

// ID is the object id of the company's object with a name.
func (c *Company) ID(name string) directory.ID { return graphtest.ID(c.Salt + name) }

// Members lists the direct members of a group now.
func (c *Company) Members(group directory.ID) []directory.ID {
	var ids []directory.ID
	for _, g := range c.Tenant.Dump().Groups {
		if g.ID == group {
			for _, m := range g.Members {
				ids = append(ids, m.ID)
			}
		}
	}
	return ids
}

// NewCompany makes a company of the accounts in sids: users user00001… and
// devices dev1…. groups is how many groups of ours it has, at least 10; the
// first has all of the first staff people as members.
func NewCompany(salt string, sids map[string]directory.SID, groups, staff int) (*Company, error) {
	c := &Company{Tenant: &graphtest.Tenant{}, Salt: salt}
	users, err := c.addPeople(sids)
	if err != nil {
		return nil, err
	}
	if staff > len(users) || groups < 10 {
		return nil, fmt.Errorf("a company of %d groups and %d staff needs at least 10 groups and as many users; there are %d", groups, staff, len(users))
	}
	if err := c.addSpecialGroups(users[:staff]); err != nil {
		return nil, err
	}
	for i := specialGroups; i < groups; i++ {
		name := departmentName(i)
		var members []directory.ID
		for k := range 5 + i {
			members = append(members, users[(i*37+k*11)%len(users)])
		}
		slices.SortFunc(members, directory.ID.Compare)
		g := graphtest.Group{ID: c.ID(name), DisplayName: name, Description: "Everybody in department " + fmt.Sprint(i), Members: slices.Compact(members)}
		if err := c.Tenant.AddGroup(g); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func departmentName(i int) string { return fmt.Sprintf("Department %02d", i) }

func userName(i int) string { return fmt.Sprintf("user%05d", i) }

// addPeople adds everybody with an account, and some without.
func (c *Company) addPeople(sids map[string]directory.SID) (users []directory.ID, err error) {
	for i := 1; ; i++ {
		name := userName(i)
		sid, ok := sids[name]
		if !ok {
			break
		}
		err = cmp.Or(err, c.Tenant.AddUser(graphtest.User{ID: c.ID(name), UPN: name + "@corp.example", DisplayName: "User " + name, SID: sid}))
		users = append(users, c.ID(name))
	}
	for i := 1; i <= 3; i++ {
		name := fmt.Sprintf("cloud%d", i)
		err = cmp.Or(err, c.Tenant.AddUser(graphtest.User{ID: c.ID(name), UPN: name + "@corp.example", DisplayName: "Cloud user " + name}))
	}
	err = cmp.Or(err, c.Tenant.AddUser(graphtest.User{ID: c.ID("guest"), UPN: "guest_partner.example#EXT#@corp.example", DisplayName: "Guest", Guest: true}))
	err = cmp.Or(err, c.Tenant.AddDevice(graphtest.Device{ID: c.ID("dev1"), DisplayName: "dev1", SID: sids["dev1"]}))
	return users, err
}

// specialGroups is how many groups addSpecialGroups adds that are in scope.
const specialGroups = 7

// Team are the properties of a Microsoft 365 group with an address, and a team.
func Team(alias string) map[string]any {
	return map[string]any{
		"groupTypes": []string{"Unified"}, "mailEnabled": true, "securityEnabled": false, "resourceProvisioningOptions": []string{"Team"},
		"mail": alias + "@corp.test", "mailNickname": alias,
		"proxyAddresses": []string{"SMTP:" + alias + "@corp.test", "smtp:" + alias + "@corptest.onmicrosoft.com", "SPO:SPO_" + alias},
	}
}

// addSpecialGroups adds one group for everything that is special.
func (c *Company) addSpecialGroups(staff []directory.ID) error {
	id, t := c.ID, c.Tenant
	groups := []graphtest.Group{
		{ID: id("All staff"), DisplayName: "All staff", Description: "Everybody", Members: staff},
		{ID: id("Projekt Übermorgen"), DisplayName: "Projekt Übermorgen / Süd, \"Nord\" + West", Description: "Names that need care", Members: staff[:3]},
		{ID: id("Engineering"), DisplayName: "Engineering", Members: staff[:5]},
		{ID: id("Kiosk machines"), DisplayName: "Kiosk machines", Description: "Devices and people", Members: []directory.ID{id("dev1"), staff[0]}},
		{ID: id("Partners"), DisplayName: "Partners", Description: "Some have no account here", Members: []directory.ID{id("cloud1"), id("cloud2"), id("guest"), staff[1]}},
		{ID: id("Empty"), DisplayName: "Empty"},
		{ID: id("Everybody technical"), DisplayName: "Everybody technical", Description: "Nested", Members: []directory.ID{id("Engineering"), id("Kiosk machines"), staff[2]}},
		// Not ours to write:
		{ID: id("Marketing team"), DisplayName: "Marketing team", Members: staff[:2], Props: Team("marketing")},
		{ID: id("From premises"), DisplayName: "From premises", Members: staff[:2], Props: map[string]any{"onPremisesSyncEnabled": true}},
		{ID: id("Global readers"), DisplayName: "Global readers", Members: staff[:1], Props: map[string]any{"isAssignableToRole": true}},
	}
	for _, g := range groups {
		if err := t.AddGroup(g); err != nil {
			return err
		}
	}
	return nil
}
