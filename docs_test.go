package groupwriteback_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readDoc(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// matches returns the groups of all matches of a pattern in a document, of which
// there must be at least so many.
func matches(t *testing.T, file, pattern string, least int) [][]string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(readDoc(t, file), -1)
	if len(found) < least {
		t.Fatalf("%s: found %d of %s, at least %d are expected", file, len(found), pattern, least)
	}
	return found
}

// TestDataPathIsTrue: each function that ARCHITECTURE.md names on the way of the
// data is in the file that it names.
func TestDataPathIsTrue(t *testing.T) {
	for _, m := range matches(t, "ARCHITECTURE.md", "(?m)\\| `([\\w.]+)` \\| `([\\w/]+\\.go)` \\|$", 20) {
		name, file := m[1], m[2]
		pattern := `(?m)^func ` + name + `[(\[]`
		if receiver, method, ok := strings.Cut(name, "."); ok {
			pattern = `(?m)^func \(\w+ \*?` + receiver + `\) ` + method + `\(`
		}
		if !regexp.MustCompile(pattern).MatchString(readDoc(t, file)) {
			t.Errorf("ARCHITECTURE.md says that %s is in %s, where it is not", name, file)
		}
	}
}

// TestNamedTestsExist: each test that a document names as the proof of something is there.
func TestNamedTestsExist(t *testing.T) {
	for doc, least := range map[string]int{"ARCHITECTURE.md": 15, "docs/protocol.md": 30, "docs/recover.md": 15} {
		for _, m := range matches(t, doc, "`([a-z0-9/]+)\\.((?:Test|Fuzz)\\w+)`", least) {
			files, err := filepath.Glob(filepath.Join(m[1], "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(readDoc(t, f), "func "+m[2]+"(") }) {
				t.Errorf("%s names the test %s in %s, which has none of that name", doc, m[2], m[1])
			}
		}
	}
}

// TestPackagesAreListed: ARCHITECTURE.md names every package, with the arrows that
// arrows_test.go allows, and no others.
func TestPackagesAreListed(t *testing.T) {
	doc := readDoc(t, "ARCHITECTURE.md")
	rows := map[string]string{}
	for _, m := range matches(t, "ARCHITECTURE.md", "(?m)^\\| `((?:agent|cli|docs|functions|pilot|shared)[a-z0-9/]*)` \\| .* \\| ([a-z -]+) \\|$", 10) {
		rows[m[1]] = m[2]
	}
	for _, p := range ours(t, "linux") {
		if isEquipment(p.name()) {
			if !strings.Contains(doc, "`"+p.name()+"`") {
				t.Errorf("ARCHITECTURE.md does not name %s", p.name())
			}
			continue
		}
		row, listed := rows[p.name()]
		delete(rows, p.name())
		if !listed {
			t.Errorf("ARCHITECTURE.md has no row for %s: say what it is and what it may import", p.name())
		}
		for _, imp := range p.Imports {
			to, own := strings.CutPrefix(imp, module)
			if own && listed && !strings.HasPrefix(row, "all") && !slices.Contains(strings.Fields(row), filepath.Base(to)) {
				t.Errorf("%s imports %s, which its row in ARCHITECTURE.md does not name", p.name(), to)
			}
		}
	}
	for name := range rows {
		t.Errorf("ARCHITECTURE.md lists %s, which is no package", name)
	}
}
