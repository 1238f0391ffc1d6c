package groupwriteback_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A block is what a page shows to be typed, or to be copied.
type block struct{ page, info, text string }

func (b block) String() string { return fmt.Sprintf("%s: ```%s\n%s```", b.page, b.info, b.text) }

var (
	fences   = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	indented = regexp.MustCompile(`(?m)(?:^\n)((?:    .*\n)+)`)
)

// blocks are those of all pages, but for docs/cli.md, which is made of the commands' own help.
func blocks(t *testing.T) (all []block) {
	t.Helper()
	for _, page := range pages(t) {
		if page == "docs/cli.md" {
			continue
		}
		text := readDoc(t, page)
		for _, m := range fences.FindAllStringSubmatch(text, -1) {
			all = append(all, block{page, m[1], m[2]})
		}
		for _, m := range indented.FindAllStringSubmatch(fences.ReplaceAllString(text, ""), -1) {
			all = append(all, block{page, "", strings.ReplaceAll("\n"+m[1], "\n    ", "\n")[1:]})
		}
	}
	if len(all) < 60 {
		t.Fatalf("%d blocks: this test looks in the wrong place", len(all))
	}
	return all
}

// A player is a test that types blocks, or reads them: of a page, those with this beginning of
// their info.
type player struct{ page, info, test string }

func players() []player {
	return []player{
		{"docs/install.md", "sh run", "infra/stage.TestInstall"},
		{"docs/install.md", "sh start", "infra/stage.TestInstall"},
		{"docs/leave.md", "sh run", "infra/stage.TestInstall"},
		{"docs/leave.md", "sh stopped", "infra/stage.TestInstall"},
		{"docs/api.md", "sh", "infra/stage.TestAPIPage"},
		{"docs/command.md", "sh", "cli.TestDay"},
		{"docs/command.md", "powershell", "cli.TestPageLines"},
		{"docs/command.md", "yaml", "cli.TestPageFiles"},
		{"docs/rules.md", "yaml", "shared/rules.TestPageExamples"},
		{"docs/configuration.md", "yaml", "functions/internal/app.TestRulesExample"},
		{"docs/configuration.md", "yaml", "agent.TestExample"},
		{"docs/expressions.md", "", "shared/expr.TestPageBlocks"},
	}
}

// played says whether a test types a block or reads it.
func (b block) played() bool {
	return slices.ContainsFunc(players(), func(p player) bool {
		return p.page == b.page && (b.info == p.info || strings.HasPrefix(b.info, p.info+" ") && !strings.HasSuffix(b.info, " by-hand"))
	})
}

// TestPlayersPlay: each test that is said to type blocks of a page is there, and reads that page.
func TestPlayersPlay(t *testing.T) {
	for _, p := range players() {
		dir, name, _ := strings.Cut(p.test, ".Test")
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		reads, is := false, false
		for _, file := range files {
			text := readDoc(t, file)
			is = is || strings.Contains(text, "func Test"+name+"(")
			reads = reads || strings.Contains(text, p.page)
		}
		if !is || !reads {
			t.Errorf("%s: it is there: %t; its package reads %s: %t", p.test, is, p.page, reads)
		}
		if !slices.ContainsFunc(blocks(t), func(b block) bool {
			return b.page == p.page && (b.info == p.info || strings.HasPrefix(b.info, p.info+" "))
		}) {
			t.Errorf("%s plays blocks of %s with %q, and there is none", p.test, p.page, p.info)
		}
	}
}

// unrun is how a page says, for all to see, that nobody of ours has run what it shows.
var unrun = regexp.MustCompile(`(?i)\b(not|never)\b(\s+been)?\s+run\s+by\s+us`)

// TestCommandsOfPages holds what pages show to what there is, by programs that are built once.
func TestCommandsOfPages(t *testing.T) {
	h := newHeld(t)
	for name, part := range map[string]func(*testing.T, *held){"blocks": blocksAreLookedAt, "spans": spansAreHeld, "seen through": mistakesAreSeen} {
		t.Run(name, func(t *testing.T) {
			h.fault = t.Errorf
			part(t, h)
		})
	}
}

