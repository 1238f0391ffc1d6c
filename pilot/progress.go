package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/columns"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/show"
	"groupwriteback/shared/terminal"
)

// progress tells how far long work has come: a line that changes at a terminal, and elsewhere a
// line now and then.
type progress struct {
	out    io.Writer
	screen terminal.Screen
	bar    *progressbar.ProgressBar // nil: no terminal

	mu     sync.Mutex
	counts map[directory.Feed]int
	told   time.Time
}

// roomForBar is what stands beside the words of a line that changes: it takes one line of the terminal, or it
// cannot be taken away.
const roomForBar = 20

// every is how often a line comes where there is no terminal.
const every = 10 * time.Second

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, screen: terminal.Of(out), counts: map[directory.Feed]int{}, told: time.Now()}
	if p.screen.Terminal {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(out), progressbar.OptionSpinnerType(14), progressbar.OptionSetElapsedTime(true), progressbar.OptionClearOnFinish())
	}
	return p
}

// say tells something that is to be read.
func (p *progress) say(text string) {
	p.end()
	text = checklist.Printable(text)
	if width := p.screen.Fold(); width > 0 {
		text = strings.Join(columns.Fold(text, width), "\n")
	}
	fmt.Fprintln(p.out, text)
}

// show says what is done now.
func (p *progress) show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.bar != nil:
		p.bar.Describe(columns.Cut(checklist.Printable(text), p.screen.Width-roomForBar))
		_ = p.bar.Add(1)
	case time.Since(p.told) >= every:
		p.told = time.Now()
		fmt.Fprintln(p.out, checklist.Printable(text))
	}
}

// end takes the line away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// add counts what a page brought.
func (p *progress) add(page directory.Page) {
	p.mu.Lock()
	p.counts[page.Feed] += len(page.Groups) + len(page.Principals)
	n := p.counts[page.Feed]
	p.mu.Unlock()
	p.show(show.English().Sprintf("reading Entra ID: %d %s", n, string(page.Feed)))
}

// counting is a source whose pages are counted.
type counting struct {
	cycle.Source
	progress *progress
}

// Page implements cycle.Source.
func (c counting) Page(ctx context.Context, feed directory.Feed, link string) (directory.Page, error) {
	page, err := c.Source.Page(ctx, feed, link)
	if err == nil {
		page.Feed = feed
		c.progress.add(page)
	}
	return page, err
}
