package plan

import (
	"regexp"
	"slices"
	"strings"
)

// attributeName is the name of an attribute in Active Directory's schema: no OID, and none with
// an option.
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

// IsAttribute says whether a text has the form of an attribute's name.
func IsAttribute(name string) bool { return attributeName.MatchString(name) }

// GivesRights says whether an attribute gives rights or identity, or is Active Directory's own:
// no rule gives it values, and no policy of an agent allows that.
func GivesRights(name string) bool {
	return slices.Contains([]string{"objectsid", "objectguid", "objectclass", "objectcategory", "sidhistory", "ntsecuritydescriptor", "admincount", "iscriticalsystemobject",
		"systemflags", "useraccountcontrol", "unicodepwd", "userpassword", "serviceprincipalname", "primarygroupid", "primarygrouptoken", "whencreated", "whenchanged",
		"msds-objectsoa", "instancetype", "gplink", "msds-allowedtoactonbehalfofotheridentity", "msds-keycredentiallink", "altsecurityidentities"}, strings.ToLower(name))
}
