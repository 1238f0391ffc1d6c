package rules

import (
	"regexp"
	"slices"
	"strings"

	"groupwriteback/shared/expr"
)

// texts, booleans and complexes are the properties of a group in Microsoft Graph that rules
// can look at. Source: https://learn.microsoft.com/graph/api/resources/group; those of
// writebackConfiguration are of its beta version.
func propertyNames() (texts, booleans, complexes []string) {
	return []string{"classification", "createdDateTime", "description", "displayName", "expirationDateTime", "groupTypes", "id", "mail", "mailNickname",
			"membershipRule", "membershipRuleProcessingState", "onPremisesDomainName", "onPremisesLastSyncDateTime", "onPremisesNetBiosName", "onPremisesSamAccountName",
			"onPremisesSecurityIdentifier", "preferredDataLocation", "preferredLanguage", "proxyAddresses", "renewedDateTime", "resourceBehaviorOptions",
			"resourceProvisioningOptions", "securityIdentifier", "theme", "uniqueName", "visibility"},
		[]string{"isAssignableToRole", "isManagementRestricted", "mailEnabled", "onPremisesSyncEnabled", "securityEnabled"},
		[]string{"writebackConfiguration"}
}

// extension is the name of a directory extension: its application's id without hyphens, and
// its own name.
var extension = regexp.MustCompile(`^(?i)extension_[0-9a-f]{32}_[A-Za-z0-9_]+$`)

// property is the Graph property behind a name of an expression or a clause, in Graph's own
// letters, and the part of it that is meant.
func property(name string) (key, part string) {
	_, part, _ = strings.Cut(name, ".")
	key = expr.Property(name)
	if strings.EqualFold(name, "isWritebackEnabled") { // as Cloud Sync's scoping filters call it
		return "writebackConfiguration", "isEnabled"
	}
	texts, booleans, complexes := propertyNames()
	for _, known := range slices.Concat(texts, booleans, complexes) {
		if strings.EqualFold(known, key) {
			return known, part
		}
	}
	return key, part
}

// isBoolean says whether a property is true or false.
func isBoolean(key string) bool {
	_, booleans, _ := propertyNames()
	return slices.Contains(booleans, key)
}

// propertyFault says why rules cannot look at a property; "" if they can.
func propertyFault(name string) string {
	key, part := property(name)
	texts, booleans, complexes := propertyNames()
	switch all := slices.Concat(texts, booleans); {
	case slices.Contains(all, key) && part == "", extension.MatchString(key) && part == "",
		slices.Contains(complexes, key) && part != "":
		return ""
	case slices.Contains(all, key):
		return "[" + name + "]: " + key + " has no parts"
	case slices.Contains(complexes, key):
		return "[" + name + "]: write the part of it that is meant, such as [writebackConfiguration.isEnabled]"
	case key == "members" || key == "owners":
		return "[" + name + "]: members and owners are no text: see members"
	}
	return "[" + name + "]: a group has no such property in Microsoft Graph; a directory extension is extension_<application id without hyphens>_<name>"
}
