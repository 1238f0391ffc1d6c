package journal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"groupwriteback/shared/record"
)

// nonce makes a name that nobody else uses, and that says when it was made: the
// seconds since 1970 in eight hexadecimal digits, then chance.
func nonce(now time.Time) string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return fmt.Sprintf("%08x%s", now.Unix(), hex.EncodeToString(b))
}

// older says whether a name that begins with the time of its making is older than
// an age. One that does not is not.
func older(name string, now time.Time, age time.Duration) bool {
	if len(name) < 16 {
		return false
	}
	s, err := strconv.ParseInt(name[:8], 16, 64)
	return err == nil && now.Sub(time.Unix(s, 0)) > age
}

// How often a sweep runs, and how old what it deletes must be: older than any
// step that could still name it, and than any reader of an earlier head. What
// tells people what was done is kept for more than a year.
const (
	sweepEvery = time.Hour
	sweepAge   = time.Hour
	retention  = 400 * 24 * time.Hour
)

// Sweep deletes what the committed head, its map and its shadow do not name and
// what is old enough that nobody is about to: shards, maps, batches, releases and rules of
// steps that were lost or have been replaced, and after their retention audit
// objects, the oldest of the chain, runs, holds that are not open, and versions of rules that
// none of the last hundred is. A crash in it leaves work for the next one. A step that changes nothing, and so
// leaves nothing behind, does not sweep.
func (tx *Tx) Sweep(ctx context.Context) error {
	if tx.Now.Sub(tx.Head.Swept) < sweepEvery || !tx.changed() {
		return nil
	}
	named, err := tx.named(ctx)
	if err != nil {
		return err
	}
	for _, kind := range []string{"g/", "gs/", "m/", "ms/", "h/", "map/", "batch/", "release/", "audit/", "hold/", "rules/", versions, runs, replies} {
		keys, err := tx.journal.Store.List(ctx, tx.journal.prefix()+kind)
		if err != nil {
			return fmt.Errorf("list %s: %w", kind, err)
		}
		if kind == "hold/" {
			if err := tx.nameHolds(ctx, keys, named); err != nil {
				return err
			}
		}
		if kind == "rules/" {
			tx.nameRules(keys, named)
		}
		if kind == versions {
			if err := tx.nameVersions(ctx, keys, named); err != nil {
				return err
			}
		}
		for _, k := range keys {
			name := k[len(tx.journal.prefix()):]
			if named[name] || !tx.outlived(name) {
				continue
			}
			if err := tx.journal.Store.Delete(ctx, k); err != nil {
				return fmt.Errorf("delete %s: %w", name, err)
			}
		}
	}
	tx.Head.Swept = tx.Now
	return nil
}

// named lists the objects that the head as it was loaded names, directly or by
// its map.
func (tx *Tx) named(ctx context.Context) (map[string]bool, error) {
	var h Head
	if err := json.Unmarshal(tx.loaded, &h); err != nil {
		return nil, err
	}
	out := map[string]bool{h.Map.Name: true}
	if h.Map.Name != "" {
		data, err := getRef(ctx, tx.journal.Store, tx.journal.prefix(), h.Map)
		if err != nil {
			return nil, tx.explain(ctx, err)
		}
		var m mapObject
		if err := decode(data, &m); err != nil {
			return nil, fmt.Errorf("decode map: %w", err)
		}
		for _, shards := range m.Trees {
			for info := range maps.Values(shards) {
				out[info.Ref.Name] = true
			}
		}
	}
	if p := h.Plan; p != nil {
		out[releaseName(h.Epoch, p.First)] = true
		for seq := p.First; seq <= p.Last; seq++ {
			out[batchName(seq, p.Nonce)] = true
		}
	}
	return out, nil
}

// outlived says whether an object is of an earlier time than any step that may
// still be under way.
func (tx *Tx) outlived(name string) bool {
	if first, ok := strings.CutPrefix(name, "release/"); ok {
		_, seq, _ := strings.Cut(first, "-")
		n, err := strconv.ParseUint(seq, 10, 64)
		return err == nil && n <= tx.Head.Closed
	}
	age := sweepAge
	if id, ok := strings.CutPrefix(name, "hold/"); ok {
		if !strings.Contains(id, "-") {
			age = retention
		}
		return older(id, tx.Now, age)
	}
	switch {
	case strings.HasPrefix(name, "audit/"), strings.HasPrefix(name, versions):
		age = retention
	case strings.HasPrefix(name, runs), strings.HasPrefix(name, replies):
		age = runLife
	}
	return older(name[strings.LastIndexByte(name, '-')+1:], tx.Now, age)
}

// nameHolds adds to what is named, of the holds that keys list, those that are open and
// the parts of all holds but those that are to be deleted. Of a step that was lost there
// may be parts without a hold.
func (tx *Tx) nameHolds(ctx context.Context, keys []string, named map[string]bool) error {
	old, parts := false, []string{}
	is := map[string]bool{}
	for _, k := range keys {
		name := k[len(tx.journal.prefix()):]
		is[name] = true
		switch {
		case strings.Contains(name, "-"):
			parts = append(parts, name)
		case tx.outlived(name):
			old = true
		}
	}
	if old { // of which there are few
		if err := tx.eachHold(ctx, func(l record.Listing) { named["hold/"+l.ID] = true }); err != nil {
			return err
		}
	}
	for _, name := range parts {
		hold, _, _ := strings.Cut(name, "-")
		if is[hold] && (named[hold] || !tx.outlived(hold)) {
			named[name] = true
		}
	}
	if len(parts) == 0 {
		return nil
	}
	for _, h := range tx.Head.Holds { // they may name parts of holds before them
		l, err := tx.Listing(ctx, h.ID)
		if _, err := damage(err); err != nil {
			return err
		}
		for _, p := range l.Parts {
			named[partName(p)] = true
		}
	}
	return nil
}
