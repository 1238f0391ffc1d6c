package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// versions is the folder of rules that were put in force in the store: one object for each
// version, version/<number>-<digest of the text>-<nonce>, written once. The head names the
// last, and each names the hundred before it.
const versions = "version/"

// mostVersions is how many versions can be read and gone back to.
const mostVersions = 100

// versionFormat is that of the objects.
const versionFormat = 1

// Version is rules that a person has put in force in the store. Numbers begin at 1 and are
// used once, as long as the store lives.
type Version struct {
	Number   uint64    `json:"version"`
	Rules    string    `json:"rules"`              // hash of what they decide, by the program that took them
	Text     string    `json:"digest"`             // of their text, SHA-256 in hexadecimal
	Replaces uint64    `json:"replaces,omitempty"` // the version that was in force; 0: none
	Back     uint64    `json:"back,omitempty"`     // the version whose text it is again
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Comment  string    `json:"comment,omitempty"`
}

// Filed is a version, and where it lies.
type Filed struct {
	Version
	In Ref `json:"in"`
}

// versionObject is a version with its text.
type versionObject struct {
	Format int `json:"format"`
	Version
	Source string  `json:"text"`
	Past   []Filed `json:"past"` // the versions before it, the latest first
}

// Errors of versions.
var (
	// ErrUnknownVersion: there is no such version.
	ErrUnknownVersion = errors.New("no such version of the rules is known: the last hundred are kept (rules versions)")
	// ErrVersionFormat: this program does not know how it is written.
	ErrVersionFormat = errors.New("it was written by a newer version of this program: update this one")
	// ErrNoRules: rules are kept in the store, and it has none yet.
	ErrNoRules = errors.New("there are no rules in the store yet, so nothing is read, decided or written: put the first in force (groupwriteback rules apply FILE)")
	// ErrUnusable: it has some, and this program does not understand them, or their object is damaged.
	ErrUnusable = errors.New("the rules in the store cannot be used by this program")
	// ErrOutdated: other rules are in force than those that a person wanted to replace.
	ErrOutdated = errors.New("other rules were put in force meanwhile")
)

// InForce is the version that is in force; Number is 0 if none is: nobody has put rules in the
// store, or a rules file has taken their place.
func (h *Head) InForce() Version {
	if h.Lapsed {
		return Version{}
	}
	return h.Version.Version
}

// RulesText is the text of a version, by its number.
func (j *Journal) RulesText(ctx context.Context, h Head, number uint64) (Version, []byte, error) {
	at := h.Version
	if at.Number != number {
		o, err := j.lastVersion(ctx, h)
		if err != nil {
			return Version{}, nil, err
		}
		i := slices.IndexFunc(o.Past, func(f Filed) bool { return f.Number == number })
		if i < 0 {
			return Version{}, nil, fmt.Errorf("%w: %d", ErrUnknownVersion, number)
		}
		at = o.Past[i]
	}
	if at.Number == 0 {
		return Version{}, nil, fmt.Errorf("%w: %d", ErrUnknownVersion, number)
	}
	o, err := j.version(ctx, at)
	return o.Version, []byte(o.Source), err
}

// Versions lists up to limit versions before one, the latest first; before 0: from the last.
func (j *Journal) Versions(ctx context.Context, h Head, before uint64, limit int) (list []Version, more bool, err error) {
	list = []Version{}
	if h.Version.Number == 0 {
		return list, false, nil
	}
	o, err := j.lastVersion(ctx, h)
	if err != nil {
		return nil, false, err
	}
	for _, f := range append([]Filed{h.Version}, o.Past...) {
		switch {
		case before > 0 && f.Number >= before:
		case len(list) == limit:
			return list, true, nil
		default:
			list = append(list, f.Version)
		}
	}
	return list, false, nil
}

// lastVersion is the version that the head names, whether it is in force or not.
func (j *Journal) lastVersion(ctx context.Context, h Head) (versionObject, error) {
	if h.Version.Number == 0 {
		return versionObject{}, nil
	}
	return j.version(ctx, h.Version)
}

