package exchange

import "fmt"

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
)

// firstSE is the first build of the Subscription Edition.
var firstSE = serverVersion{15, 2, 2562, 0}

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
		if (Site{Servers: servers}).newest().compare(firstSE) >= 0 {
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
