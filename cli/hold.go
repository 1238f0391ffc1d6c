package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/status"
)

// doHold shows what a hold lists; of a long list all parts in one.
func doHold(s *session, cmd *cobra.Command, args []string) error {
	path := "holds/" + url.PathEscape(args[0])
	var h status.Hold
	if err := s.get(cmd.Context(), path, nil, &h); err != nil {
		return err
	}
	for _, p := range h.Parts {
		var part status.Hold
		if err := s.get(cmd.Context(), path, url.Values{"part": {fmt.Sprint(p.Number)}}, &part); err != nil {
			return err
		}
		h.Items = append(h.Items, part.Items...)
		if h.Names == nil {
			h.Names = part.Names
		}
		maps.Copy(h.Names, part.Names)
	}
	h.Parts = nil
	whole, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode hold: %w", err)
	}
	return s.print(whole, func() { s.hold(h) })
}

// hold prints what is held, why, and who it is about.
func (s *session) hold(h status.Hold) {
	s.say("%s", h.Text)
	for _, cause := range slices.Sorted(maps.Keys(h.Causes)) {
		s.say("%d: %s", h.Causes[cause], cause)
	}
	if h.Denied != "" {
		s.say("rejected by %s", h.Denied)
	}
	for _, i := range h.Items {
		s.say("%s (%s)%s", i.Name, i.Group, becomes(i))
		s.members("-", i.Remove, h.Names)
		s.members("+", i.Add, h.Names)
	}
}

// members prints a member in a line.
func (s *session) members(sign string, refs []plan.Ref, names map[plan.Ref]string) {
	for _, ref := range refs {
		if name := names[ref]; name != "" {
			s.say("  %s %s (%s)", sign, name, ref)
		} else {
			s.say("  %s %s", sign, ref)
		}
	}
}

// becomes is what would become of a group that a hold lists.
func becomes(i record.Item) string {
	var parts []string
	if n := len(i.Remove) + i.Count; n > 0 {
		parts = append(parts, status.Count(n, "member goes", "members go"))
	}
	if n := len(i.Add); n > 0 {
		parts = append(parts, status.Count(n, "member comes", "members come"))
	}
	if i.To != "" {
		parts = append(parts, "it is moved to "+i.To)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
