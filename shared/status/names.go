package status

import (
	"cmp"
	"context"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// mostNames is how many names one answer has: each may lie in another part of the journal.
const mostNames = 500

// Hold is what a hold lists, with the names of the members, as far as they are known and
// there are not too many.
type Hold struct {
	record.Listing
	Names journal.Names `json:"names,omitempty"`
}

// ReadHold reads what a hold lists, by its id; of a long list that is its parts, and with a
// part's number what that lists.
func ReadHold(ctx context.Context, j *journal.Journal, id string, part int) (h Hold, err error) {
	if part < 0 {
		h.Listing, err = j.Hold(ctx, id)
	} else {
		h.Listing, err = j.HoldPart(ctx, id, part)
	}
	if err != nil {
		return Hold{}, err
	}
	tx, err := j.View(ctx)
	if err != nil {
		return Hold{}, err
	}
	h.Names = journal.Names{}
	for _, i := range h.Items {
		left := mostNames - len(h.Names)
		refs := slices.Concat(i.Remove, i.Add)
		if err := tx.NameMembers(ctx, h.Names, i.Group, refs[:min(len(refs), left)]); err != nil || left == 0 {
			return h, err
		}
	}
	return h, nil
}

// name adds to problems who they are about.
func name(ctx context.Context, tx *journal.Tx, problems []Problem) error {
	problems = problems[:min(len(problems), mostNames)]
	var ids []directory.ID
	for _, p := range problems {
		if p.Member != (directory.ID{}) {
			ids = append(ids, p.Member)
		}
	}
	of, err := tx.NamesOf(ctx, ids)
	if err != nil {
		return err
	}
	refused := map[directory.ID][]plan.Ref{}
	for _, p := range problems {
		if p.Ref != "" {
			refused[p.Group] = append(refused[p.Group], p.Ref)
		}
	}
	names := journal.Names{}
	for group, refs := range refused { // each is looked through once: it may have very many members
		if err := tx.NameMembers(ctx, names, group, refs); err != nil {
			return err
		}
		tx.Trim()
	}
	for i, p := range problems {
		problems[i].Who = cmp.Or(names[p.Ref], of[p.Member])
	}
	return nil
}
