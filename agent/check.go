package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/yamlfile"
)

// check looks at everything that run relies on, and goes on after a failure so that all
// of them are told. It writes nothing in Active Directory, takes no lease, and leaves
// nothing on the disk, but that a sign-in was refused.
func check(ctx context.Context, file string, l *checklist.List) error {
	c, err := readConfig(file)
	if err != nil {
		l.Bad("configuration", err)
		return mistake{l.Err()}
	}
	l.Good("configuration", file)
	l.Say("permissions", errors.Join(c.permissions(file)...), permissionsText())
	for _, key := range c.padded() {
		l.Warn("secret", fmt.Sprintf("what is in %s begins or ends with a blank, which counts: is it meant?", key))
	}
	c.checkPolicy(l)
	c.checkState(l)

	place, err := c.checkDirectory(ctx, l)
	if err == nil {
		defer place.close()
	}
	c.checkRelay(ctx, l, place)
	return l.Err()
}

func permissionsText() string {
	if !hasModes() {
		return "not looked at: Windows keeps them apart from a file's mode; see to it with icacls that the agent's account and administrators alone may read secrets and change this file"
	}
	return "of this file, secrets and authorities, and of the folders that they are in"
}

// checkPolicy says what is in force.
func (c config) checkPolicy(l *checklist.List) {
	var words []string
	if c.Policy.KeepMembers {
		words = append(words, "keep_members: nobody is removed from a group")
	}
	if n := len(c.Policy.Never); n > 0 {
		words = append(words, fmt.Sprintf("never: %d accounts or groups are neither added nor removed", n))
	}
	if c.Policy.Mail {
		words = append(words, "mail: what Exchange has for groups with mail may be written")
	}
	if c.Policy.Quarantine {
		words = append(words, "quarantine: a security group may become a distribution group")
	}
	if c.Policy.Delete {
		words = append(words, "delete: groups may be deleted")
	}
	switch {
	case c.Policy.ReadOnly:
		l.Warn("policy", strings.Join(append([]string{"read_only: nothing is written"}, words...), "; "))
	case len(words) > 0:
		l.Good("policy", strings.Join(words, "; "))
	default:
		l.Good("policy", "none: what the cloud half plans is done, within the rights of the account, but that no group is deleted or becomes a distribution group")
	}
}

// checkRelay asks the relay, and holds what it is for against the file and the directory.
func (c config) checkRelay(ctx context.Context, l *checklist.List, p *place) {
	w, err := c.Relay.welcome(ctx, c.relayCaution(), time.Now)
	l.Say("relay", err, fmt.Sprintf("%s, as %s", c.Relay.URL, w.Agent))
	if s, whole := c.Relay.signIn(nil, &yamlfile.Mistakes{}); whole && s.Ending(time.Now()) != "" {
		l.Warn("relay", s.Ending(time.Now()))
	}
	switch {
	case err != nil:
		l.Unknown("target", "the relay did not answer")
		l.Unknown("container", "the relay did not answer")
		return
	case w.Target == "":
		l.Unknown("target", "the relay does not say what it is for: it is of an older version")
		l.Unknown("container", "the relay does not say which the rules write to: it is of an older version")
		return
	}
	good, err := c.sameTarget(w.Serving, p)
	l.Say("target", err, good)
	if err := c.Policy.more().Lacks(w.Attributes, w.GroupTypes); err != nil {
		l.Say("rules", err, "")
	}
	if p != nil {
		p.domain.Attrs = w.Attributes
	}
	for _, dn := range w.Containers {
		if p == nil {
			l.Unknown("container", "the directory could not be asked about "+dn)
			continue
		}
		good, err := p.inspection().Container(ctx, dn)
		l.Say("container", err, good)
	}
}

// sameTarget holds the relay's target, and the domain and container that its journal is
// for, against those of the agent.
func (c config) sameTarget(s relay.Serving, p *place) (string, error) {
	switch {
	case s.Target != c.Target:
		return "", fmt.Errorf("the relay is for target %q, and this file says %q: correct target or relay.url", s.Target, c.Target)
	case s.Pinned == nil:
		return s.Target + ", whose journal has not heard of any directory yet", nil
	case p == nil:
		return s.Target + ", whose journal is for " + s.Pinned.Base, nil
	case s.Pinned.DomainSID != p.domain.Identity.Domain:
		return "", fmt.Errorf("the journal is for domain %s, and directory.url leads to domain %s: correct directory.url, or use another target; if the journal is wrong, say so (action repin, docs/recover.md)",
			s.Pinned.DomainSID, p.domain.Identity.Domain)
	case s.Pinned.BaseGUID != "" && s.Pinned.BaseGUID != string(p.domain.Identity.Base):
		return "", fmt.Errorf("the journal is for another container, %s: correct directory.base, or use another target; if the journal is wrong, say so (action repin, docs/recover.md)", s.Pinned.Base)
	}
	return s.Target + ", whose journal is for this container", nil
}

// welcome is what the relay says to an agent that does not ask for work yet: a poll
// would take the lease.
func (c relayConfig) welcome(ctx context.Context, care *caution, now func() time.Time) (relay.Welcome, error) {
	queue, err := c.client(care)
	if err != nil {
		return relay.Welcome{}, err
	}
	w, err := queue.Check(ctx)
	if err != nil {
		return relay.Welcome{}, err
	}
	return w, checkClock(now(), w.Now)
}

// client is the relay as a queue, with the agent's sign-in.
func (c relayConfig) client(care *caution) (*relay.Client, error) {
	transport, err := c.transport()
	if err != nil {
		return nil, err
	}
	sign, err := c.signer(transport, care)
	if err != nil {
		return nil, err
	}
	return &relay.Client{URL: c.URL, HTTP: transport, Sign: sign}, nil
}

// sids are those of policy.never, which were read when the file was.
func (p policy) sids() (out []directory.SID) {
	for _, s := range p.Never {
		out = append(out, directory.SID(s))
	}
	return out
}
