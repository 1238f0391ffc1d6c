package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/explain"
	"groupwriteback/shared/show"
	"groupwriteback/shared/version"
)

// looks are the commands that change nothing.
func looks(with runner) []*cobra.Command {
	planned := &cobra.Command{Use: "plan", Short: "Show what a turn would do", Args: cobra.NoArgs, RunE: with(doPlan),
		Example: "  groupwriteback plan\n  groupwriteback plan --whole\n  groupwriteback plan --ldif\n  groupwriteback plan --rules rules.yaml --detailed-exitcode"}
	planned.Flags().String("rules", "", "a rules file: as if it were in force")
	planned.Flags().Bool("detailed-exitcode", false, "exit code 2 where there is something to do, or something is held; 1 where no plan can be made")
	planned.Flags().Bool("whole", false, "all that becomes of each group, and why")
	planned.Flags().Bool("ldif", false, "as LDIF, to be read: what would be written, write by write")
	planned.MarkFlagsMutuallyExclusive("whole", "ldif")
	return slices.Concat([]*cobra.Command{statusCommand(with)},
		answering("Reply", planned),
		answering("Program", &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, RunE: printVersion, Example: "  groupwriteback version"}),
		answering("Explanation", &cobra.Command{Use: "explain GROUP [MEMBER]", Short: "Say why a group, or a member of it, is as it is", Args: cobra.RangeArgs(1, 2), RunE: with(doExplain),
			Example: "  groupwriteback explain \"All staff\"\n  groupwriteback explain \"All staff\" anna@corp.example"}),
		answering("HoldPage", &cobra.Command{Use: "holds", Short: "List what waits for a person's word", Args: cobra.NoArgs, RunE: with(doHolds), Example: "  groupwriteback holds"}),
		answering("GroupPage", &cobra.Command{Use: "groups [PREFIX]", Short: "List groups, or those whose name begins so", Args: cobra.MaximumNArgs(1), RunE: with(doGroups), Example: "  groupwriteback groups\n  groupwriteback groups Department"}),
		answering("ProblemPage", &cobra.Command{Use: "problems", Short: "List what could not be decided or written, and why", Args: cobra.NoArgs, RunE: with(doProblems), Example: "  groupwriteback problems"}),
		answering("HistoryPage", &cobra.Command{Use: "history [GROUP]", Short: "Show what was done lately, to all or to one group", Args: cobra.MaximumNArgs(1), RunE: with(doHistory), Example: "  groupwriteback history\n  groupwriteback history \"All staff\""}))
}

// printVersion says which version the command is of.
func printVersion(cmd *cobra.Command, _ []string) error {
	return own(cmd, map[string]string{"version": version.Of()}, version.Of())
}

// own prints what the command says itself: as text, or as JSON.
func own(cmd *cobra.Command, v any, text string) error {
	whole, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	output, err := cmd.Flags().GetString("output")
	if err == nil {
		err = knownOutput(output)
	}
	if err != nil {
		return err
	}
	s := newSession(nil, cmd.OutOrStdout(), output == "json")
	return s.print(whole, func() { s.say("%s", text) })
}

func doPlan(s *session, cmd *cobra.Command, _ []string) error {
	message := map[string]any{"action": "preview"}
	if file, _ := cmd.Flags().GetString("rules"); file != "" {
		text, err := readText(file, maxRules)
		if err != nil {
			return err
		}
		message["rules"] = string(text)
	}
	var whole json.RawMessage
	var r struct{ Preview cycle.Preview }
	if err := s.manual(cmd.Context(), message, &whole, &r); err != nil {
		return err
	}
	if ldif, _ := cmd.Flags().GetBool("ldif"); ldif {
		if s.json {
			return errors.New("--ldif: it is a form of its own: leave --output json out, or this")
		}
		fmt.Fprint(s.out, show.LDIF(r.Preview))
		return drift(cmd, r.Preview)
	}
	if err := s.print(whole, func() { s.plan(cmd, r.Preview) }); err != nil {
		return err
	}
	return drift(cmd, r.Preview)
}

// plan prints a plan: short, or whole; of other rules what they want otherwise, before it.
func (s *session) plan(cmd *cobra.Command, p cycle.Preview) {
	if p.Other != nil {
		fmt.Fprintln(s.out, s.paint.Shifts(*p.Other))
	}
	if all, _ := cmd.Flags().GetBool("whole"); all {
		fmt.Fprint(s.out, s.paint.Whole(p, show.Most{}))
		return
	}
	fmt.Fprint(s.out, s.paint.Overview(p, 0))
}

// drift is what the exit code says of a plan, where that was asked for: that there is something to do, or to
// say; that nobody knows is an error.
func drift(cmd *cobra.Command, p cycle.Preview) error {
	detailed, _ := cmd.Flags().GetBool("detailed-exitcode")
	switch {
	case !detailed:
		return nil
	case p.Waiting != "":
		return fmt.Errorf("no plan can be made yet: %s", p.Waiting)
	case len(p.Changes)+p.More+len(p.Held)+p.MoreHeld > 0:
		return changes{}
	}
	return nil
}

func doExplain(s *session, cmd *cobra.Command, args []string) error {
	group, err := s.find(cmd.Context(), args[0], "group")
	if err != nil {
		return err
	}
	q := url.Values{}
	if len(args) > 1 {
		who := args[1]
		if strings.HasPrefix(who, "S-1-") {
			_, err = directory.ParseSID(who)
		} else {
			who, err = s.find(cmd.Context(), who, "member")
		}
		if err != nil {
			return err
		}
		q.Set("member", who)
	}
	var whole json.RawMessage
	var e explain.Explanation
	if err := s.get(cmd.Context(), "groups/"+group+"/explain", q, &whole, &e); err != nil {
		return err
	}
	return s.print(whole, func() {
		s.say("%s (%s)", e.Name, e.Group)
		lines := e.Lines
		if e.Member != nil {
			lines = e.Member.Lines
		}
		for _, line := range lines {
			s.say("%s", line)
		}
	})
}

// find is the object id of whom a name means. A name of several is an error that lists them.
func (s *session) find(ctx context.Context, name, kind string) (string, error) {
	if id, err := directory.ParseID(name); err == nil {
		return id.String(), nil
	}
	var found struct {
		Hits []struct{ ID, Kind, Name, Also string }
		More bool
	}
	if err := s.get(ctx, "find", url.Values{"name": {name}, "kind": {kind}}, &found); err != nil {
		return "", err
	}
	switch len(found.Hits) {
	case 0:
		return "", fmt.Errorf("find %s %q: Entra ID has none: check the name, or give an object id", kind, name)
	case 1:
		if !found.More {
			return found.Hits[0].ID, nil
		}
	}
	text := fmt.Sprintf("find %s %q: it is the name of several: give the id of one:", kind, name)
	for _, h := range found.Hits {
		text += fmt.Sprintf("\n  %s  %s %s %s", h.ID, h.Kind, h.Name, h.Also)
	}
	return "", errors.New(text)
}
