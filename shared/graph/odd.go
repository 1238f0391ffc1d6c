package graph

import (
	"errors"
	"fmt"

	"groupwriteback/shared/directory"
)

// odd is a value that is whole and is JSON, and yet not what belongs there. Who
// returns it has read the value to its end, so that what follows can be read.
type odd struct{ what string }

func (e *odd) Error() string { return e.what }

func oddf(format string, args ...any) error { return &odd{fmt.Sprintf(format, args...)} }

// keep takes odd things out of the way, and the first of them into first; it returns
// any other error.
func keep(first *error, err error) error {
	if _, is := errors.AsType[*odd](err); !is {
		return err
	}
	if *first == nil {
		*first = err
	}
	return nil
}

// item is the oddness of the nth item of a page, which is left out for it. c is what
// else was read of it, for people to know it by.
func (e *odd) item(c directory.GroupChange, f feed, n int) directory.Odd {
	at := fmt.Sprintf("item %d of a page of %s", n, f.name)
	if name := c.Set.First("displayName"); name != "" {
		at += fmt.Sprintf(" (displayName %.80q)", name)
	}
	return directory.Odd{ID: c.ID, What: at + ": " + e.what + ": the item is left out, and what is known of the object stays as it was"}
}

// property is the oddness of one property, which is left out for it.
func (e *odd) property(name string) directory.Odd {
	return directory.Odd{Property: name, What: e.what + ": what is known of it stays as it was"}
}

// links is the first oddness of a group's lost members or owners.
func (e *odd) links(what string, lost int) directory.Odd {
	more, follows := "", "nobody is taken to have left"
	if lost > 1 {
		more = fmt.Sprintf(" (the first of %d)", lost)
	}
	if what == owners {
		follows = "who all the owners are is not known"
	}
	return directory.Odd{Property: what, What: fmt.Sprintf("%s could not all be read: %s%s: %s", what, e.what, more, follows)}
}
