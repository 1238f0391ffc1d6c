package stage

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

// A post is a stage whose groups have mail.
type post struct{ *living }

// What rules and policy say on such a stage.
const (
	mailRules  = "kinds: {security: security, microsoft365: distribution}\nmail: {route: expand}\n"
	mailPolicy = "policy:\n  mail: true\n  quarantine: true\n  group_types: [universal-distribution]\n"
)

// newPost starts all but the agent, on a domain with as much of Exchange as is said, by rules with these lines.
func newPost(t *testing.T, kind samba.Exchange, rules string, prepare ...func(*Stage)) post {
	t.Helper()
	p := post{&living{Stage: stageOn(t, samba.Options{Users: 60, Exchange: kind}, 10, 30)}}
	p.Roles, p.Policy, p.Scan = []string{"Group.Read.All"}, mailPolicy, "500ms"
	for _, do := range prepare {
		do(p.Stage)
	}
	p.namesFollow(lifeRules(0, rules))
	must(t, p.Start(t.Context()))
	return p
}

// team adds a Microsoft 365 group with mail.
func (p post) team(t *testing.T, name, alias string, more map[string]any) {
	t.Helper()
	props := Team(alias)
	maps.Copy(props, more)
	must(t, p.Company.Tenant.AddGroup(graphtest.Group{ID: p.Company.ID(name), DisplayName: name, Members: p.Company.Members(p.Company.ID("Engineering")), Props: props}))
}

// until takes turns until nothing is wrong any more, lets go what is held, and confirms the first plan.
func (p post) until(t *testing.T, what string, wrong func(Status) string) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errTooLong)
	defer cancel()
	for {
		st, err := p.look(ctx, t)
		text := "it cannot be asked"
		if err == nil {
			if text = wrong(st); text == "" {
				return
			}
			if st.State == "off" {
				err = p.Enable(ctx)
			}
		}
		if late := pause(ctx, 50*time.Millisecond); late != nil {
			t.Fatalf("%s: %v: %s (%v); the status is %+v", what, late, text, err, st)
		}
	}
}

// A mailbag is what a group has of the attributes that mail decides, and its type: values in order, with " | " between
// them; of address lists their names.
type mailbag map[string]string

// with is the bag with other values; an empty one stands for none.
func (b mailbag) with(name, value string, more ...string) mailbag {
	out := maps.Clone(b)
	for pair := range slices.Chunk(append([]string{name, value}, more...), 2) {
		if out[pair[0]] = pair[1]; pair[1] == "" {
			delete(out, pair[0])
		}
	}
	return out
}

// without is the bag without some attributes.
func (b mailbag) without(names ...string) mailbag {
	out := maps.Clone(b)
	for _, name := range names {
		delete(out, name)
	}
	return out
}

// entry is the AD group of a cloud group as an administrator reads it; nil: there is none.
func (p post) entry(t *testing.T, group string) (e *ldap.Entry) {
	t.Helper()
	administrator{p.DC}.do(t, func(c *ldap.Conn) error {
		found, err := c.Search(ldap.NewSearchRequest(p.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(adminDescription="+plan.Mark(p.Company.ID(group))+")", nil, nil))
		if err == nil && len(found.Entries) == 1 {
			e = found.Entries[0]
		}
		return err
	})
	return e
}

// bag reads a group's mail; nil: it is not there.
func (p post) bag(t *testing.T, group string) mailbag {
	t.Helper()
	e := p.entry(t, group)
	if e == nil {
		return nil
	}
	b := mailbag{}
	for _, name := range append(exchange.Options{Route: exchange.Cloud}.Attributes(), plan.GroupTypeAttribute) {
		values := slices.Clone(e.GetAttributeValues(name))
		for i, v := range values {
			if name == exchange.ShowIn {
				dn, err := ldap.ParseDN(v)
				must(t, err)
				values[i] = dn.RDNs[0].Attributes[0].Value
			}
		}
		slices.Sort(values)
		if len(values) > 0 {
			b[name] = strings.Join(values, " | ")
		}
	}
	return b
}

// has waits until a group has this mail, and nothing is left to do.
func (p post) has(t *testing.T, what, group string, want mailbag) {
	t.Helper()
	p.until(t, what, func(st Status) string {
		is := p.bag(t, group)
		if is == nil {
			return group + " is not there"
		}
		if diff := want.differs(is); diff != "" {
			return group + ": " + diff
		}
		return unsettled(st)
	})
}

func unsettled(st Status) string {
	if st.Settled() {
		return ""
	}
	return cmp.Or(st.Detail, st.State)
}

func (b mailbag) differs(is mailbag) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(b.join(is))) {
		if b[name] != is[name] {
			all = append(all, fmt.Sprintf("%s is %q, want %q", name, is[name], b[name]))
		}
	}
	return strings.Join(all, "; ")
}

func (b mailbag) join(other mailbag) mailbag {
	out := maps.Clone(b)
	maps.Copy(out, other)
	return out
}

// shown is the plan that there is to be, a line for each change of a group: what is done, and which attributes are set.
func (p post) shown(t *testing.T, group string) (lines []string, loses string) {
	t.Helper()
	var w struct {
		Preview struct{ Changes []plan.Change }
	}
	must(t, p.Call(t.Context(), http.MethodPost, "manualsync", map[string]string{"action": "preview"}, &w))
	for _, c := range w.Preview.Changes {
		if c.Group == p.Company.ID(group) {
			line := string(c.Op) + " " + cmp.Or(string(c.Link), strings.Join(slices.Sorted(maps.Keys(c.Set)), " "))
			lines, loses = append(lines, strings.TrimSpace(line)), cmp.Or(loses, c.Loses)
		}
	}
	return lines, loses
}
