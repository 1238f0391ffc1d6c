package host

import (
	"bytes"
	"log/slog"
	"strings"
)

// Line is a line that the handler printed, with the level that the real host
// logs it at.
type Line struct {
	Level  slog.Level
	Stderr bool
	Text   string
}

// level classes a line as WorkerProcess does: standard output is information;
// of standard error, what speaks of a warning is one, and what speaks of an
// error, or fails, is one.
func level(stderr bool, text string) slog.Level {
	text = strings.ToLower(text)
	switch {
	case !stderr:
		return slog.LevelInfo
	case strings.Contains(text, "warn"):
		return slog.LevelWarn
	case strings.Contains(text, "error"), strings.Contains(text, "fail"), strings.Contains(text, "severe"):
		return slog.LevelError
	}
	return slog.LevelInfo
}

// console takes one of the process's two streams, and cuts it into lines.
type console struct {
	host   *Host
	stderr bool
	rest   []byte // of a line that has not ended
}

func (c *console) Write(b []byte) (int, error) {
	c.host.logging.Lock()
	defer c.host.logging.Unlock()
	if c.host.Log != nil {
		if n, err := c.host.Log.Write(b); err != nil {
			return n, err
		}
	}
	c.rest = append(c.rest, b...)
	for {
		line, rest, ok := bytes.Cut(c.rest, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		c.tell(string(line))
		c.rest = rest
	}
}

// flush tells of the last line, which may have no end.
func (c *console) flush() {
	c.host.logging.Lock()
	defer c.host.logging.Unlock()
	if len(c.rest) > 0 {
		c.tell(string(c.rest))
		c.rest = nil
	}
}

func (c *console) tell(line string) {
	if c.host.Console != nil {
		c.host.Console(Line{Level: level(c.stderr, line), Stderr: c.stderr, Text: line})
	}
}
