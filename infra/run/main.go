// Command run has both halves at work on one machine, against a real tenant and a
// real domain: the handler under the played Functions host, with a folder as its
// store, and the agent beside it.
//
//	make run CONFIG=/srv/groupwriteback
//
// The folder holds handler.env, agent.yaml and rules.yaml; infra/run/example has them
// to copy. It shows handler check and agent check first, and starts nothing that they
// refuse. Ctrl-C ends both halves; exit code 0.
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	programs := flag.String("programs", "bin", "folder of the built handler and agent")
	every := flag.Duration("every", time.Minute, "how often the timer fires")
	flag.Parse()
	in, err := readInstallation(flag.Arg(0))
	if err == nil {
		err = (&machine{installation: in, programs: *programs, every: *every, out: os.Stdout}).run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "run: "+err.Error())
		os.Exit(1)
	}
}
