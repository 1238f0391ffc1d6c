package rules

import (
	"regexp"
	"slices"
	"strings"

	"groupwriteback/shared/expr"
)

// propertyNames are the properties of a group in Microsoft Graph that rules
// can look at. Source: https://learn.microsoft.com/graph/api/resources/group; those of
// writebackConfiguration are of its beta version.
func propertyNames() (plain, complexes []string) {
	return []string{"classification", "createdDateTime", "description", "displayName", "expirationDateTime", "groupTypes", "id", "isAssignableToRole", "isManagementRestricted", "mail", "mailEnabled", "mailNickname",
			"membershipRule", "membershipRuleProcessingState", "onPremisesDomainName", "onPremisesLastSyncDateTime", "onPremisesNetBiosName", "onPremisesSamAccountName",
			"onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "preferredDataLocation", "preferredLanguage", "proxyAddresses", "renewedDateTime", "resourceBehaviorOptions",
			"resourceProvisioningOptions", "securityEnabled", "securityIdentifier", "theme", "uniqueName", "visibility"},
		[]string{"writebackConfiguration"}
}

// known are the properties by their names, and by those in small letters.
var known = spellings()

func spellings() map[string]string {
	texts, complexes := propertyNames()
	all := map[string]string{}
	for _, name := range slices.Concat(texts, complexes) {
		all[name], all[strings.ToLower(name)] = name, name
	}
	all["objectId"] = "id" // as Cloud Sync calls it
	return all
}

// extension is the name of a directory extension: its application's id without hyphens, and
// its own name.
var extension = regexp.MustCompile(`^(?i)extension_[0-9a-f]{32}_[A-Za-z0-9_]+$`)

// property is the Graph property behind a name of an expression or a clause, in Graph's own
// letters, and the part of it that is meant.
func property(name string) (key, part string) {
	if canonical, is := known[name]; is {
		return canonical, ""
	}
	_, part, _ = strings.Cut(name, ".")
	key = expr.Property(name)
	if strings.EqualFold(name, "isWritebackEnabled") { // as Cloud Sync's scoping filters call it
		return "writebackConfiguration", "isEnabled"
	}
	if canonical, is := known[key]; is {
		return canonical, part
	}
	if canonical, is := known[strings.ToLower(key)]; is {
		return canonical, part
	}
	return key, part
}

// isBoolean says whether a property is true or false.
func isBoolean(key string) bool {
	switch key {
	case "isAssignableToRole", "isManagementRestricted", "mailEnabled", "onPremisesSyncEnabled", "securityEnabled":
		return true
	}
	return false
}

// propertyFault says why rules cannot look at a property; "" if they can.
func propertyFault(name string) string {
	key, part := property(name)
	all, complexes := propertyNames()
	switch {
	case slices.Contains(all, key) && part == "", extension.MatchString(key) && part == "",
		slices.Contains(complexes, key) && part != "":
		return ""
	case slices.Contains(all, key):
		return "[" + name + "]: " + key + " has no parts"
	case slices.Contains(complexes, key):
		return "[" + name + "]: write the part of it that is meant, such as [writebackConfiguration.isEnabled]"
	case key == "members" || key == "owners":
		return "[" + name + "]: members and owners are no text: see members and owners"
	}
	if near := expr.Near(key, all); near != "" {
		return "[" + name + "]: a group has no such property in Microsoft Graph; did you mean [" + near + "]?"
	}
	return "[" + name + "]: a group has no such property in Microsoft Graph; a directory extension is extension_<application id without hyphens>_<name>"
}
