package cloudsync

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"groupwriteback/shared/expr"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

// A source is what an attribute mapping gives, in the words of a rules file.
type source struct {
	constant, expression string // one of the two; neither: nothing
	property             string // what a direct mapping's expression asks for
	fallback             string // where the expression gives none
	once                 bool   // when the object is made, and not later
}

// mappings carries the attribute mappings over. Its error is about the container, without
// which there is no file.
func (im *importer) mappings(job object) error {
	all := job.objects("attributeMappings")
	if len(all) > maxMappings {
		return fmt.Errorf("import schema: %s has %d attribute mappings, and at most %d are read: give the schema as Graph returns it", job.path, len(all), maxMappings)
	}
	if flow := job.text("flowTypes"); flow != "" && !(strings.Contains(flow, "Add") && strings.Contains(flow, "Update")) {
		im.file.nobody = true
		im.lost(job, "no group is in scope", "its flowTypes are "+flow+", and here groups are both made and updated", "write the groups that should be as scope.groups")
	}
	im.sources, im.paths = map[string]source{}, map[string]string{}
	for _, m := range all {
		im.mapping(m)
	}
	if !im.has("member") {
		im.file.noMembers = true
		im.lost(job, "no members are written", "it has no mapping of member", "take the line members out of the file, if they should be")
	}
	im.attributes()
	return im.container(job)
}

func (im *importer) has(name string) bool { return im.paths[strings.ToLower(name)] != "" }

// mapping reads one attribute mapping.
func (im *importer) mapping(m object) {
	name := spelling(m.text("targetAttributeName"))
	if im.has(name) {
		im.lost(m, name+" is mapped once", "this is a second mapping of it", "take one of the two away in the portal")
		return
	}
	if fixed, fault := im.fixed(m, name); fault != "" {
		im.lost(m, name+" is given what this product gives it", fault, "nothing, unless another program looks at it")
		im.paths[strings.ToLower(name)] = m.path
	} else if fixed {
		im.paths[strings.ToLower(name)] = m.path
	} else if s, ok := im.source(m, name); ok {
		im.sources[name], im.paths[strings.ToLower(name)] = s, m.path
	}
}

// container is the attribute by which Cloud Sync says where a group stands.
const container = "parentDistinguishedName"

