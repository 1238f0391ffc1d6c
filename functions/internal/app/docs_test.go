package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/rules"
)

const docFile = "../../../docs/configuration.md"

func doc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// row is one of a table of settings: name, default and example.
type row struct{ fallback, example string }

// rows are those of the settings whose names match.
func rows(t *testing.T, name string) map[string]row {
	t.Helper()
	found := map[string]row{}
	for _, m := range regexp.MustCompile("(?m)^\\| `("+name+")` \\| ([^|]+) \\| `([^|]+)` \\| [^|]+ \\|$").FindAllStringSubmatch(doc(t), -1) {
		found[m[1]] = row{m[2], m[3]}
	}
	return found
}

// TestVariablesAreDocumented holds the table of variables and those that are read
// together: names, which are needed, and defaults.
func TestVariablesAreDocumented(t *testing.T) {
	documented := rows(t, prefix+"[A-Z0-9_]+")
	for name, v := range variables() {
		row, listed := documented[prefix+name]
		delete(documented, prefix+name)
		isValue := strings.HasPrefix(row.fallback, "`")
		switch {
		case !listed:
			t.Errorf("%s%s has no row", prefix, name)
		case v.needed != (row.fallback == "needed"), v.fallback != "" && row.fallback != "`"+v.fallback+"`", v.fallback == "" && isValue:
			t.Errorf("%s%s has the default %s; it is needed: %v, its default is %q", prefix, name, row.fallback, v.needed, v.fallback)
		}
	}
	for name := range documented {
		t.Errorf("%s is in the table, and the program does not know it", name)
	}
}

// TestVariablesExamples: every example is taken, but for files that are not here
// and for settings that exclude each other.
func TestVariablesExamples(t *testing.T) {
	var environ []string
	for name, row := range rows(t, prefix+"[A-Z0-9_]+") {
		environ = append(environ, name+"="+row.example)
	}
	_, err := read(t.Context(), environ)
	for line := range strings.Lines(err.Error()) {
		if !regexp.MustCompile("no such file|does not use it|takes? the place of|it is no store").MatchString(line) {
			t.Errorf("the examples are refused: %s", line)
		}
	}
}

// TestHostsVariablesAreDocumented: variables that are not ours, and that our code
// or the SDKs read.
func TestHostsVariablesAreDocumented(t *testing.T) {
	_, table, _ := strings.Cut(doc(t), "## What is read of the host and the system")
	table, _, _ = strings.Cut(table, "\n## ")
	documented := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^\| (`+"`[^|]+`"+`) \|`).FindAllStringSubmatch(table, -1) {
		for name := range strings.SplitSeq(strings.ReplaceAll(line[1], "`", ""), ", ") {
			documented[name] = true
		}
	}
	const ofSDKs = "AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_CA_BUNDLE IDENTITY_ENDPOINT IDENTITY_HEADER IMDS_ENDPOINT HTTP_PROXY NO_PROXY"
	readings := append(strings.Fields(ofSDKs), ours(t)...)
	for _, name := range readings {
		if !documented[name] {
			t.Errorf("%s is read, and has no row", name)
		}
	}
	for name := range documented {
		if !slices.Contains(readings, name) {
			t.Errorf("%s has a row, and nobody reads it", name)
		}
	}
}

// ours are the variables that the product's own code reads by name.
func ours(t *testing.T) (names []string) {
	t.Helper()
	reads := regexp.MustCompile(`(?:os\.Getenv\(|os\.LookupEnv\(|lookup\([a-z.]+, )"(\w+)"\)`)
	for _, top := range []string{"../../../functions", "../../../shared", "../../../agent"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.Name() == "faultyhandler":
				return fs.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			code, err := os.ReadFile(path)
			for _, m := range reads.FindAllStringSubmatch(string(code), -1) {
				names = append(names, m[1])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(names) < 5 {
		t.Fatalf("only %v are read: this test looks in the wrong place", names)
	}
	return names
}

// TestRulesExample: the rules file that people copy is one.
func TestRulesExample(t *testing.T) {
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(doc(t))
	if example == nil {
		t.Fatal("docs/configuration.md has no example of a rules file")
	}
	r, err := rules.Parse([]byte(example[1]))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Scope.All || r.OU != "OU=Cloud Groups,DC=corp,DC=example" {
		t.Errorf("the example says %+v", r)
	}
}