// blocksAreLookedAt: what a page shows to be typed is typed by a test; or its commands are
// held to the programs, its calls to the description of the API; or the page says that nobody
// of ours has run it. A block of which none is true has no business here.
func blocksAreLookedAt(t *testing.T, held *held) {
	for _, b := range blocks(t) {
		switch {
		case b.played():
		case b.info == "" && b.page == "ARCHITECTURE.md": // a drawing
		case b.info == "mermaid", b.info == "text":
		case b.info == "ini", held.block(b) == 0:
			if !unrun.MatchString(readDoc(t, b.page)) {
				t.Errorf("no test looks at this, and the page does not say that it was not run by us:\n%s", b)
			}
		}
		if first, _, _ := strings.Cut(b.info, " "); first == "sh" {
			cmd := exec.Command("bash", "-n")
			cmd.Stdin = strings.NewReader(regexp.MustCompile(`<[a-z ]+>`).ReplaceAllString(b.text, "x"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s\n%s", err, out, b)
			}
		}
	}
}

// ofOurs is a command in a line of text.
var ofOurs = regexp.MustCompile(`^((groupwriteback|agent|bin/pilot|handler) [a-z-]|make [a-z]+( [A-Z]+=.*)?$)`)

// spansAreHeld: commands of ours that stand in a line of text are commands that there are.
func spansAreHeld(t *testing.T, held *held) {
	found := 0
	for _, page := range pages(t) {
		for _, span := range spans.FindAllString(fenced.ReplaceAllString(readDoc(t, page), ""), -1) {
			line := strings.Trim(span, "`")
			if ofOurs.MatchString(line) {
				found += held.block(block{page, "span", line})
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d commands: this test looks in the wrong place", found)
	}
}

// held knows what commands, flags, calls and messages there are.
type held struct {
	t        *testing.T
	dir      string
	built    map[string]string // programs, by the package that they are made of
	helps    map[string]string // by command
	targets  []string          // of make
	paths    map[string]map[string]any
	requests map[string]any // properties of a message to manualsync
	actions  []any
	handler  string // what it says of its arguments
	fault    func(format string, args ...any)
}

func newHeld(t *testing.T) *held {
	t.Helper()
	h := &held{t: t, fault: t.Errorf, dir: t.TempDir(), built: map[string]string{}, helps: map[string]string{},
		handler: readDoc(t, "functions/internal/app/testdata/help.golden")}
	for _, m := range matches(t, "Makefile", `(?m)^([a-z]+):.*## `, 10) {
		h.targets = append(h.targets, m[1])
	}
	var doc struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
				Enum       []any
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readDoc(t, "docs/openapi.yaml")), &doc); err != nil {
		t.Fatal(err)
	}
	h.paths, h.requests = doc.Paths, doc.Components.Schemas["Request"].Properties
	h.actions = doc.Components.Schemas["Action"].Enum
	return h
}

// programs are ours, by what pages call them.
func programs() map[string]string {
	return map[string]string{"groupwriteback": "./cli", "bin/groupwriteback": "./cli", "agent": "./agent", "bin/agent": "./agent", "groupwriteback-agent": "./agent", "bin/pilot": "./pilot", "pilot": "./pilot",
		`.\pilot.exe`: "./pilot", `.\groupwriteback.exe`: "./cli"}
}

var (
	continued = regexp.MustCompile("(?:\\\\|`)\n\\s*")
	calls     = regexp.MustCompile(`Invoke-RestMethod "\$app/([^"?]*)[^"]*"([^\n|)]*)`)
	messages  = regexp.MustCompile(`\{"?action"?\s*[:=]\s*["']([a-z-]+)["'][^}]*\}`)
	keys      = regexp.MustCompile(`[{,;]\s*"?([a-zA-Z]+)"?\s*[:=]`)
)

// block holds what it knows of a block, and returns how much that was.
func (h *held) block(b block) (found int) {
	text := continued.ReplaceAllString(b.text, " ")
	for _, m := range calls.FindAllStringSubmatch(text, -1) {
		found++
		h.call(b, m[1], m[2])
	}
	for _, m := range messages.FindAllStringSubmatch(text, -1) {
		found++
		if !slices.Contains(h.actions, any(m[1])) {
			h.fault("there is no action %q:\n%s", m[1], b)
		}
		for _, key := range keys.FindAllStringSubmatch(m[0], -1) {
			if h.requests[key[1]] == nil {
				h.fault("a message has no key %q:\n%s", key[1], b)
			}
		}
	}
	for line := range strings.Lines(text) {
		for _, words := range commands(line) {
			found += h.command(b, words)
		}
	}
	return found
}

// commands are those of a line, each from its program to what ends it.
func commands(line string) (all [][]string) {
	line = regexp.MustCompile(`\s#\s.*`).ReplaceAllString(line, "")
	line = regexp.MustCompile(`(\$\(|\(|\)|\{|\}|;|&&|\|\||\||\s=\s|\b(?:if|until|while|then|do|else|!)\s)`).ReplaceAllString(line, "\n")
	for part := range strings.Lines(line) {
		if words := strings.Fields(part); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

// call holds a request to the description of the API.
func (h *held) call(b block, path, rest string) {
	method := "get"
	if strings.Contains(rest, "-Method Post") {
		method = "post"
	}
	for known, item := range h.paths {
		pattern := "^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(known, "[^/]+") + "$"
		if item[method] != nil && regexp.MustCompile(pattern).MatchString("/"+path) {
			return
		}
	}
	h.fault("the description of the API has no %s /%s:\n%s", method, path, b)
}

// command holds one command to the program that it is of: 1 if it is one of ours.
func (h *held) command(b block, words []string) int {
	switch dir := programs()[words[0]]; {
	case words[0] == "make":
		if len(words) > 1 && !slices.Contains(h.targets, words[1]) {
			h.fault("make has no target %s:\n%s", words[1], b)
		}
		return 1
	case slices.Contains([]string{"handler", "./handler", `.\handler.exe`, "./bootstrap"}, words[0]):
		if args := strings.Join(words[1:min(len(words), 3)], " "); !regexp.MustCompile(`(?m)^ +handler ` + regexp.QuoteMeta(args) + `\b`).MatchString(h.handler) {
			h.fault("the handler does not take %q:\n%s", args, b)
		}
		return 1
	case dir == "" || len(words) == 1:
		return 0
	default:
		h.program(b, dir, words[1:])
		return 1
	}
}

// program holds the arguments of a program of ours to its help.
func (h *held) program(b block, dir string, args []string) {
	var path []string
	for _, a := range args {
		if !regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(a) {
			break
		}
		path = append(path, a)
	}
	help := h.help(dir, path)
	usage := regexp.MustCompile(`(?m)^Usage:\s+\S+(.*)$`).FindStringSubmatch(help)
	if usage == nil || len(path) > 0 && !strings.HasPrefix(strings.TrimSpace(usage[1]), path[0]) {
		h.fault("%s does not know %q:\n%s", dir, path, b)
		return
	}
	for _, a := range args {
		flag, _, _ := strings.Cut(strings.TrimRight(a, ".,;)"), "=")
		if strings.HasPrefix(flag, "-") && !regexp.MustCompile(regexp.QuoteMeta(flag)+`\b`).MatchString(help) {
			h.fault("%s %s has no option %s:\n%s", dir, strings.Join(path, " "), flag, b)
		}
	}
}

// help is what a command of ours says of itself.
func (h *held) help(dir string, path []string) string {
	if h.built[dir] == "" {
		exe := filepath.Join(h.dir, filepath.Base(dir))
		if out, err := exec.Command("go", "build", "-o", exe, dir).CombinedOutput(); err != nil {
			h.t.Fatalf("%v: %s", err, out)
		}
		h.built[dir] = exe
	}
	name := dir + " " + strings.Join(path, " ")
	if h.helps[name] == "" {
		out, err := exec.Command(h.built[dir], append(slices.Clone(path), "--help")...).CombinedOutput()
		if err != nil {
			out = fmt.Appendf(out, "\n%v", err)
		}
		h.helps[name] = string(out)
	}
	return h.helps[name]
}

// mistakesAreSeen: the test of blocks finds what is wrong.
func mistakesAreSeen(t *testing.T, h *held) {
	if unrun.MatchString("it was run by us") || !unrun.MatchString("**Not run by us**") || !unrun.MatchString("have not been run by us") {
		t.Error("what a page says of itself is misread")
	}
	for text, want := range map[string]bool{
		"make demo": true, "make coffee": false, "agent check --config x": true, "agent chekc": false, "agent check --confgi x": false, "handler check": true, "handler look": false,
		`Invoke-RestMethod "$app/groups/$group/explain?member=$user" -Headers $headers`: true, `Invoke-RestMethod "$app/grops"`: false, `Invoke-RestMethod "$app/manualsync"`: false,
		`{"action":"sync","groups":[]}`: true, `{"action":"snyc"}`: false, `{"action":"sync","grups":[]}`: false, "groupwriteback status --output json": true, "groupwriteback stats": false,
		"if ! $(groupwriteback statsu); then": false, `$x = (groupwriteback status --output json | ConvertFrom-Json).state`: true, "until groupwriteback sync --wiat; do": false,
	} {
		faults := 0
		h.fault = func(string, ...any) { faults++ }
		if found := h.block(block{"x.md", "sh", text}); found == 0 || (faults == 0) != want {
			t.Errorf("%s: %d commands and %d faults", text, found, faults)
		}
	}
}
