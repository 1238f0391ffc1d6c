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

// UniversalSecurity is the word for the groups that are written where nothing else is said.
const UniversalSecurity = "universal-security"
