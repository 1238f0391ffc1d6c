package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/status"
)

// doHistory shows the latest page.
func doHistory(s *session, cmd *cobra.Command, args []string) error {
	path := "history"
	if len(args) > 0 {
		id, err := s.find(cmd.Context(), args[0], "group")
		if err != nil {
			return err
		}
		path = "groups/" + id + "/history"
	}
	var whole json.RawMessage
	var past status.Past
	if err := s.get(cmd.Context(), path, nil, &whole, &past); err != nil {
		return err
	}
	return s.print(whole, func() { s.past(past, len(args) > 0) })
}

// past prints a page of history, the latest first; of one group each change of it.
func (s *session) past(past status.Past, ofOne bool) {
	if len(past.Batches) == 0 {
		s.say("Nothing was done yet.")
	}
	for _, b := range past.Batches {
		if b.Rules != nil {
			s.say("%s  rules %s", when(b.At), ruledBy(*b.Rules, false))
			continue
		}
		line := fmt.Sprintf("%s  batch %d on %s: %s, %d memberships added, %d removed, %d refused", when(b.At), b.Seq, controller(b.DC), status.Count(b.Groups, "group", "groups"), b.Added, b.Removed, b.Refused)
		if len(b.Approved) > 0 {
			line += "; approved by " + strings.Join(b.Approved, ", ")
		}
		s.say("%s", line)
		if ofOne {
			for _, c := range b.Changes {
				s.say("  %s", changed(c))
			}
		} else {
			s.reasons(b)
		}
	}
	if past.Broken != "" {
		s.say("The audit cannot be followed further: %s", past.Broken)
	}
	if past.Next != "" {
		s.say("There is more, further back.")
	}
}

// reasons prints what the changes of a batch come of, with how many there are of each.
func (s *session) reasons(b status.Batch) {
	count := map[string]int{}
	for _, c := range b.Changes {
		count[cmp.Or(c.Why, "nobody has noted why")]++
	}
	for _, why := range slices.Sorted(maps.Keys(count)) {
		s.say("  %s: %s", status.Count(count[why], "change", "changes"), why)
	}
	if b.More > 0 {
		s.say("  %s not listed", status.Count(b.More, "change is", "changes are"))
	}
}

// changed is a change in a line: what it does, what it comes of, and what became of it if it is not done.
func changed(c status.Applied) string {
	var parts []string
	if names := slices.Sorted(maps.Keys(c.Set)); len(names) > 0 {
		parts = append(parts, strings.Join(names, ", "))
	}
	of := "member"
	if link := c.Of(); link != plan.Member {
		of = string(link)
	}
	for _, n := range []string{status.Count(len(c.Add), of+" comes", of+"s come"), status.Count(len(c.Remove)+c.Count, of+" goes", of+"s go")} {
		if n != "" {
			parts = append(parts, n)
		}
	}
	text := string(c.Op)
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, "; ") + ")"
	}
	if c.Why != "" {
		text += ": " + c.Why
	}
	if r := c.Result; r != nil && r.Status != plan.Done {
		text += strings.TrimSuffix(fmt.Sprintf(": %s: %s", r.Status, r.Text), ": ")
	}
	return text
}

// controller is what people call a domain controller, by the DN of its settings.
func controller(dn string) string {
	return cmp.Or(plan.Controller(dn), "an unnamed domain controller")
}
