package status

import (
	"fmt"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Standing is how a target stands: a word, a sentence, and what to do about it.
type Standing struct {
	Word   string `json:"state"`
	Detail string `json:"detail,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// InSync is the last word: Active Directory is what the rules want.
const InSync = "in-sync"

// Facts are what this half knows and its journal does not.
type Facts struct {
	Version     string
	Rules       string         // hash of the rules that this host has
	OU          string         // where they want the groups, as plan.NormalDN has it
	Scope       []directory.ID // groups that they name
	Notes       []string       // about settings: what is allowed, and perhaps not meant
	Mistakes    string         // of the rules file, in whose place those that the journal has are in force; "": it has none
	NoRules     bool           // they are kept in the store, and it has none yet
	Foreign     string         // why those in the store cannot be used; "": they can
	Certificate time.Time      // when that which signs in ends; zero: there is none
}

// view is what a standing is proved from.
type view struct {
	journal.Head
	agent     journal.Agent
	now       time.Time
	facts     Facts
	uncounted int // parts of which nobody has counted yet what is to be done
	arrived   int // reports that no turn has read
}

// A condition is something that keeps a target from being in sync.
type condition struct {
	word   string
	is     func(v view) string // in a sentence; "" if it is not so
	remedy string
}

// How old what is known may be. An agent polls every few seconds, but not while a change
// or a reading takes its time; a planner notes about each hour that it has read Entra ID
// to its end.
const (
	silence   = 5 * time.Minute
	unread    = 3 * time.Hour
	unscanned = 26 * time.Hour
	expiring  = 14 * 24 * time.Hour
)

// conditions lists all there are, the graver first.
func conditions() []condition {
	return []condition{
		{"no-rules", is(func(v view) bool { return v.facts.NoRules }, "there are no rules in the store yet: nothing is read, decided or written"),
			"put the first in force: groupwriteback rules apply FILE"},
		{"no-rules", func(v view) string { return about(v.facts.Foreign, "%s: nothing is decided or written") },
			"update this host's program, or put rules in force that it understands (groupwriteback rules apply, rules back)"},
		{"new", is(func(v view) bool {
			return v.Gen == 0 || v.Gen == 1 && v.Main.Number == 0 && v.Shadow == nil && len(v.Failures) == 0
		}, "no turn has run yet"),
			"see that the timer runs, or run a turn by hand (sync); handler check says what is missing"},
		{"failing", failure(journal.FailedTurn, "turns fail since %s: %s"),
			"mend the cause; a turn by hand (sync) says at once whether that was it"},
		{"stopped", func(v view) string { return v.Stop }, "nothing is written before that is settled: see docs/recover.md"},
		{"unread", failure(journal.FailedGraph, "Entra ID could not be read, or not all of it, since %s: %s"),
			"see the permissions and the sign-in of the app (handler check); what needs no word of Entra ID goes on"},
		{"unread", func(v view) string {
			return when(v.now.Before(v.Wait), "Microsoft Graph asks not to be asked before %s", v.Wait)
		},
			"wait: nothing is lost; what needs no word of Entra ID goes on"},
		{"enumerating", is(func(v view) bool { return v.Main.Number == 0 }, "Entra ID is being read for the first time"), "wait"},
		{"enumerating", is(func(v view) bool { return v.Shadow != nil && !v.Shadow.Beside }, "Entra ID is being read anew, and nothing is planned until that is complete"), "wait"},
		{"overdue", func(v view) string {
			return when(v.now.Sub(v.Read) > unread && v.Main.Number > 0 && (v.Shadow == nil || v.Shadow.Beside), "Entra ID was last read to its end at %s", v.Read)
		}, "see that the timer runs, and its log"},
		{"waiting-for-agent", is(func(v view) bool { return v.Reported.IsZero() }, "no agent has reported what is in Active Directory yet"),
			"start the agent; agent check says what is missing"},
		{"agent-silent", func(v view) string {
			if v.agent.Heard.IsZero() {
				return "nobody knows when an agent was last heard of: the lease is lost"
			}
			return when(v.now.Sub(v.agent.Heard) > silence, "the agent was last heard of at %s", v.agent.Heard)
		},
			"see whether it runs and reaches the relay (agent check); what is held and refused is listed all the same"},
		{"blind", func(v view) string { return about(v.Blind, "the agent is not believed where it finds no group: %s") },
			"give its account the right (docs/agent.md); agent check names it"},
		{"unscanned", func(v view) string {
			return when(!v.Reported.IsZero() && v.now.Sub(v.Reported) > unscanned, "all of Active Directory was last reported at %s", v.Reported)
		}, "see the agent's log, and scan_every in its file"},
		{"misplaced", func(v view) string {
			ou, base := v.facts.OU, v.Target.Base
			if ou == "" || base == "" || strings.EqualFold(plan.NormalDN(ou), plan.NormalDN(base)) || plan.Below(ou, base) {
				return ""
			}
			return fmt.Sprintf("the rules want the groups in %s, and the agent writes below %s alone", ou, base)
		}, "correct ou in the rules, or directory.base in the agent's file"},
		{"off", func(v view) string {
			if v.Switch.On || v.Switch.Moved || v.Switch.Ended == "" {
				return ""
			}
			return fmt.Sprintf("writeback has ended, because %s has said so at %s (%s): nothing is written", v.Switch.By, at(v.Switch.At), v.Switch.Ended)
		}, "enable takes it back"},
		{"off", is(func(v view) bool { return !v.Switch.On && !v.Switch.Moved && v.Switch.Ended == "" }, "nothing is written until somebody has confirmed the first plan"),
			"look at it and confirm it (enable)"},
		{"off", is(func(v view) bool { return !v.Switch.On && v.Switch.Moved }, "nothing is written: the plan that was confirmed is another one by now"),
			"look at it again and confirm it (enable)"},
		{"paused", func(v view) string {
			if !v.Switch.Paused {
				return ""
			}
			return fmt.Sprintf("nothing is written since %s, because %s has said so", at(v.Switch.At), v.Switch.By)
		}, "resume it"},
		{"ending", func(v view) string {
			if v.Switch.Ending == "" {
				return ""
			}
			return fmt.Sprintf("writeback ends since %s, because %s has said so (%s): nothing else is written, and it is off when all groups have their end", at(v.Switch.At), v.Switch.By, v.Switch.Ending)
		}, "see the holds and problems, which it waits for; enable takes it back"},
		{"read-only", is(func(v view) bool { return v.agent.ReadOnly }, "the agent's policy is read_only: what differs is shown and not written"),
			"take read_only out of the agent's file, and restart it"},
		{"applying", func(v view) string {
			if v.Plan == nil {
				return ""
			}
			return fmt.Sprintf("%s, since %s: %d of %d batches are done", Count(v.Plan.Changes, "change is on its way", "changes are on their way"), at(v.Plan.Issued()), v.Plan.Done, len(v.Plan.Digests))
		}, "wait"},
		{"pending", func(v view) string {
			return Count(v.Totals.Changes, "change waits for the next plan", "changes wait for the next plan")
		}, "wait for the next turn, or sync"},
		{"pending", is(func(v view) bool { return v.uncounted > 0 }, "not all is decided yet"), "wait for the next turn, or sync"},
		{"pending", is(func(v view) bool { return v.arrived > 0 }, "the agent has told something that no turn has read yet"), "wait for the next turn, or sync"},
		{"held", func(v view) string { return held(v.Totals) }, "see the holds: approve or reject them, or put right in the cloud what they list"},
		{"attention", func(v view) string {
			return about(v.facts.Mistakes, "the rules file of this host has mistakes, and the last good rules stay in force: %s")
		}, "correct the file and deploy it again; handler check names every mistake"},
		{"attention", func(v view) string {
			return list(some(
				Count(v.Totals.Trouble, "group cannot be managed as it is", "groups cannot be managed as they are"),
				Count(v.Totals.Parked, "change or member was refused", "changes or members were refused")))
		}, "see the problems: each has its remedy"},
		{"attention", func(v view) string {
			return list(some(
				Count(v.Totals.Unproven, "member stays though nobody has said so", "members stay though nobody has said so"),
				Count(v.Totals.Asks, "group waits for an answer of Microsoft Graph", "groups wait for an answer of Microsoft Graph")))
		}, "if it stays so, see the planner's log"},
		{"attention", func(v view) string {
			return Count(v.Totals.Stale, "group has to be read again by the agent first", "groups have to be read again by the agent first")
		}, "if it stays so, see the agent's log"},
		{"attention", func(v view) string {
			return Count(v.Totals.Problems[exchange.Waits], "group with mail waits for Exchange", "groups with mail wait for Exchange")
		}, "see the problem: it names what is missing, with its remedy; groups without mail go on"},
		{"attention", func(v view) string {
			f := v.Polling.Refused
			if f.Text == "" {
				return ""
			}
			return fmt.Sprintf("%s of Microsoft 365 groups could not all be read since %s: %s", list(v.Polling.Flags), at(f.Since), f.Text)
		}, "see that the app has the permission; what was read before counts until then, and of what was never read nothing is said"},
		{"expiring", func(v view) string {
			c := v.facts.Certificate
			return when(!c.IsZero() && c.Sub(v.now) < expiring, "the certificate that the app signs in with ends at %s", c)
		}, "put a new one into the app registration and the settings"},
	}
}

// stand sums a view up: the gravest of what is the case, and all the rest of it.
func stand(v view) (first Standing, also []Standing) {
	var all []Standing
	for _, c := range conditions() {
		if detail := c.is(v); detail != "" {
			all = append(all, Standing{c.word, detail, c.remedy})
			if v.Gen == 0 {
				break // nothing else is known
			}
		}
	}
	if len(all) == 0 {
		return Standing{Word: InSync}, nil
	}
	return all[0], all[1:]
}

// Healthy says whether a target is kept true: it is in sync, or on its way there.
func (s Standing) Healthy() bool {
	return s.Word == InSync || s.Word == "applying" || s.Word == "pending"
}

func is(so func(v view) bool, text string) func(view) string {
	return func(v view) string {
		if so(v) {
			return text
		}
		return ""
	}
}

// failure is the condition that something fails: the text is of since when, and why.
func failure(kind, text string) func(view) string {
	return func(v view) string {
		f, is := v.Failing(kind, v.now)
		if !is {
			return ""
		}
		return fmt.Sprintf(text, at(f.Since), f.Text)
	}
}

func when(so bool, text string, t time.Time) string {
	if !so {
		return ""
	}
	return fmt.Sprintf(text, at(t))
}

func about(what, text string) string {
	if what == "" {
		return ""
	}
	return fmt.Sprintf(text, what)
}

func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// held says what waits for approval.
func held(c record.Counts) string {
	var nouns []string
	for _, g := range plan.Guards() {
		if c.Over[g.Name] > 0 || g.Name == plan.Removals && c.Held > 0 {
			nouns = append(nouns, g.Noun)
		}
	}
	if len(nouns) == 0 {
		return ""
	}
	return list(nouns) + " over the limit wait for approval"
}
