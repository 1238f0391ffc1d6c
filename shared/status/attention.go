package status

import (
	"fmt"
	"strings"

	"groupwriteback/shared/journal"
)

// attention counts what nobody may take for being in sync, and says where to look;
// "" if there is nothing.
func attention(h journal.Head) string {
	c := h.Totals
	listed := list(some(
		Count(c.Trouble, "group cannot be managed as it is", "groups cannot be managed as they are"),
		Count(c.Parked, "change or member was refused", "changes or members were refused"),
	))
	asked := list(some(
		Count(c.Unproven, "member stays though nobody has said so", "members stay though nobody has said so"),
		Count(c.Asks, "group waits for an answer of Microsoft Graph", "groups wait for an answer of Microsoft Graph"),
	))
	stale := Count(c.Stale, "group has to be read again by the agent first", "groups have to be read again by the agent first")
	if h.Blind != "" {
		stale = join(", and ", stale, "the agent is not believed where it finds no group: "+h.Blind)
	}
	return join("; ",
		look(listed, "see the problems"),
		look(asked, "if it stays so, see the planner's log"),
		look(stale, "if it stays so, see the agent's log"))
}

// look says where to look for what was counted.
func look(what, where string) string {
	if what == "" {
		return ""
	}
	return what + " (" + where + ")"
}

// Count is a number with its noun; "" for none.
func Count(n int, one, many string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// some are the texts that are not empty.
func some(texts ...string) (out []string) {
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

func join(between string, texts ...string) string { return strings.Join(some(texts...), between) }

// list joins texts in the way of people: a, b and c.
func list(texts []string) string {
	if n := len(texts) - 1; n > 0 {
		return strings.Join(texts[:n], ", ") + " and " + texts[n]
	}
	return strings.Join(texts, "")
}
