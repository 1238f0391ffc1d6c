package rules_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

// An example is a file of testdata/examples: rules.yaml, group.json and others.json as Graph
// describes them, ad.json as the group is in Active Directory, and what becomes of it: want.
type example struct {
	rules  []byte
	group  *directory.Group
	others map[directory.ID]*directory.Group
	made   map[directory.ID]bool // others that there is an AD group for
	ad     *plan.Group
	want   string
}

func readExample(t *testing.T, a *txtar.Archive) (e example) {
	t.Helper()
	e.others, e.made = map[directory.ID]*directory.Group{}, map[directory.ID]bool{}
	for _, f := range a.Files {
		var err error
		switch f.Name {
		case "rules.yaml":
			e.rules = f.Data
		case "group.json":
			var props map[string]any
			if err = json.Unmarshal(f.Data, &props); err == nil {
				e.group = described(t, props)
				e.others[e.group.ID] = e.group
			}
		case "others.json":
			var all []map[string]any
			err = json.Unmarshal(f.Data, &all)
			for _, props := range all {
				g := described(t, props)
				e.others[g.ID], e.made[g.ID] = g, props["made"] == true
			}
		case "ad.json":
			e.ad = &plan.Group{}
			err = json.Unmarshal(f.Data, e.ad)
		case "want":
			e.want = string(f.Data)
		default:
			t.Fatalf("what is %s?", f.Name)
		}
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	return e
}

// described is a group as Graph describes it; members, left, gone, reading and unread are
// what folding made of it.
func described(t *testing.T, props map[string]any) *directory.Group {
	t.Helper()
	g := &directory.Group{ID: parseID(t, props["id"]), Props: directory.Properties{}, Reading: directory.Named}
	for name, v := range props {
		switch name {
		case "id", "made":
		case "members":
			g.Members = people(t, v)
		case "left":
			g.Left = people(t, v)
		case "gone":
			g.Gone = directory.Removal(v.(string))
		case "reading":
			g.Reading = directory.Reading(v.(string))
		case "unread":
			g.Unread = v.(bool)
		default:
			if values := texts(v); len(values) > 0 {
				g.Props[name] = values
			}
		}
	}
	return g
}

// texts are the values of a property as directory.Properties has them.
func texts(v any) (values []string) {
	switch v := v.(type) {
	case nil:
	case []any:
		for _, one := range v {
			values = append(values, fmt.Sprint(one))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if v[name] != nil {
				values = append(values, fmt.Sprintf("%s=%v", name, v[name]))
			}
		}
	default:
		values = []string{fmt.Sprint(v)}
	}
	return values
}

func people(t *testing.T, v any) (all []directory.Member) {
	t.Helper()
	for _, one := range v.([]any) {
		m := one.(map[string]any)
		text := func(name string) string { s, _ := m[name].(string); return s }
		who := directory.Member{ID: parseID(t, m["id"]), Kind: directory.Kind(cmp.Or(text("kind"), "user")), SID: directory.SID(text("sid")), Standing: directory.Standing(text("standing"))}
		if who.SID != "" && who.Standing == "" {
			who.Standing = directory.Synced
		}
		all = append(all, who)
	}
	slices.SortFunc(all, func(a, b directory.Member) int { return a.ID.Compare(b.ID) })
	return all
}

func parseID(t *testing.T, v any) directory.ID {
	t.Helper()
	id, err := directory.ParseID(fmt.Sprint(v))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// decided is what becomes of the group, in lines.
func (e example) decided(r *rules.Rules) string {
	lookup := func(id directory.ID) *directory.Group { return e.others[id] }
	view := r.View(e.group, lookup)
	nested := func(id directory.ID) rules.Nested { return rules.Nested{Group: e.others[id], Exists: e.made[id]} }
	w := r.Decide(e.group.ID, view.Group, e.ad, nested, forest)
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	switch g := w.Group; {
	case g == nil:
		line("nothing")
	default:
		line("cn: %s\nou: %s", g.Name, g.Parent)
		for _, name := range slices.Sorted(maps.Keys(g.Attrs)) {
			if name != "adminDescription" && name != "msDS-ExternalDirectoryObjectId" {
				line("%s: %s", name, strings.Join(g.Attrs[name], " | "))
			}
		}
		for _, m := range g.Members {
			line("member: %s", m)
		}
		if w.Additive {
			line("additive")
		}
		if w.Rename {
			line("renamed")
		}
	}
	for _, m := range view.Group.Left {
		line("left: %s", m.ID)
	}
	for _, m := range view.Doubtful {
		line("doubtful: %s", m.ID)
	}
	for _, p := range w.Problems {
		line("problem: %s", strings.TrimRight(strings.Join([]string{p.Reason, p.Text}, " "), " ")+who(p.Member))
	}
	return out.String()
}

func who(id directory.ID) string {
	if id == (directory.ID{}) {
		return ""
	}
	return " " + id.String()
}

// TestExamples: what each example says becomes of its group does. go test ./shared/rules
// -args -update writes that anew.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/examples/*.txtar")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d examples, %v; want 50 or more", len(files), err)
	}
	s := schema(t)
	written := map[string]bool{}
	operators := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e := readExample(t, archive)
			r, err := rules.Parse(e.rules)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(settings(t, e.rules)); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
			used("", settings(t, e.rules), written)
			for _, f := range r.Scope.Where {
				for _, c := range f {
					operators[c.Operator] = true
				}
			}
			before := *e.group
			before.Members, before.Left, before.Props = slices.Clone(before.Members), slices.Clone(before.Left), maps.Clone(before.Props)
			got := e.decided(r)
			if diff := gocmp.Diff(&before, e.group, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the group was changed: %s", diff)
			}
			if golden.Anew() {
				archive.Files = append(slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" }), txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := gocmp.Diff(strings.Split(e.want, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	keys, values := words()
	for word := range keys {
		if !written[word] {
			t.Errorf("no example has %s", word)
		}
	}
	for word := range values {
		if !written[word] {
			t.Errorf("no example has %s", word)
		}
	}
	for _, name := range allOperators(t) {
		if !operators[name] {
			t.Errorf("no example has the operator %s", name)
		}
	}
}

// allOperators are those that the reader offers.
func allOperators(t *testing.T) []string {
	t.Helper()
	_, fault := rules.NewClause("displayName NO_SUCH")
	m := regexp.MustCompile(`there are (.+)`).FindStringSubmatch(fault)
	if m == nil {
		t.Fatalf("an unknown operator is taken: %q", fault)
	}
	return strings.Split(m[1], ", ")
}
