// Package rules decides what should exist in Active Directory: which groups are
// in scope, what they are called, what stands in their attributes and who their
// members are.
//
// It is pure: no context, no clock, no log, no I/O. What it cannot decide is a
// problem with its reason and leaves the group as it is; it never turns into a
// removal.
package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Rules are what the operator's rules file says.
type Rules struct {
	OU     string // DN of the one container of all groups, in the form of plan.NormalDN
	Scope  Scope
	Limits plan.Limits // how much may go without a person's word
	Rename bool        // a new display name renames the group, instead of changing displayName alone

	// Revision makes rules other ones that decide the same: an operator who goes
	// back to rules that were replaced says so by a new number.
	Revision uint64
}

// Scope says which cloud groups are written.
type Scope struct {
	All    bool                  // all that this product can write
	Groups map[directory.ID]bool // or these
}

// version is part of Hash: it counts the changes of what this code decides.
const version = 4

// Hash identifies what the rules decide. A planner whose rules are not the
// journal's present ones has every group decided again.
func (r *Rules) Hash() string {
	data, err := json.Marshal([]any{version, r})
	if err != nil {
		panic("rules: plain data cannot fail to encode: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// Attributes lists the AD attributes that the rules decide, sorted: what the
// agent has to read.
func (r *Rules) Attributes() []string {
	return []string{"adminDescription", "description", "displayName", "groupType", "info", "msDS-ExternalDirectoryObjectId", "sAMAccountName"}
}

// Containers lists the DNs of the containers that the rules write to.
func (r *Rules) Containers() []string { return []string{r.OU} }

// InScope says whether a group is to be written and, where it is not, why. The
// fixed clauses are those of Cloud Sync (securityEnabled, not mailEnabled, not
// mastered on premises), and two of ours.
func (r *Rules) InScope(g *directory.Group) (ok bool, reason string) {
	is := func(p string) bool { return g.Props.First(p) == "true" }
	switch {
	case !r.Scope.All && !r.Scope.Groups[g.ID]:
		return false, NotListed
	case is("onPremisesSyncEnabled"):
		return false, MasteredOnPremises
	case !is("securityEnabled"):
		return false, NotSecurity
	case is("mailEnabled"):
		return false, MailEnabled
	case is("isAssignableToRole"):
		return false, RoleAssignable
	case g.Props.First("onPremisesSecurityIdentifier") != "":
		return false, Converted
	}
	return true, ""
}

// sorted returns values in the order that plan.Group asks for.
func sorted(values ...string) []string {
	slices.Sort(values)
	return values
}
