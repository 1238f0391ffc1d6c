package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/signin"
	"groupwriteback/shared/terminal"
	"groupwriteback/shared/version"
)

// Program is one that a host starts, as its command line is concerned.
type Program struct {
	Name    string // of the file
	OnAzure bool   // host.json says how long a function may run

	Notes io.Writer // what rules import says beside the file
}

// Command does what a command line asks for, and returns the exit code; run is true if it
// asks for nothing, which is how a host starts the program.
func (p Program) Command(ctx context.Context, args, environ []string, out io.Writer) (code int, run bool) {
	switch {
	case len(args) == 0:
		return 0, true
	case len(args) == 3 && args[0] == "rules" && args[1] == "import":
		return importRules(args[2], out, p.Notes), false
	case len(args) == 1 && slices.Contains([]string{"help", "--help", "-h"}, args[0]):
		fmt.Fprint(out, p.help())
		return 0, false
	case len(args) == 1 && args[0] == "version":
		fmt.Fprintln(out, version.Of())
		return 0, false
	case len(args) > 1 || args[0] != "check":
		fmt.Fprint(out, p.mistaken())
		return 1, false
	}
	if err := p.check(ctx, environ, out); err != nil {
		fmt.Fprintf(out, "Error: %v\n", err)
		return 1, false
	}
	return 0, false
}

// lookTime is how long one line of a check may take: Graph may ask to wait, and a store
// that does not answer is asked several times.
const lookTime = 90 * time.Second

// check looks at everything that the program relies on, and goes on after a failure so
// that all of them are told. Of the journal it changes nothing.
func (p Program) check(ctx context.Context, environ []string, out io.Writer) error {
	screen := terminal.Of(out)
	c := &checking{List: checklist.List{Out: out, Colours: screen.Colours, Width: screen.Fold()}}
	var err error
	if c.settings, err = read(ctx, environ); err != nil {
		c.Bad("settings", err)
	} else {
		c.Good("settings", fmt.Sprintf("target %s, tenant %s, sign-in by %s", c.settings.target, c.settings.tenant, c.settings.signIn.Method))
	}
	c.rules(ctx)
	if p.OnAzure {
		limit, err := functionTimeout(environ)
		if err == nil && limit < minTurn {
			err = fmt.Errorf("read function timeout: a turn needs %v, and has %v: raise functionTimeout in host.json", minTurn, limit)
		}
		c.Say("timeout", err, limit.String()+" for a turn (functionTimeout)")
	}
	for _, look := range []func(context.Context){c.graph, c.keys, c.store, c.journal} {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		look(ctx)
		cancel()
	}
	return c.Err()
}

// checking is a check under way.
type checking struct {
	checklist.List
	settings settings // what of them could be understood
}

// notSet is why something is not looked at.
const notSet = "the settings do not say how"

func (c *checking) rules(ctx context.Context) {
	from := ""
	if c.settings.stored {
		var are bool
		if from, are = c.storedRules(ctx); !are {
			return
		}
	}
	r := c.settings.rules
	if r == nil {
		c.Unknown("rules", "the file could not be read or understood")
		return
	}
	scope := r.Scope.String()
	if r.Scope.All {
		scope = "all groups that can be written"
	}
	c.Good("rules", from+fmt.Sprintf("%s, to %s (%.8s)", scope, strings.Join(r.Containers(), " and "), r.Hash()))
	for _, note := range r.Notes() {
		c.Warn("rules", note)
	}
}