// spelling is an attribute's name as a rules file and this package have it.
func spelling(name string) string {
	for _, known := range []string{"cn", "description", "displayName", plan.AccountName, container, "member", "isSecurityGroup", "UniversalScope"} {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

// fixed says whether an attribute is one that this product gives its values itself and, if
// the job gives it others, what is other.
func (im *importer) fixed(m object, name string) (fixed bool, fault string) {
	text := normal(m.object("source").text("expression"))
	if text == "" {
		text = m.object("source").text("name")
	}
	is := func(wanted string) string {
		if strings.EqualFold(strings.Trim(text, `"[]`), wanted) { // a name alone has no brackets
			return ""
		}
		return "the job gives it " + cmp.Or(text, "nothing")
	}
	switch strings.ToLower(name) {
	case "member":
		return text != "", is("members")
	case "admindescription", "msds-externaldirectoryobjectid":
		return true, is(normal(`Append("Group_",[objectId])`))
	case "objectguid":
		return true, ""
	case "issecuritygroup":
		if is("False") == "" {
			im.file.kind = "distribution"
			return true, ""
		}
		return true, is("True")
	case "universalscope":
		return true, is("True")
	}
	return false, ""
}

// normal is an expression in the form in which those that mean the same are mostly equal; one
// that cannot be read stays as it is.
func normal(expression string) string {
	e, err := expr.Parse(expression)
	if err != nil {
		return expression
	}
	return e.String()
}

// source reads an attribute mapping; not ok is one that is left out.
func (im *importer) source(m object, name string) (s source, ok bool) {
	from := m.object("source")
	kind, expression, word := from.text("type"), strings.TrimSpace(from.text("expression")), from.text("name")
	s.fallback = m.text("defaultValue")
	direct := "[" + word + "]"
	switch {
	case strings.EqualFold(kind, "Constant") && word != "":
		s.constant = word
	case expression != "":
		s.expression = expression
	case strings.EqualFold(kind, "Function"):
		im.lost(m, name+" is not written", "its function has no expression", "copy the expression out of the portal")
		return s, false
	case word != "":
		s.expression = direct
	case s.fallback != "": // a mapping of type None: the default alone
		s.constant, s.fallback = s.fallback, ""
	}
	if strings.EqualFold(kind, "Attribute") && strings.EqualFold(s.expression, direct) {
		s.property = word
	} else if strings.EqualFold(kind, "Attribute") && word != "" && s.expression != "" {
		im.lost(m, "of "+name+" the expression is taken", "it says another thing than the name of its source", "see in the portal what is meant")
	}
	if s.constant != "" {
		s.fallback = "" // it is never needed
	}
	if longest := max(len(s.constant), len(s.expression), len(s.fallback)); longest > maxValue {
		im.lost(m, name+" is not written", "its source is too long", "shorten it")
		return s, false
	}
	im.flow(m, name, &s)
	return s, true
}

// flow reads when a mapping is applied, and by what groups are found.
// Source: https://learn.microsoft.com/graph/api/resources/synchronization-attributemapping.
func (im *importer) flow(m object, name string, s *source) {
	switch flow := m.text("flowType"); {
	case flow == "", strings.EqualFold(flow, "Always"):
	case strings.EqualFold(flow, "ObjectAddOnly"):
		s.once = true
	default:
		s.once = true
		im.lost(m, name+" is written when a group is made, and not later", "there is nothing like the flow type "+flow, "write apply: always, if the cloud's value should take the place of what is there")
	}
	switch behaviour := strings.ToLower(m.text("flowBehavior")); behaviour {
	case "", "flowwhenchanged", "flowalways": // here what is other in Active Directory is always put right
	default:
		im.lost(m, "the flow behaviour of "+name+" is not carried over", m.text("flowBehavior")+" is not known here", "see in the portal what it means")
	}
	if priority, _ := m.field("matchingPriority").(float64); priority > 0 {
		im.lost(m, "groups are not found by "+name, "an AD group is known by its marks alone", "see docs/agent.md on groups that are there already")
	}
}

// attributes writes the mappings, each as far as a rules file takes it. Those that the job
// lacks, and that would be written by default, are switched off.
func (im *importer) attributes() {
	if !im.has("cn") || !im.accepted("cn") {
		im.note(Note{What: "cn is as by default", Why: "the job's mapping of it is missing, or could not be carried over", Remedy: "see that groups are called what they should", Lost: true})
		im.sources["cn"] = source{expression: rules.DefaultName}
	}
	if !im.has(plan.AccountName) { // Active Directory would make a random one, and it would stay
		s := im.sources["cn"]
		s.once = true
		im.sources[plan.AccountName] = s
	}
	for _, name := range []string{"displayName", "description"} {
		if !im.has(name) || !im.accepted(name) {
			im.sources[name] = source{}
		}
	}
	im.file.rename = !im.sources["cn"].once || !im.sources[plan.AccountName].once
	for _, name := range slices.Sorted(maps.Keys(im.sources)) {
		byDefault := slices.Contains([]string{"cn", "displayName", "description"}, name)
		if name != container && (byDefault || im.accepted(name)) {
			im.file.attributes = append(im.file.attributes, lines(name, im.sources[name])...)
		}
	}
}

// accepted says whether a rules file takes a mapping, and notes why not.
func (im *importer) accepted(name string) bool {
	fault := refused(lines(name, im.sources[name]))
	if fault != "" {
		remedy := "write it anew under attributes, or give it up"
		if link, is := plan.LinkOf(name); is && link != plan.Member {
			remedy = "write owners: " + string(rules.OwnerManages) + ", or give it up"
		}
		im.note(Note{Where: im.paths[strings.ToLower(name)], What: "the mapping of " + name + " is left out", Why: fault, Remedy: remedy, Lost: true})
	}
	return fault == ""
}

// lines are an attribute of a rules file.
func lines(name string, s source) (lines []string) {
	key := scalar(name) + ":"
	switch {
	case s.constant == "" && s.expression == "":
		return []string{key + " null"}
	case s.constant == "" && s.fallback == "" && !s.once:
		return []string{key + " " + scalar(s.expression)}
	case s.constant != "":
		lines = []string{key, "  constant: " + scalar(s.constant)}
	case s.property != "":
		lines = []string{key, "  property: " + scalar(s.property)}
	default:
		lines = []string{key, "  expression: " + scalar(s.expression)}
	}
	if s.fallback != "" {
		lines = append(lines, "  default: "+scalar(s.fallback))
	}
	if s.once {
		lines = append(lines, "  apply: creation")
	}
	return lines
}

// container writes where groups stand.
func (im *importer) container(job object) error {
	s := im.sources[container]
	if s == (source{}) {
		return fmt.Errorf("import schema: %s does not say in which container groups stand: add an attribute mapping of %s to the file, with the container's distinguished name as a constant", job.path, container)
	}
	if s.once {
		im.note(Note{Where: im.paths[strings.ToLower(container)], What: "a group moves when its container becomes another one", Why: "a container is not for the making of a group alone", Remedy: "see that groups are where the mapping puts them", Lost: true})
	}
	if s.constant != "" {
		im.file.ou = []string{"ou: " + scalar(s.constant)}
	} else {
		if s.fallback == "" {
			s.fallback = firstDN(s.expression)
		}
		if s.fallback == "" {
			return fmt.Errorf("import schema: the mapping of %s has no default, and none stands in its expression: give it the distinguished name of a container as defaultValue in the file", container)
		}
		im.file.ou = []string{"ou:", "  expression: " + scalar(s.expression), "  default: " + scalar(s.fallback)}
	}
	if _, err := rules.Parse([]byte(strings.Join(im.file.ou, "\n") + "\nscope: all\n")); err != nil {
		return fmt.Errorf("import schema: the container of groups cannot be carried over: %s: correct the mapping of %s in the file", reason(err), container)
	}
	return nil
}

// firstDN is the first text of an expression that is the name of a container: a Switch has its
// default there.
func firstDN(expression string) string {
	e, err := expr.Parse(expression)
	if err != nil {
		return ""
	}
	for _, text := range e.Texts() {
		if plan.NamesContainer(text) {
			return text
		}
	}
	return ""
}

// refused says why a rules file does not take an attribute, or what is written is not read as
// the same; "" if it does.
func refused(lines []string) string {
	text := "ou: OU=x\nscope: all\nattributes:\n  " + strings.Join(lines, "\n  ") + "\n"
	if err := yaml.Unmarshal([]byte(text), &map[string]any{}); err != nil {
		return "it cannot be written as YAML"
	}
	if _, err := rules.Parse([]byte(text)); err != nil {
		return reason(err)
	}
	return ""
}

// place is what a mistake of a rules file begins with: where it is.
var place = regexp.MustCompile(`(?m)^rules( line \d+:\d+)?: `)

// reason is a mistake without its place, which is in no file that anybody has.
func reason(err error) string {
	return strings.ReplaceAll(place.ReplaceAllString(err.Error(), ""), "\n", "; ")
}
