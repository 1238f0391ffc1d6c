package golden

import (
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
			e := Example{Command: cmd.CommandPath(), Line: line}
			e.Args, e.Windows = arguments(line)
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

// arguments are those of a command line, up to the first pipe.
func arguments(line string) (args []string, windows bool) {
	for _, word := range argument.FindAllString(line, -1) {
		if word == "|" {
			break
		}
		args = append(args, strings.Trim(word, `"`))
	}
	program := ""
	for i, word := range args { // what stands before is variables and their assignment
		if !strings.HasPrefix(word, "$") && word != "=" {
			program, args = word, args[i+1:]
			break
		}
	}
	return args, strings.HasSuffix(program, ".exe")
}
