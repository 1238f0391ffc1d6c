package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/signin"
	"groupwriteback/shared/textfile"
)

// prefix of all environment variables of ours.
const prefix = "GROUPWRITEBACK_"

// settings are the environment, understood.
type settings struct {
	target   string
	store    blob.Store
	rules    *rules.Rules
	text     []byte // of the rules, in UTF-8
	stored   bool   // the rules are kept in the store, and not in a file
	signIn   signin.SignIn
	graphURL string
	audience []string
	tenant   string
	client   *http.Client

	credential azcore.TokenCredential // of signIn

	mistakes   error // why the rules file cannot be used; nil: it can
	rulesAlone bool  // nothing else is wrong
}

// graph is a client that reads what the rules look at; without rules, what is always read.
func (s settings) graph(log *slog.Logger) (*graph.Client, error) {
	o := graph.Options{Base: s.graphURL, Credential: s.credential, Tenant: s.tenant, HTTP: s.client, Log: log}
	if s.rules != nil {
		o.Properties, o.Contacts = s.rules.Properties(), s.rules.Members.Contacts
	}
	return graph.New(o)
}

// authority is where the tenant signs in.
func (s settings) authority() string {
	return strings.TrimSuffix(s.signIn.Authority, "/") + "/" + s.tenant
}

// keysURL is where the keys are that it signs tokens with.
func (s settings) keysURL() string { return s.authority() + "/discovery/v2.0/keys" }

var targetName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// variable is what the program and docs/configuration.md say of one.
type variable struct {
	needed   bool
	fallback string // in its place if it is not set
}

// variables lists every variable of ours that is read.
func variables() map[string]variable {
	return map[string]variable{
		"TARGET": {needed: true}, "RULES": {fallback: "rules.yaml"},
		"STORE": {needed: true}, "STORE_CONNECTION": {}, "S3_ENDPOINT": {},
		"TENANT_ID": {needed: true}, "SIGN_IN": {needed: true}, "CLIENT_ID": {}, "CLIENT_SECRET": {}, "CLIENT_CERTIFICATE_FILE": {}, "CLIENT_CERTIFICATE_PASSWORD": {},
		"API_AUDIENCE": {needed: true},
		"CLOUD":        {fallback: "public"}, "GRAPH_URL": {}, "AUTHORITY_URL": {}, "PRIVATE_AUTHORITY": {fallback: "false"}, "CA_FILE": {},
	}
}

// read understands the environment, and names all mistakes at once.
func read(ctx context.Context, environ []string) (settings, error) {
	r := pick(environ)
	s := settings{target: r.get("TARGET"), tenant: r.get("TENANT_ID"), audience: r.audiences()}
	if s.target != "" && !targetName.MatchString(s.target) {
		r.bad("TARGET", "use up to 32 lower-case letters, digits and '-'")
	}
	if _, err := directory.ParseID(s.tenant); s.tenant != "" && err != nil {
		r.bad("TENANT_ID", "write the tenant's id, a GUID, and not its domain")
	}
	var err error
	s.stored = strings.HasPrefix(r.get("RULES"), inStore)
	if s.stored && r.get("RULES") != inStore {
		r.bad("RULES", "write %s and nothing behind it, or the name of a file", inStore)
	} else if s.stored {
		// which rules those are, each turn reads of the journal's head
	} else if s.rules, s.text, err = readRules(r.get("RULES")); err != nil {
		s.mistakes = r.unnamed("RULES", err)
		r.bad("RULES", "%w", s.mistakes)
	}
	if s.client, err = httpClient(r.get("CA_FILE")); err != nil {
		r.bad("CA_FILE", "%w", r.unnamed("CA_FILE", err))
	}
	if err := signin.CheckProxy(cmp.Or(lookup(environ, "HTTPS_PROXY"), lookup(environ, "https_proxy"))); err != nil {
		r.errs = append(r.errs, err)
	}
	r.signIn(&s)
	if s.store, err = openStore(ctx, r.env, s.credential, s.client); err != nil && r.get("STORE") != "" {
		r.bad("STORE", "%w", r.unnamed("STORE", err))
	}
	s.rulesAlone = s.mistakes != nil && len(r.errs) == 1
	return s, errors.Join(r.errs...)
}

// reader is the environment, and what is wrong with it.
type reader struct {
	environ []string
	env     map[string]string // ours, without the prefix
	errs    []error
}

// pick takes our variables out of the environment; unknown ones are mistakes,
// since a misspelt one would be ignored in silence.
func pick(environ []string) *reader {
	r := &reader{environ: environ, env: map[string]string{}}
	known := variables()
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		name, ours := strings.CutPrefix(name, prefix)
		if !ours {
			continue
		}
		if _, ok := known[name]; !ok {
			r.errs = append(r.errs, unknownName(name))
		}
		r.env[name] = value
	}
	for name, v := range known {
		if v.needed && r.env[name] == "" {
			r.errs = append(r.errs, fmt.Errorf("%s%s is not set", prefix, name))
		}
	}
	slices.SortFunc(r.errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return r
}

func unknownName(name string) error {
	if !settingName.MatchString(name) {
		return fmt.Errorf("a setting whose name begins with %s has more in its name than capitals, digits and '_': look for a missing '='", prefix)
	}
	return fmt.Errorf("%s%s is not a setting of this program: correct its name, or remove it", prefix, name)
}

var settingName = regexp.MustCompile(`^[A-Z0-9_]{1,40}$`)

func (r *reader) get(name string) string { return cmp.Or(r.env[name], variables()[name].fallback) }

