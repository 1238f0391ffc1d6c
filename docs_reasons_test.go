package groupwriteback_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// parsed are the files of a package, without its tests.
func parsed(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// constants are the texts of a package's constants that have no type of their own, by name.
func constants(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range parsed(t, dir) {
		ast.Inspect(f, func(n ast.Node) bool {
			v, is := n.(*ast.ValueSpec)
			if !is || v.Type != nil {
				return true
			}
			for i, name := range v.Names {
				if i < len(v.Values) {
					if lit, is := v.Values[i].(*ast.BasicLit); is && lit.Kind == token.STRING {
						all[name.Name], _ = strconv.Unquote(lit.Value)
					}
				}
			}
			return true
		})
	}
	return all
}

// calls calls each for the calls of functions and methods of this name in a package.
func callsOf(t *testing.T, dir string, name *regexp.Regexp, each func(*ast.CallExpr)) {
	t.Helper()
	for _, f := range parsed(t, dir) {
		ast.Inspect(f, func(n ast.Node) bool {
			if call, is := n.(*ast.CallExpr); is {
				if s, is := call.Fun.(*ast.SelectorExpr); is && name.MatchString(s.Sel.Name) {
					each(call)
				}
			}
			return true
		})
	}
}

// TestReasonsAreTold: each reason that the code can give a problem is among those of which the
// packages' tests print a text, and so has a row on the page.
func TestReasonsAreTold(t *testing.T) {
	told := map[string]bool{}
	for _, file := range worded() {
		for _, line := range printed(t)[file] {
			told[wordOf(line)] = true
		}
	}
	found := 0
	hold := func(dir, reason string) {
		t.Helper()
		if found++; !told[reason] {
			t.Errorf("%s has the reason %q, which no test prints and the page does not have", dir, reason)
		}
	}
	decided := constants(t, "shared/decision")
	callsOf(t, "shared/decision", regexp.MustCompile(`^problem$`), func(c *ast.CallExpr) {
		if name, is := c.Args[0].(*ast.Ident); is && name.Name != "reason" {
			hold("shared/decision", decided[name.Name])
		}
	})
	for name, word := range constants(t, "shared/plan") {
		if strings.HasPrefix(name, "Trouble") {
			hold("shared/plan", word)
		}
	}
	for _, dir := range []string{"shared/rules", "shared/explain"} {
		for name, word := range constants(t, dir) {
			if regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`).MatchString(word) && ast.IsExported(name) {
				hold(dir, word)
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d reasons: this test looks in the wrong place", found)
	}
}

// TestStopsAreTold: each error by which the agent stops in the middle, or does not begin, is
// among those that its test prints.
func TestStopsAreTold(t *testing.T) {
	stops := printed(t)["agent/testdata/stops.golden"]
	found := 0
	for _, f := range parsed(t, "agent") {
		file := f.Name.Name
		ast.Inspect(f, func(n ast.Node) bool {
			fn, is := n.(*ast.FuncDecl)
			if !is || !regexp.MustCompile(`^(verify|inTime|allows|checkClock|lock)$`).MatchString(fn.Name.Name) {
				return !is
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				call, is := n.(*ast.CallExpr)
				if !is || len(call.Args) == 0 {
					return true
				}
				s, isSelector := call.Fun.(*ast.SelectorExpr)
				lit, isText := call.Args[0].(*ast.BasicLit)
				if !isSelector || !isText || !regexp.MustCompile(`^(Errorf|New)$`).MatchString(s.Sel.Name) {
					return true
				}
				found++
				text, _ := strconv.Unquote(lit.Value)
				pattern := regexp.MustCompile(`%[\\.\d]*[a-zA-Z]`).ReplaceAllString(regexp.QuoteMeta(text), ".*")
				for _, line := range stops {
					if regexp.MustCompile(pattern).MatchString(line) {
						return true
					}
				}
				t.Errorf("%s.%s says %q, which no situation of agent.TestStops prints", file, fn.Name.Name, text)
				return true
			})
			return false
		})
	}
	if found < 12 {
		t.Errorf("only %d: this test looks in the wrong place", found)
	}
}
