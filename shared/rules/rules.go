// Package rules decides what should exist in Active Directory: which groups are
// in scope, what becomes of each kind of group, where they stand and what they are
// called, what is in their attributes and who their members are. docs/rules.md is
// its page for people; schema.json is its file format.
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
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Rules are what the operator's rules file says. What is left out is as by default:
// cloud security groups become universal security groups, with the attributes of
// the default mapping, and with users, devices and groups as members.
type Rules struct {
	OU        string     // DN of the container of all groups, in the form of plan.NormalDN
	Container *Mapping   // gives the DN instead, where there is one; OU is what it gives by default
	Scope     Scope      // which cloud groups are written
	Kinds     Kinds      // what becomes of them
	Reach     Reach      // how far a new group reaches: its scope in Active Directory's words
	Writeback *Writeback // the group's own word on whether it is written; nil: it is not asked
	Mapping   []Mapping  // of attributes, by name; nil: the default mapping
	Rename    bool       // a new cn or account name renames a group that has one
	Members   Members    // which of the cloud's members
	Owners    Owners     // what becomes of the cloud's owners
	Mail      Mail       // how mail reaches groups that have any
	Leaving   Leaving    // what becomes of groups that are not wanted any more
	Limits    plan.Limits

	// Revision makes rules other ones that decide the same: an operator who goes
	// back to rules that were replaced says so by a new number.
	Revision uint64
}

// Members says who of a cloud group's members becomes one in Active Directory.
type Members struct {
	Additive bool // who is a member in Active Directory and was never one in the cloud stays
	Flat     bool // nested groups are not members: those are who is in them, at any depth
	Hidden   bool // hidden membership is written too, where everybody can read it

	Contacts                     bool // contacts are written, by their address
	NoUsers, NoDevices, NoGroups bool // kinds that are left out
	NoADGroups                   bool // groups that Active Directory masters are left out
}

// version is part of Hash: it counts the changes of what this code decides.
const version = 7

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

// Attributes lists the AD attributes that the rules decide, sorted, links other than member
// among them: what the agent has to read.
func (r *Rules) Attributes() []string {
	names := []string{"adminDescription", "groupType", "info", "msDS-ExternalDirectoryObjectId", plan.AccountName}
	for _, m := range r.mapping() {
		if m.Attribute != commonName && m.Attribute != plan.AccountName {
			names = append(names, m.Attribute)
		}
	}
	for _, l := range r.Owners.links() {
		names = append(names, string(l))
	}
	names = append(names, r.Mail.attributes()...)
	slices.Sort(names)
	return names
}

// Properties lists the properties of groups that the rules look at, by their Graph
// names, sorted, "owners" among them: what Graph has to be asked for.
func (r *Rules) Properties() []string {
	names := r.Scope.properties()
	for _, m := range r.mapping() {
		names = append(names, m.properties()...)
	}
	if r.Container != nil {
		names = append(names, r.Container.properties()...)
	}
	if r.Writeback != nil {
		names = append(names, "writebackConfiguration")
	}
	if r.Owners != IgnoreOwners {
		names = append(names, "owners")
	}
	names = append(names, r.Mail.properties()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Containers lists the DNs of the containers that the rules write to, as far as they
// stand in the file: the default, and each text of an expression that is a DN.
func (r *Rules) Containers() []string {
	dns := []string{r.OU}
	if r.Container != nil {
		for _, text := range r.Container.texts() {
			if plan.NamesContainer(text) {
				dns = append(dns, plan.NormalDN(text))
			}
		}
	}
	slices.Sort(dns)
	return slices.CompactFunc(dns, strings.EqualFold)
}

// sorted returns values in the order that plan.Group asks for.
func sorted[T ~string](values ...T) []T {
	slices.Sort(values)
	return slices.Compact(values)
}

// is says whether a property is true; one that Graph does not give is not.
func is(g *directory.Group, property string) bool { return g.Props.First(property) == "true" }
