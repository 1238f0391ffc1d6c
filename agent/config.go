package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// config is the agent's one file. Secrets stand in files of their own.
type config struct {
	Target    string          `yaml:"target"`     // of the journal; also the installation's name in the ownership mark
	Relay     relayConfig     `yaml:"relay"`      // the cloud half
	Directory directoryConfig `yaml:"directory"`  // Active Directory
	State     string          `yaml:"state"`      // folder for what the agent must remember
	ScanEvery time.Duration   `yaml:"scan_every"` // how often everything is looked at for drift; default 15m
	PollEvery time.Duration   `yaml:"poll_every"` // how often the relay is asked; default: as it says
	Policy    policy          `yaml:"policy"`
}

type relayConfig struct {
	URL          string `yaml:"url"`           // https://…/api/relay/
	CAFile       string `yaml:"ca_file"`       // PEM, besides the system's authorities
	Audience     string `yaml:"audience"`      // of the API, such as api://groupwriteback
	SignIn       string `yaml:"sign_in"`       // client-secret | managed-identity
	TenantID     string `yaml:"tenant_id"`     //
	ClientID     string `yaml:"client_id"`     //
	SecretFile   string `yaml:"secret_file"`   // client-secret
	AuthorityURL string `yaml:"authority_url"` // default: that of the public cloud
	Private      bool   `yaml:"private_authority"`
}

type directoryConfig struct {
	URL          string        `yaml:"url"` // ldaps://dc1.corp.example
	ServerName   string        `yaml:"server_name"`
	CAFile       string        `yaml:"ca_file"`
	User         string        `yaml:"user"`
	PasswordFile string        `yaml:"password_file"`
	Base         string        `yaml:"base"` // DN of the OU that groups are written to
	Timeout      time.Duration `yaml:"timeout"`
}

var targetName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// readConfig reads the file. Its error names every mistake.
func readConfig(path string) (config, error) {
	c := config{ScanEvery: 15 * time.Minute}
	data, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	var errs []error
	if err := yaml.UnmarshalWithOptions(data, &c, yaml.Strict()); err != nil {
		errs = append(errs, errors.New(yaml.FormatError(err, false, true)))
	}
	need := func(key, value string) {
		if value == "" && len(errs) == 0 || value == "" && !strings.Contains(errors.Join(errs...).Error(), key) {
			errs = append(errs, fmt.Errorf("%s is not set", key))
		}
	}
	need("target", c.Target)
	need("state", c.State)
	need("relay.url", c.Relay.URL)
	need("relay.audience", c.Relay.Audience)
	need("relay.sign_in", c.Relay.SignIn)
	need("directory.url", c.Directory.URL)
	need("directory.user", c.Directory.User)
	need("directory.password_file", c.Directory.PasswordFile)
	need("directory.base", c.Directory.Base)
	if c.Target != "" && !targetName.MatchString(c.Target) {
		errs = append(errs, fmt.Errorf("target %q: use up to 32 lower-case letters, digits and '-'", c.Target))
	}
	if c.Relay.URL != "" && !strings.HasPrefix(c.Relay.URL, "https://") && !strings.HasPrefix(c.Relay.URL, "http://127.0.0.1") {
		errs = append(errs, fmt.Errorf("relay.url %q: must begin with https://", c.Relay.URL))
	}
	if _, _, ok := plan.SplitRDN(c.Directory.Base); !ok && c.Directory.Base != "" {
		errs = append(errs, fmt.Errorf("directory.base %q is not a distinguished name; write for example OU=Cloud Groups,DC=corp,DC=example", c.Directory.Base))
	}
	errs = append(errs, c.Policy.mistakes()...)
	if len(errs) > 0 {
		return c, fmt.Errorf("%s:\n%w", path, errors.Join(errs...))
	}
	c.Relay.URL = strings.TrimSuffix(c.Relay.URL, "/") + "/"
	return c, nil
}

// secret reads a file that holds a secret and nothing else.
func secret(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

func (c directoryConfig) dial() (ad.Config, error) {
	password, err := secret(c.PasswordFile)
	return ad.Config{URL: c.URL, ServerName: c.ServerName, CAFile: c.CAFile, User: c.User, Password: password, Timeout: c.Timeout}, err
}

// stateFile is a file that the agent keeps for its target.
func (c config) stateFile(suffix string) string { return filepath.Join(c.State, c.Target+suffix) }

// policy is the network owner's word, which the cloud cannot overrule.
type policy struct {
	ReadOnly    bool     `yaml:"read_only"`    // report, but write nothing
	KeepMembers bool     `yaml:"keep_members"` // never remove a member
	Never       []string `yaml:"never"`        // SIDs that are never added to a group or removed from one
}

func (p policy) mistakes() (errs []error) {
	for _, s := range p.Never {
		if _, err := directory.ParseSID(s); err != nil {
			errs = append(errs, fmt.Errorf("policy.never: %w", err))
		}
	}
	return errs
}

// judge takes out of a change what the policy forbids, and says what that was;
// refusal is set if nothing of it may be done.
func (p policy) judge(c plan.Change) (allowed plan.Change, bad []plan.BadRef, refusal string) {
	if p.ReadOnly {
		return c, nil, "the agent's policy is read_only: it writes nothing"
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
	never := func(r plan.Ref) string {
		for _, s := range p.Never {
			if string(r) == s {
				return "the agent's policy names it under never"
			}
		}
		return ""
	}
	c.Add = filter(c.Add, never)
	c.Remove = filter(c.Remove, func(r plan.Ref) string {
		if p.KeepMembers {
			return "the agent's policy is keep_members: it removes nobody"
		}
		return never(r)
	})
	return c, bad, ""
}

// where is what the agent tells the relay of the directory.
func (a *agent) where() relay.Target {
	id := a.session.identity
	return relay.Target{Base: plan.NormalDN(a.base), BaseGUID: string(id.Base), DomainSID: id.Domain, Domains: id.Domains, DC: a.session.lineage()}
}
