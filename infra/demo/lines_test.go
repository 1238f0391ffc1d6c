package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/status"
)

func TestRows(t *testing.T) {
	held(t, "rows", func(paint palette) string {
		lines := paint.stepRow("✓", "Agent's first report", "signed in to the relay and to ldaps://127.8.31.7:636", 1234*time.Millisecond)
		lines = append(lines, paint.stepRow("✓", "Handler and agent", "handler 21.4 MB", time.Minute)...)
		lines = append(lines, paint.stepRow("✗", "Company in the cloud", "", 0)...)
		lines = append(lines, paint.stepRow("✓", "Compared at the end", "40 groups, 6412 members\nby hand: nothing: equal", time.Second)...)
		lines = append(lines, paint.stepRow("✓", "A step whose name is as long as no step's should be", "and more", time.Second)...)
		for _, what := range []string{"First plan applied", "cloud to AD: member removed from a group of 6,000 by somebody who likes long sentences, and more of them"} {
			lines = append(lines, paint.timeRow(timed{what, 12345 * time.Millisecond}))
		}
		return strings.Join(append(lines, ""), "\n")
	})
}

func TestStanding(t *testing.T) {
	held(t, "standing", func(paint palette) string {
		var b strings.Builder
		for _, s := range []status.Standing{
			{Word: "unread", Detail: "Entra ID could not be read, or not all of it, since 2026-02-03T04:05:06Z: read groups feed: 403 Forbidden: Authorization_RequestDenied",
				Remedy: "see the permissions and the sign-in of the app (handler check); what needs no word of Entra ID goes on"},
			{Word: "unread", Detail: "Entra ID could not be read: groups: 403\nusers: 403\ndevices: 403", Remedy: "see the permissions"},
			{Word: "applying", Detail: "1 change is on its way, since 2026-02-03T04:05:06Z: 0 of 1 batches are done", Remedy: "wait"},
			{Word: status.InSync},
		} {
			fmt.Fprintln(&b, strings.Join(paint.standing(s), "\n"))
		}
		return b.String()
	})
}
