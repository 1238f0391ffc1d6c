package app

import (
	"fmt"
	"strings"
)

// help says what the program can be asked for by hand, with examples.
func (p Program) help() string {
	return strings.ReplaceAll(helpText, "PROGRAM", p.Name)
}

const helpText = `PROGRAM is the cloud half of Groupwriteback. Its host starts it, without arguments. By hand:

  PROGRAM check
      Look at everything that it relies on, with the settings that are in the environment, and
      change nothing of the journal. Exit code 0: nothing is wrong. 1: something says FAILED,
      and has its remedy behind it.

  PROGRAM rules import FILE
      Print a rules file that means what the schema of a Cloud Sync job in FILE does; what a person
      has to see to goes to standard error. Exit code 0: all of it was carried over. 1: something
      was not. 2: there is no rules file.

  PROGRAM version
      Print the version.

  PROGRAM help
      Print this.

Examples:

  set -a; . ./handler.env; set +a; ./PROGRAM check
  ./PROGRAM rules import schema.json > rules.yaml
  .\PROGRAM.exe rules import schema.json | Set-Content -Encoding utf8 rules.yaml
  ./PROGRAM version
  ./PROGRAM help
`

// mistaken says what there is, to who has asked for something else. It is not repeated: it may be a secret.
func (p Program) mistaken() string {
	return fmt.Sprintf("%s: it takes no argument, and is started by its host; or it takes check: look at everything that it relies on; or rules import FILE: make a rules file of a Cloud Sync job's schema; %[1]s help shows examples\n", p.Name)
}
