package plan

import (
	"maps"
	"strconv"
)

// groupTypes are the kinds of group that Active Directory has, by what people call them:
// each the value of groupType, a signed number of 32 bits (MS-ADTS 2.2.12).
var groupTypes = map[string]string{
	"global-distribution": signed(2), "global-security": signed(2 | secures),
	"domain-local-distribution": signed(4), "domain-local-security": signed(4 | secures),
	"universal-distribution": signed(8), "universal-security": signed(8 | secures),
}

// secures is the bit of groupType by which members have what is given to the group.
const secures uint32 = 0x8000_0000

// GroupTypes are the kinds of group by what people call them, with their values of groupType.
func GroupTypes() map[string]string { return maps.Clone(groupTypes) }

// GroupType is the value of groupType for what people call a kind of group; empty: there is
// none.
func GroupType(word string) string { return groupTypes[word] }

func signed(n uint32) string { return strconv.FormatInt(int64(int32(n)), 10) }

// Secures says whether members of a group of this groupType have what is given to the group.
func Secures(groupType string) bool {
	n, err := strconv.ParseInt(groupType, 10, 32)
	return err == nil && uint32(n)&secures != 0
}

// SameReach says whether two values of groupType differ at most in whether the group secures.
func SameReach(a, b string) bool {
	n, err := strconv.ParseInt(a, 10, 32)
	m, err2 := strconv.ParseInt(b, 10, 32)
	return err == nil && err2 == nil && (uint32(n)^uint32(m))&^secures == 0
}

// GroupTypeAttribute has a group's type, and how far it reaches.
const GroupTypeAttribute = "groupType"

func secured(g Group) bool { return Secures(g.First(GroupTypeAttribute)) }

// Suspends says whether a group is known to give its members nothing: a distribution group.
func Suspends(g Group) bool { return len(g.Attrs[GroupTypeAttribute]) > 0 && !secured(g) }

// Suspended is the value of groupType by which a group of another one gives its members
// nothing any more, and reaches as far.
func Suspended(groupType string) string {
	n, err := strconv.ParseInt(groupType, 10, 32)
	if err != nil {
		return groupType
	}
	return signed(uint32(n) &^ secures)
}

// The bits of groupType by which a group reaches as far as it does.
const (
	global, domainLocal, universal = 2, 4, 8
	reaches                        = global | domainLocal | universal
)

// between is the groupType by way of which a group gets the wanted one; "" if there is no
// need. Active Directory makes no global group a domain-local one, nor the other way, in one
// step (MS-ADTS 3.1.1.5.3.2; Win32: changing a group's scope or type).
func between(h, w Group) string {
	has, err := strconv.ParseInt(h.First(GroupTypeAttribute), 10, 32)
	wants, err1 := strconv.ParseInt(w.First(GroupTypeAttribute), 10, 32)
	if err != nil || err1 != nil || uint32(has)&reaches|uint32(wants)&reaches != global|domainLocal {
		return ""
	}
	return signed(uint32(has)&^reaches | universal)
}

// UniversalSecurity is the word for the groups that are written where nothing else is said.
const UniversalSecurity = "universal-security"
