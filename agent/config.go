package main

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/signin"
	"groupwriteback/shared/yamlfile"
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
	URL          string `yaml:"url"`      // https://…/api/relay/
	CAFile       string `yaml:"ca_file"`  // PEM, besides the system's authorities
	Audience     string `yaml:"audience"` // of the API, such as api://groupwriteback
	SignIn       string `yaml:"sign_in"`  // a signin.Method
	TenantID     string `yaml:"tenant_id"`
	ClientID     string `yaml:"client_id"`
	SecretFile   string `yaml:"secret_file"`               // client-secret
	Certificate  string `yaml:"certificate_file"`          // client-certificate
	Password     string `yaml:"certificate_password_file"` // of a PKCS #12 certificate
	AuthorityURL string `yaml:"authority_url"`             // default: that of the public cloud
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

func defaults() config {
	return config{ScanEvery: 15 * time.Minute, Directory: directoryConfig{Timeout: time.Minute}}
}

// maxTimeout is how long one request to the directory may take: a change that is
// begun at the very end of the lease reads and writes, and both must be over
// before another agent gets the lease, two minutes later.
const maxTimeout = time.Minute

var targetName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// readConfig reads the file. Its error names every mistake.
func readConfig(path string) (config, error) {
	c := defaults()
	m, whole, err := yamlfile.Read(path, &c)
	if err != nil {
		return c, unread(err)
	}
	if !whole {
		return c, m.Err()
	}
	c.check(m)
	c.Relay.check(m)
	c.Directory.check(m)
	c.Policy.check(m)
	c.Relay.URL = strings.TrimSuffix(c.Relay.URL, "/") + "/"
	return c, m.Err()
}

// unread is an error of a file that cannot be opened.
func unread(err error) error {
	return fmt.Errorf("read the agent's file: %w: name it by --config, and let this account read it", err)
}

// readPolicy reads the policy alone. Its error names every mistake of that, and of the file's
// form; a key that the file does not know may be meant for it.
func readPolicy(path string) (policy, error) {
	var c config
	m, whole, err := yamlfile.Read(path, &c, "policy")
	if err != nil {
		return policy{}, unread(err)
	}
	if whole {
		c.Policy.check(m)
	}
	return c.Policy, m.Err()
}

func (c config) check(m *yamlfile.Mistakes) {
	m.Need("target", c.Target)
	m.Need("state", c.State)
	if c.State != "" && !filepath.IsAbs(c.State) {
		m.Bad("state", "write the whole path, from the root: another folder would be another memory, and neither ~ nor variables such as $HOME are replaced")
	}
	if c.Target != "" && !targetName.MatchString(c.Target) {
		m.Bad("target", "use up to 32 lower-case letters, digits and '-'")
	}
	if c.ScanEvery <= 0 {
		m.Bad("scan_every", "write a time, such as 15m")
	}
	if c.PollEvery < 0 {
		m.Bad("poll_every", "write a time, such as 1s, or leave it out")
	}
}

func (c relayConfig) check(m *yamlfile.Mistakes) {
	m.Need("relay.url", c.URL)
	m.Need("relay.audience", c.Audience)
	m.Need("relay.sign_in", c.SignIn)
	if c.URL != "" && !isRelay(c.URL) {
		m.Bad("relay.url", "write https://, a host, and /api/relay/ behind it")
	}
	if c.Private && c.AuthorityURL == "" {
		m.Bad("relay.private_authority", "it is about relay.authority_url, which is not set: set that, or remove this")
	}
	if c.Audience != "" && !signin.IsAudience(c.Audience) {
		m.Bad("relay.audience", "write the API's id URI, such as api://groupwriteback, or its application id, a GUID")
	}
	if c.TenantID != "" && !signin.IsID(c.TenantID) {
		m.Bad("relay.tenant_id", "write the tenant's id, a GUID, and not its domain")
	}
	if c.ClientID != "" && !signin.IsID(c.ClientID) {
		m.Bad("relay.client_id", "write the application (client) id, a GUID")
	}
	if _, err := signin.Transport(c.CAFile); err != nil {
		m.Bad("relay.ca_file", "%w", yamlfile.Unnamed(err))
	}
	if err := signin.CheckProxy(cmp.Or(os.Getenv("HTTPS_PROXY"), os.Getenv("https_proxy"))); err != nil {
		m.Add(err)
	}
	sign, whole := c.signIn(nil, m)
	whole = whole && (c.TenantID == "" || signin.IsID(c.TenantID)) // else the library says it again, in other words
	if _, err := c.credential(sign, whole, m); err != nil {
		m.Add(err)
	}
}

// isRelay says whether tokens may be sent to a URL: in the clear only within this
// machine.
func isRelay(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		(u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "127.0.0.1")
}

func (c directoryConfig) check(m *yamlfile.Mistakes) {
	m.Need("directory.url", c.URL)
	m.Need("directory.user", c.User)
	m.Need("directory.password_file", c.PasswordFile)
	m.Need("directory.base", c.Base)
	if c.URL != "" && !isLDAP(c.URL) {
		m.Bad("directory.url", "write ldaps:// and a domain controller's name, or ldap:// for StartTLS")
	}
	if _, _, ok := plan.SplitRDN(c.Base); !ok && c.Base != "" {
		m.Bad("directory.base", "write a distinguished name, such as OU=Cloud Groups,DC=corp,DC=example")
	}
	if c.ServerName != "" && !hostName.MatchString(c.ServerName) {
		m.Bad("directory.server_name", "write the domain controller's name as its certificate has it, such as dc1.corp.example")
	}
	if c.Timeout <= 0 || c.Timeout > maxTimeout {
		m.Bad("directory.timeout", "write a time of up to %v: a longer one could outlast the agent's lease", maxTimeout)
	}
	if c.CAFile != "" {
		m.File("directory.ca_file", c.CAFile)
	}
	if c.PasswordFile != "" {
		m.File("directory.password_file", c.PasswordFile)
	}
}

// isLDAP says whether a URL is a domain controller's, and nothing more: a password in it
// would be told with each error.
func isLDAP(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "ldaps" || u.Scheme == "ldap") && u.Host != "" && u.Path == "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,253}$`)

func (c directoryConfig) dial() (ad.Config, error) {
	password, err := secretIn(c.PasswordFile)
	return ad.Config{URL: c.URL, ServerName: c.ServerName, CAFile: c.CAFile, User: c.User, Password: password, Timeout: c.Timeout}, err
}

func (c config) makeState() error {
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

func (c config) memory() memory { return memory{filepath.Join(c.State, c.Target)} }
