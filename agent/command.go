package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"groupwriteback/shared/version"
)

// The exit codes, beside 0.
const (
	exitFailed  = 1 // something is wrong, and what was printed says what
	exitMistake = 2 // the command line or the agent's file has mistakes: nothing was begun
)

// mistake is an error of the command line or of the agent's file.
type mistake struct{ error }

func (m mistake) Unwrap() error { return m.error }

const long = `Brings planned group changes into Active Directory, from inside the network: it pulls them from
the relay by HTTPS, applies them by LDAP, and reports what is there. Its file says where both
are, and its policy what it never does, whatever is planned. docs/agent.md tells more.

Exit code 0: it is well, or was stopped. 1: something is wrong, and what is printed says what.
2: the command line or the agent's file has mistakes, and nothing was begun.`

// execute runs the program, and returns its exit code.
func execute(ctx context.Context, args []string) int {
	root, begun := command(), false
	root.SetArgs(args)
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	err := root.ExecuteContext(ctx)
	_, isMistake := errors.AsType[mistake](err)
	switch {
	case err == nil:
		return 0
	case isMistake || !begun:
		return exitMistake
	}
	return exitFailed
}

// command is the program's tree of commands.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "agent",
		Short: "Groupwriteback's agent: brings planned group changes into Active Directory",
		Long:  long,
		Example: `  agent check --config /etc/groupwriteback/agent.yaml
  .\agent.exe check --config C:\ProgramData\Groupwriteback\agent.yaml`,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	file := root.PersistentFlags().StringP("config", "c", "agent.yaml", "the agent's configuration file")
	root.AddCommand(runCommand(file), checkCommand(file), policyCommand(file), versionCommand())
	return root
}

func runCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Pull, apply and acknowledge changes until stopped",
		Long: `Works until it is stopped, and logs to standard output. It may be stopped at any moment: what was
begun is found done, or done again.

Exit code 0: it was stopped. 1: it cannot work. 2: the command line or the agent's file has
mistakes, or names a file that cannot be read.`,
		Example: `  agent run --config /etc/groupwriteback/agent.yaml
  .\agent.exe run --config C:\ProgramData\Groupwriteback\agent.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), *file) },
	}
}

func checkCommand(file *string) *cobra.Command {
	output := new(string)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look at everything that the agent relies on, and write nothing",
		Long: `Looks at everything that run relies on: the file, the account's rights, the directory, the relay.
Run it as the account that runs the agent. It writes nothing in Active Directory, and may run
beside the agent. What says FAILED has its remedy behind it.

Exit code 0: nothing is wrong. 1: something says FAILED. 2: the command line or the agent's
file has mistakes, and nothing else was looked at.`,
		Example: `  agent check --config /etc/groupwriteback/agent.yaml
  .\agent.exe check --config C:\ProgramData\Groupwriteback\agent.yaml
  agent check --output json | jq -r '.checks[] | select(.state == "missing") | .text'
  (.\agent.exe check --output json | ConvertFrom-Json).checks | Where-Object state -eq missing`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := printerFor(*output, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			l := out.list()
			return out.checks(l, check(cmd.Context(), *file, l))
		},
	}
	outputFlag(cmd, output)
	return cmd
}

func policyCommand(file *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "policy",
		Short:   "The network owner's word, which the cloud cannot overrule",
		Example: "  agent policy check --config /etc/groupwriteback/agent.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	output := new(string)
	look := &cobra.Command{
		Use:   "check",
		Short: "Say what the policy allows and forbids, and ask nobody",
		Long: `Reads the policy in the agent's file, and says what it lets plans do: a line for each kind of
change, by the same code that judges them. It asks neither the directory nor the relay, and
looks at nothing else in the file.

Exit code 0: it is understood. 2: it has mistakes: each is told, with its line and remedy.`,
		Example: `  agent policy check --config /etc/groupwriteback/agent.yaml
  .\agent.exe policy check --config C:\ProgramData\Groupwriteback\agent.yaml
  agent policy check --output json | jq '.policy[] | select(.allowed != "yes")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := printerFor(*output, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			p, err := readPolicy(*file)
			if err != nil {
				return mistake{err}
			}
			return out.policy(*file, p.says())
		},
	}
	outputFlag(look, output)
	cmd.AddCommand(look)
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  agent version",
		Args:    cobra.NoArgs,
		Run:     func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), version.Of()) },
	}
}

func outputFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "output", "text", "text, or json for programs")
}

func printerFor(output string, out io.Writer) (printer, error) {
	if output != "text" && output != "json" {
		return printer{}, mistake{errors.New("--output: use text or json")}
	}
	return printer{out: out, json: output == "json"}, nil
}
