package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"groupwriteback/shared/journal"
)

// goOn puts the rules that the journal has in the place of a rules file that is absent or
// has mistakes, if nothing else is wrong with the settings. A journal that has none, or none
// that this version reads, leaves the mistakes as they are: nothing is decided by a guess.
func goOn(ctx context.Context, s settings, mistakes error) (settings, error) {
	if !s.rulesAlone {
		return s, mistakes
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	text, err := (&journal.Journal{Store: s.store, Target: s.target}).LastRules(ctx)
	switch {
	case err != nil:
		return s, errors.Join(mistakes, fmt.Errorf("the journal, whose rules might stay in force, cannot be read: %w", err))
	case text == nil:
		return s, mistakes
	}
	if s.rules, s.text, err = parseRules(text); err != nil {
		return s, errors.Join(mistakes, fmt.Errorf("the rules in force, as the journal has them, are not understood by this version:\n%w", err))
	}
	return s, nil
}

// mostMistakes is how much of a file's mistakes status says: handler check says all.
const mostMistakes = 1000 // bytes

// oneLine is an error of several lines in one; "" for none.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	text := strings.ReplaceAll(strings.ReplaceAll(err.Error(), ":\n", ": "), "\n", "; ")
	if len(text) > mostMistakes {
		text = strings.ToValidUTF8(text[:mostMistakes], "") + " …"
	}
	return text
}
