package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/yamlfile"
)

// policy is the network owner's word, which the cloud cannot overrule.
type policy struct {
	ReadOnly    bool     `yaml:"read_only"`    // report, but write nothing
	KeepMembers bool     `yaml:"keep_members"` // never remove a member
	Never       []string `yaml:"never"`        // SIDs that are never added to a group or removed from one, by any link
	Attributes  []string `yaml:"attributes"`   // that rules may set, beside those that every plan may
	GroupTypes  []string `yaml:"group_types"`  // that rules may make, beside universal-security
	Mail        bool     `yaml:"mail"`         // what Exchange has for groups with mail may be set
	Quarantine  bool     `yaml:"quarantine"`   // a security group may become a distribution group
	Delete      bool     `yaml:"delete"`       // groups may be deleted
}

// String says what is forbidden, in short; "" if nothing is.
func (p policy) String() string {
	var out []string
	if p.ReadOnly {
		out = append(out, "read_only")
	}
	if p.KeepMembers {
		out = append(out, "keep_members")
	}
	if len(p.Never) > 0 {
		out = append(out, fmt.Sprintf("never: %d accounts", len(p.Never)))
	}
	return strings.Join(out, ", ")
}

// more is what the policy allows beyond what every plan may do.
func (p policy) more() ad.Allowed {
	return ad.Allowed{Attributes: p.Attributes, GroupTypes: p.GroupTypes, Mail: p.Mail, Quarantine: p.Quarantine && !p.KeepMembers}
}

func (p policy) check(m *yamlfile.Mistakes) {
	for i, s := range p.Never {
		if _, err := directory.ParseSID(s); err != nil {
			m.Bad(fmt.Sprintf("policy.never[%d]", i), "write a security identifier, such as S-1-5-21-1004336348-1177238915-682003330-1104")
		}
	}
	for i, name := range p.Attributes {
		if fault := ad.AttributeFault(name); fault != "" {
			m.Bad(fmt.Sprintf("policy.attributes[%d]", i), name+" "+fault)
		}
	}
	words := slices.Sorted(maps.Keys(plan.GroupTypes()))
	for i, word := range p.GroupTypes {
		if !slices.Contains(words, word) {
			m.Bad(fmt.Sprintf("policy.group_types[%d]", i), "write some of "+strings.Join(words, ", "))
		}
	}
}

// judge asks the directory whom a change is about, where the policy needs to know
// that, and takes out of the change what the policy forbids. An error is one of the
// connection.
func (a *agent) judge(ctx context.Context, c plan.Change) (allowed plan.Change, bad []plan.BadRef, refusal string, err error) {
	sids, err := a.whom(ctx, c)
	if err != nil {
		return c, nil, "", err
	}
	allowed, bad, refusal = a.policy.judge(c, sids)
	if c.Op == plan.Delete && refusal == "" {
		refusal, err = a.spares(ctx, c)
	}
	return allowed, bad, refusal, err
}

// whom asks the directory for the SIDs that the policy has to know of a change. An error is
// one of the connection.
func (a *agent) whom(ctx context.Context, c plan.Change) (map[plan.Ref]directory.SID, error) {
	refs := a.policy.unclear(c)
	if len(refs) == 0 {
		return nil, nil
	}
	sids, err := a.session.Resolve(ctx, refs, c.Known)
	if err != nil && (errors.Is(err, ad.ErrConnection) || ctx.Err() != nil) {
		return nil, fmt.Errorf("find out whom the change is about: %w", err)
	}
	return sids, nil
}

// unclear are the members of a change, or values of another link, whose SIDs the policy has to know and that are
// named in another way: by the mark of a group, or by a GUID.
func (p policy) unclear(c plan.Change) (refs []plan.Ref) {
	if len(p.Never) == 0 || p.ReadOnly || c.Of().NamesLists() {
		return nil
	}
	for _, r := range slices.Concat(c.Add, c.Remove) {
		_, bySID := r.SID()
		_, contact := r.Mail()
		if !bySID && !contact {
			refs = append(refs, r)
		}
	}
	return refs
}

// judge takes out of a change what the policy forbids, and says what that was;
// refusal is set if nothing of it may be done. sids are those of the members that
// the change does not name by SID: the policy holds for an object, in whichever form
// it is named, and for one that nobody knows it is taken to forbid it.
func (p policy) judge(c plan.Change, sids map[plan.Ref]directory.SID) (allowed plan.Change, bad []plan.BadRef, refusal string) {
	if p.ReadOnly {
		return c, nil, "the agent's policy is read_only: it writes nothing"
	}
	if p.KeepMembers && c.Op != plan.Create && c.Op != plan.Restore && losesSecurity(c.Set) {
		return c, nil, "the agent's policy is keep_members: with another groupType the group would give its members nothing any more, whatever policy.quarantine says"
	}
	if c.Op == plan.Delete {
		return c, nil, p.deletes()
	}
	if c.Of().NamesLists() {
		return c, nil, ""
	}
	filter := func(refs []plan.Ref, forbidden func(plan.Ref) string) (kept []plan.Ref) {
		for _, r := range refs {
			if text := forbidden(r); text != "" {
				bad = append(bad, plan.BadRef{Ref: r, Text: text})
			} else {
				kept = append(kept, r)
			}
		}
		return kept
	}
	never := func(r plan.Ref) string { return p.never(r, sids) }
	c.Add = filter(c.Add, never)
	c.Remove = filter(c.Remove, func(r plan.Ref) string {
		if p.KeepMembers && c.Of().Grants() {
			return "the agent's policy is keep_members: it removes nobody"
		}
		return never(r)
	})
	return c, bad, ""
}

// never says why a member may be neither added nor removed; "" if it may.
func (p policy) never(r plan.Ref, sids map[plan.Ref]directory.SID) string {
	if _, contact := r.Mail(); contact || len(p.Never) == 0 { // a contact has no SID, and the agent takes nothing else for one
		return ""
	}
	sid, known := r.SID()
	if known {
		_, err := directory.ParseSID(string(sid))
		known = err == nil
	} else {
		sid, known = sids[r]
	}
	switch {
	case !known:
		return "the agent's policy names accounts under never, and whether this is one of them cannot be found out: it is not there, or has no SID that the agent's account can see; add or remove it by hand"
	case slices.Contains(p.Never, string(sid)):
		return "the agent's policy names it under never"
	}
	return ""
}

// losesSecurity says whether attributes are set by which a group is no security
// group any more, so that all of its members lose what it gives them.
func losesSecurity(set map[string][]string) bool {
	for name, values := range set {
		if !strings.EqualFold(name, "groupType") {
			continue
		}
		if len(values) != 1 {
			return true
		}
		if !plan.Secures(values[0]) {
			return true
		}
	}
	return false
}

// grounds is a digest of what decides whether a change is refused: with another one
// the relay's side tries again what was. An error is one of the connection: what the
// account may not read counts as one state of things, too.
func (a *agent) grounds(ctx context.Context) (string, error) {
	theirs, err := a.session.Grounds(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return "", fmt.Errorf("read what decides refusals: %w", err)
	case err != nil:
		a.log.Warn("what decides refusals cannot be read: those are tried again less often", "err", err)
		theirs = err.Error()
	}
	ours, err := json.Marshal(a.policy)
	if err != nil {
		return "", fmt.Errorf("encode policy: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%v", ours, theirs, a.place.Restores))
	return hex.EncodeToString(sum[:16]), nil
}
