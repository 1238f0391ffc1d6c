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
	"os"
	"os/signal"
	"syscall"
)

// The exit codes.
const (
	exitFailed  = 1 // it failed; the error says why
	exitChanges = 2 // it worked, and there is something to do: of plan --detailed-exitcode and rules import
)

// changes is what a command ends with that worked where there is something to do.
type changes struct{}

func (changes) Error() string { return "there is something to do" }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string) int {
	root := command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, changes{}):
		return exitChanges
	}
	fmt.Fprintln(os.Stderr, "error:", err)
	return exitFailed
}
