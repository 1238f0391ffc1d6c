// Command mutate breaks the project's safety rules one at a time, and looks
// whether the tests notice. The folder mutants has a list for each package: what a
// slip would do wrong, and which text it would change. For each, the tests of
// that package are built with the change and run.
//
//	mutate             all
//	mutate 10          some ten, others each day
//	mutate shared/ad   those with this text in their package or name
//
// A mutant that survives shows a test that is missing. One whose text is not there
// any more, or that does not compile, is an error: the list is kept true.
//
// The libraries that make mutants by themselves (gremlins, go-mutesting) are not
// used: they make thousands of any operator, and we want few, each a rule with a name.
//
// It never changes the source, and is no measure of coverage. It is run in the
// project's folder; make mutate does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	today := int(time.Now().Unix() / (24 * 60 * 60))
	day := flag.Int("day", today, "whose day's choice it is where only a number of mutants is played")
	parallel := flag.Int("parallel", 2, "how many are played at the same time")
	flag.Parse()
	if err := run(ctx, flag.Arg(0), *day, *parallel); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, what string, day, parallel int) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	list, err := load(filepath.Join("infra", "mutate", "mutants"))
	if err := errors.Join(err, leave(list)); err != nil {
		return err
	}
	chosen, err := choose(list, what, day)
	if err != nil {
		return err
	}
	fmt.Printf("%d of %d mutants (of day %d: -day %d chooses the same)\n", len(chosen), len(list), day, day)
	r := round{root: root, out: os.Stdout, parallel: parallel, spare: 20 * time.Second}
	return r.play(ctx, chosen)
}
