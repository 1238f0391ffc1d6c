package groupwriteback_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const troubleshoot = "docs/troubleshoot.md"

// Files of what people are told, as running code has printed it: the tests of their packages
// hold them to it.
func printed(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, pattern := range []string{"agent/testdata/*.golden", "functions/internal/app/testdata/*.golden", "shared/*/testdata/*.golden"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v: this test looks in the wrong place", pattern, len(files), err)
		}
		for _, file := range files {
			all[file] = slices.DeleteFunc(strings.Split(readDoc(t, file), "\n"), func(line string) bool { return line == "" || strings.HasPrefix(line, "== ") })
		}
	}
	return all
}

// worded are the files whose lines begin with a word that people look up.
func worded() []string {
	return []string{"shared/status/testdata/standing.golden", "shared/rules/testdata/reasons.golden", "shared/decision/testdata/problems.golden", "shared/ad/testdata/troubles.golden", "shared/explain/testdata/states.golden", "shared/explain/testdata/reasons.golden",
		"shared/relay/testdata/codes.golden"}
}

// whole are the files of which the page has each line; of the others it has those that people
// meet most.
func whole() []string {
	return append(worded(), "agent/testdata/stops.golden", "agent/testdata/forbidden.golden", "shared/ad/testdata/allowed.golden", "shared/ad/testdata/binds.golden",
		"shared/ad/testdata/changes.golden", "shared/ad/testdata/connections.golden", "shared/ad/testdata/identity.golden", "shared/ad/testdata/members.golden", "shared/ad/testdata/refusals.golden",
		"shared/cycle/testdata/stopped.golden", "functions/internal/app/testdata/stores.golden", "shared/graph/testdata/errors.golden",
		"shared/plan/testdata/limits.golden", "shared/signin/testdata/refusals.golden")
}

// A quote of the page is what somebody sees: a word, or a text with … for what differs.
type quote struct {
	text string
	is   *regexp.Regexp
}

// quotes are those of the first cells of the page's tables, but for the table of symptoms, and the
// words among them.
func quotes(t *testing.T) (all []quote, words map[string]bool) {
	t.Helper()
	words = map[string]bool{}
	for line := range strings.Lines(readDoc(t, troubleshoot)) {
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| ") || len(cells) != 5 {
			continue
		}
		for _, m := range spans.FindAllString(cells[1], -1) {
			text := strings.Trim(m, "`")
			if regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(text) {
				words[text] = true
				continue
			}
			if len(strings.ReplaceAll(text, "…", "")) < 8 {
				t.Errorf("%s quotes %q, which could be anything", troubleshoot, text)
			}
			parts := strings.Split(text, "…")
			for i := range parts {
				parts[i] = regexp.QuoteMeta(parts[i])
			}
			all = append(all, quote{text, regexp.MustCompile(strings.Join(parts, ".*"))})
		}
	}
	if len(all) < 150 || len(words) < 60 {
		t.Fatalf("%d quotes and %d words: this test looks in the wrong place", len(all), len(words))
	}
	return all, words
}

// TestTroubleshootQuotes: each text that the page quotes is one that the product prints.
func TestTroubleshootQuotes(t *testing.T) {
	lines := slices.Concat(slices.Collect(maps.Values(printed(t)))...)
	all, words := quotes(t)
	for _, q := range all {
		if !slices.ContainsFunc(lines, q.is.MatchString) {
			t.Errorf("nothing prints %q", q.text)
		}
	}
	known := map[string]bool{}
	for _, file := range worded() {
		for _, line := range printed(t)[file] {
			known[wordOf(line)] = true
		}
	}
	for word := range words {
		if !known[word] {
			t.Errorf("%s is no word of the product", word)
		}
	}
}

// wordOf is the word that a line is about, behind a status of HTTP if it has one.
func wordOf(line string) string {
	word, _, _ := strings.Cut(line, ":")
	if _, code, ok := strings.Cut(word, " "); ok {
		return code
	}
	return word
}

