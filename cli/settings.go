package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"groupwriteback/shared/signin"
	"groupwriteback/shared/yamlfile"
)

// A setting can be given as a flag, in the environment, or in the file; the first that has it counts.
type setting struct {
	key   string // in the file
	env   string // variable, behind prefix
	flag  string // "": none
	usage string
}

// prefix is that of the environment's variables.
const prefix = "GROUPWRITEBACK_"

// settings are all there are, but the choice of the file and of the installation in it.
func settings() []setting {
	return []setting{
		{"url", "URL", "url", "the function app, such as https://corp-writeback.azurewebsites.net"},
		{"audience", "API_AUDIENCE", "audience", "id URI of the API's app registration"},
		{"sign_in", "SIGN_IN", "sign-in", choice(ways())},
		{"tenant_id", "TENANT_ID", "tenant", "tenant id"},
		{"client_id", "CLIENT_ID", "client", "application id: of a public client for browser and device-code, of a user-assigned managed-identity, of the app for client-secret"},
		{"ca_file", "CA_FILE", "", "PEM file of authorities, besides the system's"},
		{"authority_url", "AUTHORITY_URL", "", "sign-in host of another cloud"},
		{"private_authority", "PRIVATE_AUTHORITY", "", "true: that host is none of Microsoft's"},
	}
}

// ways are the ways to sign in.
func ways() []string {
	all := []string{string(signin.AzureCLI), string(signin.Browser)}
	for _, m := range slices.Concat(signin.Persons(), []signin.Method{signin.ManagedIdentity, signin.ClientSecret}) {
		if !slices.Contains(all, string(m)) {
			all = append(all, string(m))
		}
	}
	return all
}

// choice lists words of which one is meant.
func choice(words []string) string {
	n := len(words) - 1
	if n == 0 {
		return words[0]
	}
	return strings.Join(words[:n], ", ") + " or " + words[n]
}

// said is a value, and where it was said; the zero value: nowhere.
type said struct{ value, at string }

// A file is what the command's file says; the zero value is none.
type file struct {
	path     string
	mistakes *yamlfile.Mistakes
	is       fileConfig
}

// fileConfig is the file's form.
type fileConfig struct {
	All           fileSettings            `yaml:",inline"`
	Installation  string                  `yaml:"installation"`
	Installations map[string]fileSettings `yaml:"installations"`
}

// fileSettings are the settings of one installation.
type fileSettings struct {
	URL          string `yaml:"url"`
	Audience     string `yaml:"audience"`
	SignIn       string `yaml:"sign_in"`
	TenantID     string `yaml:"tenant_id"`
	ClientID     string `yaml:"client_id"`
	CAFile       string `yaml:"ca_file"`
	AuthorityURL string `yaml:"authority_url"`
	Private      bool   `yaml:"private_authority"`
	Secret       string `yaml:"client_secret" refused:"no secret belongs into this file: set GROUPWRITEBACK_CLIENT_SECRET, or sign in otherwise"`
	Password     string `yaml:"password" refused:"no secret belongs into this file: sign in by browser, azure-cli or device-code"`
	Token        string `yaml:"token" refused:"no secret belongs into this file: the command gets its tokens itself"`
}

// by is the value of a key; "" where the file lacks it.
func (s fileSettings) by(key string) string {
	private := ""
	if s.Private {
		private = "true"
	}
	return map[string]string{"url": s.URL, "audience": s.Audience, "sign_in": s.SignIn, "tenant_id": s.TenantID, "client_id": s.ClientID,
		"ca_file": s.CAFile, "authority_url": s.AuthorityURL, "private_authority": private}[key]
}

// say is where a key of the file is, as people look for it.
func (f file) say(key string) string {
	if n := f.mistakes.Line(key); n > 0 {
		return fmt.Sprintf("%s:%d", f.path, n)
	}
	return f.path
}

// settle says what each setting is. flags are those that were given; installation is the one of the file that was
// chosen, by flag or environment.
func settle(flags map[string]string, env func(string) string, f file, installation said) (map[string]said, error) {
	if installation.value == "" && f.is.Installation != "" {
		installation = said{f.is.Installation, f.say("installation")}
	}
	chosen, known := f.is.Installations[installation.value]
	switch {
	case installation.value == "" || known:
	case f.path == "":
		return nil, fmt.Errorf("%s: the command has no file that has an installation %q: write one, or leave the choice out", installation.at, installation.value)
	default:
		return nil, fmt.Errorf("%s: there is no installation %q in %s: %s", installation.at, installation.value, f.path, f.names())
	}
	all := map[string]said{}
	for _, s := range settings() {
		variable := prefix + s.env
		switch {
		case flags[s.flag] != "" && s.flag != "":
			all[s.key] = said{flags[s.flag], "--" + s.flag}
		case env(variable) != "":
			all[s.key] = said{env(variable), variable}
		case chosen.by(s.key) != "":
			all[s.key] = said{chosen.by(s.key), f.say("installations." + installation.value + "." + s.key)}
		case f.is.All.by(s.key) != "":
			all[s.key] = said{f.is.All.by(s.key), f.say(s.key)}
		}
	}
	if all["sign_in"].value == "" {
		all["sign_in"] = said{string(signin.AzureCLI), "as long as nothing else is said"}
	}
	return all, nil
}

// names says which installations the file has, as a remedy.
func (f file) names() string {
	if len(f.is.Installations) == 0 {
		return "write it there below installations, or leave the choice out"
	}
	return "choose " + choice(slices.Sorted(maps.Keys(f.is.Installations)))
}

// check names all that is wrong with settings.
func check(all map[string]said) error {
	var errs []error
	bad := func(key, remedy string) {
		errs = append(errs, fmt.Errorf("%s: %s", all[key].name(key), remedy))
	}
	if u := all["url"].value; !signin.IsHost(u) && !isLocal(u) {
		bad("url", "write https:// and the function app's host, and nothing behind it")
	}
	if !signin.IsAudience(all["audience"].value) {
		bad("audience", "write the id URI of the API's app registration, such as api://groupwriteback")
	}
	if !slices.Contains(ways(), all["sign_in"].value) {
		bad("sign_in", "use "+choice(ways()))
	}
	if p := all["private_authority"].value; p != "" && p != "true" && p != "false" {
		bad("private_authority", "write true or false")
	}
	return errors.Join(errs...)
}

// isLocal says whether a URL is of this machine, to which tokens may go in the clear, and nothing more.
func isLocal(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "http" && u.Hostname() == "127.0.0.1" && u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

// name is what a person knows a setting by: where it was said, or its flag.
func (s said) name(key string) string {
	for _, known := range settings() {
		switch {
		case known.key != key:
		case strings.HasPrefix(s.at, "--") || strings.HasPrefix(s.at, prefix):
			return s.at
		case s.at != "":
			return s.at + ": " + key
		case known.flag != "":
			return "--" + known.flag
		default:
			return prefix + known.env
		}
	}
	return key
}
