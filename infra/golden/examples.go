package golden

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Example is a command line that a program's help shows.
type Example struct {
	Command string   // such as "agent policy check"
	Line    string   // as it is shown, on one line
	Args    []string // behind the program's name, up to the first pipe
	Windows bool     // it is in PowerShell
}

// Examples are those of all commands of a program, each of which must have one.
func Examples(t *testing.T, root *cobra.Command) (all []Example) {
	t.Helper()
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Name() == "help" && cmd.HasParent() { // cobra's own
			return
		}
		found := lines(cmd.Example)
		if len(found) == 0 {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, line := range found {
			e, _ := read(line)
			e.Command = cmd.CommandPath()
			if of, _, err := root.Find(e.Args); err != nil || !strings.HasPrefix(of.CommandPath(), cmd.CommandPath()) {
				t.Errorf("%s: the example is one of another command: %s", cmd.CommandPath(), line)
			}
			all = append(all, e)
		}
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(root)
	return all
}

// OnPage are those of a page's blocks of sh and PowerShell that call a program.
func OnPage(t *testing.T, root *cobra.Command, page string) (all []Example) {
	t.Helper()
	doc, err := os.ReadFile(page)
	must(t, err)
	for _, block := range regexp.MustCompile("(?s)```(?:sh|powershell)\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		for _, line := range lines(block[1]) {
			e, program := read(line)
			if program != root.Name() {
				continue
			}
			of, _, err := root.Find(e.Args)
			must(t, err)
			e.Command = of.CommandPath()
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		t.Errorf("%s has no block that calls %s", page, root.Name())
	}
	return all
}

// lines are the command lines of a text, each put together where it is broken.
func lines(text string) (all []string) {
	whole := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if part, more := strings.CutSuffix(line, "\\"); more && strings.HasSuffix(part, " ") {
			whole += part
			continue
		}
		if part, more := strings.CutSuffix(line, " `"); more {
			whole += part + " "
			continue
		}
		if whole += line; whole != "" && !strings.HasPrefix(whole, "#") {
			all = append(all, whole)
		}
		whole = ""
	}
	return all
}

var argument = regexp.MustCompile(`"[^"]*"|[^\s()]+`)

// read reads a command line up to its first pipe; what stands before the program is variables and their
// assignment.
func read(line string) (e Example, program string) {
	e.Line = line
	for _, word := range argument.FindAllString(line, -1) {
		switch {
		case word == "|":
			return e, program
		case program != "":
			e.Args = append(e.Args, strings.Trim(word, `"`))
		case !strings.HasPrefix(word, "$") && word != "=":
			program, e.Windows = strings.CutSuffix(word[strings.LastIndexAny(word, `/\`)+1:], ".exe")
		}
	}
	return e, program
}
