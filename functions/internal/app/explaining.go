package app

import (
	"cmp"
	"context"
	"encoding/base64"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/explain"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/status"
)

// explain says why a group is as it is and, where one is named, a member of it.
func (a *App) explain(ctx context.Context, q query) (any, error) {
	id, err := q.group()
	if err := cmp.Or(q.know("member"), err); err != nil {
		return nil, err
	}
	tx, f, err := a.factsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	e := explain.Group(f)
	if name := q.values.Get("member"); name != "" {
		member, ref := memberNamed(name)
		who, err := a.explainMember(ctx, tx, f, member, ref)
		if err != nil {
			return nil, err
		}
		e.Member = &who
	}
	return e, nil
}

// memberNamed reads an object id, or how Active Directory knows a member.
func memberNamed(name string) (id directory.ID, ref plan.Ref) {
	if id, err := directory.ParseID(name); err == nil {
		return id, ""
	}
	return directory.ID{}, plan.Ref(name)
}

// explainMember adds to what is said of a member what wrote it, and how it comes into the
// group.
func (a *App) explainMember(ctx context.Context, tx *journal.Tx, f explain.Facts, id directory.ID, ref plan.Ref) (explain.Who, error) {
	some := []explain.Member{explain.Of(f, id, ref)}
	if err := status.NameAll(ctx, tx, some); err != nil {
		return explain.Who{}, err
	}
	m := some[0]
	var written *explain.Wrote
	var paths [][]explain.Step
	var err error
	if m.Ref != "" {
		if written, err = status.LastWrote(ctx, a.journal, f.Record.Noted, f.ID, []plan.Ref{m.Ref}); err != nil {
			return explain.Who{}, err
		}
	}
	if m.ID != (directory.ID{}) {
		if paths, err = status.Paths(ctx, tx, f.ID, m.ID); err != nil {
			return explain.Who{}, err
		}
	}
	return explain.Describe(m, written, paths), nil
}

// A memberPlace is the place of a member in the list of all: first those with an id, by that,
// and then the others by how Active Directory knows them.
type memberPlace struct {
	id  directory.ID
	ref plan.Ref
	any bool // before all
}

// placeOf is a member's place as a cursor.
func placeOf(m explain.Member) string {
	text := "i" + m.ID.String()
	if !m.Cloud {
		text = "r" + string(m.Ref)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func afterMember(cursor string) (p memberPlace, err error) {
	if cursor == "" {
		return memberPlace{any: true}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(text) < 2 {
		return p, journal.ErrPlace
	}
	if ref, is := strings.CutPrefix(string(text), "r"); is {
		return memberPlace{ref: plan.Ref(ref)}, nil
	}
	if p.id, err = directory.ParseID(string(text[1:])); err != nil || text[0] != 'i' {
		return p, journal.ErrPlace
	}
	return p, nil
}

// before says whether a member stands behind a place.
func (p memberPlace) before(m explain.Member) bool {
	switch {
	case p.any:
		return true
	case p.ref != "":
		return !m.Cloud && m.Ref > p.ref
	case !m.Cloud:
		return true
	}
	return m.ID.Compare(p.id) > 0
}
