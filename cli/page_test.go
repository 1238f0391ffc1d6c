package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"groupwriteback/shared/yamlfile"
)

// blocks are those of docs/command.md that are written in a language.
func blocks(t *testing.T, language string, least int) (all []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/command.md")
	must(t, err)
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		all = append(all, m[1])
	}
	if len(all) < least {
		t.Fatalf("the page has %d blocks of %s, at least %d are expected", len(all), language, least)
	}
	return all
}

// TestPageRows: the table of settings is that of the program.
func TestPageRows(t *testing.T) {
	page, err := os.ReadFile("../docs/command.md")
	must(t, err)
	for _, s := range settings() {
		flag := ""
		if s.flag != "" {
			flag = "`--" + s.flag + "` "
		}
		if row := fmt.Sprintf("| `%s` | `%s` | %s|", s.key, prefix+s.env, flag); !strings.Contains(string(page), row) {
			t.Errorf("the page has no row %s", row)
		}
	}
	for _, way := range ways() {
		if !strings.Contains(string(page), "| `"+way+"` |") {
			t.Errorf("the page does not say what --sign-in %s is", way)
		}
	}
	for _, code := range []int{0, exitFailed, exitChanges, exitLate} {
		if !strings.Contains(string(page), fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("the page does not say what exit code %d is", code)
		}
	}
}

// TestPageFiles: the files of the page can be used as they are.
func TestPageFiles(t *testing.T) {
	for _, text := range blocks(t, "yaml", 2) {
		path := filepath.Join(t.TempDir(), "config.yaml")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		f := file{path: path}
		m, whole, err := yamlfile.Read(path, &f.is)
		must(t, err)
		if !whole || m.Err() != nil {
			t.Fatalf("%v\n%s", m.Err(), text)
		}
		f.mistakes = m
		all, err := settle(nil, func(string) string { return "" }, f, said{})
		must(t, err)
		must(t, check(all))
	}
}

// TestPageLines: each command line of the page, of either shell, is one of a command that there is, with flags that it has.
func TestPageLines(t *testing.T) {
	call := regexp.MustCompile(`(?m)(?:^|[(=]\s*)groupwriteback ([^|>)\n]*)`)
	n := 0
	for _, block := range append(blocks(t, "sh", 3), blocks(t, "powershell", 3)...) {
		for _, m := range call.FindAllStringSubmatch(block, -1) {
			n++
			c, rest, err := command(io.Discard).Find(words(m[1]))
			if err == nil && !c.Runnable() {
				err = fmt.Errorf("%s does nothing by itself", c.CommandPath())
			}
			if err == nil {
				err = c.ParseFlags(rest)
			}
			if err == nil {
				err = c.ValidateArgs(c.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %v", strings.TrimSpace(m[0]), err)
			}
			c.Flags().Visit(func(f *pflag.Flag) {
				if f.Value.String() == "" {
					t.Errorf("%s: --%s has no value", strings.TrimSpace(m[0]), f.Name)
				}
			})
		}
	}
	if n < 13 {
		t.Errorf("the page has %d command lines: this test looks in the wrong place", n)
	}
}

// words are those of a command line, of which double quotes hold some together.
func words(line string) (all []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			all = append(all, part)
			continue
		}
		all = append(all, strings.Fields(part)...)
	}
	return all
}
