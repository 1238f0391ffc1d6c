package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/signin"
	"groupwriteback/shared/textfile"
)

// options are the command line, the environment, and an agent's file, in this order.
type options struct {
	tenant, client, signIn string
	cloud                  string
	graphURL, authority    string
	private                bool
	caFile                 string

	agent    string // the agent's file
	ldap     ad.Config
	password string // file
	target   string
	base     string

	rulesFile string
	ou        string

	output           string // text or json
	json, short, all bool

	rules *rules.Rules
	text  []byte // of the rules
	ask   asker
}

// passwordVariable is where the password of the domain's account may stand.
const passwordVariable = "PILOT_PASSWORD"

// defaults are the options before the command line is read.
func defaults(environ []string) *options {
	o := &options{ask: keyboard{}}
	for _, kv := range environ {
		switch name, value, _ := strings.Cut(kv, "="); name {
		case "AZURE_TENANT_ID":
			o.tenant = value
		case passwordVariable:
			o.ldap.Password = value
		}
	}
	return o
}

func (o *options) flags(f *pflag.FlagSet) {
	f.StringVar(&o.tenant, "tenant", o.tenant, "id of the tenant, a GUID")
	f.StringVar(&o.signIn, "sign-in", string(signin.DeviceCode), "how to sign in to Entra ID: device-code, browser, azure-cli (after az login) or environment (AZURE_ variables)")
	f.StringVar(&o.client, "client", "", "application (client) id for device-code and browser, a GUID")
	f.StringVar(&o.cloud, "cloud", "public", "Microsoft's cloud: public, usgov, usgov-dod or china")
	f.StringVar(&o.graphURL, "graph-url", "", "where Microsoft Graph is, in place of the cloud's")
	f.StringVar(&o.authority, "authority-url", "", "where to sign in, in place of the cloud's")
	f.BoolVar(&o.private, "private-authority", false, "the authority is none that Microsoft lists")
	f.StringVar(&o.caFile, "entra-ca-file", "", "PEM file of further authorities for Entra ID, such as a proxy's")

	f.StringVar(&o.agent, "agent", "", "an agent.yaml, whose directory and target are taken")
	f.StringVar(&o.ldap.URL, "url", "", "a domain controller: ldaps://host, or ldap://host for StartTLS")
	f.StringVar(&o.ldap.ServerName, "server-name", "", "its name in its certificate, if that is another one")
	f.StringVar(&o.ldap.CAFile, "ca-file", "", "PEM file of the authority that signed its certificate")
	f.StringVar(&o.ldap.User, "user", "", "account of the domain, such as you@corp.example; its password is asked for, or stands in "+passwordVariable)
	f.StringVar(&o.password, "password-file", "", "file with that password")
	f.DurationVar(&o.ldap.Timeout, "timeout", time.Minute, "of each request to the domain controller")
	f.StringVar(&o.base, "base", "", "DN below which groups are looked for; the rules' ou if it is not given")
	f.StringVar(&o.target, "target", "", "name of the installation whose groups count as ours (default \"pilot\")")

	f.StringVar(&o.output, "output", "text", "text, or json for programs")
	f.BoolVar(&o.json, "json", false, "the same as --output json")

	f.StringVar(&o.rulesFile, "rules", "", "a rules file; without one: preset cloud-sync, all groups")
	f.StringVar(&o.ou, "ou", "", "DN of the OU for the groups, where there is no rules file")
}

// complete reads the files, and names all that is wrong; then it asks for what is missing where there is somebody
// to ask.
func (o *options) complete() error {
	if err := o.readAgent(); err != nil {
		return err
	}
	errs := []error{o.readRules()}
	need := func(value, flag, what string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is needed: %s", flag, what))
		}
	}
	need(o.ldap.URL, "--url", "a domain controller, such as ldaps://dc1.corp.example")
	need(o.ldap.User, "--user", "an account of the domain")
	if !signin.IsID(o.tenant) {
		errs = append(errs, errors.New("--tenant is needed: the tenant's id, a GUID, and not its domain"))
	}
	if o.output != "text" && o.output != "json" {
		errs = append(errs, errors.New("--output: use text or json"))
	}
	o.json = o.json || o.output == "json"
	errs = append(errs, o.cloudOrOwn(), o.signInMistake())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := o.askOU(); err != nil {
		return err
	}
	o.target = cmp.Or(o.target, "pilot")
	o.base = cmp.Or(o.base, o.rules.OU)
	return o.readPassword()
}

