package life

import (
	"fmt"
	"strings"
)

// What the table says where it depends on a fate.
const (
	byRule State = "by rule" // of the rules
	byWord State = "by word" // of the person who ends writeback
)

// chosen is what a fate makes of a group. Rules delete nothing that was not in quarantine
// first; a person has seen the plan.
var chosen = map[State]map[Fate]State{
	byRule: {Keep: Kept, Quarantine: Quarantined, Delete: Quarantined},
	byWord: {Keep: Disowned, Quarantine: Quarantined, Delete: Deleted},
}

// table says what state comes of a state and an event. What it does not name changes nothing.
var table = map[State]map[Event]State{
	Candidate: {Wanted: Waiting},
	Waiting: {
		SoftDeleted: Candidate, HardDeleted: Candidate, SwitchedOff: Candidate, Mastered: Candidate, Converted: Candidate,
		Unsure: Candidate, OutOfScope: Candidate,
	},
	Written: {
		SoftDeleted: byRule, HardDeleted: byRule, SwitchedOff: byRule, OutOfScope: byRule,
		Mastered: Kept, Erased: Waiting, SwitchOff: byWord,
	},
	Held: {
		Wanted: Written, Unsure: Written, Converted: Written,
		Approved: byRule, Mastered: Kept, Erased: Deleted, SwitchOff: byWord,
	},
	Kept: {
		Wanted:      Written,
		SoftDeleted: byRule, HardDeleted: byRule, SwitchedOff: byRule, OutOfScope: byRule, Ruled: byRule,
		Erased: Deleted, SwitchOff: byWord,
	},
	Quarantined: {Wanted: Written, GraceOver: Deleted, Erased: Deleted, SwitchOff: byWord},
	Deleted:     {Wanted: Waiting},
	Disowned:    {Wanted: Waiting},
}

// Next is the state that comes of a state and an event.
func Next(from State, e Event, fate Fate) State {
	to, named := table[from][e]
	if !named {
		return from
	}
	if choice, depends := chosen[to]; depends {
		return choice[fate]
	}
	return to
}

// Markdown is the table for people, a row for each event.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| |")
	for _, s := range States() {
		fmt.Fprintf(&b, " %s |", s)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(States())) + "\n")
	for _, e := range Events() {
		fmt.Fprintf(&b, "| %s |", e)
		for _, s := range States() {
			switch to, named := table[s][e]; {
			case !named:
				b.WriteString(" - |")
			case chosen[to] != nil:
				fmt.Fprintf(&b, " *%s* |", to)
			default:
				fmt.Fprintf(&b, " %s |", to)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