// storedRules reads the rules that are kept in the store, and says why there are none. from says which
// they are.
func (c *checking) storedRules(ctx context.Context) (from string, are bool) {
	s := &c.settings
	if s.store == nil || !targetName.MatchString(s.target) {
		c.Unknown("rules", notSet)
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	j := &journal.Journal{Store: s.store, Target: s.target}
	h, err := j.Look(ctx)
	if err != nil {
		c.Unknown("rules", "the journal could not be read, which says which of the store's are in force")
		return "", false
	}
	at, is := s.where(h)
	if err = journal.ErrNoRules; is {
		s.rules, s.text, err = readFrom(ctx, j, h, at)
	}
	switch {
	case errors.Is(err, journal.ErrNoRules):
		c.Warn("rules", err.Error())
	case err != nil:
		c.Bad("rules", fmt.Errorf("%w: update this program, or put rules in force that it understands (groupwriteback rules apply, rules back)", err))
	}
	if from = "those of the rules file that was in force, which the store takes over: "; at.version > 0 {
		from = fmt.Sprintf("version %d in the store, by %s: ", at.version, h.Version.By)
	}
	return from, err == nil
}

// graph signs in, and looks at what the token opens.
func (c *checking) graph(ctx context.Context) {
	feeds := []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed}
	if r := c.settings.rules; r != nil && r.Members.Contacts {
		feeds = append(feeds, directory.ContactFeed)
	}
	unknown := func(why string) {
		for _, feed := range feeds {
			c.Unknown(string(feed), why)
		}
		c.Unknown("hidden", why)
	}
	if c.settings.credential == nil {
		c.Unknown("sign-in", notSet)
		unknown(notSet)
		return
	}
	client, err := c.settings.graph(nil)
	var roles []string
	if err == nil {
		roles, err = client.Roles(ctx)
	}
	if err != nil && !errors.Is(err, graph.ErrOpaque) {
		c.Bad("sign-in", trust(err))
		unknown("nobody is signed in")
		return
	}
	c.Good("sign-in", "to Microsoft Graph, at "+c.settings.graphURL)
	if text := c.settings.signIn.Ending(time.Now()); text != "" {
		c.Warn("sign-in", text)
	}
	for _, row := range allowed(roles, err, feeds, readsFlags(c.settings.rules)) {
		feed := directory.Feed(row.What)
		if row.State == checklist.Missing || !slices.Contains(feeds, feed) {
			c.Tell(row)
			continue
		}
		if row.State == checklist.Unknown { // the page will say
			row.Text = "may be read"
		}
		_, err := client.Page(ctx, feed, "")
		c.Say(row.What, err, row.Text)
	}
}

// keys reads what callers' tokens are signed with.
func (c *checking) keys(ctx context.Context) {
	s := c.settings
	if s.client == nil || !signin.IsID(s.tenant) || !signin.IsHost(s.signIn.Authority) { // the address would repeat them
		c.Unknown("keys", notSet)
		return
	}
	_, err := newKeys(ctx, s.keysURL(), s.client, nil).fetch()
	if told := trust(err); err != nil && told == err {
		err = fmt.Errorf("%w: correct %[2]sTENANT_ID, %[2]sCLOUD or %[2]sAUTHORITY_URL, and see that this machine reaches that address", err, prefix)
	}
	c.Say("keys", trust(err), "the tenant's signing keys, by which callers' tokens are checked")
}

// trust adds to an error of a certificate what to do. Of the sign-in's the library keeps
// the text alone.
func trust(err error) error {
	if err != nil && strings.Contains(err.Error(), "failed to verify certificate") {
		return fmt.Errorf("%w: name the PEM file of the authority that signed it as %sCA_FILE, or look for a proxy that opens TLS", err, prefix)
	}
	return err
}

// store looks whether the store keeps its promises.
func (c *checking) store(ctx context.Context) {
	if c.settings.store == nil {
		c.Unknown("store", notSet)
		return
	}
	c.Say("store", tryStore(ctx, c.settings.store), "objects are made, replaced, listed and deleted, and conditions are honoured")
}

// journal looks whether this program can go on with the journal that is there.
func (c *checking) journal(ctx context.Context) {
	s := c.settings
	if s.store == nil || !targetName.MatchString(s.target) {
		c.Unknown("journal", notSet)
		return
	}
	h, err := (&journal.Journal{Store: s.store, Target: s.target}).Look(ctx)
	if err == nil {
		err = fits(h, s)
	}
	text := fmt.Sprintf("format %d, at generation %d, epoch %d", h.Format, h.Gen, h.Epoch)
	if h.Gen == 0 {
		text = "there is none yet: the first turn begins it"
	} else if s.rules != nil && h.Rules != "" && h.Rules != s.rules.Hash() {
		text += "; the rules are other ones than before: every group is decided again"
	}
	c.Say("journal", err, text)
}

// fits says why a journal is not one for these settings.
func fits(h journal.Head, s settings) error {
	var errs []error
	if h.Tenant != "" && s.tenant != "" && !strings.EqualFold(h.Tenant, s.tenant) {
		errs = append(errs, fmt.Errorf("the journal is of another tenant, %s: correct the tenant id, or give this tenant a target of its own", h.Tenant))
	}
	if s.rules != nil && h.Rules != s.rules.Hash() && slices.Contains(h.Former, s.rules.Hash()) {
		errs = append(errs, fmt.Errorf("these rules (%.8s) were replaced by newer ones (%.8s): bring the rules file up to date; to go back to them on purpose, raise their revision", s.rules.Hash(), h.Rules))
	}
	return errors.Join(errs...)
}
