// Command ci reads what `go test -json` prints, shows it as go test itself would
// without -v, and fails on a skipped test that a list does not name: what was
// not run must not look like what passed.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	skips := flag.String("skips", "", "file that lists the tests that may be skipped: package, test, reason")
	closing := flag.String("closing", "", "file for the closing lines of each package")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *skips, *closing); err != nil {
		fmt.Fprintln(os.Stderr, "ci:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, skips, closing string) error {
	list, err := os.ReadFile(skips)
	if err != nil {
		return err
	}
	allowed, err := parseSkips(string(list))
	if err != nil {
		return fmt.Errorf("%s: %w", skips, err)
	}
	r := report{out: out, output: map[string][]string{}, stray: map[string][]string{}}
	if err := r.read(in); err != nil {
		return fmt.Errorf("read test events: %w", err)
	}
	if err := os.WriteFile(closing, []byte(strings.Join(r.closing, "")), 0o644); err != nil {
		return err
	}
	return r.verdict(allowed)
}

// parseSkips reads lines of package, test and reason; a line that begins with
// '#' is a comment.
func parseSkips(text string) (map[string]string, error) {
	allowed := map[string]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case len(words) < 3:
			return nil, fmt.Errorf("%q: write package, test and reason", strings.TrimSpace(line))
		default:
			allowed[words[0]+" "+words[1]] = strings.Join(words[2:], " ")
		}
	}
	return allowed, nil
}

// An event is a line of `go test -json`: go doc test2json.
type event struct {
	Action, Package, Test, ImportPath, Output string
}

func (e event) key() string { return e.Package + " " + e.Test }

type report struct {
	out     io.Writer
	output  map[string][]string // of tests that are not over yet
	stray   map[string][]string // by package: what passed tests printed past their logs
	skipped []event
	closing []string // the last lines of each package
	failed  int
	passed  int
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil && e.Action != "" {
			r.add(e)
		} else {
			fmt.Fprint(r.out, string(line)) // of a program that ran before go test
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) add(e event) {
	switch e.Action {
	case "output", "build-output":
		r.print(e)
	case "skip":
		if e.Test != "" { // a package without tests is said to be skipped
			r.skipped = append(r.skipped, e)
			fmt.Fprint(r.out, strings.Join(r.output[e.key()], ""))
		}
		delete(r.output, e.key())
	case "fail":
		r.failed++
		fmt.Fprint(r.out, strings.Join(r.output[e.key()], ""))
		delete(r.output, e.key())
	case "pass":
		if e.Test != "" {
			r.passed++
			r.stray[e.Package] = append(r.stray[e.Package], stray(r.output[e.key()])...)
		}
		delete(r.output, e.key())
	}
}

// print keeps a test's output until it is known whether anybody wants it.
func (r *report) print(e event) {
	if e.Test != "" {
		r.output[e.key()] = append(r.output[e.key()], e.Output)
		return
	}
	if e.Output == "PASS\n" {
		return
	}
	if strings.HasPrefix(e.Output, "FAIL") {
		fmt.Fprint(r.out, strings.Join(r.stray[e.Package], ""))
		delete(r.stray, e.Package)
	}
	fmt.Fprint(r.out, e.Output)
	if isClosing(e.Output) {
		r.closing = append(r.closing, e.Output)
	}
}

// framed are the lines of go test -v and of a test's own log.
var framed = regexp.MustCompile(`^(=== | *--- | {4}\S+\.go:\d+: | {8})`)

// stray picks what a test's log does not hold, such as the race detector's
// report: it may fail another test than the one that was named when it came.
func stray(lines []string) []string {
	return slices.DeleteFunc(lines, framed.MatchString)
}

func isClosing(line string) bool {
	return slices.ContainsFunc([]string{"ok  \t", "FAIL", "?   \t", "panic:"}, func(p string) bool { return strings.HasPrefix(line, p) })
}

// verdict holds what was skipped against the list, and says how it went.
func (r *report) verdict(allowed map[string]string) error {
	const module = "groupwriteback/"
	unknown := 0
	unused := maps.Clone(allowed)
	for _, e := range r.skipped {
		key := strings.TrimPrefix(e.key(), module)
		delete(unused, key)
		if why, ok := allowed[key]; ok {
			fmt.Fprintf(r.out, "skipped as listed: %s (%s)\n", key, why)
			continue
		}
		fmt.Fprintf(r.out, "SKIPPED and not listed: %s\n", key)
		unknown++
	}
	for _, key := range slices.Sorted(maps.Keys(unused)) {
		fmt.Fprintf(r.out, "listed but not skipped: %s: take it off the list\n", key)
	}
	fmt.Fprintf(r.out, "%d tests passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skipped))
	switch {
	case r.failed > 0:
		return fmt.Errorf("tests failed")
	case unknown > 0:
		return fmt.Errorf("%d tests were skipped without leave: let them run, or list them with the reason", unknown)
	case len(unused) > 0:
		return fmt.Errorf("%d lines of the list of skips are out of date", len(unused))
	case r.passed == 0:
		return fmt.Errorf("no test ran")
	}
	return nil
}