// bad tells a mistake. The value is not part of it: people paste secrets into the
// wrong variable, and errors are logged.
func (r *reader) bad(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(prefix+name+": "+format, args...))
}

// unnamed is an error of a file or folder that cannot be opened, without the name
// that the setting gives: what names no file may be a secret.
func (r *reader) unnamed(setting string, err error) error {
	var of *fs.PathError
	if r.env[setting] != "" && errors.As(err, &of) {
		return fmt.Errorf("open what it names: %w", of.Err)
	}
	return err
}

func (r *reader) audiences() []string {
	list := strings.Split(r.get("API_AUDIENCE"), ",")
	for i, a := range list {
		if list[i] = strings.TrimSpace(a); list[i] == "" && r.get("API_AUDIENCE") != "" {
			r.bad("API_AUDIENCE", "number %d is empty: write audiences with one comma between them", i+1)
		}
	}
	return list
}

// signIn reads how to sign in, and to which cloud. The tenant and the authority
// are those of callers' tokens too, whatever the method.
func (r *reader) signIn(s *settings) {
	mistakes := len(r.errs)
	cloud := r.cloud()
	s.graphURL = cmp.Or(r.get("GRAPH_URL"), cloud.Graph)
	s.signIn = signin.SignIn{
		Method: signin.Method(r.get("SIGN_IN")), Client: r.get("CLIENT_ID"),
		Secret: r.get("CLIENT_SECRET"), Password: r.get("CLIENT_CERTIFICATE_PASSWORD"), TokenFile: lookup(r.environ, "AZURE_FEDERATED_TOKEN_FILE"),
		Authority: cmp.Or(r.get("AUTHORITY_URL"), cloud.Authority), Private: r.get("PRIVATE_AUTHORITY") == "true", HTTP: s.client,
		Names: signin.Names{Method: prefix + "SIGN_IN", Client: prefix + "CLIENT_ID", Secret: prefix + "CLIENT_SECRET",
			Certificate: prefix + "CLIENT_CERTIFICATE_FILE", Password: prefix + "CLIENT_CERTIFICATE_PASSWORD", TokenFile: "AZURE_FEDERATED_TOKEN_FILE"},
	}
	in := &s.signIn
	if in.Method != signin.ManagedIdentity {
		in.Tenant = s.tenant
	}
	if in.Client != "" && !signin.IsID(in.Client) {
		r.bad("CLIENT_ID", "write the application (client) id, a GUID")
	}
	var err error
	if file := r.get("CLIENT_CERTIFICATE_FILE"); file != "" {
		if in.Certificate, err = os.ReadFile(file); err != nil {
			r.bad("CLIENT_CERTIFICATE_FILE", "%w", r.unnamed("CLIENT_CERTIFICATE_FILE", err))
			in.Names.Certificate = ""
		}
	}
	if in.Method == "" {
		return
	}
	if known := []signin.Method{signin.ManagedIdentity, signin.WorkloadIdentity, signin.ClientCertificate, signin.ClientSecret}; !slices.Contains(known, in.Method) {
		r.bad("SIGN_IN", "use %s, %s, %s or %s", known[0], known[1], known[2], known[3])
		return
	}
	r.errs = append(r.errs, in.Mistakes()...)
	if len(r.errs) > mistakes || in.Tenant != "" && !signin.IsID(in.Tenant) || in.Method != signin.ManagedIdentity && in.Tenant == "" {
		return // which is told already
	}
	if s.credential, err = signin.Credential(*in); err != nil {
		r.errs = append(r.errs, err)
	}
}

// cloud is Microsoft's cloud that is meant; addresses of one's own take its place.
func (r *reader) cloud() signin.Cloud {
	for _, name := range []string{"GRAPH_URL", "AUTHORITY_URL"} {
		switch {
		case r.env[name] == "":
		case r.env["CLOUD"] != "":
			r.bad(name, "it takes the place of %sCLOUD: remove one of them", prefix)
		case !signin.IsHost(r.env[name]):
			r.bad(name, "write https:// and a host, and nothing behind it")
		}
	}
	switch private := r.get("PRIVATE_AUTHORITY"); {
	case private != "true" && private != "false":
		r.bad("PRIVATE_AUTHORITY", "write true or false")
	case private == "true" && r.env["AUTHORITY_URL"] == "":
		r.bad("PRIVATE_AUTHORITY", "it is about %sAUTHORITY_URL, which is not set: set that, or remove this", prefix)
	}
	c, err := signin.ParseCloud(r.get("CLOUD"))
	if err != nil {
		r.bad("CLOUD", "use public, usgov, usgov-dod or china")
	}
	return c
}

// inStore is the setting of rules that are kept in the journal's store.
const inStore = "store:"

func readRules(path string) (*rules.Rules, []byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	r, text, err := parseRules(data)
	switch {
	case err == nil:
	case text == nil:
		err = fmt.Errorf("%s: %w", path, err)
	default:
		err = fmt.Errorf("%s:\n%w", path, err)
	}
	return r, text, err
}

// parseRules reads a rules file as editors write them, and returns its text in UTF-8; nil:
// it is no text.
func parseRules(data []byte) (*rules.Rules, []byte, error) {
	text, err := textfile.Decode(data)
	if err != nil {
		return nil, nil, err
	}
	r, err := rules.Parse(text)
	return r, text, err
}

func httpClient(caFile string) (*http.Client, error) {
	t, err := signin.Transport(caFile)
	if err != nil {
		return nil, err
	}
	t.MaxIdleConnsPerHost = 16 // the journal reads as many objects at once; two would be kept
	return &http.Client{Transport: t}, nil
}
