package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

// An example is a file of testdata/examples: rules, a cloud group, perhaps others and what
// stands in Active Directory, and what is wanted of that. In rules.yaml, GROUP is the object
// id of the group and <name> that of the group with this name.
type example struct {
	name, rules, wanted string
	group               exampleGroup
	others              map[string]exampleGroup
	observed            *exampleGroup // by AD attribute
	exchange            *exchange.Site
	taken               []plan.Clash
	archive             *txtar.Archive
}

// exampleGroup is a group by its properties, as Graph gives them, or its attributes, beside:
// members, left and owners ("user 1101", "device 1102", "group Child", "contact a@x", "guest", "cloud-only"),
// reading and gone. id names it.
type exampleGroup map[string]any

func examples(t *testing.T) (all []example) {
	t.Helper()
	files, err := filepath.Glob("testdata/examples/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e := example{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), archive: txtar.Parse(data)}
		read := func(data []byte, to any) {
			if err := yaml.Unmarshal(data, to); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		for _, f := range e.archive.Files {
			switch f.Name {
			case "rules.yaml":
				e.rules = string(f.Data)
			case "group.yaml":
				read(f.Data, &e.group)
			case "others.yaml":
				read(f.Data, &e.others)
			case "directory.yaml":
				e.observed = &exampleGroup{}
				read(f.Data, e.observed)
			case "taken.yaml": // attribute: value, of what others have
				var taken map[string]string
				read(f.Data, &taken)
				for _, name := range slices.Sorted(maps.Keys(taken)) {
					e.taken = append(e.taken, plan.Clash{Attribute: name, Value: taken[name]})
				}
			case "exchange.yaml": // what is otherwise than in an organization that lacks nothing
				site := exampleSite()
				var said map[string]any
				read(f.Data, &said)
				data, err := json.Marshal(said)
				if err == nil {
					err = json.Unmarshal(data, &site)
				}
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				e.exchange = &site
			case "wanted":
				e.wanted = string(f.Data)
			default:
				t.Fatalf("%s has a file %s", file, f.Name)
			}
		}
		for name := range e.others {
			e.rules = strings.ReplaceAll(e.rules, "<"+name+">", idOf(name).String())
		}
		e.rules = strings.ReplaceAll(e.rules, "GROUP", idOf("group").String())
		all = append(all, e)
	}
	return all
}

// exampleSite is an organization that lacks nothing, with the lists that Exchange's setup makes in English.
func exampleSite() exchange.Site {
	const system, plain = "CN=All System Address Lists,CN=Address Lists Container,CN=Corp", "CN=All Address Lists,CN=Address Lists Container,CN=Corp"
	list := func(name, parent, filter string) exchange.AddressList {
		return exchange.AddressList{DN: "CN=" + name + "," + parent, GUID: name, Filter: filter, System: parent == system}
	}
	return exchange.Site{
		Organization: "CN=Corp", LegacyDN: "/o=Corp/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)", Schema: 17003, Forest: 16763, Domain: 13243,
		Systems: []string{"CN=Microsoft Exchange System Objects"}, Servers: []string{"Version 15.2 (Build 32562.17)"}, MailRecipient: true, Attributes: exchange.Attributes(),
		Lists: []exchange.AddressList{
			list("All Groups(VLV)", system, ""), list("All Recipients(VLV)", system, ""),
			list("All Distribution Lists", plain, "(&(mailNickname=*)(objectCategory=group))"), list("All Users", plain, "(&(mailNickname=*)(objectClass=user))"),
			list("Default Global Address List", "CN=All Global Address Lists,CN=Address Lists Container,CN=Corp", "(&(mailNickname=*)(|(objectClass=user)(objectClass=contact)(objectClass=group)))"),
		},
	}
}

func idOf(name string) directory.ID { return graphtest.ID("example " + name) }

// values are a property or attribute as lists of texts.
func values(v any) []string {
	list, is := v.([]any)
	if !is {
		list = []any{v}
	}
	var out []string
	for _, v := range list {
		if v != nil {
			out = append(out, fmt.Sprint(v))
		}
	}
	return out
}

func (g exampleGroup) cloud(name string) *directory.Group {
	out := &directory.Group{ID: idOf(name), Props: directory.Properties{"securityEnabled": {"true"}, "mailEnabled": {"false"}}, Reading: directory.Named}
	for key, v := range g {
		switch key {
		case "members":
			out.Members = exampleMembers(values(v))
		case "owners":
			if out.OwnersKnown = v != "unknown"; out.OwnersKnown {
				out.Owners = exampleMembers(values(v))
			}
		case "left":
			out.Left = exampleMembers(values(v))
		case "reading":
			out.Reading = directory.Reading(strings.TrimSuffix(fmt.Sprint(v), "partial"))
		case "gone":
			out.Gone = directory.Removal(fmt.Sprint(v))
		default:
			if out.Props[key] = values(v); len(out.Props[key]) == 0 {
				delete(out.Props, key)
			}
		}
	}
	return out
}

func exampleMembers(texts []string) (out []directory.Member) {
	for _, text := range texts {
		kind, rest, _ := strings.Cut(text, " ")
		m := directory.Member{ID: idOf(text), Kind: directory.Kind(kind), Standing: directory.Synced}
		switch {
		case kind == "group":
			name, rid, mastered := strings.Cut(rest, " ")
			m.ID, m.Kind, m.Standing = idOf(name), directory.GroupKind, directory.CloudOnly
			if mastered {
				m.SID, m.Standing = exampleSID(rid), directory.Synced
			}
		case kind == "contact":
			m.Kind, m.Mail = directory.Contact, rest
			if rest == "" {
				m.Standing = directory.NoMail
			}
		case kind == "guest", kind == "cloud-only":
			m.Kind, m.Standing = directory.User, directory.Standing(kind)
		case m.Kind != directory.User && m.Kind != directory.Device:
			m.Standing = directory.Unseen
		default:
			m.SID = exampleSID(rest)
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b directory.Member) int { return a.ID.Compare(b.ID) })
	return out
}

func exampleSID(rid string) directory.SID { return directory.SID("S-1-5-21-1-2-3-" + rid) }

// observe is the group as it stands in Active Directory.
func (g exampleGroup) observe() *plan.Group {
	out := &plan.Group{ID: idOf("group"), Attrs: map[string][]string{}}
	for key, v := range g {
		switch key {
		case "dn":
			out.Name, out.Parent, _ = plan.SplitRDN(fmt.Sprint(v))
		case "showInAddressBook":
			for _, list := range values(v) {
				out.Links = out.Links.With(plan.ShownIn, append(out.Links[plan.ShownIn], plan.GUIDRef(plan.GUID(list))))
			}
		case "managedBy", "msExchCoManagedByLink":
			for _, m := range values(v) {
				link := plan.Link(key)
				out.Links = out.Links.With(link, append(out.Links[link], plan.SIDRef(exampleSID(m))))
			}
		case "members":
			for _, m := range values(v) {
				ref := plan.SIDRef(exampleSID(m))
				if strings.Contains(m, "@") {
					ref = plan.MailRef(m)
				}
				out.Links = out.Links.With(plan.Member, append(out.Members(), ref))
			}
			slices.Sort(out.Members())
		default:
			out.Attrs[key] = values(v)
			slices.Sort(out.Attrs[key])
		}
	}
	return out
}

// separator is what stands between the values of a link that is no list of members.
var separator = map[plan.Link]string{plan.ManagedBy: " ", plan.CoManagers: " ", plan.ShownIn: " | "}

// decide says what is wanted, in lines. What each group has is left out.
func (e example) decide(t *testing.T) string {
	t.Helper()
	r, err := rules.Parse([]byte(e.rules))
	if err != nil {
		t.Fatalf("%v", err)
	}
	known := map[directory.ID]*directory.Group{}
	for name, g := range e.others {
		known[idOf(name)] = g.cloud(name)
	}
	all := func(id directory.ID) *directory.Group { return known[id] }
	view := r.View(e.group.cloud("group"), all)
	var observed *plan.Group
	if e.observed != nil {
		observed = e.observed.observe()
	}
	var site exchange.Site
	if e.exchange != nil {
		site = *e.exchange
	}
	w := r.Decide(idOf("group"), view.Group, observed, func(id directory.ID) rules.Nested { return rules.Nested{Group: known[id]} },
		rules.Target{Domains: []directory.SID{"S-1-5-21-1-2-3"}, Mail: r.Stamp(site), Clashes: e.taken})
	var out strings.Builder
	if w.Nameless {
		out.WriteString("whoever has no SID may be a member\n")
	}
	if g := w.Group; w.Note != "" {
		fmt.Fprintf(&out, "not wanted: %s: %s", w.Event, w.Fate)
		if w.Fate == life.Delete {
			fmt.Fprintf(&out, " after %d days in quarantine", int(w.Grace.Hours())/24)
		}
		out.WriteString("\n")
	} else if g == nil {
		out.WriteString("nothing\n")
	} else {
		fmt.Fprintf(&out, "dn: %s\n", plan.JoinRDN(g.Name, g.Parent))
		for _, name := range slices.Sorted(maps.Keys(g.Attrs)) {
			if name != "adminDescription" {
				fmt.Fprintf(&out, "%s: %s\n", name, strings.Join(g.Attrs[name], " | "))
			}
		}
		for _, m := range g.Members() {
			text := strings.TrimPrefix(string(m), "S-1-5-21-1-2-3-")
			for name := range e.others {
				text = strings.ReplaceAll(text, string(plan.GroupRef(idOf(name))), "group "+name)
			}
			fmt.Fprintf(&out, "member: %s\n", text)
		}
		for _, l := range plan.AllLinks()[1:] {
			if refs, spoken := g.Links[l]; spoken {
				if len(refs) == 0 {
					fmt.Fprintf(&out, "%s: nobody\n", l)
				}
				who := make([]string, len(refs))
				for i, ref := range refs {
					who[i] = strings.TrimPrefix(strings.TrimPrefix(string(ref), "S-1-5-21-1-2-3-"), "guid:")
				}
				if len(refs) > 0 {
					fmt.Fprintf(&out, "%s: %s\n", l, strings.Join(who, separator[l]))
				}
			}
		}
	}
	for _, m := range view.Group.Left {
		fmt.Fprintf(&out, "left: %s %s\n", m.Kind, strings.TrimPrefix(string(m.SID), "S-1-5-21-1-2-3-")+m.Mail)
	}
	if w.Loses != "" {
		fmt.Fprintf(&out, "loses: %s\n", w.Loses)
	}
	for _, id := range w.Ask {
		fmt.Fprintf(&out, "ask: %s\n", id)
	}
	for _, p := range w.Problems {
		fmt.Fprintf(&out, "problem: %s\n", strings.TrimSuffix(p.Reason+" "+p.Text, " "))
	}
	return out.String()
}

// TestExamples decides each example; go test -update writes what is wanted anew.
func TestExamples(t *testing.T) {
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			got := strings.ReplaceAll(e.decide(t), idOf("group").String()[24:], "<last 12>")
			if golden.Anew() {
				files := slices.DeleteFunc(e.archive.Files, func(f txtar.File) bool { return f.Name == "wanted" })
				e.archive.Files = append(files, txtar.File{Name: "wanted", Data: []byte(got)})
				if err := os.WriteFile("testdata/examples/"+e.name+".txtar", txtar.Format(e.archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(e.wanted, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("-wanted +got:\n%s", diff)
			}
		})
	}
}

// TestSchema holds the JSON Schema to the reader: what the reader takes the schema takes,
// each key of it is used by an example, and most of what is wrong it refuses too.
func TestSchema(t *testing.T) {
	data, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, e := range examples(t) {
		file := asJSON(t, e.rules)
		if err := schema.Validate(file); err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
		keysOf(file, "", used)
	}
	for key := range schemaKeys(doc, "") {
		if !used[key] {
			t.Errorf("no example uses %s", key)
		}
		if _, err := rules.Parse([]byte(odd(key))); err == nil || strings.Contains(err.Error(), strings.ReplaceAll(key, "attributes.*", "attributes.description")+": no such") {
			t.Errorf("the reader does not know %s: %v", key, err)
		}
	}
	for key := range used {
		if !schemaKeys(doc, "")[key] && !strings.HasPrefix(key, "attributes.") {
			t.Errorf("the schema does not know %s", key)
		}
	}
}

// odd is a file that gives a key a value that none has.
func odd(key string) string {
	parts := strings.Split(strings.ReplaceAll(key, "attributes.*", "attributes.description"), ".")
	text := "{odd: {odd: odd}}"
	for _, part := range slices.Backward(parts) {
		text = "{" + part + ": " + text + "}"
	}
	return text
}

func asJSON(t *testing.T, file string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(file), &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// keysOf notes the keys of a file; attributes are all one.
func keysOf(v any, path string, to map[string]bool) {
	m, is := v.(map[string]any)
	if !is {
		return
	}
	for name, v := range m {
		at := name
		if path == "attributes" {
			at = "*"
		}
		if path != "" {
			at = path + "." + at
		}
		to[at] = true
		keysOf(v, at, to)
	}
}

// schemaKeys lists the keys that the schema knows, in the same way.
func schemaKeys(v any, path string) map[string]bool {
	out := map[string]bool{}
	m, _ := v.(map[string]any)
	properties, _ := m["properties"].(map[string]any)
	more := map[string]any{}
	maps.Copy(more, properties)
	if all, is := m["additionalProperties"].(map[string]any); is {
		more["*"] = all
	}
	for name, below := range more {
		at := name
		if path != "" {
			at = path + "." + name
		}
		out[at] = true
		maps.Copy(out, schemaKeys(below, at))
	}
	choices, _ := m["oneOf"].([]any)
	for _, choice := range choices {
		maps.Copy(out, schemaKeys(choice, path))
	}
	return out
}
