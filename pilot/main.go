// Command pilot is the whole product in one process, against a real tenant and a real domain,
// read-only: it reads both, plans as the planner does, and shows what would be written, what
// could not be and why, and whether rights and schema suffice.
//
// It writes nothing. It links no code that writes to a directory, its connection to one sends
// searches alone, and of Microsoft Graph it asks by GET. The journal lies in a temporary folder,
// which is gone when it ends.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"groupwriteback/shared/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(os.Environ()).ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

const long = `Reads a tenant of Entra ID and a domain of Active Directory, and shows what Groupwriteback
would write there. It writes nothing, in neither of the two.

Who signs in to Entra ID needs GroupMember.Read.All, User.Read.All and Device.Read.All as
delegated permissions; any account of the domain may read it. The page docs/pilot.md of the
project says how to begin.

Exit code 0: the plan is shown, and nothing of the checks failed. 1: else.`

const examples = `  pilot --tenant 00000000-0000-0000-0000-000000000000 --client 11111111-1111-1111-1111-111111111111 \
        --url ldaps://dc1.corp.example --user you@corp.example --ou "OU=Cloud Groups,DC=corp,DC=example"
  pilot --sign-in azure-cli --tenant 00000000-0000-0000-0000-000000000000 --agent agent.yaml --rules rules.yaml
  .\pilot.exe --tenant 00000000-0000-0000-0000-000000000000 --client 11111111-1111-1111-1111-111111111111 ` + "`" + `
        --url ldaps://dc1.corp.example --user you@corp.example --ou "OU=Cloud Groups,DC=corp,DC=example"
  $found = .\pilot.exe --sign-in azure-cli --tenant 00000000-0000-0000-0000-000000000000 --agent agent.yaml --output json | ConvertFrom-Json`

const checkExamples = `  pilot check --sign-in azure-cli --tenant 00000000-0000-0000-0000-000000000000 --agent agent.yaml
  .\pilot.exe check --sign-in azure-cli --tenant 00000000-0000-0000-0000-000000000000 --agent C:\ProgramData\Groupwriteback\agent.yaml
  pilot check --sign-in azure-cli --tenant 00000000-0000-0000-0000-000000000000 --agent agent.yaml --output json | jq -r '.checks[] | select(.state == "missing") | .text'`

func command(environ []string) *cobra.Command {
	o := defaults(environ)
	root := &cobra.Command{
		Use:               "pilot",
		Short:             "Show what Groupwriteback would write, and write nothing",
		Long:              long,
		Example:           examples,
		Args:              cobra.NoArgs,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE:              func(cmd *cobra.Command, _ []string) error { return start(cmd, o, (*pilot).show) },
	}
	root.Flags().BoolVar(&o.short, "short", false, "a line for each group")
	root.Flags().BoolVar(&o.all, "all", false, "show all groups, all values and all members, however many")
	check := &cobra.Command{
		Use:   "check",
		Short: "Look at the sign-ins, rights and schema only",
		Long: `Looks at both sign-ins, at what they may read, at the account's rights and the schema, as a plan
does before it reads everything. It writes nothing. What says FAILED has its remedy behind it.

Exit code 0: nothing of the checks failed. 1: else.`,
		Args:    cobra.NoArgs,
		Example: checkExamples,
		RunE:    func(cmd *cobra.Command, _ []string) error { return start(cmd, o, (*pilot).check) },
	}
	for _, cmd := range []*cobra.Command{root, check} {
		o.flags(cmd.Flags())
	}
	root.AddCommand(check, &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Args:    cobra.NoArgs,
		Example: "  pilot version",
		Run:     func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), version.Of()) },
	})
	return root
}

// start makes a pilot of options, has it do something, and leaves nothing behind.
func start(cmd *cobra.Command, o *options, do func(*pilot, context.Context) error) error {
	if err := o.complete(); err != nil {
		return err
	}
	p, err := newPilot(*o, cmd.OutOrStdout(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer p.close()
	return do(p, cmd.Context())
}
