package journal

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

// Polling is how far groups have been asked one by one for their flags (directory.IsFlag).
//
// All are asked in passes, in the order of InOrder: so whoever is next was asked longest ago,
// and nothing is noted of each group. Groups of which there is news are asked before.
type Polling struct {
	Flags  []string     `json:"flags"`            // that are asked for; none: nobody is asked
	Began  time.Time    `json:"began"`            // of the pass
	After  directory.ID `json:"after,omitzero"`   // the last group that the pass has come by; zero: none
	Ended  bool         `json:"ended,omitempty"`  // it has come by all
	Told   int          `json:"told,omitempty"`   // groups that have told something in it
	Untold int          `json:"untold,omitempty"` // and that had nothing to tell
	Faulty bool         `json:"faulty,omitempty"` // somebody in it did not tell what there is

	Changed []Changed    `json:"changed,omitempty"` // groups of which there is news
	Again   bool         `json:"again,omitempty"`   // of more than there is room for: the next pass begins when this one ends
	Last    time.Time    `json:"last,omitzero"`     // when groups were last asked
	Rest    record.Tries `json:"rest,omitzero"`     // nobody has answered: it is tried again later

	Refused Failure `json:"refused,omitzero"` // since when not all is told, and why
}

// Changed is a group of which there is news, and how often it was asked in vain since.
type Changed struct {
	ID directory.ID `json:"id"`
	record.Tries
}

// The pace: 40 groups in a minute are 57,600 in a day, however many turns a minute has.
const (
	passEvery  = 24 * time.Hour
	mostAsked  = 40
	maxChanged = 200

	// A new group has its mailbox some minutes later: it is asked again, first after
	// firstRetry, and after so many tries, which is seven hours later, by the pass alone.
	firstRetry = 5 * time.Minute
	mostTries  = 5

	longestRest  = time.Hour
	lastingRests = 4 // so many in a row are told
)

// For is the polling of these flags: from the beginning where they are others than before.
func (p Polling) For(flags []string, now time.Time) Polling {
	switch {
	case len(flags) == 0:
		return Polling{}
	case slices.Equal(p.Flags, flags):
		return p
	}
	return Polling{Flags: flags, Began: now}
}

// Wants says who is to be asked now: some groups of which there is news, and in the pass as
// many as there are places beside them.
func (p Polling) Wants(now time.Time) (changed []directory.ID, pass int) {
	if len(p.Flags) == 0 || !p.Rest.Due(now) || !now.Truncate(time.Minute).After(p.Last) {
		return nil, 0
	}
	most := mostAsked
	goesOn := !p.Ended || p.Again || now.Sub(p.Began) >= passEvery
	if goesOn { // however much is new, the pass goes on
		most /= 2
	}
	for _, c := range p.Changed {
		if c.Due(now) && len(changed) < most {
			changed = append(changed, c.ID)
		}
	}
	if goesOn {
		pass = mostAsked - len(changed)
	}
	return changed, pass
}

// Begin is p with a pass under way.
func (p Polling) Begin(now time.Time) Polling {
	if p.Ended {
		p.Began, p.After, p.Ended, p.Again, p.Told, p.Untold, p.Faulty = now, directory.ID{}, false, false, 0, 0, false
	}
	return p
}

// Note has groups asked soon of which there is news.
func (p Polling) Note(ids []directory.ID) Polling {
	if len(p.Flags) == 0 || len(ids) == 0 {
		return p
	}
	p.Changed = slices.Clone(p.Changed)
	for _, id := range ids {
		at := p.at(id)
		switch {
		case at >= 0:
			p.Changed[at].Tries = record.Tries{}
		case len(p.Changed) < maxChanged:
			p.Changed = append(p.Changed, Changed{ID: id})
		default:
			p.Again = true
		}
	}
	return p
}

// Retry has all asked at once that was not answered: somebody has perhaps mended it.
func (p Polling) Retry() Polling {
	p.Rest, p.Again, p.Changed = record.Tries{}, p.Again || p.Faulty, slices.Clone(p.Changed)
	for i := range p.Changed {
		p.Changed[i].Until = time.Time{}
	}
	return p
}

