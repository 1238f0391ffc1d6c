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

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"

	"groupwriteback/shared/columns"
	"groupwriteback/shared/show"
	"groupwriteback/shared/terminal"
)

// screen is where the demo talks to people. Without a terminal it prints lines only.
type screen struct {
	out      io.Writer
	once     bool // asks nothing, and goes on
	terminal bool
	paint    palette
	times    []timed
	lines    <-chan string // what is typed; closed at the end of the input
}

// timed is a row of the closing table.
type timed struct {
	what string
	took time.Duration
}

// palette is how the demo paints what others show, and what it alone has to say.
type palette struct{ show.Paint }

func newPalette(on bool, width int) palette { return palette{show.New(on, width)} }

// newScreen makes a screen that asks, unless ONCE is set. It is a terminal if both
// ends are. Colours follow NO_COLOR and TERM, the width COLUMNS and the terminal.
func newScreen(out, in *os.File) *screen {
	ends := terminal.Of(out)
	s := &screen{out: out, once: os.Getenv("ONCE") != "", paint: newPalette(ends.Colours, ends.Width)}
	s.terminal = ends.Terminal && terminal.Of(in).Terminal && !s.once
	if !s.once {
		s.lines = readLines(in, s.terminal)
	}
	return s
}

// readLines reads line by line. What people type while nobody listens answers no
// question that comes later: it is dropped. What a file or a program says waits.
func readLines(in io.Reader, people bool) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for r := bufio.NewScanner(in); r.Scan(); {
			if !people {
				lines <- r.Text()
				continue
			}
			select {
			case lines <- r.Text():
			default:
			}
		}
	}()
	return lines
}

// say prints a line, or more where it is too long for one.
func (s *screen) say(format string, args ...any) {
	s.paint.print(s.out, fmt.Sprintf("  "+format, args...))
}

// print prints a text in lines that fit.
func (paint palette) print(w io.Writer, text string) {
	fmt.Fprint(w, paint.Text(text))
}

// head prints a line after an empty one.
func (s *screen) head(format string, args ...any) {
	fmt.Fprintln(s.out)
	s.say(format, args...)
}

// title prints a headline.
func (s *screen) title(text string) {
	fmt.Fprintf(s.out, "\n%s %s\n", s.paint.Strong.Sprint(text), s.paint.Dim.Sprint(strings.Repeat("─", max(0, s.paint.Width-1-uniseg.StringWidth(text)))))
}

// step does something that takes a while and says how long it took. do returns
// what there is to say of it; slow is said when it takes more than 3 s.
func (s *screen) step(what, slow string, do func() (string, error)) error {
	start := time.Now()
	end := s.spin(what, slow)
	detail, err := do()
	end()
	took := time.Since(start)
	mark := s.paint.Add.Sprint("✓")
	if err != nil {
		mark, detail = s.paint.Remove.Sprint("✗"), ""
	} else {
		s.times = append(s.times, timed{what, took})
	}
	s.row(mark, what, detail, took)
	return err
}

// row prints what is done and how long it took.
func (s *screen) row(mark, what, detail string, took time.Duration) {
	for _, line := range s.paint.stepRow(mark, what, detail, took) {
		fmt.Fprintln(s.out, line)
	}
}

// spin shows that something goes on until its result is called.
func (s *screen) spin(what, slow string) (end func()) {
	if !terminal.Of(s.out).Terminal {
		return later(slow, func() { s.say("  %s: %s", what, slow) })
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription(what), progressbar.OptionSpinnerType(14),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
	stop := later(slow, func() { bar.Describe(columns.Cut(what+": "+slow, s.paint.Width-4)) })
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
	if !terminal.Of(s.out).Terminal {
		return func(int) {}, func() {}
	}
	b := progressbar.NewOptions(values, progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription("  Applying"), progressbar.OptionSetWidth(s.paint.Width-50),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}))
	return func(n int) { _ = b.Set(n) }, func() { _ = b.Finish() }
}

// errEnough: somebody has said at a question that this is the end. It is no failure.
var errEnough = errors.New("it was ended at a question")

// agreed asks a question, to which anything but y or yes means no, and so does the end
// of the input. It is errEnough if the demo is ended instead. With ONCE it asks
// nothing, and the answer is yes.
func (s *screen) agreed(ctx context.Context, question string) (bool, error) {
	if s.once {
		return true, nil
	}
	fmt.Fprintf(s.out, "\n  %s ", s.paint.Strong.Sprint(question+" [y/N]"))
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.out)
		return false, errEnough
	case answer, ok := <-s.lines:
		if !ok || !s.terminal {
			fmt.Fprintln(s.out) // nobody has pressed Enter
		}
		return isYes(answer), nil
	}
}

func isYes(answer string) bool {
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// summary prints all steps and their times.
func (s *screen) summary() {
	s.title("Summary")
	for _, t := range s.times {
		fmt.Fprintln(s.out, s.paint.timeRow(t))
	}
}