// TestTroubleshootIsWhole: each status word, reason, code and cause of a stop has a row, in which a
// person finds the text that he reads.
func TestTroubleshootIsWhole(t *testing.T) {
	all, words := quotes(t)
	files := printed(t)
	for _, file := range worded() {
		for _, line := range files[file] {
			if !words[wordOf(line)] {
				t.Errorf("%s: the page has no row for %s", file, wordOf(line))
			}
		}
	}
	for _, file := range whole() {
		if len(files[file]) == 0 {
			t.Errorf("%s is empty", file)
		}
		for _, line := range files[file] {
			if wordOf(line)+": " == line { // a limit that nothing is over
				continue
			}
			if !slices.ContainsFunc(all, func(q quote) bool { return q.is.MatchString(line) }) {
				t.Errorf("%s: the page does not tell what to do about %q", file, line)
			}
		}
	}
}

// TestTroubleshootChecks: whatever a check finds wanting has a row.
func TestTroubleshootChecks(t *testing.T) {
	all, _ := quotes(t)
	found := 0
	for file, lines := range printed(t) {
		if !strings.Contains(file, "/check") {
			continue
		}
		for _, line := range lines {
			if !regexp.MustCompile(`^[a-z-]+ +(FAILED|warning) `).MatchString(line) {
				continue
			}
			if found++; !slices.ContainsFunc(all, func(q quote) bool { return q.is.MatchString(line) }) {
				t.Errorf("%s: the page does not tell what to do about %q", file, line)
			}
		}
	}
	if found < 80 {
		t.Errorf("only %d lines: this test looks in the wrong place", found)
	}
}

// TestTroubleshootPlaces: each word that has a row has a place, so that others can link to it.
func TestTroubleshootPlaces(t *testing.T) {
	places := anchors(t, troubleshoot)
	for _, file := range worded() {
		for _, line := range printed(t)[file] {
			place := wordOf(line)
			if strings.Contains(file, "standing") {
				place = "status-" + place
			}
			if !places[place] {
				t.Errorf("%s has no place %s", troubleshoot, place)
			}
		}
	}
}

// TestCodesAreDescribed: the codes that the description of the API lists are those that the app
// answers, but for those that an agent alone gets.
func TestCodesAreDescribed(t *testing.T) {
	listed := strings.Split(matches(t, "docs/openapi.yaml", `(?s)A stable word for the cause\.\s+enum: \[([^\]]+)\]`, 1)[0][1], ", ")
	var answered []string
	for _, line := range printed(t)["shared/relay/testdata/codes.golden"] {
		if code := wordOf(line); !slices.Contains([]string{"closed", "lease", "target"}, code) {
			answered = append(answered, code)
		}
	}
	slices.Sort(listed)
	slices.Sort(answered)
	if !slices.Equal(listed, answered) {
		t.Errorf("described are %v, answered %v", listed, answered)
	}
}

// TestStatusesAreTold: each status that the description of the API has for a failure has a row for
// operators and one for scripts.
func TestStatusesAreTold(t *testing.T) {
	operators, _, _ := strings.Cut(readDoc(t, "docs/operating.md"), "\n## Check\n")
	_, scripts, _ := strings.Cut(readDoc(t, "docs/api.md"), "\n## Errors\n")
	for _, m := range matches(t, "docs/openapi.yaml", `(?m)^ +'([45]\d\d)':`, 50) {
		row := regexp.MustCompile(`(?m)^\| [\d, ]*\b` + m[1] + `\b`)
		if !row.MatchString(operators) || !row.MatchString(scripts) {
			t.Errorf("%s: docs/operating.md has a row for it: %t; docs/api.md: %t", m[1], row.MatchString(operators), row.MatchString(scripts))
		}
	}
}

// TestStatusWordsAreListed: docs/operating.md has each word, and no others.
func TestStatusWordsAreListed(t *testing.T) {
	_, table, _ := strings.Cut(readDoc(t, "docs/operating.md"), "\n| Word | What it means |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z-]+`(?:, )?)+) \\|").FindAllStringSubmatch(table, -1) {
		for _, word := range spans.FindAllString(row[1], -1) {
			listed[strings.Trim(word, "`")] = true
		}
	}
	delete(listed, "in-sync") // which is said where none of the others is
	for _, line := range printed(t)["shared/status/testdata/standing.golden"] {
		if !listed[wordOf(line)] && wordOf(line) != "" {
			t.Errorf("docs/operating.md does not list %s", wordOf(line))
		}
	}
	for word := range listed {
		if !slices.ContainsFunc(printed(t)["shared/status/testdata/standing.golden"], func(line string) bool { return wordOf(line) == word }) {
			t.Errorf("docs/operating.md lists %s, which no status says", word)
		}
	}
}
