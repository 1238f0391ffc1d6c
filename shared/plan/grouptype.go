package plan

import "strconv"

// GroupTypes are the kinds of group that Active Directory has, by what people call them:
// each the value of groupType, a signed number of 32 bits (MS-ADTS 2.2.12).
func GroupTypes() map[string]string {
	out := map[string]string{}
	for reach, bit := range map[string]uint32{"global": 2, "domain-local": 4, "universal": 8} {
		out[reach+"-distribution"] = signed(bit)
		out[reach+"-security"] = signed(bit | 0x8000_0000)
	}
	return out
}

func signed(n uint32) string { return strconv.FormatInt(int64(int32(n)), 10) }

// Secures says whether members of a group of this groupType have what is given to the group.
func Secures(groupType string) bool {
	n, err := strconv.ParseInt(groupType, 10, 32)
	return err == nil && uint32(n)&0x8000_0000 != 0
}

// UniversalSecurity is the word for the groups that are written where nothing else is said.
const UniversalSecurity = "universal-security"
