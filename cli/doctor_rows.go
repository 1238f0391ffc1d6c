package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/status"
)

func good(what, text string) checklist.Row {
	return checklist.Row{What: what, State: checklist.OK, Text: text}
}

func warn(what, text, remedy string) checklist.Row {
	return checklist.Row{What: what, State: checklist.Warning, Text: text, Remedy: remedy}
}

func bad(what, text, remedy string) checklist.Row {
	return checklist.Row{What: what, State: checklist.Missing, Text: text, Remedy: remedy}
}

// settingRows says what each setting is, and where that was said.
func settingRows(all map[string]said) (rows []checklist.Row) {
	for _, s := range settings() {
		if v := all[s.key]; v.value != "" {
			rows = append(rows, good(s.key, fmt.Sprintf("%s (%s)", v.value, v.at)))
		}
	}
	return rows
}

func keyringRow(err error) checklist.Row {
	if err != nil {
		return warn("keyring", "tokens are kept nowhere: "+err.Error(), "somebody is asked at each command: sign in by azure-cli, which keeps its own")
	}
	return good("keyring", "tokens are kept there between two commands")
}

// nameRow says what the function app's name leads to.
func nameRow(host string, found []string, err error) checklist.Row {
	if err != nil || len(found) == 0 {
		return bad("name", fmt.Sprintf("%s leads nowhere: %v", host, err), "check --url, and this machine's name servers")
	}
	return good("name", host+" is "+strings.Join(found, ", "))
}

// wayRow says who has answered, and how it stands in a word.
func wayRow(resp *http.Response, data []byte) checklist.Row {
	var health struct{ Status string }
	if json.Unmarshal(data, &health) != nil || health.Status == "" {
		return bad("network", "who answers is no Groupwriteback: "+resp.Status, "check that --url is the function app's, and that it has started (its log)")
	}
	how := "unencrypted, within this machine"
	if t := resp.TLS; t != nil && len(t.PeerCertificates) > 0 {
		how = fmt.Sprintf("certificate of %s until %s", cmp.Or(t.PeerCertificates[0].Issuer.CommonName, "an unnamed authority"), when(t.PeerCertificates[0].NotAfter))
	}
	if health.Status == "unreadable" {
		return bad("network", "the function app answers ("+how+"), and cannot read its journal", "see its log, and handler check")
	}
	return good("network", fmt.Sprintf("the function app answers that it is %s (%s)", health.Status, how))
}

// How far clocks may be apart: tokens are refused beyond the one, and times that people compare mislead beyond the other.
const (
	clockRefused = 5 * time.Minute
	clockOdd     = 30 * time.Second
)

// clockRow holds this machine's clock against an answer's Date, which is in whole seconds.
func clockRow(date string, now time.Time) checklist.Row {
	const remedy = "have this machine's clock set by a time server"
	theirs, err := http.ParseTime(date)
	if err != nil {
		return checklist.Row{What: "clock", State: checklist.Unknown, Text: "the answer has no date to hold it against"}
	}
	apart := now.Sub(theirs).Round(time.Second)
	text := fmt.Sprintf("this machine's is %v from the function app's", apart.Abs())
	switch {
	case apart.Abs() > clockRefused:
		return bad("clock", text+", so that tokens are refused", remedy)
	case apart.Abs() > clockOdd:
		return warn("clock", text, remedy)
	}
	return good("clock", text)
}

// claims are those of an access token that a person wants to know. Nothing is judged by them: that is the API's.
type claims struct {
	UPN       string   `json:"upn"`
	Preferred string   `json:"preferred_username"`
	Unique    string   `json:"unique_name"`
	Name      string   `json:"name"`
	App       string   `json:"appid"`
	Azp       string   `json:"azp"`
	Roles     []string `json:"roles"`
}

func (c claims) who() string {
	return cmp.Or(c.UPN, c.Preferred, c.Unique, c.Name, c.App, c.Azp, "somebody without a name")
}

// The app roles of the API.
const (
	roleLook   = "Status.Read"
	roleDecide = "Sync.Operate"
)

// tokenRows says as whom somebody is signed in, and what that may do.
func tokenRows(token, method string, until time.Time) []checklist.Row {
	parts := strings.Split(token, ".")
	var c claims
	if len(parts) == 3 {
		data, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || json.Unmarshal(data, &c) != nil {
			parts = nil
		}
	}
	if len(parts) != 3 {
		return []checklist.Row{good("sign-in", "by "+method), {What: "role", State: checklist.Unknown, Text: "the token is of a form that does not say"}}
	}
	rows := []checklist.Row{good("sign-in", fmt.Sprintf("as %s, by %s, until %s", c.who(), method, when(until)))}
	switch {
	case slices.Contains(c.Roles, roleDecide):
		return append(rows, good("role", roleDecide+": to look, and to decide"))
	case slices.Contains(c.Roles, roleLook):
		return append(rows, good("role", roleLook+": to look; to decide takes "+roleDecide))
	}
	return append(rows, bad("role", "the token has no role of the API", fmt.Sprintf("give %s the app role %s or %s (Enterprise applications, Users and groups), and sign in anew", c.who(), roleLook, roleDecide)))
}

