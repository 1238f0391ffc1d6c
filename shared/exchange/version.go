package exchange

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// bands are the releases of Exchange by the schema that they bring: rangeUpper of
// ms-Exch-Schema-Version-Pt and, where several releases have the same, the least objectVersion of the
// organization (Microsoft, Prepare Active Directory and domains for Exchange Server; for 2007 and 2010 public lists).
// Of those with the schema that is found the last one counts that asks for no newer organization.
var bands = []struct {
	schema, forest int
	words          string
}{
	{10637, 0, "2007 RTM"}, {11116, 0, "2007 SP1"}, {14622, 0, "2007 SP2"}, {14622, 12640, "2010 RTM"}, {14625, 0, "2007 SP3"},
	{14726, 0, "2010 SP1"}, {14732, 0, "2010 SP2"}, {14734, 0, "2010 SP3"},
	{15137, 0, "2013 RTM"}, {15254, 0, "2013 CU1"}, {15281, 0, "2013 CU2"}, {15283, 0, "2013 CU3"}, {15292, 0, "2013 SP1"}, {15300, 0, "2013 CU5"}, {15303, 0, "2013 CU6"},
	{15312, 0, "2013 CU7-CU23"}, {15312, 15965, "2013 CU7-CU9"}, {15312, 16130, "2013 CU10-CU21"}, {15312, 16131, "2013 CU22"}, {15312, 16133, "2013 CU23"},
	{15317, 0, "2016 RTM"}, {15323, 0, "2016 CU1"}, {15325, 0, "2016 CU2"}, {15326, 0, "2016 CU3-CU5"}, {15330, 0, "2016 CU6"}, {15332, 0, "2016 CU7-CU18"},
	{15333, 0, "2016 CU19-CU20"}, {15334, 0, "2016 CU21-CU23"},
	{17000, 0, "2019 RTM-CU1"}, {17001, 0, "2019 CU2-CU7"}, {17002, 0, "2019 CU8-CU9"}, {17003, 0, "2019 CU10-CU15"}, {17003, 16751, "2019 CU10-CU14"}, {17003, 16763, "2019 CU15 or SE RTM"},
}

// Schemas that several releases share, or that came with an update of the same one.
const (
	schema2013 = 15313 // 15312 with a security update
	schemaSE   = 17003
	forestSE   = 16763
	leastSE    = 2562 // the build of 15.2 that SE begins with
)

// Band is the release of Exchange in words, such as "Exchange 2016 CU21-CU23", by the numbers of Site. Exchange 2019
// CU15 and SE have the same numbers, and only servers tell them apart. A schema that is none of the known ones is named
// with its number. Empty: there is no schema.
func Band(schema, forest int, servers []string) string {
	if schema == 0 {
		return ""
	}
	known := schema
	if schema == schema2013 {
		known--
	}
	words := ""
	for _, b := range bands {
		if b.schema == known && forest >= b.forest {
			words = b.words
		}
	}
	if words == "" {
		return fmt.Sprintf("Exchange %s (schema %d)", edition(schema), schema)
	}
	if known == schemaSE && forest >= forestSE && len(servers) > 0 {
		words = "2019 CU15"
		if slices.ContainsFunc(servers, isSE) {
			words = "SE"
		}
	}
	return "Exchange " + words
}

// edition is the release by Microsoft's own rule for schemas that are not in a table.
func edition(schema int) string {
	switch {
	case schema < 15317:
		return "2013 or older"
	case schema < 17000:
		return "2016"
	}
	return "2019 or later"
}

var serial = regexp.MustCompile(`^Version (\d+)\.(\d+) \(Build (\d+)\.(\d+)\)$`)

// buildOffset is what Exchange adds to its build in serialNumber: 15.2.2562.17 is "Version 15.2 (Build 32562.17)".
const buildOffset = 30000

// Build is a server's serialNumber as people write it, such as 15.2.2562.17; one of another form is as it is.
func Build(serialNumber string) string {
	if b := build(serialNumber); b != nil {
		return fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], b[3])
	}
	return serialNumber
}

// build are the four numbers of a build; nil: it has another form.
func build(serialNumber string) []int {
	m := serial.FindStringSubmatch(serialNumber)
	if m == nil {
		return nil
	}
	out := make([]int, 4)
	for i := range out {
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return nil
		}
		out[i] = n
	}
	if out[2] >= buildOffset {
		out[2] -= buildOffset
	}
	return out
}

func isSE(serialNumber string) bool {
	b := build(serialNumber)
	return b != nil && slices.Compare(b, []int{15, 2, leastSE}) >= 0
}

// Fault is something that Exchange lacks for groups with mail, or that is likely to lose mail.
type Fault struct {
	What    string `json:"what"`
	Remedy  string `json:"remedy"`
	Warning bool   `json:"warning,omitempty"` // groups are written with mail all the same
}

// leastForest is the organization of Exchange 2013 CU10. Microsoft's pages name four different releases as
// the oldest that knows groups of the cloud, up to 2013 CU11, which has the same number.
const leastForest = 16130

// Faults are what the site lacks for groups with mail, in the order in which one repairs it. writes are the
// attributes that are to be written; none: those of Table. What follows from a fault is not named beside it.
func (s Site) Faults(writes ...string) (faults []Fault) {
	add := func(what, remedy string) { faults = append(faults, Fault{What: what, Remedy: remedy}) }
	switch {
	case s.Schema == 0:
		add("the forest's schema has nothing of Exchange", "let Exchange's Setup prepare it (/PrepareSchema), or write no groups with mail")
		return faults
	case s.Organization == "":
		add("the schema is extended for Exchange, and the forest has no Exchange organization", "let Exchange's Setup make it (/PrepareAD), or write no groups with mail")
		return faults
	}
	if len(s.Servers) == 0 {
		add("the Exchange organization has no server", "install one, or see whether the agent's account may read the servers below CN=Administrative Groups of the organization")
	}
	if s.Domain == 0 {
		add("the domain is not prepared for Exchange", "let Exchange's Setup prepare it (/PrepareDomain): objects with mail are not supported in a domain that is not")
	}
	if !s.MailRecipient {
		add("the class group does not have mailRecipient in the schema", "let Exchange's Setup prepare the schema again (/PrepareSchema)")
	}
	if missing := s.missing(writes); len(missing) > 0 {
		add("a group cannot have "+strings.Join(missing, ", ")+" here", "let a newer Exchange's Setup prepare the schema (/PrepareSchema), or leave these attributes out")
	}
	if s.Forest < leastForest {
		faults = append(faults, Fault{
			What:    fmt.Sprintf("the Exchange organization is of %s (objectVersion %d), which does not know groups of the cloud as such", Band(s.Schema, s.Forest, s.Servers), s.Forest),
			Remedy:  "bring Exchange to 2013 CU11 or 2016 CU1 at least",
			Warning: true,
		})
	}
	return faults
}

// missing are the attributes that are to be written and that a group cannot have here.
func (s Site) missing(writes []string) (names []string) {
	if len(writes) == 0 {
		for _, r := range rows() {
			writes = append(writes, r.Attribute)
		}
	}
	for _, name := range writes {
		same := func(other string) bool { return strings.EqualFold(name, other) }
		if !slices.ContainsFunc(s.Attributes, same) && !slices.ContainsFunc(names, same) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return names
}
