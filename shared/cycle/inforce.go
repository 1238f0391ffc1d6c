package cycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/journal"
	"groupwriteback/shared/rules"
)

// Ruling is rules with what follows from them: what Graph is asked for.
type Ruling struct {
	Rules  *rules.Rules
	Text   []byte // in UTF-8
	Source Source
	Select string

	// Taken says that they are a rules file's, which the journal knows, and are to be a version of
	// the store's from now on.
	Taken bool
}

// inForce is the planner with the rules that the head of this very step says are in force: what it
// decides by them is committed by a swap of that head, or not at all.
func (p *Planner) inForce(ctx context.Context, tx *journal.Tx) (*Planner, error) {
	if p.InForce == nil {
		return p, nil
	}
	r, err := p.InForce(ctx, tx)
	if err != nil {
		return nil, err
	}
	q := *p
	q.Rules, q.Text, q.Source, q.Select, q.taken = r.Rules, r.Text, r.Source, r.Select, r.Taken
	return &q, nil
}

// turnInForce is turn, by the rules that the journal says are in force.
func (p *Planner) turnInForce(ctx context.Context, tx *journal.Tx) (more bool, source, err error) {
	if p, err = p.inForce(ctx, tx); err != nil {
		return false, nil, err
	}
	return p.turn(ctx, tx)
}

// adopt puts this planner's rules in force. New rules have every group decided
// again; rules that were replaced before are those of a host that was not
// updated, and must not undo the new ones. A planner of another tenant would
// find all groups gone.
func (p *Planner) adopt(ctx context.Context, tx *journal.Tx) error {
	h := &tx.Head
	if h.Tenant == "" {
		h.Tenant = p.Tenant
	}
	if !strings.EqualFold(h.Tenant, p.Tenant) {
		return fmt.Errorf("this journal is of tenant %s, and this planner reads tenant %s: correct the tenant id, or give the other tenant a target of its own", h.Tenant, p.Tenant)
	}
	h.Wants = journal.Wants{Containers: p.Rules.Containers(), GroupTypes: p.Rules.GroupTypes()}
	hash := p.Rules.Hash()
	switch {
	case h.Rules == hash:
		return nil
	case slices.Contains(h.Former, hash) && !p.chosen && p.Stored: // the text is the same: what is made of it is not
		return fmt.Errorf("%w (%.8s by %.8s): another host's program is newer and reads them otherwise: update this one; to stay with it, put the same rules in force again (rules apply)", ErrReplaced, hash, h.Rules)
	case slices.Contains(h.Former, hash) && !p.chosen:
		return fmt.Errorf("%w (%.8s by %.8s): bring the rules file of this host up to date; to go back to them on purpose, raise their revision", ErrReplaced, hash, h.Rules)
	case h.Rules != "":
		h.Former = append(cutOut(h.Former, hash), h.Rules)
		if err := tx.MarkAll(ctx); err != nil {
			return err
		}
		h.Ruled = true
		tx.Say("rules were replaced: all groups are decided again", "rules", fmt.Sprintf("%.8s", hash), "before", fmt.Sprintf("%.8s", h.Rules))
	}
	if !slices.Equal(h.Attrs, p.Rules.Attributes()) { // until they have been read nobody knows how they are
		h.Attrs, h.ReadAll, h.Reported = p.Rules.Attributes(), true, time.Time{}
	}
	p.lapse(h, hash)
	h.Rules = hash
	if p.Text != nil {
		tx.KeepRules(hash, p.Text)
	}
	return nil
}

// takeOver makes of the rules of a file the first version of the store's, or the next one: they
// were in force, and stay so.
func (p *Planner) takeOver(ctx context.Context, tx *journal.Tx) error {
	if !p.taken {
		return nil
	}
	v, err := tx.FileRules(ctx, journal.Version{Rules: p.Rules.Hash(), By: "rules file", Comment: "taken over from the rules file that was in force"}, p.Text)
	if err == nil {
		tx.Say("the rules that were in force are a version of the store's from now on", "version", v.Number)
	}
	return err
}

// lapse notes that a rules file takes the place of what is in the store.
func (p *Planner) lapse(h *journal.Head, hash string) {
	if !p.Stored && p.InForce == nil && h.Version.Number > 0 && h.Version.Rules != hash {
		h.Lapsed = true
	}
}

// PutInForce makes rules the next version of the store's, and has every group decided by them, if
// the version in force still is v.Replaces; the head's swap sees to that. The same text is put in
// force once: said again, it is the version that it became. journal.ErrOutdated: another one is in force,
// and the error says whose.
//
// A crash before the swap leaves a text that nobody names; behind it the rules are in force.
func (p *Planner) PutInForce(ctx context.Context, r Ruling, v journal.Version) (journal.Version, error) {
	const tries = 10 // a step under way loses to this, and the next one may win
	for n := 1; ; n++ {
		done, err := p.putInForce(ctx, r, v)
		if n == tries || !errors.Is(err, journal.ErrConflict) {
			return done, err
		}
	}
}

func (p *Planner) putInForce(ctx context.Context, r Ruling, v journal.Version) (journal.Version, error) {
	tx, err := p.Journal.Load(ctx)
	if err != nil {
		return journal.Version{}, err
	}
	switch now := tx.Head.InForce(); {
	case now.Number > 0 && now.Replaces == v.Replaces && now.Text == journal.Digest(r.Text):
		return now, nil
	case now.Number != v.Replaces:
		return journal.Version{}, Outdated(now, v.Replaces)
	}
	q := *p
	q.Rules, q.Text, q.chosen = r.Rules, r.Text, true
	if err := q.adopt(ctx, tx); err != nil {
		return journal.Version{}, err
	}
	v.Rules = r.Rules.Hash()
	if v, err = tx.FileRules(ctx, v, r.Text); err != nil {
		return journal.Version{}, err
	}
	if err := tx.Commit(ctx); err != nil {
		return journal.Version{}, err
	}
	p.tell(ctx, tx)
	return v, nil
}

// Outdated says which version is in force, where a person wanted to replace another one.
func Outdated(now journal.Version, replaces uint64) error {
	is := "none is in force"
	if now.Number > 0 {
		is = fmt.Sprintf("version %d is in force, which %s put there at %s", now.Number, now.By, now.At.UTC().Format(time.RFC3339))
	}
	return fmt.Errorf("%w: your change is of version %d, and %s: look at it (rules show), and make your change on top of it", journal.ErrOutdated, replaces, is)
}

// cutOut is a list of hashes without one.
func cutOut(hashes []string, hash string) []string {
	return slices.DeleteFunc(slices.Clone(hashes), func(h string) bool { return h == hash })
}
