package rules

import (
	"cmp"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Kind is what a cloud group is.
type Kind string

// The kinds that can be written.
const (
	Security     Kind = "security"
	Microsoft365 Kind = "microsoft365"
)

// Type is what a group is in Active Directory.
type Type string

// The types.
const (
	SecurityGroup     Type = "security"
	Distribution      Type = "distribution"
	MailEnabledSecure Type = "mail-enabled-security" // a security group with mail attributes
)

// Types lists them.
func Types() []Type { return []Type{SecurityGroup, Distribution, MailEnabledSecure} }

// Kinds says what becomes of each kind of cloud group; one that is not in it is not
// written. Nil: security groups become security groups.
type Kinds map[Kind]Type

func (k Kinds) typeOf(kind Kind) (Type, bool) {
	if k == nil {
		return SecurityGroup, kind == Security
	}
	t, ok := k[kind]
	return t, ok
}

// Reach is how far a group reaches in a forest: Active Directory calls it the group's scope.
type Reach string

// The reaches. Empty is Universal.
const (
	Universal   Reach = "universal"
	Global      Reach = "global"
	DomainLocal Reach = "domain-local"
)

// Reaches lists them.
func Reaches() []Reach { return []Reach{Universal, Global, DomainLocal} }

// groupType is the attribute's value.
func groupType(t Type, reach Reach) string {
	security := string(SecurityGroup)
	if t == Distribution {
		security = string(Distribution)
	}
	return plan.GroupType(string(cmp.Or(reach, Universal)) + "-" + security)
}

// GroupTypes lists what the rules make of groups, in the words of plan.GroupTypes.
func (r *Rules) GroupTypes() []string {
	var values []string
	kinds := r.Kinds
	if kinds == nil {
		kinds = Kinds{Security: SecurityGroup}
	}
	for kind, t := range kinds {
		values = append(values, groupType(t, r.Reach))
		if r.Writeback != nil && kind == Microsoft365 { // the group says which
			values = append(values, groupType(SecurityGroup, r.Reach), groupType(Distribution, r.Reach))
		}
	}
	var words []string
	for word, value := range plan.GroupTypes() {
		if slices.Contains(values, value) {
			words = append(words, word)
		}
	}
	return sorted(words...)
}

// kindOf says what a cloud group is or, where it is nothing that can be written, why.
func kindOf(g *directory.Group) (kind Kind, reason string) {
	switch {
	case g.Props.Unified():
		return Microsoft365, ""
	case !is(g, "mailEnabled") && is(g, "securityEnabled"):
		return Security, ""
	case is(g, "mailEnabled"):
		return "", ExchangeGroup
	}
	return "", NotSecurity
}

// typeOf says what becomes of a group in Active Directory or, where nothing does, why.
func (r *Rules) typeOf(g *directory.Group) (t Type, reason string) {
	kind, reason := kindOf(g)
	if reason != "" {
		return "", reason
	}
	t, wanted := r.Kinds.typeOf(kind)
	switch {
	case !wanted && kind == Microsoft365:
		return "", NotMicrosoft365
	case !wanted:
		return "", NotOfKind
	case r.Writeback != nil:
		return r.Writeback.typeOf(g, kind)
	}
	return t, ""
}

// Writeback honours the group's writebackConfiguration, as Group Writeback v2 does.
// Source: https://learn.microsoft.com/graph/api/resources/groupwritebackconfiguration.
type Writeback struct {
	// NotByDefault is the tenant's NewUnifiedGroupWritebackDefault set to false: Microsoft
	// 365 groups without a word of their own are not written.
	NotByDefault bool
}

// typeOf is v2's table. Of security groups without a word of their own public pages say both;
// what nobody has switched on is not written.
func (w *Writeback) typeOf(g *directory.Group, kind Kind) (t Type, reason string) {
	config := g.Props["writebackConfiguration"]
	first := func(part string) string {
		if v := parts(config, part); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	enabled, wanted := first("isEnabled"), first("onPremisesGroupType")
	switch {
	case enabled == "false", enabled == "" && (kind == Security || w.NotByDefault):
		return "", WritebackOff
	case kind == Security && wanted != "" && wanted != "universalSecurityGroup":
		return "", WritebackType
	}
	switch wanted {
	case "universalSecurityGroup":
		return SecurityGroup, ""
	case "universalMailEnabledSecurityGroup":
		return MailEnabledSecure, ""
	case "universalDistributionGroup":
		return Distribution, ""
	case "":
		if kind == Security {
			return SecurityGroup, ""
		}
		return Distribution, ""
	}
	return "", WritebackType
}