// Awaits says whether a group is one of which there is news: the pass need not ask it.
func (p Polling) Awaits(id directory.ID) bool { return p.at(id) >= 0 }

func (p Polling) at(id directory.ID) int {
	return slices.IndexFunc(p.Changed, func(c Changed) bool { return c.ID == id })
}

// An Outcome is what became of asking a group.
type Outcome struct {
	Group directory.ID
	None  bool  // it was not asked: it is no group that has flags
	Err   error // directory.ErrUntold, directory.ErrRefused, or why there was no answer
	Odd   error // something that it told could not be read
}

// Answered is p after groups were asked.
func (p Polling) Answered(outcomes []Outcome, now time.Time) Polling {
	p.Changed, p.Last = slices.Clone(p.Changed), now
	heard, silent := false, false
	for _, o := range outcomes {
		p = p.answered(o, now)
		is := o.Err == nil || errors.Is(o.Err, directory.ErrUntold)
		heard, silent = heard || is && !o.None, silent || !is
	}
	switch {
	case heard:
		p.Rest = record.Tries{}
	case silent:
		p.Rest = p.Rest.Next(now, firstRetry)
		if most := now.Add(longestRest); p.Rest.Until.After(most) {
			p.Rest.Until = most
		}
	}
	if len(p.Changed) == 0 {
		p.Changed = nil
	}
	return p
}

// answered is p after one group was asked.
func (p Polling) answered(o Outcome, now time.Time) Polling {
	refused, untold := errors.Is(o.Err, directory.ErrRefused), errors.Is(o.Err, directory.ErrUntold)
	switch {
	case o.None:
	case o.Odd != nil:
		p = p.faulty(o.Odd, now)
	case o.Err == nil && !p.Faulty:
		p.Refused = Failure{}
	case refused, o.Err != nil && !untold && p.Rest.Count >= lastingRests:
		p = p.faulty(o.Err, now)
	}
	switch at := p.at(o.Group); {
	case o.Err == nil && at >= 0:
		p.Changed = slices.Delete(p.Changed, at, at+1)
	case o.Err != nil && at >= 0:
		if p.Changed[at].Tries = p.Changed[at].Next(now, firstRetry); p.Changed[at].Count >= mostTries {
			p.Changed = slices.Delete(p.Changed, at, at+1)
		}
	case o.Err != nil && !untold && len(p.Changed) < maxChanged/2: // the pass does not come by again before tomorrow
		p.Changed = append(p.Changed, Changed{ID: o.Group, Tries: record.Tries{}.Next(now, firstRetry)})
	}
	if untold {
		p.Untold++
	} else if o.Err == nil && !o.None {
		p.Told++
	}
	return p
}

// Passed is p with a pass that has come by a group, or by all.
func (p Polling) Passed(after directory.ID, ended bool, now time.Time) Polling {
	p.After, p.Ended = after, ended
	switch {
	case !ended:
	case p.Told == 0 && p.Untold > 0 && !p.Faulty:
		p.Refused = p.Refused.still(fmt.Errorf("of %d Microsoft 365 groups none has told anything: have they mailboxes in Exchange Online?", p.Untold), now)
	case !p.Faulty:
		p.Refused = Failure{}
	}
	return p
}

// RestUntil is p at rest until then, if that is later than it is anyway.
func (p Polling) RestUntil(then time.Time) Polling {
	if then.After(p.Rest.Until) {
		p.Rest.Until = then
	}
	return p
}

// faulty notes that somebody did not tell all there is. The first of a pass stands for all.
func (p Polling) faulty(why error, now time.Time) Polling {
	if !p.Faulty {
		p.Faulty, p.Refused = true, p.Refused.still(why, now)
	}
	return p
}

// still is a failure that goes on, or begins.
func (f Failure) still(why error, now time.Time) Failure {
	if f.Since.IsZero() {
		f.Since = now
	}
	return Failure{Text: failureWords(why), Since: f.Since, Last: now}
}
