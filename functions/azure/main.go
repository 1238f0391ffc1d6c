// Command handler is the custom handler that the Azure Functions host starts: it
// listens where the host says, answers timers by the host's envelope, and
// serves HTTP functions as they come. By hand, handler check looks at everything that
// it relies on, and handler rules import makes a rules file of a Cloud Sync job's schema.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"groupwriteback/functions/internal/app"
)

func main() {
	// The host takes lines on standard error for errors: all goes to standard output.
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	slog.SetDefault(log) // and all that libraries print
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if code, run := (app.Program{Name: "handler", OnAzure: true, Notes: os.Stderr}).Command(ctx, os.Args[1:], os.Environ(), os.Stdout); !run {
		os.Exit(code)
	}
	if err := app.ServeAzure(ctx, os.Environ(), log, app.Options{}); err != nil {
		fmt.Println("handler:", err)
		os.Exit(1)
	}
}
