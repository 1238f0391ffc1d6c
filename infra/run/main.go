// Command run has both halves at work on one machine, against a real tenant and a
// real domain: the handler under the played Functions host, with a folder as its
// store, and the agent beside it.
//
//	make run CONFIG=/srv/groupwriteback
//
// The folder holds handler.env, agent.yaml and rules.yaml; infra/run/example has them
// to copy. It shows handler check and agent check first, and starts nothing that they
// refuse. Ctrl-C ends both halves, with exit code 0; no process of it is left.
//
// It is for trying, and for a machine that has no cloud half yet: the host is played, and
// speaks no TLS, so it listens on the loopback only. It decides nothing about groups.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	// A terminal that closes must not leave the halves behind; a signal that is caught
	// becomes an error of the write.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	programs := flag.String("programs", "bin", "folder of the built handler and agent")
	every := flag.Duration("every", time.Minute, "how often the timer fires")
	flag.Parse()
	in, err := readInstallation(flag.Arg(0))
	if err == nil {
		err = (&machine{installation: in, source: ".", programs: *programs, every: *every, out: os.Stdout}).run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "run: "+err.Error())
		os.Exit(1)
	}
}
