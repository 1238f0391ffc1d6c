package cloudsync

import (
	"slices"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/rules"
)

// filterSets are the three sets of filters of an object mapping: an object has to match one
// filter of each set that has some. Only inputFilterGroups leaves an object that it takes out
// later as it is; here leaving the scope never removes anything, whichever set it was.
// Source: https://learn.microsoft.com/graph/api/resources/synchronization-filter.
func filterSets() []string { return []string{"groups", "inputFilterGroups", "categoryFilterGroups"} }

// A filter is clauses that all have to match, in the words of a rules file.
type filter struct {
	clauses   []string
	membersOf string // the group that IS_MEMBER_OF names
}

// scope carries the filters over, as alternatives: one filter of each set, taken together.
func (im *importer) scope(job object) {
	scope := job.object("scope")
	all, filtered := []filter{{}}, false
	for _, set := range filterSets() {
		given := scope.objects(set)
		if len(given) == 0 {
			continue
		}
		var matching []filter
		for _, f := range given {
			if strange := f.strange(filterFields()...); len(strange) > 0 {
				im.lost(f, "the filter is left out, and the groups that no other one matches are not written", strange[0]+" is not known here", "write what is meant as a filter of scope.where")
			} else if clauses := f.objects("clauses"); len(clauses) > maxClauses || len(clauses) == 0 && len(given) > 1 {
				im.lost(f, "the filter is left out", "it has no clause, and would match every group; or too many", "see in the portal what it is for")
			} else if carried, ok := im.filter(clauses); ok {
				matching = append(matching, carried)
			}
		}
		if slices.ContainsFunc(matching, filter.matchesAll) {
			continue // the other filters of the set add nothing
		}
		filtered = true
		if !tooLarge(matching) {
			all = product(all, matching)
		}
		if tooLarge(matching) || tooLarge(all) {
			im.file.nobody = true
			im.lost(scope, "no group is in scope", "its filters, one of each set taken together, are too many", "write fewer filters as scope.where")
			return
		}
	}
	if strange := scope.strange(filterSets()...); len(strange) > 0 {
		im.file.nobody = true
		im.lost(scope, "no group is in scope", strange[0]+" is not known here, and may take groups out", "see in the portal what the scope is, and write it as scope")
	}
	if !filtered {
		return
	}
	if len(all) == 0 {
		im.file.nobody = true
		im.lost(scope, "no group is in scope", "none of the filters could be carried over as a whole", "write what is meant as scope.where")
		return
	}
	im.membership(scope, all)
}

func (f filter) matchesAll() bool { return len(f.clauses) == 0 && f.membersOf == "" }

// tooLarge says whether filters are more than a file should have.
func tooLarge(filters []filter) bool {
	clauses, bytes := 0, 0
	for _, f := range filters {
		clauses += len(f.clauses)
		for _, c := range f.clauses {
			bytes += len(c)
		}
	}
	return len(filters) > maxFilters || clauses > maxClauses || bytes > maxWhere
}

// product is each of some filters together with each of others. It stops where that is too
// large.
func product(some, others []filter) (all []filter) {
	for _, a := range some {
		for _, b := range others {
			if len(all) > maxFilters {
				return all
			}
			both := filter{membersOf: a.membersOf}
			for _, c := range slices.Concat(a.clauses, b.clauses) {
				if !slices.Contains(both.clauses, c) {
					both.clauses = append(both.clauses, c)
				}
			}
			switch {
			case both.membersOf == "":
				both.membersOf = b.membersOf
			case b.membersOf != "" && b.membersOf != both.membersOf:
				both.membersOf = several
			}
			all = append(all, both)
		}
	}
	return all
}

// several stands for more than one group in a filter's membersOf.
const several = "several"

// membership writes the filters. A rules file asks for the members of one group, before any
// filter is asked.
func (im *importer) membership(scope object, all []filter) {
	of := all[0].membersOf
	if slices.ContainsFunc(all, func(f filter) bool { return f.membersOf != of }) || of == several {
		im.file.nobody = true
		im.lost(scope, "no group is in scope", "its filters ask for the members of other groups, and a rules file for those of one, before its filters", "make a group in Entra ID that has all groups to be written as direct members, and write it as scope.members_of")
		return
	}
	im.file.membersOf = of
	if slices.ContainsFunc(all, func(f filter) bool { return len(f.clauses) == 0 }) {
		return // the other filters add nothing
	}
	for _, f := range all {
		im.file.where = append(im.file.where, f.clauses)
	}
}

// assignment is what the schema cannot say: whether the groups are assigned one by one.
func (im *importer) assignment() Note {
	taken := "all"
	if im.file.nobody {
		taken = "[]"
	}
	return Note{What: "whether the job's scope is All or Selected", Why: "the schema does not say it", Remedy: "if it is Selected, write the object ids of its groups (GET /servicePrincipals/{id}/appRoleAssignedTo) as scope.groups, instead of " + taken}
}

