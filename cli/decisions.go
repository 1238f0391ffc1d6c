package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"groupwriteback/shared/cycle"
)

// reply is what an action answers.
type reply struct {
	Done, Run string
	Preview   *cycle.Preview
	Switch    struct{ Confirmed string } // the digest of the plan that is being made sure of
	Lines     []string                   // the checklist of a first plan
}

// decisions are the commands that change something.
func decisions(with runner) []*cobra.Command {
	act := func(message func(*cobra.Command, []string) map[string]any) func(*cobra.Command, []string) error {
		return with(func(s *session, cmd *cobra.Command, args []string) error { return s.act(cmd, message(cmd, args)) })
	}
	plain := func(action string) func(*cobra.Command, []string) error {
		return act(func(*cobra.Command, []string) map[string]any { return map[string]any{"action": action} })
	}
	word := func(action string) func(*cobra.Command, []string) error {
		return act(func(_ *cobra.Command, args []string) map[string]any {
			return map[string]any{"action": action, "hold": args[0]}
		})
	}
	confirmed := func(action string) func(*cobra.Command, []string) error {
		return act(func(cmd *cobra.Command, _ []string) map[string]any {
			message := map[string]any{"action": action}
			for _, name := range []string{"digest", "end"} {
				if f := cmd.Flags().Lookup(name); f != nil && f.Value.String() != "" {
					message[name] = f.Value.String()
				}
			}
			return message
		})
	}
	hold := &cobra.Command{Use: "hold", Short: "Say a word on what is held", Example: "  groupwriteback hold approve 0123456789ab"}
	hold.AddCommand(slices.Concat(
		answering("Hold", &cobra.Command{Use: "show ID", Short: "Show what a hold lists", Args: cobra.ExactArgs(1), RunE: with(doHold), Example: "  groupwriteback hold show 0123456789ab"}),
		answering("Reply",
			&cobra.Command{Use: "approve ID", Short: "Have what is held done", Args: cobra.ExactArgs(1), RunE: word("approve"), Example: "  groupwriteback hold approve 0123456789ab"},
			&cobra.Command{Use: "reject ID", Short: "Leave what is held as it is", Args: cobra.ExactArgs(1), RunE: word("reject"), Example: "  groupwriteback hold reject 0123456789ab"}))...)
	enable := &cobra.Command{Use: "enable", Short: "Show the plan that would be switched on; with its digest, switch it on", Args: cobra.NoArgs, RunE: confirmed("enable"),
		Example: "  groupwriteback enable\n  groupwriteback enable --digest DIGEST"}
	enable.Flags().String("digest", "", "of the plan that is confirmed, as enable shows it")
	disable := &cobra.Command{Use: "disable", Short: "Show the plan that ends writeback; with its digest, confirm it", Args: cobra.NoArgs, RunE: confirmed("disable"),
		Example: "  groupwriteback disable --end keep\n  groupwriteback disable --end keep --digest DIGEST"}
	disable.Flags().String("digest", "", "of the plan that is confirmed, as disable shows it")
	disable.Flags().String("end", "", "what becomes of the groups in Active Directory: keep, quarantine or delete")
	sync := &cobra.Command{Use: "sync", Short: "Run a turn now, of all groups or of some first", Args: cobra.NoArgs, RunE: with(doSync),
		Example: "  groupwriteback sync --wait\n  groupwriteback sync --group \"All staff\" --wait"}
	sync.Flags().StringArray("group", nil, "name or id of a group: it is read again and comes first (may be repeated)")
	sync.Flags().Bool("full", false, "read everything again, in the cloud and in Active Directory")
	sync.Flags().Bool("wait", false, "until what could be done is done; exit code 3 where --timeout is over before that; JSON: schema Run")
	sync.Flags().Duration("timeout", 30*time.Minute, "how long --wait waits")
	return append(answering("Reply", enable, disable, sync,
		&cobra.Command{Use: "pause", Short: "Stop the writing", Args: cobra.NoArgs, RunE: plain("pause"), Example: "  groupwriteback pause"},
		&cobra.Command{Use: "resume", Short: "Go on with the writing", Args: cobra.NoArgs, RunE: plain("resume"), Example: "  groupwriteback resume"}), hold)
}

// act has an action done, and tells what came of it. That a plan was confirmed by a digest and is another one by
// then is an error.
func (s *session) act(cmd *cobra.Command, message map[string]any) error {
	var whole json.RawMessage
	var r reply
	if err := s.manual(cmd.Context(), message, &whole, &r); err != nil {
		return err
	}
	if err := s.print(whole, func() { s.answer(r, message) }); err != nil {
		return err
	}
	if digest := message["digest"]; digest != nil && r.Preview != nil && r.Switch.Confirmed != digest {
		return fmt.Errorf("%s: nothing was confirmed: look at the plan as it is now, and confirm that", message["action"])
	}
	return nil
}

// answer prints what came of an action, and the command that confirms the plan that it shows.
func (s *session) answer(r reply, message map[string]any) {
	if r.Preview != nil {
		fmt.Fprint(s.out, s.paint.Overview(*r.Preview, 0))
	}
	for _, line := range r.Lines {
		s.say("  %s", line)
	}
	if r.Done != "" {
		s.say("%s", r.Done)
	}
	if r.Preview == nil || r.Preview.Digest == "" {
		return
	}
	again := fmt.Sprintf("groupwriteback %s", message["action"])
	if end := message["end"]; end != nil {
		again += fmt.Sprintf(" --end %s", end)
	}
	s.say("To confirm it: %s --digest %s", again, r.Preview.Digest)
}
