package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"groupwriteback/shared/status"
)

// askEvery is how long a wait is between two looks at a run.
const askEvery = 2 * time.Second

func doSync(s *session, cmd *cobra.Command, _ []string) error {
	names, _ := cmd.Flags().GetStringArray("group")
	full, _ := cmd.Flags().GetBool("full")
	wait, _ := cmd.Flags().GetBool("wait")
	if cmd.Flags().Changed("group") && (len(names) == 0 || slices.Contains(names, "")) {
		return errors.New("--group: write the name or the id of a group")
	}
	message := map[string]any{"action": "sync"}
	var groups []string
	for _, name := range names {
		id, err := s.find(cmd.Context(), name, "group")
		if err != nil {
			return err
		}
		groups = append(groups, id)
	}
	if len(groups) > 0 {
		message["groups"] = groups
	}
	if full {
		message["full"] = true
	}
	if !wait {
		return s.act(cmd, message)
	}
	var r reply
	if err := s.manual(cmd.Context(), message, &r); err != nil {
		return err
	}
	patience, _ := cmd.Flags().GetDuration("timeout")
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), patience, late{patience})
	defer cancel()
	return s.follow(ctx, r.Run)
}

// late is that a wait took too long. What was waited for goes on.
type late struct{ patience time.Duration }

func (l late) Error() string {
	return fmt.Sprintf("the time that --timeout gives is over (%v)", l.patience)
}

// follow tells how far it is with a run, each time that it changes, until it is done.
func (s *session) follow(ctx context.Context, id string) error {
	told := ""
	for {
		var whole json.RawMessage
		var run status.Run
		if err := s.get(ctx, "runs/"+url.PathEscape(id), nil, &whole, &run); err != nil && ctx.Err() == nil {
			return err
		}
		if run.State != "" {
			told = s.progress(told, run)
		}
		if run.State == status.RunDone {
			return s.print(whole, func() {
				if run.Held+run.Problems > 0 {
					s.say("Of the groups named %d have something held, and there are %d problems: see holds and problems.", run.Held, run.Problems)
				}
			})
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for run %s: %w: it goes on without you, and status says how it stands", id, context.Cause(ctx))
		case <-time.After(askEvery):
		}
	}
}

// progress says how far it is with a run, unless that was told.
func (s *session) progress(told string, run status.Run) string {
	line := fmt.Sprintf("%s: %d changes to be done", run.State, run.Changes)
	if line != told && !s.json {
		s.say("%s", line)
	}
	return line
}