func filterFields() []string { return []string{"clauses", "name", "id"} }

// filter carries the clauses of a filter over. One that lacks a clause would match more
// groups: it is not ok.
func (im *importer) filter(clauses []object) (f filter, ok bool) {
	ok = true
	for _, c := range clauses {
		text, group, fault := clause(c)
		switch {
		case fault != "":
			im.lost(c, "its filter is left out, and the groups that no other one matches are not written", fault, "write what is meant as a filter of scope.where")
			ok = false
		case group != "" && f.membersOf != "" && group != f.membersOf:
			f.membersOf = several
		case group != "":
			f.membersOf = group
		case text != "" && !slices.Contains(f.clauses, text):
			f.clauses = append(f.clauses, text)
		}
		if ok && slices.Contains(manyValued, strings.ToLower(c.text("sourceOperandName"))) {
			im.note(Note{Where: c.path, What: c.text("sourceOperandName") + " can have several values", Why: "here one of them has to match, by NOT EQUALS and NOT REGEX MATCH all; the service may ask for all in any case", Remedy: "see that the clause means what it should"})
		}
	}
	return f, ok
}

// manyValued are properties of a group with several values, in small letters.
var manyValued = []string{"grouptypes", "proxyaddresses", "resourcebehavioroptions", "resourceprovisioningoptions"}

// clause gives a clause in the words of a rules file, or the group that IS_MEMBER_OF names.
// Neither is one that every group matches which this product writes.
func clause(c object) (text, group, fault string) {
	name, operator := c.text("sourceOperandName"), strings.ToUpper(strings.Join(strings.Fields(c.text("operatorName")), " "))
	var values []string
	for _, v := range c.object("targetOperand").list("values") {
		if s, is := v.(string); is && s != "" {
			values = append(values, s)
		}
	}
	strange := append(c.strange("operatorName", "sourceOperandName", "targetOperand", "id"), c.object("targetOperand").strange("values")...)
	switch {
	case len(strange) > 0:
		return "", "", strange[0] + " is not known here"
	case name == "" || strings.ContainsAny(name, " \t\r\n"):
		return "", "", "it names no property"
	case len(values) > 1:
		return "", "", "it has several values, and no page says whether one has to match or all"
	}
	value := strings.Join(values, "")
	if strings.ReplaceAll(operator, " ", "_") == "IS_MEMBER_OF" {
		id, err := directory.ParseID(value)
		if err != nil {
			return "", "", "IS_MEMBER_OF needs the object id of a group"
		}
		return "", id.String(), ""
	}
	if isTruth(name) {
		value = strings.ToLower(value)
	}
	if always(name, operator, value) {
		return "", "", ""
	}
	return carried(name, operator, value)
}

// carried holds a clause against what rules understand of it.
func carried(name, operator, value string) (text, group, fault string) {
	if len(value) > maxValue {
		return "", "", "its value is too long"
	}
	if _, fault := rules.NewClause(name + " " + operator); fault == "" {
		value = "" // the operator takes none
	}
	text = strings.TrimSpace(name + " " + operator + " " + value)
	c, fault := rules.NewClause(text)
	switch {
	case fault != "":
		return "", "", fault
	case c.Value != value || strings.ReplaceAll(c.Operator, "_", " ") != strings.ReplaceAll(operator, "_", " "):
		return "", "", "its value cannot be written: it has blanks at its ends, or begins like an operator"
	}
	return text, "", ""
}

// isTruth says whether a property is true or false; a filter's value for it is True or False.
func isTruth(name string) bool {
	return slices.Contains([]string{"dirsyncenabled", "isassignabletorole", "issoftdeleted", "iswritebackenabled", "mailenabled", "onpremisessyncenabled", "securityenabled"}, strings.ToLower(name))
}

// always says whether a clause is one of Cloud Sync's fixed ones, in whichever words: this
// product writes no other groups. The last is of a property that Graph does not have.
func always(name, operator, value string) bool {
	fixed := map[string]string{"securityenabled": "true", "mailenabled": "false", "dirsyncenabled": "false", "onpremisessyncenabled": "false", "issoftdeleted": "false"}
	wanted, is := fixed[strings.ToLower(name)]
	if !is {
		return false
	}
	other := map[string]string{"true": "false", "false": "true"}[wanted]
	switch operator {
	case "IS TRUE", "IS FALSE":
		return operator == "IS "+strings.ToUpper(wanted)
	case "EQUALS":
		return value == wanted
	case "NOT EQUALS":
		return value == other
	}
	return false
}
