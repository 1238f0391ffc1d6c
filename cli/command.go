package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/show"
	"groupwriteback/shared/terminal"
)

const long = `Shows how Groupwriteback's target stands, says why, and carries a person's word.

It asks the function app's API. Who only looks needs the app role Status.Read of the API's app
registration; who decides, Sync.Operate. Sign-in is by az login, unless --sign-in says otherwise.

Exit code 0: done. 1: it failed, and the error says why. 2: plan --detailed-exitcode, and there
is something to do, or something is held; rules import, and not all of the schema is in the file.`

// session is one run of a command: whom it asks, and where it writes to.
type session struct {
	*client
	out   io.Writer
	paint show.Paint
	json  bool
}

// print writes an answer: whole as JSON, or as text.
func (s *session) print(whole json.RawMessage, text func()) error {
	if !s.json {
		text()
		return nil
	}
	var v any
	if err := json.Unmarshal(whole, &v); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, err = fmt.Fprintln(s.out, string(data))
	return err
}

// say writes a text in lines that fit.
func (s *session) say(format string, args ...any) {
	fmt.Fprint(s.out, s.paint.Text(checklist.Printable(fmt.Sprintf(format, args...))))
}

// command is the program's tree of commands.
func command() *cobra.Command {
	o := &options{}
	root := &cobra.Command{Use: "groupwriteback", Short: "See how Groupwriteback stands, ask why, and decide", Long: long,
		Example: "  groupwriteback status --url https://corp-writeback.azurewebsites.net --audience api://groupwriteback", SilenceUsage: true, SilenceErrors: true}
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
	return root
}

func newSession(c *client, out io.Writer, whole bool) *session {
	screen := terminal.Of(out)
	return &session{client: c, out: out, json: whole, paint: show.New(screen.Colours, screen.Width)}
}

// runner makes a command's work of what a session does.
type runner func(func(*session, *cobra.Command, []string) error) func(*cobra.Command, []string) error
