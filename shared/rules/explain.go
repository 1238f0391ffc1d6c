package rules

import (
	"fmt"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// The reasons of problems, as stable words.
const (
	NotListed          = "not-listed"
	MasteredOnPremises = "mastered-on-premises"
	NotSecurity        = "not-security"
	NotMicrosoft365    = "microsoft-365"
	NotOfKind          = "kind-not-wanted"
	ExchangeGroup      = "exchange-group"
	WritebackOff       = "writeback-off"
	WritebackType      = "writeback-type"
	Excepted           = "excepted"
	NotMatched         = "not-matched"
	ScopeUnknown       = "scope-unknown"
	FilterFailed       = "filter-failed"
	ExpressionFailed   = "expression-failed"
	RoleAssignable     = "role-assignable"
	Converted          = "converted"
	NoName             = "no-name"
	GroupDeleted       = "group-deleted"
	GroupGone          = "group-gone"
	OutOfScope         = "out-of-scope"
	NestedOutOfScope   = "nested-out-of-scope"
	UnsupportedKind    = "unsupported-kind"
	ForeignSID         = "foreign-sid"
	ReservedSID        = "reserved-sid"
	NotSeen            = "not-seen"
	HiddenMembership   = "hidden-membership"
	WouldPublish       = "would-publish"
	Unconfirmed        = "unconfirmed"
	NewWithoutSID      = "new-without-sid"
	OwnersUnknown      = "owners-unknown"
	OwnerNotWritten    = "owner-not-written"
	NoExchange         = exchange.Waits
	MailIncomplete     = "mail-incomplete"
)

// Explain is the sentence for a reason, with the remedy where there is one.
func Explain(reason string) string { return explanations()[reason] }

func explanations() map[string]string {
	return map[string]string{
		NotListed:          "the group is not in the rules' scope",
		MasteredOnPremises: "the group is synchronised from Active Directory, which masters it",
		NotSecurity:        "the group is not security-enabled",
		NotMicrosoft365:    "Microsoft 365 groups are not among the rules' kinds",
		NotOfKind:          "groups of this kind are not among the rules' kinds",
		ExchangeGroup:      "Exchange Online masters this group (a distribution list, or a mail-enabled security group): it is never written",
		WritebackOff:       "its writebackConfiguration does not have it written, and the rules honour that",
		WritebackType:      "its writebackConfiguration names a type that a group of its kind cannot have: a security group can be universalSecurityGroup alone",
		Excepted:           "the rules' scope excepts the group",
		NotMatched:         "no filter of the rules' scope matches the group",
		ScopeUnknown:       "whether it is a member of the scope's group is not known: Graph has not told, or not confirmed, who is in that; the AD group stays as it is",
		FilterFailed:       "whether a filter of the scope matches is not known: its regular expression takes too long for this group; the AD group stays as it is: write a simpler one",
		ExpressionFailed:   "an expression of the rules fails for this group",
		RoleAssignable:     "role-assignable groups are not written unless the rules let them in (scope.role_assignable)",
		Converted:          "the group was converted from an AD group that still exists: adopt that group instead of making a second one",
		NoName:             "Graph gives no displayName for the group, or the rules make no name of it",
		GroupDeleted:       "the group was deleted in Entra ID",
		GroupGone:          "Entra ID no longer lists the group",
		OutOfScope:         "the group left the scope of the rules",
		NestedOutOfScope:   "the nested group is not in scope, or waits, so there is no AD group to refer to",
		UnsupportedKind:    "members of this kind have no object in Active Directory",
		ForeignSID:         "the SID belongs to a domain outside this forest",
		ReservedSID:        "well-known and built-in accounts are never written as members",
		NotSeen:            "Graph has named the member but not described it: it is asked for by its id; if it stays so, does the app have User.Read.All, Device.Read.All and, where contacts are written, OrgContact.Read.All?",
		Unconfirmed:        "Entra ID did not list the group: it is asked for by name before it is taken for gone, and the AD group stays as it is",
		NewWithoutSID:      "Graph no longer gives the account's SID (is it still synchronised?), or the contact's address: it becomes no new member until it does",
		OwnersUnknown:      "who all the owners of the group are is not known: it is asked for by name, and who manages the AD group is left as it is",
		OwnerNotWritten:    "an owner does not manage the AD group",
		NoExchange:         "groups with mail wait for Exchange: none is made, and those that are there keep the mail attributes that they have",
		MailIncomplete:     "something of the group's mail is not written",
		HiddenMembership:   "the group's membership is hidden and was read without Member.Read.Hidden, so nobody knows who is in it; the AD group keeps the members it has, and none is made",
		WouldPublish:       "the group's membership is hidden, and Active Directory would show it to everybody; the AD group keeps the members it has, and none is made: take the group out of scope, or let it in by members.hidden",

		string(directory.CloudOnly):   "the account exists only in the cloud: it has no AD account to refer to",
		string(directory.Guest):       "the guest has no AD account to refer to",
		string(directory.LostSID):     "Graph no longer gives the account's SID (is it still synchronised?); its membership is kept",
		string(directory.NoMail):      "the contact has no address in Entra ID, so nobody can say which contact of Active Directory it is",
		string(directory.LostMail):    "Graph no longer gives the contact's address; its membership is kept",
		string(directory.LostSoft):    "the account is in Entra ID's recycle bin; its membership is kept until the group loses it",
		string(directory.LostForGood): "the account was deleted in Entra ID; its membership is kept until the group loses it",
	}
}

// Describe is a problem in words.
func Describe(p plan.Problem) string {
	if p.Text != "" {
		return p.Text
	}
	if s := Explain(p.Reason); s != "" {
		return s
	}
	return fmt.Sprintf("reason %s", p.Reason)
}
