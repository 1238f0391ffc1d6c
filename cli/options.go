package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/spf13/pflag"

	"groupwriteback/shared/signin"
	"groupwriteback/shared/yamlfile"
)

// options are the flags that all commands have.
type options struct {
	given                        *pflag.FlagSet
	config, installation, output string
}

// flags adds o's flags.
func (o *options) flags(f *pflag.FlagSet) {
	o.given = f
	for _, s := range settings() {
		if s.flag != "" {
			f.String(s.flag, "", s.usage+" ("+prefix+s.env+", "+s.key+")")
		}
	}
	f.StringVar(&o.config, "config", "", "the command's file, if it is not groupwriteback/config.yaml in your folder of settings ("+prefix+"CONFIG)")
	f.StringVar(&o.installation, "installation", "", "which of the file's installations is asked ("+prefix+"INSTALLATION, installation)")
	f.StringVar(&o.output, "output", "text", "text or json: the API's answer, whole")
}

// said is what was said of each setting, in flags, environment and file.
func (o *options) said() (map[string]said, error) {
	if err := knownOutput(o.output); err != nil {
		return nil, err
	}
	f, err := o.file()
	if err != nil {
		return nil, err
	}
	flags := map[string]string{}
	for _, s := range settings() {
		if s.flag != "" {
			flags[s.flag], _ = o.given.GetString(s.flag)
		}
	}
	installation := said{o.installation, "--installation"}
	if o.installation == "" {
		installation = said{os.Getenv(prefix + "INSTALLATION"), prefix + "INSTALLATION"}
	}
	return settle(flags, os.Getenv, f, installation)
}

// knownOutput is an error where --output names no form.
func knownOutput(form string) error {
	if form != "text" && form != "json" {
		return errors.New("--output: use text or json")
	}
	return nil
}

// file reads the command's file; none is there where nobody has named one.
func (o *options) file() (file, error) {
	named := cmp.Or(o.config, os.Getenv(prefix+"CONFIG"))
	path := named
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return file{}, nil
		}
		path = filepath.Join(dir, "groupwriteback", "config.yaml")
	}
	f := file{path: path}
	m, whole, err := yamlfile.Read(path, &f.is)
	switch {
	case errors.Is(err, fs.ErrNotExist) && named == "":
		return file{}, nil
	case err != nil:
		return file{}, fmt.Errorf("read the command's file: %w: correct --config or %sCONFIG", err, prefix)
	case !whole || m.Err() != nil:
		return file{}, m.Err()
	}
	f.mistakes = m
	return f, nil
}

// connect returns a client by what was said. It makes no request.
func (o *options) connect() (*client, error) {
	all, err := o.said()
	if err != nil {
		return nil, err
	}
	return dial(all)
}

// dial returns a client by settings. It makes no request.
func dial(all map[string]said) (*client, error) {
	if err := check(all); err != nil {
		return nil, err
	}
	wire, err := signin.Transport(all["ca_file"].value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", all["ca_file"].name("ca_file"), err)
	}
	as, err := credential(all, &http.Client{Transport: wire})
	if err != nil {
		return nil, err
	}
	// A turn takes as long as the front end lets it: minutes.
	plain := &http.Client{Transport: wire, Timeout: 5 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &client{strings.TrimSuffix(all["url"].value, "/") + "/api/", strings.TrimSuffix(all["audience"].value, "/") + "/.default", as, bounded{plain}}, nil
}

// credential is what gets tokens by settings that were checked.
func credential(all map[string]said, wire *http.Client) (azcore.TokenCredential, error) {
	value := func(key string) string { return all[key].value }
	private := value("private_authority") == "true"
	switch m := signin.Method(value("sign_in")); m {
	case signin.ManagedIdentity:
		return signin.Credential(signin.SignIn{Method: m, Client: value("client_id")})
	case signin.ClientSecret:
		return signin.Credential(signin.SignIn{Method: m, Tenant: value("tenant_id"), Client: value("client_id"), Secret: os.Getenv(prefix + "CLIENT_SECRET"), Authority: value("authority_url"), Private: private, HTTP: wire,
			Names: signin.Names{Method: "--sign-in", Tenant: "--tenant", Client: "--client", Secret: prefix + "CLIENT_SECRET", Authority: prefix + "AUTHORITY_URL"}})
	default:
		p := signin.Person{Method: m, Tenant: value("tenant_id"), Client: value("client_id"), Authority: value("authority_url"), Private: private, HTTP: wire,
			Ask: func(text string) { fmt.Fprintln(os.Stderr, text) }}
		if kept, err := keyring(); err == nil && m.Interactive() {
			p.Cache, p.Record = kept, recordFile(p)
		}
		return signin.PersonCredential(p)
	}
}

// recordFile is where it is kept who has signed in, so that nobody has to again: a file for each app and tenant in the user's
// folder of caches; "" where there is none.
func recordFile(p signin.Person) string {
	dir, err := os.UserCacheDir()
	if err != nil || !signin.IsID(p.Client) {
		return ""
	}
	tenant := "any"
	if signin.IsID(p.Tenant) {
		tenant = p.Tenant
	}
	return filepath.Join(dir, "groupwriteback", "signed-in-"+strings.ToLower(p.Client+"-"+tenant)+".json")
}
