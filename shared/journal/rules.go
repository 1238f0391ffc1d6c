package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// rulesName begins the names of the objects that hold the text of rules: by their hash,
// which the head has of those in force. The text's own digest follows, and the time.
func rulesName(hash string) string { return "rules/" + hash }

// KeepRules keeps the text of the rules that the step puts in force. It is written with
// the step, before the head that names it: rules in force are never without their text.
func (tx *Tx) KeepRules(hash string, text []byte) {
	tx.puts = append(tx.puts, object{rulesName(hash) + "-" + Digest(text) + "-" + nonce(tx.Now), slices.Clone(text)})
}

// LastRules is the text of the rules in force, as a planner had them in its file: what a
// host goes on with that has none of its own. It is nil where there is none: no journal
// yet, or no rules in it. A text that is damaged is passed over. ErrFormat, ErrOldFormat:
// the journal is of another version.
func (j *Journal) LastRules(ctx context.Context) ([]byte, error) {
	h, _, err := j.head(ctx)
	if err != nil {
		return nil, err
	}
	return j.RulesOf(ctx, h)
}

// RulesOf is LastRules, of a head that was read.
func (j *Journal) RulesOf(ctx context.Context, h Head) ([]byte, error) {
	if h.Rules == "" {
		return nil, nil
	}
	keys, err := j.Store.List(ctx, j.prefix()+rulesName(h.Rules)+"-")
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	for _, k := range keys {
		text, _, err := j.Store.Get(ctx, k)
		switch _, rest, _ := strings.Cut(k[len(j.prefix()):], "-"); {
		case errors.Is(err, fs.ErrNotExist): // swept meanwhile
		case err != nil:
			return nil, fmt.Errorf("read rules: %w", err)
		case strings.HasPrefix(rest, Digest(text)+"-"):
			return text, nil
		}
	}
	return nil, nil
}

// nameRules adds to what is named, of the texts that keys list, those of the rules in force.
func (tx *Tx) nameRules(keys []string, named map[string]bool) {
	for _, k := range keys {
		name := k[len(tx.journal.prefix()):]
		if of, _, _ := strings.Cut(name, "-"); of == rulesName(tx.ruled) {
			named[name] = true
		}
	}
}