// person is who signs in to Entra ID.
func (o *options) person(client *http.Client, ask func(string)) signin.Person {
	return signin.Person{Method: signin.Method(o.signIn), Tenant: o.tenant, Client: o.client, Authority: o.authority, Private: o.private, HTTP: client, Ask: ask}
}

// signInMistake is what is wrong with the sign-in as it is given. Nobody signs in yet.
func (o *options) signInMistake() error {
	if !slices.Contains(signin.Persons(), signin.Method(o.signIn)) {
		return errors.New("--sign-in: use device-code, browser, azure-cli or environment")
	}
	if !signin.IsID(o.tenant) { // which is told
		return nil
	}
	_, err := signin.PersonCredential(o.person(nil, nil))
	return err
}

// cloudOrOwn finds out where Graph and the sign-in are.
func (o *options) cloudOrOwn() error {
	c, err := signin.ParseCloud(o.cloud)
	if err != nil {
		return fmt.Errorf("--cloud: %w", err)
	}
	o.graphURL, o.authority = cmp.Or(o.graphURL, c.Graph), cmp.Or(o.authority, c.Authority)
	for _, u := range []string{o.graphURL, o.authority} {
		if !signin.IsHost(u) {
			return errors.New("--graph-url and --authority-url: write https:// and a host, and nothing behind it")
		}
	}
	return nil
}

// readAgent takes from an agent's file what the command line does not say. What else it has is
// the agent's business, and its check's.
func (o *options) readAgent() error {
	if o.agent == "" {
		return nil
	}
	var file struct {
		Target    string `yaml:"target"`
		Directory struct {
			URL          string `yaml:"url"`
			ServerName   string `yaml:"server_name"`
			CAFile       string `yaml:"ca_file"`
			User         string `yaml:"user"`
			PasswordFile string `yaml:"password_file"`
			Base         string `yaml:"base"`
		} `yaml:"directory"`
	}
	text, err := readText(o.agent)
	if err == nil {
		err = yaml.Unmarshal(text, &file)
	}
	if err != nil {
		return fmt.Errorf("read the agent's file: %w", err)
	}
	d := file.Directory
	for _, x := range []struct {
		to   *string
		from string
	}{{&o.target, file.Target}, {&o.ldap.URL, d.URL}, {&o.ldap.ServerName, d.ServerName}, {&o.ldap.CAFile, d.CAFile}, {&o.ldap.User, d.User},
		{&o.password, d.PasswordFile}, {&o.base, d.Base}} {
		*x.to = cmp.Or(*x.to, x.from)
	}
	return nil
}

// readRules reads the rules, or makes them of an OU that is given.
func (o *options) readRules() (err error) {
	if o.rulesFile == "" {
		if o.ou = cmp.Or(o.ou, o.base); o.ou == "" {
			return nil // it is asked for
		}
		return o.rulesFor(o.ou)
	}
	if o.ou != "" {
		return errors.New("--ou is for where there is no rules file: write it into that, or leave out one of the two")
	}
	if o.text, err = readText(o.rulesFile); err == nil {
		o.rules, err = rules.Parse(o.text)
	}
	if err != nil {
		return fmt.Errorf("read rules: %s:\n%w", o.rulesFile, err)
	}
	return nil
}

// askOU asks for the OU, where there are no rules yet.
func (o *options) askOU() (err error) {
	if o.rules != nil {
		return nil
	}
	if o.ou, err = o.ask.line("DN of the OU for the groups, such as OU=Cloud Groups,DC=corp,DC=example: "); err != nil {
		return fmt.Errorf("--ou is needed, or --rules: %w", err)
	}
	return o.rulesFor(o.ou)
}

// rulesFor are rules for all groups.
func (o *options) rulesFor(ou string) error {
	name, err := yaml.Marshal(ou)
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	o.text = fmt.Appendf(nil, "preset: cloud-sync\nscope: all\nou: %s", name)
	if o.rules, err = rules.Parse(o.text); err != nil {
		return fmt.Errorf("--ou: %w", err)
	}
	return nil
}

// readPassword takes the password from where it is.
func (o *options) readPassword() error {
	if o.password != "" && o.ldap.Password == "" {
		data, err := os.ReadFile(o.password)
		if err != nil {
			return fmt.Errorf("read the password's file: %w", err)
		}
		o.ldap.Password = strings.TrimRight(string(data), "\r\n")
	}
	if o.ldap.Password != "" {
		return nil
	}
	var err error
	if o.ldap.Password, err = o.ask.secret("Password of " + o.ldap.User + ": "); err != nil {
		return fmt.Errorf("the password of --user is needed, in %s or by --password-file: %w", passwordVariable, err)
	}
	return nil
}

func readText(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return textfile.Decode(data)
}
