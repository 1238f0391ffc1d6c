package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"groupwriteback/shared/terminal"
)

// asker asks people.
type asker interface {
	line(question string) (string, error)
	secret(question string) (string, error)
}

// keyboard asks at the terminal, if there is one. Questions go to stderr: what is found goes to
// stdout.
type keyboard struct{}

var errNobody = errors.New("there is no terminal to ask at")

func (keyboard) line(question string) (string, error) {
	if !terminal.Of(os.Stdin).Terminal {
		return "", errNobody
	}
	fmt.Fprint(os.Stderr, question)
	text, err := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(text), err
}

func (keyboard) secret(question string) (string, error) {
	if !terminal.Of(os.Stdin).Terminal {
		return "", errNobody
	}
	fmt.Fprint(os.Stderr, question)
	text, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return string(text), err
}
