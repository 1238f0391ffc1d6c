package rules

import (
	"time"

	"groupwriteback/shared/life"
)

// mostDays is more than anybody means.
const mostDays = 3650

func (p *reader) leaving(path string, v any) {
	m, is := v.(map[string]any)
	if v != nil && !is {
		p.mistake(path, "write a mapping, such as deleted: quarantine")
		return
	}
	l := &p.rules.Leaving
	fate := func(to ...*life.Fate) func(string, any) {
		return func(path string, v any) {
			for i, f := range to {
				if i == 0 {
					word(p, path, v, f, life.Fates())
				} else {
					*f = *to[0]
				}
			}
		}
	}
	p.mapping(path, m, []key{
		{"out_of_scope", fate(&l.OutOfScope)},
		{"switched_off", fate(&l.SwitchedOff)},
		{"deleted", fate(&l.SoftDeleted, &l.HardDeleted)},
		{"soft_deleted", fate(&l.SoftDeleted)},
		{"grace_days", func(path string, v any) {
			n, is := v.(uint64)
			if !is || n == 0 || n > mostDays {
				p.mistake(path, "write a whole number of days, from 1 to %d", mostDays)
				return
			}
			l.Grace = time.Duration(n) * day
		}},
	}, "word on groups that are not wanted any more")
}
