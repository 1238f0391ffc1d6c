package ad

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// A setting is an attribute that a change may set, and what it may set it to; nil: to
// anything.
type setting struct {
	name   string
	values func(w *writer, values []string) (fault string)
}

// settings are all of them: what the rules of the cloud half decide by default, our marks,
// and what the agent's policy adds to them. Whatever else a plan names is refused before
// the server is asked, be it under another name that the server takes for the same
// attribute: an OID, or one with an option. docs/agent.md repeats the list.
func (d *Domain) settings() []setting {
	all := []setting{
		{"adminDescription", onlyMark},
		{external, onlyMark},
		{"description", nil},
		{"displayName", nil},
		{"groupType", onlyTypes},
		{"info", nil},
		{plan.AccountName, onlyAccountName},
	}
	for _, name := range d.More.Attributes {
		all = append(all, setting{name, nil})
	}
	if d.More.Mail {
		for _, name := range exchange.Attributes() {
			if !plan.NamesObjects(name) {
				all = append(all, setting{name, nil})
			}
		}
	}
	return all
}

// Allowed is what a plan may do beyond what it may anywhere, by the word of the network's
// owner.
type Allowed struct {
	Attributes []string // that a plan may set
	GroupTypes []string // in the words of plan.GroupTypes, beside universal security
	Quarantine bool     // a security group may become a distribution group
	Mail       bool     // attributes that Exchange has for groups with mail may be set, and address lists
}

// Makes are the kinds of group that a plan may make, in the words of plan.GroupTypes.
func (a Allowed) Makes() []string { return append([]string{plan.UniversalSecurity}, a.GroupTypes...) }

// Sets are the attributes that a plan may set, beside the name, members and other links.
func (a Allowed) Sets() (names []string) {
	for _, s := range (&Domain{More: a}).settings() {
		names = append(names, s.name)
	}
	return names
}

// mails says whether an attribute is one that Mail is about.
func mails(attribute string) bool {
	return slices.ContainsFunc(exchange.Attributes(), func(name string) bool {
		return strings.EqualFold(name, attribute) && (!plan.NamesObjects(name) || strings.EqualFold(name, string(plan.ShownIn)))
	})
}

// Lacks is the error that names what rules set and make, and what is not allowed.
func (a Allowed) Lacks(attributes, groupTypes []string) error {
	var errs []error
	known := (&Domain{More: a}).settings()
	mail := false
	for _, name := range attributes {
		l, isLink := plan.LinkOf(name)
		switch {
		case isLink && (!l.NamesLists() || a.Mail):
		case slices.ContainsFunc(known, func(s setting) bool { return strings.EqualFold(s.name, name) }):
		case mails(name):
			mail = true
		default:
			errs = append(errs, fmt.Errorf("the rules set %s, and this agent's policy does not allow it: add it to policy.attributes, or take it out of the rules", name))
		}
	}
	if mail {
		errs = append(errs, errors.New("the rules write mail attributes, and this agent's policy does not allow it: set policy.mail to true, or take them out of the rules"))
	}
	for _, word := range groupTypes {
		if word != plan.UniversalSecurity && !slices.Contains(a.GroupTypes, word) {
			errs = append(errs, fmt.Errorf("the rules make %s groups, and this agent's policy does not allow it: add it to policy.group_types, or change the rules", word))
		}
	}
	return errors.Join(errs...)
}

// AttributeFault says why a policy cannot allow an attribute; "" if it can. What gives
// rights, and what others rely on, no plan sets.
func AttributeFault(name string) string {
	switch {
	case !plan.IsAttribute(name):
		return "is not the name of an attribute"
	case plan.NamesObjects(name):
		return "names objects, and no plan sets it"
	case slices.ContainsFunc((&Domain{}).settings(), func(s setting) bool { return strings.EqualFold(s.name, name) }):
		return "is one that a plan may set anyway"
	case plan.GivesRights(name), slices.Contains([]string{"admindisplayname", "cn", "name"}, strings.ToLower(name)):
		return "gives rights or identity, and no plan sets it"
	}
	return ""
}

// linkable refuses a change of a link that no plan writes, and one that could be taken for a
// change of members and is none, or the other way round.
func (w *writer) linkable() error {
	switch c := w.change; {
	case c.Op != plan.Relink && c.Link == "":
		return nil
	case c.Op != plan.Relink:
		return fmt.Errorf("link %s is not written by a change that does more than that", c.Link)
	case c.Link == plan.Member || !slices.Contains(plan.AllLinks(), c.Link):
		return fmt.Errorf("link %q is not written by a plan: this agent writes %s", c.Link, plan.AllLinks())
	case c.Link.NamesLists() && !w.More.Mail:
		return fmt.Errorf("link %s is not written by a plan; this agent's policy can allow it (policy.mail)", c.Link)
	case len(c.Set) > 0:
		return errors.New("a change of a link sets no attributes")
	}
	return nil
}

// settable refuses a change that sets what none may. What this agent's policy could allow and does
// not is left out of it: all else of the group is done.
func (w *writer) settable() error {
	all := w.settings()
	for _, name := range slices.Sorted(maps.Keys(w.change.Set)) {
		i := slices.IndexFunc(all, func(s setting) bool { return strings.EqualFold(s.name, name) })
		if i < 0 {
			no := fmt.Sprintf("attribute %s is not set by a plan: this agent sets only %s", name, w.settingNames())
			switch {
			case mails(name):
				w.leaveOut(name, no+"; its policy can allow this one (policy.mail)")
			case AttributeFault(name) == "":
				w.leaveOut(name, no+"; its policy can allow this one (policy.attributes)")
			default:
				return errors.New(no)
			}
			continue
		}
		if all[i].values == nil {
			continue
		}
		if fault := all[i].values(w, w.change.Set[name]); fault != "" {
			return fmt.Errorf("attribute %s %s", name, fault)
		}
	}
	return nil
}

func (d *Domain) settingNames() string {
	var out []string
	for _, s := range d.settings() {
		out = append(out, s.name)
	}
	return strings.Join(out, ", ")
}

func onlyMark(w *writer, values []string) string {
	if plan.SameValues("adminDescription", values, []string{plan.Mark(w.change.Group)}) {
		return ""
	}
	return "is the ownership mark: it cannot be another value"
}

func onlyAccountName(_ *writer, values []string) string {
	if len(values) != 1 {
		return fmt.Sprintf("has one value, not %d", len(values))
	}
	return plan.AccountNameFault(values[0])
}

// nameable refuses a name that Active Directory does not take.
func (w *writer) nameable() error {
	if !w.places() {
		return nil
	}
	if fault := plan.NameFault(w.change.Name); fault != "" {
		return fmt.Errorf("name %q %s: change the rule that makes it", w.change.Name, fault)
	}
	return nil
}
