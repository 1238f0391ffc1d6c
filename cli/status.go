package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"groupwriteback/shared/status"
)

func statusCommand(with runner) *cobra.Command {
	c := answering("Status", &cobra.Command{Use: "status", Short: "Show how the target stands", Args: cobra.NoArgs, RunE: with(doStatus),
		Long: `Shows how the target stands, what is held, and what could not be written.

With --watch it looks again and again, until it is interrupted. A terminal is drawn anew; elsewhere
it is printed when something has changed, of JSON one value in a line.`,
		Example: "  groupwriteback status\n  groupwriteback status --watch --every 30s\n  groupwriteback status --output json"})[0]
	c.Flags().Bool("watch", false, "look again and again, until it is interrupted")
	c.Flags().Duration("every", 5*time.Second, "how long --watch waits between two looks, 1s at least")
	return c
}

func doStatus(s *session, cmd *cobra.Command, _ []string) error {
	if watch, _ := cmd.Flags().GetBool("watch"); watch {
		every, _ := cmd.Flags().GetDuration("every")
		if every < time.Second {
			return errors.New("--every: write a time of 1s or more")
		}
		again := time.NewTicker(every)
		defer again.Stop()
		return s.watch(cmd.Context(), again.C)
	}
	st, whole, err := s.status(cmd.Context())
	if err != nil {
		return err
	}
	return s.print(whole, func() { fmt.Fprint(s.out, s.standing(st)) })
}

// status asks how the target stands.
func (s *session) status(ctx context.Context) (st status.Status, whole json.RawMessage, err error) {
	err = s.get(ctx, "status", nil, &whole, &st)
	return st, whole, err
}

// standing is a status as text.
func (s *session) standing(st status.Status) string {
	var b strings.Builder
	for _, standing := range append([]status.Standing{st.Standing}, st.Also...) {
		b.WriteString(s.text("%s", strings.TrimSuffix(fmt.Sprintf("%s: %s", standing.Word, standing.Detail), ": ")))
		if standing.Remedy != "" {
			b.WriteString(s.text("  %s", standing.Remedy))
		}
	}
	b.WriteString(s.text("%s has %d groups with %d members in Active Directory; %d changes are to be done.", st.Target, st.Totals.Groups, st.Totals.Members, st.Totals.Changes))
	b.WriteString(s.paint.Held(st.Holds, st.MoreHolds))
	b.WriteString(s.paint.Problems(st.Problems, named(st.Problems)))
	return b.String()
}

// failuresInARow is how often a watch may be told nothing before it ends.
const failuresInARow = 5

// clear has a terminal begin anew at its top (ECMA-48, CUP and ED).
const clear = "\x1b[H\x1b[J"

// watch shows how the target stands at once, and with each tick. It ends with ctx, which is no error, or when the
// API does not answer for long.
func (s *session) watch(ctx context.Context, ticks <-chan time.Time) error {
	told, failed := "", 0
	for {
		st, whole, err := s.status(ctx)
		text := ""
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failed, text = 0, s.standing(st)
		case told == "": // it never worked
			return err
		default:
			if failed++; failed == failuresInARow {
				return err
			}
			text, whole = s.text("error: %v", err), nil
		}
		if err := s.redraw(told, text, whole); err != nil {
			return err
		}
		told = text
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
		}
	}
}

// redraw shows a text in place of what was told.
func (s *session) redraw(told, text string, whole json.RawMessage) (err error) {
	switch {
	case s.json && whole != nil && text != told:
		_, err = fmt.Fprintf(s.out, "%s\n", strings.TrimSpace(string(whole)))
	case s.json:
	case s.screen.Terminal:
		_, err = fmt.Fprint(s.out, clear+text)
	case text != told:
		_, err = fmt.Fprint(s.out, text)
	}
	return err
}
