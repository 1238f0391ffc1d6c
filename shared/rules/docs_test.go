package rules_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

func page(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPageExamples: every piece of a rules file on the page is taken, and together they have
// each key.
func TestPageExamples(t *testing.T) {
	have := map[string]bool{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page(t), -1) {
		file := m[1]
		for _, needed := range []string{"ou: OU=x,DC=corp\n", "scope: all\n"} {
			if key, _, _ := strings.Cut(needed, " "); !regexp.MustCompile("(?m)^" + key).MatchString(file) {
				file += needed
			}
		}
		if _, err := rules.Parse([]byte(file)); err != nil {
			t.Errorf("%s\n%v", m[1], err)
			continue
		}
		keysOf(asJSON(t, file), "", have)
	}
	keys, _ := words()
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !have[key] {
			t.Errorf("no piece has %s", key)
		}
	}
}

// TestPageKeys holds the table of keys to the schema and to the reader: what is the default
// decides what its absence does, and the example something else.
func TestPageKeys(t *testing.T) {
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.*]+)` \\| (needed|-|`[^|]+`) \\| `([^|]+)` \\| ").FindAllStringSubmatch(page(t), -1) {
		documented = append(documented, m[1])
		if fault := rowFault(m[1], strings.Trim(m[2], "`"), m[3]); fault != "" {
			t.Errorf("%s: %s", m[1], fault)
		}
	}
	slices.Sort(documented)
	keys, _ := words()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(keys)), documented); diff != "" {
		t.Errorf("-schema +table:\n%s", diff)
	}
}

// rowFault says what of a row is not so.
func rowFault(key, fallback, example string) string {
	absent, err := rules.Parse([]byte("ou: OU=x\nscope: all\n"))
	if err != nil {
		return err.Error()
	}
	shown, err := rules.Parse([]byte(fileWith(key, example)))
	if err != nil {
		return "the example is refused: " + err.Error()
	}
	switch fallback {
	case "needed":
		if _, err := rules.Parse([]byte(strings.Replace(fileWith(key, example), key+": "+example+"\n", "", 1))); err == nil {
			return "it is not needed"
		}
		return ""
	case "-":
	default:
		same, err := rules.Parse([]byte(fileWith(key, fallback)))
		if err != nil {
			return "the default is refused: " + err.Error()
		}
		absent, err = rules.Parse([]byte(fileWithout(key)))
		if err != nil || same.Hash() != absent.Hash() && !(slices.Contains(writtenOut, key) && equivalent(same, absent)) {
			return fmt.Sprintf("%s is not the default: %v", fallback, err)
		}
	}
	if shown.Hash() == absent.Hash() {
		return "the example decides nothing"
	}
	return ""
}

// writtenOut are keys whose default, written out, is kept in other words than its absence.
var writtenOut = []string{"kinds", "group_scope", "attributes"}

// equivalent rules say the same in other words, such as those of a default that is written out.
func equivalent(a, b *rules.Rules) bool {
	return slices.Equal(a.GroupTypes(), b.GroupTypes()) && slices.Equal(a.Properties(), b.Properties()) && slices.Equal(a.Attributes(), b.Attributes())
}

// surroundings are what a key needs around it: %s is the key and its value.
func surroundings(key string) string {
	outer, _, nested := strings.Cut(key, ".")
	switch {
	case key == "ou":
		return "scope: all\n%s\n"
	case key == "scope":
		return "ou: OU=x\n%s\n"
	case key == "ou.expression":
		return "scope: all\nou: {%s, default: OU=x}\n"
	case key == "ou.default":
		return "scope: all\nou: {expression: '[description]', %s}\n"
	case key == "scope.groups", key == "scope.members_of":
		return "ou: OU=x\nscope: {%s}\n"
	case outer == "scope":
		return "ou: OU=x\nscope: {groups: all, %s}\n"
	case key == "writeback_configuration.microsoft365_default":
		return "ou: OU=x\nscope: all\nwriteback_configuration: {honour: true, %s}\n"
	case key == "attributes.*.default", key == "attributes.*.apply":
		return "ou: OU=x\nscope: all\nattributes: {url: {property: mail, %s}}\n"
	case strings.HasPrefix(key, "attributes.*."):
		return "ou: OU=x\nscope: all\nattributes: {url: {%s}}\n"
	case key == "mail.leave_out":
		return "ou: OU=x\nscope: all\nmail: {route: expand, %s}\n"
	case nested:
		return "ou: OU=x\nscope: all\n" + outer + ": {%s}\n"
	}
	return "ou: OU=x\nscope: all\n%s\n"
}

func fileWith(key, value string) string {
	name := key[strings.LastIndex(key, ".")+1:]
	if strings.HasSuffix(key, ".*") {
		name = "url"
	}
	if strings.ContainsAny(value, `"`) && !strings.HasPrefix(value, "'") {
		value = "'" + value + "'" // a comma within a mapping on one line
	} else if strings.Contains(value, ",") && strings.Contains(key, ".") && !strings.ContainsAny(value[:1], "'[{") {
		value = "'" + value + "'"
	}
	return fmt.Sprintf(surroundings(key), name+": "+value)
}

func fileWithout(key string) string {
	return strings.ReplaceAll(fmt.Sprintf(surroundings(key), ""), ", }", "}")
}

// TestPageLimits: the table of limits is that of plan.DefaultLimits.
func TestPageLimits(t *testing.T) {
	l := plan.DefaultLimits()
	for _, row := range []string{
		fmt.Sprintf("| members removed from one group | %.0f %% of its members, for groups of %d or more; all of them, for groups of %d or more |", 100*l.MemberShare, l.MemberFloor, l.EmptyFloor),
		fmt.Sprintf("| memberships removed, groups no longer managed, groups renamed or moved | %.0f %% of all, but at least %d; never all of %d or more |", 100*l.Share, l.Floor, l.EmptyFloor),
		fmt.Sprintf("| memberships added to groups that have agreed with the cloud before | %.0f %% of all, but at least %d |", 100*l.GrowthShare, l.GrowthFloor),
		fmt.Sprintf("| groups created | %d |", l.Creations),
	} {
		if !strings.Contains(page(t), row) {
			t.Errorf("docs/rules.md lacks the row\n%s", row)
		}
	}
}

// TestPageOperators: the page has each operator.
func TestPageOperators(t *testing.T) {
	_, fault := rules.NewClause("displayName NO_SUCH")
	_, all, _ := strings.Cut(fault, "there are ")
	names := strings.Split(all, ", ")
	if len(names) < 10 {
		t.Fatalf("an unknown operator is told as %q", fault)
	}
	for _, name := range names {
		if !strings.Contains(page(t), "`"+name+"`") {
			t.Errorf("docs/rules.md does not say what %s does", name)
		}
	}
}
