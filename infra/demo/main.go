// Command demo shows Groupwriteback at work, from nothing to groups in Active
// Directory: it starts an invented company in a Graph server, a real domain
// controller, the handler under a Functions host and the agent, each as the
// process that it is in production. Then it plays: the first plan and its
// application, changes in the cloud, a removal over the limit, drift, failures.
//
//	go run ./infra/demo            asks before anything is applied; on a terminal it stays open to play with
//	ONCE=1 go run ./infra/demo     runs through; exit code 0 if AD equals the cloud, else 1
//
// Ctrl-C at a question, or while all stays open, is an end like any other: exit code 0.
//
// It decides nothing about groups and looks at Active Directory with ldapsearch
// only. Its invariants: all it writes is in one temporary folder and the cache of
// package samba; when it ends, for whatever reason, no process of it is left.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := untilStopped()
	defer stop()
	if code := run(ctx); code != 0 {
		os.Exit(code)
	}
}

// run plays the demo and returns the exit code.
func run(ctx context.Context) int {
	s := newScreen(os.Stdout, os.Stdin)
	if s.terminal {
		defer claimTerminal(os.Stdin)()
	}
	err := play(ctx, s)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		s.say("Stopped before the end: %v.", context.Cause(ctx))
		return 130 // as a shell says of what Ctrl-C ended
	}
	fmt.Fprintln(os.Stderr, "\ndemo: "+err.Error())
	return 1
}

var errOrphan = errors.New("the program that started the demo is gone")

// untilStopped is a context that ends on Ctrl-C, on a signal to end, and when
// the parent is gone: `go run` passes SIGTERM on to nobody.
func untilStopped() (context.Context, func()) {
	// A reader of the output that goes away must not end the demo before it has
	// cleaned up; a signal that is caught becomes an error of the write.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		parent := os.Getppid()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for os.Getppid() == parent {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		cancel(errOrphan)
	}()
	return ctx, stop
}
