package groupwriteback_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// pages are the documents for people, by their names from the root.
func pages(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob("docs/*.md")
	if err != nil || len(docs) < 10 {
		t.Fatalf("%d pages, %v: this test looks in the wrong place", len(docs), err)
	}
	return append(docs, "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "infra/demo/README.md")
}

var (
	fenced   = regexp.MustCompile("(?ms)^```.*?^```$")
	spans    = regexp.MustCompile("`[^`\n]*`")
	links    = regexp.MustCompile(`\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+"[^"]*")?\)`)
	headings = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	ids      = regexp.MustCompile(`<a id="([^"]+)"></a>`)
	linkText = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchors are the places of a page that a link may name: headings, as GitHub calls them, and
// what has an id of its own. An id that is there twice is a mistake.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	text := fenced.ReplaceAllString(readDoc(t, page), "")
	all := map[string]bool{}
	for _, m := range headings.FindAllStringSubmatch(text, -1) {
		name := slug(m[1])
		for n, first := 1, name; all[name]; n++ {
			name = first + "-" + string(rune('0'+n))
		}
		all[name] = true
	}
	for _, m := range ids.FindAllStringSubmatch(text, -1) {
		if all[m[1]] {
			t.Errorf("%s has the place %s twice", page, m[1])
		}
		all[m[1]] = true
	}
	return all
}

// slug is what GitHub makes of a heading.
func slug(heading string) string {
	heading = linkText.ReplaceAllString(heading, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}

// TestLinksLeadSomewhere: each link of a page is to a file that is there, and to a place in it
// that is there; one to the world is an address.
func TestLinksLeadSomewhere(t *testing.T) {
	places := map[string]map[string]bool{}
	for _, page := range pages(t) {
		places[page] = anchors(t, page)
	}
	found := 0
	for page := range places {
		text := spans.ReplaceAllString(fenced.ReplaceAllString(readDoc(t, page), ""), "``")
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			found++
			if fault := leads(page, m[1], places); fault != "" {
				t.Errorf("%s links to %s: %s", page, m[1], fault)
			}
		}
	}
	if found < 150 {
		t.Errorf("only %d links: this test looks in the wrong place", found)
	}
}

// leads says what is wrong with a link; "" if it leads somewhere.
func leads(page, link string, places map[string]map[string]bool) string {
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme != "":
		if u.Scheme != "https" || u.Host == "" || !strings.Contains(u.Host, ".") {
			return "this is no address"
		}
		return ""
	}
	to := page
	if u.Path != "" {
		to = filepath.Join(filepath.Dir(page), u.Path)
		if _, err := os.Stat(to); err != nil {
			return "there is no such file"
		}
	}
	if u.Fragment != "" && !places[to][u.Fragment] {
		return "there is no such place in it"
	}
	return ""
}

// TestLinksAreSeenThrough: the test of links finds what is wrong.
func TestLinksAreSeenThrough(t *testing.T) {
	places := map[string]map[string]bool{"docs/rules.md": anchors(t, "docs/rules.md"), "README.md": anchors(t, "README.md")}
	for link, good := range map[string]bool{
		"rules.md": true, "rules.md#limits": true, "#kinds-and-types": true, "../README.md#go-on": true, "https://learn.microsoft.com/graph": true,
		"none.md": false, "rules.md#none": false, "#none": false, "../README.md#limits": false, "http://insecure.example": false, "https://nowhere": false,
	} {
		if fault := leads("docs/rules.md", link, places); (fault == "") != good {
			t.Errorf("%s: %q", link, fault)
		}
	}
}

// TestEveryPageIsFound: README leads to each page.
func TestEveryPageIsFound(t *testing.T) {
	readme := readDoc(t, "README.md")
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "docs/") && !strings.Contains(readme, "]("+page+")") {
			t.Errorf("README.md does not lead to %s", page)
		}
	}
}
