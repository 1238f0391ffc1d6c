// Command groupwriteback is for the people who run it: it shows how a target stands, says
// why, and carries a person's word, all by the API of docs/openapi.yaml.
//
// It keeps nothing, decides nothing and links neither LDAP nor storage. What it prints is the
// API's answer: as text, or whole as JSON.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-colorable"
)

// The exit codes.
const (
	exitFailed  = 1 // it failed; the error says why
	exitChanges = 2 // it worked, and there is something to do: of plan --detailed-exitcode and rules import
	exitLate    = 3 // sync --wait: the time is over, and the run goes on
)

// changes is what a command ends with that worked where there is something to do.
type changes struct{}

func (changes) Error() string { return "there is something to do" }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	plain := colorable.EnableColorsStdout(nil) // a console of Windows shows escape sequences as text until it is told
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	plain()
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code. Errors are told apart from what is printed.
func run(ctx context.Context, args []string, out, told io.Writer) int {
	root := command(out)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if errors.Is(err, changes{}) {
		return exitChanges
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(told, "error:", err)
	if _, is := errors.AsType[late](err); is {
		return exitLate
	}
	return exitFailed
}
