package cycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/preflight"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// Survey is what all that is wanted means for people, whether it is in Active Directory
// already or not: into how many security groups they come, and who is left out.
type Survey struct {
	Over    int      // users in more than preflight.Many groups
	Who     string   // who is in the most; empty: nobody is in any
	Groups  int      // how many those are
	Domains []string // of the primary addresses of groups that are wanted with mail; sorted, in lower case
	Part    string   // what of it was not looked at; empty: nothing
	Left    []preflight.Left
}

// PreviewFirst is Preview with a survey of all that is wanted; nil where nothing can be planned
// yet. What LookTime was not enough for, it names.
func (p *Planner) PreviewFirst(ctx context.Context) (Preview, *Survey, error) {
	q := *p
	q.survey = new(Survey)
	shown, err := q.preview(ctx, nil)
	if err != nil || shown.Waiting != "" {
		return shown, nil, err
	}
	return shown, q.survey, nil
}

// look fills a survey.
func (s *Survey) look(ctx context.Context, p *Planner, tx *journal.Tx, all record.Counts) (err error) {
	w := weighing{Planner: p, tx: tx, mail: p.Rules.Stamp(tx.Head.Target.Exchange), domains: map[string]bool{}, end: time.Now().Add(cmp.Or(p.LookTime, 25*time.Second))}
	if s.Part, err = w.everything(ctx); err != nil {
		return err
	}
	over, who, groups := w.load.Heaviest()
	s.Over, s.Groups, s.Domains = over, groups, slices.Sorted(maps.Keys(w.domains))
	if groups > 0 {
		if s.Who, err = nameOf(ctx, tx, who); err != nil {
			return err
		}
	}
	s.Left, err = left(ctx, tx, all.Problems)
	return err
}

// weighing counts the security groups that each user comes into. It holds a part of the groups
// at a time.
type weighing struct {
	*Planner
	tx   *journal.Tx
	end  time.Time
	load preflight.Load
	mail *exchange.Stamp

	domains map[string]bool
}

// everything weighs all groups, as far as there is time, and says what was left out.
func (w *weighing) everything(ctx context.Context) (part string, err error) {
	shards, err := w.tx.Shards(ctx, func(record.Counts) bool { return true })
	if err != nil {
		return "", err
	}
	for i, n := range shards {
		shard, err := w.tx.Shard(ctx, n)
		if err != nil {
			return "", err
		}
		whole, err := w.each(ctx, shard.Groups, w.load.Add)
		if err != nil {
			return "", err
		}
		if !whole {
			return fmt.Sprintf("%d of %d parts of the groups are looked at: there was no more time", i, len(shards)), nil
		}
	}
	family := w.load.Family()
	pass := func(do func(directory.ID, []directory.ID)) (bool, error) {
		return w.each(ctx, family, func(g directory.ID, users, _ []directory.ID) { do(g, users) })
	}
	whole, err := pass(w.load.Through)
	if err == nil && whole && w.load.Suspects() > 0 {
		whole, err = pass(w.load.Exactly)
	}
	if !whole {
		part = "groups that they are in by way of others are not all counted: there was no more time"
	}
	return part, err
}

// each tells of groups that are wanted, and in which membership gives something, the users and
// the groups that are wanted in them. whole: the time sufficed.
func (w *weighing) each(ctx context.Context, ids []directory.ID, tell func(group directory.ID, users, groups []directory.ID)) (whole bool, err error) {
	for some := range slices.Chunk(ids, groupsAtOnce) {
		if time.Now().After(w.end) || nearEnd(ctx) {
			return false, nil
		}
		w.tx.Trim()
		if err := w.tx.Fetch(ctx, some); err != nil {
			return false, err
		}
		if err := w.fetchKin(ctx, w.tx, some); err != nil {
			return false, err
		}
		for _, id := range some {
			g := w.view(w.tx, id).Group
			wish := w.wish(w.tx, w.mail, g, id, w.tx.Record(id).Observed, nil)
			if wish.Group == nil || g == nil {
				continue
			}
			for _, mail := range wish.Group.Attrs["mail"] {
				w.domains[exchange.Domain(mail)] = true
			}
			if plan.Suspends(*wish.Group) {
				continue
			}
			users, groups := wanted(g.Members, wish.Group.Members())
			tell(id, users, groups)
		}
	}
	return true, nil
}

// wanted are the users and the groups of ours among members of whom refs, which are sorted,
// are wanted.
func wanted(members []directory.Member, refs []plan.Ref) (users, groups []directory.ID) {
	is := func(r plan.Ref) bool {
		_, found := slices.BinarySearch(refs, r)
		return found
	}
	for _, m := range members {
		switch {
		case m.Kind == directory.User && m.SID != "" && is(plan.SIDRef(m.SID)):
			users = append(users, m.ID)
		case m.Kind == directory.GroupKind && is(plan.GroupRef(m.ID)):
			groups = append(groups, m.ID)
		}
	}
	return users, groups
}

// errFound ends a search.
var errFound = errors.New("found")

// left counts who is left out, by reason, each with an example.
func left(ctx context.Context, tx *journal.Tx, problems map[string]int) (all []preflight.Left, err error) {
	for _, reason := range slices.Sorted(maps.Keys(problems)) {
		var found plan.Problem
		err := tx.EachOf(ctx, func(c record.Counts) bool { return c.Problems[reason] > 0 }, func(r *record.Group) error {
			at := slices.IndexFunc(r.Problems, func(p plan.Problem) bool { return p.Reason == reason })
			if at < 0 {
				return nil
			}
			found = r.Problems[at]
			found.Group = r.ID
			return errFound
		})
		if err == nil {
			continue // counted, and not there any more
		}
		if !errors.Is(err, errFound) {
			return nil, err
		}
		l := preflight.Left{Count: problems[reason], Members: found.Member != (directory.ID{}), Text: rules.Describe(found)}
		if l.Group, err = groupName(ctx, tx, found.Group); err != nil {
			return nil, err
		}
		if l.Members {
			if l.Member, err = nameOf(ctx, tx, found.Member); err != nil {
				return nil, err
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// nameOf is what people call a principal, or its id.
func nameOf(ctx context.Context, tx *journal.Tx, id directory.ID) (string, error) {
	names, err := tx.NamesOf(ctx, []directory.ID{id})
	if name := names[id]; name != "" || err != nil {
		return name, err
	}
	return groupName(ctx, tx, id)
}

// groupName is what people call a group, or its id.
func groupName(ctx context.Context, tx *journal.Tx, id directory.ID) (string, error) {
	if err := tx.Fetch(ctx, []directory.ID{id}); err != nil {
		return "", err
	}
	if g := tx.Group(id); g != nil && g.Props.First("displayName") != "" {
		return g.Props.First("displayName"), nil
	}
	return id.String(), nil
}
