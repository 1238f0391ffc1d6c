package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
	"groupwriteback/shared/status"
)

// pages reads a list page by page; key is where its entries are.
func pages[T any](s *session, cmd *cobra.Command, key string, q url.Values, each func([]T)) error {
	for {
		var page map[string]json.RawMessage
		if err := s.get(cmd.Context(), key, q, &page); err != nil {
			return err
		}
		var some []T
		if err := json.Unmarshal(page[key], &some); err != nil {
			return fmt.Errorf("decode %s: %w", key, err)
		}
		each(some)
		var next string
		if page["next"] == nil {
			return nil
		}
		if err := json.Unmarshal(page["next"], &next); err != nil {
			return fmt.Errorf("decode cursor of %s: %w", key, err)
		}
		q.Set("cursor", next)
	}
}

// list reads a list to its end and prints it: as one JSON object, or as text, each page as it comes.
func list[T any](s *session, cmd *cobra.Command, key string, q url.Values, none string, text func([]T)) error {
	all, entries := []T{}, 0
	err := pages(s, cmd, key, q, func(page []T) {
		if entries += len(page); s.json {
			all = append(all, page...)
		} else if len(page) > 0 {
			text(page)
		}
	})
	if err != nil {
		return err
	}
	whole, err := json.Marshal(map[string]any{key: all})
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	return s.print(whole, func() {
		if entries == 0 {
			s.say("%s", none)
		}
	})
}

func doHolds(s *session, cmd *cobra.Command, _ []string) error {
	return list(s, cmd, "holds", url.Values{}, "Nothing is held.", func(all []record.Listing) { fmt.Fprint(s.out, s.paint.Held(all, 0)) })
}

func doProblems(s *session, cmd *cobra.Command, _ []string) error {
	return list(s, cmd, "problems", url.Values{}, "There are no problems.", func(all []status.Problem) {
		fmt.Fprint(s.out, s.paint.EachProblem(all, named(all)))
	})
}

// named are the names that problems know; who has none goes by the object id.
func named(problems []status.Problem) func(directory.ID) string {
	names := map[directory.ID]string{}
	for _, p := range problems {
		names[p.Group] = cmp.Or(p.Name, names[p.Group])
		names[p.Member] = cmp.Or(p.Who, names[p.Member])
	}
	return func(id directory.ID) string { return cmp.Or(names[id], id.String()) }
}

func doGroups(s *session, cmd *cobra.Command, args []string) error {
	q := url.Values{}
	if len(args) > 0 {
		q.Set("prefix", args[0])
	}
	return list(s, cmd, "groups", q, "There is no such group.", func(all []status.Line) {
		for _, g := range all {
			s.say("%s  %-11s  %s", g.Group, g.State, cmp.Or(g.Name, g.DisplayName))
		}
	})
}
