package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/show"
	"groupwriteback/shared/terminal"
)

const long = `Shows how Groupwriteback's target stands, says why, and carries a person's word.

It asks the function app's API. Who only looks needs the app role Status.Read of the API's app
registration; who decides, Sync.Operate. Sign-in is by az login, unless --sign-in says otherwise.

Settings come from flags, else from the environment, else from a file: doctor says which counts.

Exit code 0: done. 1: it failed, and the error says why. 2: plan --detailed-exitcode, and there
is something to do, or something is held; rules import, and not all of the schema is in the file.
3: sync --wait, and the time is over.

With --output json each answer is one JSON value, in UTF-8: the API's, whole. Each command names
its schema, which is one of the API's description (docs/openapi.yaml, and /api/openapi.yaml).`

// session is one run of a command: whom it asks, and where it writes to.
type session struct {
	*client
	out   io.Writer
	paint show.Paint
	json  bool

	screen terminal.Screen // what out is
}

// print writes an answer: whole as JSON, or as text.
func (s *session) print(whole json.RawMessage, text func()) error {
	if !s.json {
		text()
		return nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(whole), "", "  "); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	_, err := fmt.Fprintln(s.out, b.String())
	return err
}

// say writes a text in lines that fit.
func (s *session) say(format string, args ...any) {
	fmt.Fprint(s.out, s.text(format, args...))
}

// text is a text in lines that fit.
func (s *session) text(format string, args ...any) string {
	return s.paint.Text(checklist.Printable(fmt.Sprintf(format, args...)))
}

// command is the program's tree of commands, which print to out.
func command(out io.Writer) *cobra.Command {
	o := &options{}
	root := &cobra.Command{Use: "groupwriteback", Short: "See how Groupwriteback stands, ask why, and decide", Long: long,
		Example: "  groupwriteback status --url https://corp-writeback.azurewebsites.net --audience api://groupwriteback", SilenceUsage: true, SilenceErrors: true}
	root.SetOut(out)
	o.flags(root.PersistentFlags())
	with := func(do func(*session, *cobra.Command, []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			c, err := o.connect()
			if err != nil {
				return err
			}
			return do(newSession(c, cmd.OutOrStdout(), o.output == "json"), cmd, args)
		}
	}
	root.AddCommand(looks(with)...)
	root.AddCommand(decisions(with)...)
	root.AddCommand(rulings(with))
	root.AddCommand(doctor(o), manual())
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	exemplify(root)
	strict(root)
	return root
}

// strict has each command say where its help is when it cannot take what it was given, and a command of commands
// fail on a word that is none of them: the library shows its help, and says that all is well.
func strict(c *cobra.Command) {
	see := func(err error) error {
		if err == nil {
			return nil
		}
		return fmt.Errorf("%w: see %s --help", err, c.CommandPath())
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return see(err) })
	if c.HasSubCommands() && c.HasParent() {
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return see(fmt.Errorf("there is no command %q", c.CommandPath()+" "+args[0]))
			}
			return c.Help()
		}
	}
	if takes := c.Args; takes != nil {
		c.Args = func(c *cobra.Command, args []string) error { return see(takes(c, args)) }
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

// exemplify gives the library's own commands examples.
func exemplify(root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Example = "  groupwriteback help hold"
		case "completion":
			c.Example = "  groupwriteback completion powershell"
			for _, shell := range c.Commands() {
				shell.Example = "  " + shell.CommandPath()
			}
		}
	}
}

// schemaOf is the annotation of a command that says which schema its JSON has.
const schemaOf = "schema"

// answering notes that a command's JSON has a schema of the API's description, and says so in its help.
func answering(schema string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.Annotations = map[string]string{schemaOf: schema}
		c.Long = strings.TrimSpace(cmp.Or(c.Long, c.Short+".") + "\n\nJSON: schema " + schema + " of the API's description.")
	}
	return commands
}

func newSession(c *client, out io.Writer, whole bool) *session {
	screen := terminal.Of(out)
	return &session{client: c, out: out, json: whole, screen: screen, paint: show.New(screen.Colours, screen.Width)}
}

// runner makes a command's work of what a session does.
type runner func(func(*session, *cobra.Command, []string) error) func(*cobra.Command, []string) error
