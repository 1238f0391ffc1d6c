package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
)

// width is that of all output, in columns.
const width = 100

// screen is where the demo talks to people. Without a terminal it prints lines
// only, and asks nothing.
type screen struct {
	out      io.Writer
	terminal bool
	paint    palette
	times    []timed
	lines    <-chan struct{} // each Enter; closed at the end of the input
}

// timed is a row of the closing table.
type timed struct {
	what string
	took time.Duration
}

// palette holds the colours by meaning.
type palette struct{ add, change, remove, strong, dim *color.Color }

func newPalette(on bool) palette {
	p := palette{color.New(color.FgGreen), color.New(color.FgYellow), color.New(color.FgRed), color.New(color.Bold), color.New(color.Faint)}
	for _, c := range []*color.Color{p.add, p.change, p.remove, p.strong, p.dim} {
		if on {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
	}
	return p
}

// newScreen makes a screen that asks if both ends are a terminal and ONCE is
// not set. Colours follow NO_COLOR and TERM.
func newScreen(out, in *os.File) *screen {
	s := &screen{out: out, paint: newPalette(!color.NoColor)}
	s.terminal = isatty.IsTerminal(out.Fd()) && isatty.IsTerminal(in.Fd()) && os.Getenv("ONCE") == ""
	if s.terminal {
		s.lines = readLines(in)
	}
	return s
}

func readLines(in io.Reader) <-chan struct{} {
	lines := make(chan struct{})
	go func() {
		defer close(lines)
		for r := bufio.NewScanner(in); r.Scan(); {
			lines <- struct{}{}
		}
	}()
	return lines
}

// say prints a line.
func (s *screen) say(format string, args ...any) { fmt.Fprintf(s.out, "  "+format+"\n", args...) }

// head prints a line after an empty one.
func (s *screen) head(format string, args ...any) {
	fmt.Fprintln(s.out)
	s.say(format, args...)
}

// title prints a headline.
func (s *screen) title(text string) {
	fmt.Fprintf(s.out, "\n%s %s\n", s.paint.strong.Sprint(text), s.paint.dim.Sprint(strings.Repeat("─", max(0, width-1-uniseg.StringWidth(text)))))
}

// step does something that takes a while and says how long it took. do returns
// what there is to say of it; slow is said when it takes more than 3 s.
func (s *screen) step(what, slow string, do func() (string, error)) error {
	start := time.Now()
	end := s.spin(what, slow)
	detail, err := do()
	end()
	took := time.Since(start)
	mark := s.paint.add.Sprint("✓")
	if err != nil {
		mark, detail = s.paint.remove.Sprint("✗"), ""
	} else {
		s.times = append(s.times, timed{what, took})
	}
	text := pad(what, 30) + pad(cut(detail, 54), 54)
	s.say("%s %s%9s", mark, text, seconds(took))
	return err
}

// spin shows that something goes on until its result is called.
func (s *screen) spin(what, slow string) (end func()) {
	if !isTerminal(s.out) {
		return later(slow, func() { s.say("  %s: %s", what, slow) })
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription(what), progressbar.OptionSpinnerType(14),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
	stop := later(slow, func() { bar.Describe(what + ": " + slow) })
	return func() {
		stop()
		_ = bar.Finish()
	}
}

// later shows a note after 3 s, unless it is stopped before; never after.
func later(note string, show func()) (stop func()) {
	if note == "" {
		return func() {}
	}
	var mu sync.Mutex
	stopped := false
	t := time.AfterFunc(3*time.Second, func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			show()
		}
	})
	return func() {
		t.Stop()
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}
}

// bar is a progress bar over values; a function that is told how many are done.
func (s *screen) bar(values int) (done func(int), end func()) {
	if !isTerminal(s.out) {
		return func(int) {}, func() {}
	}
	b := progressbar.NewOptions(values, progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription("  Applying"), progressbar.OptionSetWidth(50),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}))
	return func(n int) { _ = b.Set(n) }, func() { _ = b.Finish() }
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

var errInputEnded = errors.New("the input ended")

// ask waits for Enter. Without a terminal it goes on at once.
func (s *screen) ask(ctx context.Context, question string) error {
	if !s.terminal {
		return nil
	}
	fmt.Fprintf(s.out, "\n  %s ", s.paint.strong.Sprint(question))
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.out)
		return context.Cause(ctx)
	case _, ok := <-s.lines:
		if !ok {
			return errInputEnded
		}
		return nil
	}
}

// summary prints all steps and their times.
func (s *screen) summary() {
	s.title("Summary")
	for _, t := range s.times {
		s.say("%s%9s", pad(cut(t.what, 86), 86), seconds(t.took))
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// pad fills a text up to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-uniseg.StringWidth(s))) }

// cut shortens a text to n columns.
func cut(s string, n int) string {
	if uniseg.StringWidth(s) <= n {
		return s
	}
	var b strings.Builder
	for g := uniseg.NewGraphemes(s); g.Next() && uniseg.StringWidth(b.String())+g.Width() < n; {
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}
