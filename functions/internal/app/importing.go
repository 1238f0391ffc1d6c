package app

import (
	"fmt"
	"io"

	"groupwriteback/shared/rules/cloudsync"
	"groupwriteback/shared/textfile"
)

// The exit codes of rules import: a script can tell a file that means the same from one that
// a person has to look at.
const (
	carried    = 0
	carriedNot = 1 // there is a file, and something of the schema is not in it
	noFile     = 2
)

// importRules writes the rules file that a Cloud Sync job's schema becomes to out, and what
// is to be seen to, a line each, to notes.
func importRules(path string, out, notes io.Writer) (code int) {
	file, seeTo, err := readSchema(path)
	if err == nil {
		_, err = out.Write(file)
	}
	if code = carried; cloudsync.Lost(seeTo) {
		code = carriedNot
	}
	for _, n := range seeTo {
		fmt.Fprintln(notes, n)
	}
	if err != nil {
		fmt.Fprintf(notes, "Error: %v\n", err)
		return noFile
	}
	return code
}

func readSchema(path string) ([]byte, []cloudsync.Note, error) {
	text, err := textfile.Read(path, cloudsync.MaxSchema)
	if err != nil {
		return nil, nil, fmt.Errorf("read schema: %w", err)
	}
	return cloudsync.Import(text)
}