// version reads a version whole, as it was written, or not at all.
func (j *Journal) version(ctx context.Context, at Filed) (o versionObject, err error) {
	data, err := getRef(ctx, j.Store, j.prefix(), at.In)
	if err != nil {
		err = fmt.Errorf("read version %d of the rules: %w", at.Number, err)
		if damaged, _ := damage(err); damaged != nil {
			err = fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		return o, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil || o.Format != versionFormat {
		return versionObject{}, fmt.Errorf("%w: version %d: %w", ErrUnusable, at.Number, ErrVersionFormat)
	}
	return o, nil
}

// FileRules makes rules the next version of the store's, with the step: it is in force as soon as
// that is committed, and never without its text. The number, the version that it replaces and
// the time are filled in. Of a last version that is missing or damaged the name alone goes on; one
// of a newer program is an error: what it knows of those before would be lost.
func (tx *Tx) FileRules(ctx context.Context, v Version, text []byte) (Version, error) {
	before, err := tx.journal.lastVersion(ctx, tx.Head)
	if _, err := damage(tx.explain(ctx, err)); err != nil {
		return Version{}, err
	}
	last, err := tx.lastNumber(ctx)
	if err != nil {
		return Version{}, err
	}
	v.Number, v.Replaces, v.Text, v.At = last+1, tx.Head.InForce().Number, Digest(text), tx.Now
	o := versionObject{Format: versionFormat, Version: v, Source: string(text)}
	if tx.Head.Version.Number > 0 {
		o.Past = append([]Filed{tx.Head.Version}, before.Past...)
	}
	o.Past = o.Past[:min(len(o.Past), mostVersions-1)]
	data, err := json.Marshal(o)
	if err != nil {
		return Version{}, fmt.Errorf("encode version %d of the rules: %w", v.Number, err)
	}
	at := Filed{v, refTo(fmt.Sprintf("%s%08d-%s-%s", versions, v.Number, v.Text, nonce(tx.Now)), data)}
	tx.puts = append(tx.puts, object{at.In.Name, data})
	tx.Head.Version, tx.Head.Lapsed = at, false
	return v, tx.noteRules(v)
}

// lastNumber is the highest number that a version has. Where the head names none there may have
// been some: a journal that began anew from a damaged head has lost them, and nobody reuses their
// numbers.
func (tx *Tx) lastNumber(ctx context.Context) (uint64, error) {
	if n := tx.Head.Version.Number; n > 0 {
		return n, nil
	}
	keys, err := tx.journal.Store.List(ctx, tx.journal.prefix()+versions)
	if err != nil {
		return 0, fmt.Errorf("list versions of the rules: %w", err)
	}
	last := uint64(0)
	for _, k := range keys {
		number, _, _ := strings.Cut(k[len(tx.journal.prefix())+len(versions):], "-")
		if n, err := strconv.ParseUint(number, 10, 64); err == nil && n < maxToken {
			last = max(last, n)
		}
	}
	return last, nil
}

// nameVersions adds to what is named, of the versions that keys list, those that can be gone back
// to; all of them where that is not known.
func (tx *Tx) nameVersions(ctx context.Context, keys []string, named map[string]bool) error {
	if len(keys) == 0 {
		return nil
	}
	var h Head
	if err := json.Unmarshal(tx.loaded, &h); err != nil {
		return err
	}
	o, err := tx.journal.lastVersion(ctx, h)
	if err != nil {
		if _, other := damage(tx.explain(ctx, err)); other != nil && !errors.Is(err, ErrVersionFormat) {
			return other
		}
		for _, k := range keys {
			named[k[len(tx.journal.prefix()):]] = true
		}
		return nil
	}
	named[h.Version.In.Name] = true
	for _, f := range o.Past {
		named[f.In.Name] = true
	}
	return nil
}
