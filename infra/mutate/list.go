package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// A mutant is a slip that somebody could make.
type mutant struct {
	name     string // what it does wrong, as a sentence
	owner    string // the folder of the package that it is a mutant of
	file     string // from the module's folder, with slashes
	was, is  string // the text that is replaced, and by what
	test     string // the folder of the package whose tests must notice
	run      string // those that are run, as go test -run has it; "": all
	survives string // why it may survive; "": it may not
	at       string // where it is written down
}

// title is what people read and choose by.
func (m mutant) title() string { return m.owner + ": " + m.name }

// load reads all lists of a folder. shared-plan.txt is that of shared/plan. The
// error names every mistake.
func load(dir string) (list []mutant, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		owner := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".txt"), "-", "/")
		some, err := parse(file, owner, string(data))
		list, errs = append(list, some...), append(errs, err)
	}
	if len(files) == 0 {
		errs = append(errs, fmt.Errorf("read mutants: %s has no *.txt: run this in the project's folder", dir))
	}
	return list, errors.Join(append(errs, unique(list))...)
}

// unique: a name that two have would choose both.
func unique(list []mutant) error {
	var errs []error
	first := map[string]string{}
	for _, m := range list {
		if at, twice := first[m.title()]; twice {
			errs = append(errs, fmt.Errorf("%s: %q is the name of the one at %s too: say in what they differ", m.at, m.name, at))
		}
		first[m.title()] = m.at
	}
	return errors.Join(errs...)
}

// parse reads the list of one package. Mutants are separated by empty lines, and
// a line that begins with '#' is a comment. The first line of a mutant is its
// name, then come its keys, and then the change as a diff shows it:
//
//	The newest fence is not compared
//	file: fence.go
//	- return f.Compare(g) > 0
//	+ return false
func parse(file, owner, text string) (list []mutant, err error) {
	var errs []error
	var m *mutant
	finish := func() {
		if m != nil {
			errs = append(errs, m.whole())
			list = append(list, *m)
		}
		m = nil
	}
	for i, line := range strings.Split(text, "\n") {
		at := file + ":" + strconv.Itoa(i+1)
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			finish()
		case m == nil:
			m = &mutant{name: line, owner: owner, test: owner, at: at}
		default:
			if err := m.add(line); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", at, err))
			}
		}
	}
	finish()
	return list, errors.Join(errs...)
}

// add takes one line after the name.
func (m *mutant) add(line string) error {
	switch mark, text := line[:1], strings.TrimPrefix(line[1:], " "); mark {
	case "-":
		m.was += text + "\n"
		return nil
	case "+":
		m.is += text + "\n"
		return nil
	}
	key, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch key {
	case "file":
		m.file = path.Join(m.owner, value)
	case "test":
		m.test = value
	case "run":
		m.run = value
	case "survives":
		m.survives = value
	default:
		return fmt.Errorf("%q: write file:, test:, run:, survives:, or a line of the change with - or + before it", line)
	}
	return nil
}

// whole ends a mutant: what its lines left open is an error. The end of the last
// line is not part of the text.
func (m *mutant) whole() error {
	m.was, m.is = strings.TrimSuffix(m.was, "\n"), strings.TrimSuffix(m.is, "\n")
	switch {
	case m.file == "":
		return fmt.Errorf("%s: say which file it changes: file: <name>", m.at)
	case m.was == "" || m.was == m.is:
		return fmt.Errorf("%s: say what it changes, in lines that begin with - and +", m.at)
	}
	return nil
}

// apply makes the change. That the text is there once is what keeps the list true.
func (m mutant) apply(source string) (string, error) {
	if n := strings.Count(source, m.was); n != 1 {
		return "", fmt.Errorf("%s does not apply: its text is %d times in %s: write it as it is now, and so much of it that it is there once", m.at, n, m.file)
	}
	return strings.Replace(source, m.was, m.is, 1), nil
}

// leave holds the list to its limit: where more than one in twenty may survive,
// tests are missing.
func leave(list []mutant) error {
	n := 0
	for _, m := range list {
		if m.survives != "" {
			n++
		}
	}
	if 20*n > len(list) {
		return fmt.Errorf("%d of %d mutants have leave to survive, which is more than one in twenty: write the tests that notice them", n, len(list))
	}
	return nil
}

// choose picks what is played: all for "", for a number so many, and else those
// whose title has the text. Of a number it takes every so many, others each day,
// so that all have had their turn after some days.
func choose(list []mutant, what string, day int) (chosen []mutant, err error) {
	if n, err := strconv.Atoi(what); err == nil && n > 0 {
		step := max(1, (len(list)+n-1)/n)
		for i := day % step; i < len(list); i += step {
			chosen = append(chosen, list[i])
		}
		return chosen, nil
	}
	for _, m := range list {
		if strings.Contains(strings.ToLower(m.title()), strings.ToLower(what)) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no mutant has %q in its name or package: write a number, or some of a name as the lists have it", what)
	}
	return chosen, nil
}
