package main

import (
	"fmt"
	"strings"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/plan"
)

// word is what a policy says of one kind of change.
type word struct {
	What    string `json:"what"`
	Allowed answer `json:"allowed"`
	Text    string `json:"text"` // what may be done, or why not and what would allow it
}

// answer is whether something may be done.
type answer string

const (
	yes    answer = "yes"
	no     answer = "no"
	partly answer = "partly"
)

// says is the policy in sentences: what it makes of each kind of change, by the code that judges
// changes.
func (p policy) says() []word {
	more := p.more()
	someone := []plan.Ref{plan.MailRef("someone")} // whom never cannot name
	const distribution = "universal-distribution"
	return []word{
		{"read", yes, "what is in the base is read, and reported"},
		p.of("create", plan.Change{Op: plan.Create}, "groups in the base and below it, only of the kinds "+strings.Join(more.Makes(), ", ")+": policy.group_types allows others"),
		p.of("rename", plan.Change{Op: plan.Rename}, "a group gets another name, and another place below the base"),
		p.of("attributes", plan.Change{Op: plan.Update}, "only "+strings.Join(ad.Allowed{Attributes: more.Attributes}.Sets(), ", ")+" are set: policy.attributes allows others"),
		p.word("mail", plan.Change{Op: plan.Update}, more.Mail, "what Exchange has for groups with mail is set", "what Exchange has for groups with mail is not set: set policy.mail to true to allow it"),
		p.but(p.of("add", plan.Change{Op: plan.Update, Add: someone}, "members come into a group")),
		p.but(p.of("remove", plan.Change{Op: plan.Update, Remove: someone}, "members are taken out of a group")),
		p.but(p.of("managers", plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Add: someone, Remove: someone}, "who manages a group is set")),
		p.word("quarantine", plan.Change{Op: plan.Update, Set: map[string][]string{plan.GroupTypeAttribute: {plan.GroupType(distribution)}}}, more.Quarantine,
			"a security group becomes a distribution group, and gives its members nothing any more", "no security group becomes a distribution group: set policy.quarantine to true to allow it"),
		p.but(p.of("delete", plan.Change{Op: plan.Delete}, "groups are deleted that the account could have back")),
		p.of("restore", plan.Change{Op: plan.Restore}, "a group that was deleted comes back, if the account has the rights"),
		p.of("release", plan.Change{Op: plan.Disown}, "a group is let go: it stays as it is, and is nobody's"),
	}
}

// of is what becomes of a change; text is what that does.
func (p policy) of(what string, c plan.Change, text string) word {
	_, bad, refusal := p.judge(c, nil)
	switch {
	case refusal != "":
		return word{what, no, refusal}
	case len(bad) > 0:
		return word{what, no, bad[0].Text}
	}
	return word{what, yes, text}
}

// word is what becomes of a change that needs a word of the policy besides.
func (p policy) word(what string, c plan.Change, allowed bool, text, refusal string) word {
	w := p.of(what, c, text)
	if w.Allowed == yes && !allowed {
		return word{what, no, refusal}
	}
	return w
}

// but adds whom a change must not be about.
func (p policy) but(w word) word {
	if w.Allowed != yes || len(p.Never) == 0 {
		return w
	}
	return word{w.What, partly, fmt.Sprintf("%s, but for %s (policy.never), and for whoever cannot be told from them", w.Text, strings.Join(p.Never, ", "))}
}