// versionRow holds the versions of command, function app and agent against each other. agent "": there is none.
func versionRow(own, app, agent string) checklist.Row {
	text := fmt.Sprintf("command %s, function app %s", own, app)
	if agent != "" {
		text += ", agent " + agent
	}
	if own != app || agent != "" && agent != app {
		return warn("version", text, "use one release of all")
	}
	return good("version", text)
}

// statusRows is a status as rows: what is the case by its words, and beside that what a person looks for.
func statusRows(st status.Status) (rows []checklist.Row) {
	told := map[string]bool{}
	tell := func(r checklist.Row) { rows, told[r.What] = append(rows, r), true }
	for _, s := range append([]status.Standing{st.Standing}, st.Also...) {
		if r := s.Row(); s.Word != "held" && !(r.What == "agent" && told["agent"]) { // holds have a row of their own; of an agent once is enough
			tell(r)
		}
	}
	for _, r := range []checklist.Row{agentRow(st), policyRow(st), turnRow(st), planRow(st)} {
		if !told[r.What] {
			tell(r)
		}
	}
	tell(holdsRow(st))
	if r := problemsRow(st); !told[r.What] || r.State != checklist.OK {
		tell(r)
	}
	if !told["rules"] {
		tell(rulesRow(st))
	}
	for _, n := range st.Notes {
		tell(warn("rules", n, ""))
	}
	return rows
}

// rulesRow names the rules in force: by their version in the store, or by their hash alone.
func rulesRow(st status.Status) checklist.Row {
	switch {
	case st.Rules == "":
		return checklist.Row{What: "rules", State: checklist.Unknown, Text: "no turn has read any yet"}
	case st.Ruled > 0:
		return good("rules", fmt.Sprintf("version %d of the store, %.8s", st.Ruled, st.Rules))
	}
	return good("rules", fmt.Sprintf("%.8s", st.Rules))
}

func agentRow(st status.Status) checklist.Row {
	a := st.Agent
	if a.Heard.IsZero() {
		return checklist.Row{What: "agent", State: checklist.Unknown, Text: "nobody has heard of one yet", Remedy: "start it; agent check says what is missing"}
	}
	return good("agent", fmt.Sprintf("%s, of version %s, at %s, last heard of %s", cmp.Or(a.Host, a.ID, "one without a name"), cmp.Or(a.Version, "unknown"), controller(a.DC), ago(st.Now, a.Heard)))
}

func policyRow(st status.Status) checklist.Row {
	if st.Agent.Heard.IsZero() {
		return checklist.Row{What: "policy", State: checklist.Unknown, Text: "the agent has one, and has not told it yet"}
	}
	return good("policy", cmp.Or(st.Agent.Policy, "the agent names none: what is planned is done, within the rights of its account"))
}

func turnRow(st status.Status) checklist.Row {
	if st.Read.IsZero() {
		return checklist.Row{What: "turn", State: checklist.Unknown, Text: "none has read Entra ID to its end yet", Remedy: "wait, or groupwriteback sync"}
	}
	return good("turn", "Entra ID was read to its end "+ago(st.Now, st.Read)+", or later: that is noted about each hour")
}

func planRow(st status.Status) checklist.Row {
	p := st.Plan
	if p == nil {
		return good("plan", "none is under way")
	}
	text := fmt.Sprintf("batches %d to %d are under way since %s: %d of them are done", p.First, p.Last, when(p.Issued()), p.Done)
	if st.Now.After(p.Expires) {
		return warn("plan", text+", and it has expired", "see the agent: the next turn reads again what is in doubt")
	}
	return good("plan", text)
}

func holdsRow(st status.Status) checklist.Row {
	n := len(st.Holds) + st.MoreHolds
	if n == 0 {
		return good("holds", "nothing is held")
	}
	oldest := st.Now
	for _, h := range st.Holds {
		if !h.Opened.IsZero() && h.Opened.Before(oldest) {
			oldest = h.Opened
		}
	}
	return warn("holds", status.Count(n, "waits", "wait")+" for a word, the oldest "+ago(st.Now, oldest), "groupwriteback holds, and then hold show, approve or reject ID")
}

func problemsRow(st status.Status) checklist.Row {
	reasons := maps.Clone(st.Totals.Problems)
	if reasons == nil {
		reasons = map[string]int{}
	}
	reasons["refused"] += st.Totals.Parked
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if n := reasons[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, reason))
		}
	}
	if len(parts) == 0 {
		return good("problems", "there are none")
	}
	return warn("problems", strings.Join(parts, ", "), "groupwriteback problems lists them, each with its remedy")
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ago is how long before now a time was.
func ago(now, t time.Time) string {
	d := max(now.Sub(t), 0)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
