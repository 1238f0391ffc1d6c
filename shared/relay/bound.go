package relay

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// What an agent's message may say. An honest one is far from any of these: what
// is beyond is refused where it cannot be so, and cut where it is merely long.
const (
	maxText    = 1000        // characters of a text for people
	maxWord    = 256         // bytes of an id, a digest, the name of a member, a link or an attribute
	maxString  = 64 << 10    // bytes of a DN or an attribute's value
	maxSeconds = 24 * 3600.0 // of work on one batch
	minSeconds = 1e-3        // what is less was not measured
	maxNumber  = 1 << 62     // of an epoch, a batch, a lease: the next one must be a number too
	maxMembers = 20_000      // and values of other links, of all groups in one part of a report
	maxBad     = 20_000      // refused members in one acknowledgement
	maxClashes = 1000        // of a change
	maxUnset   = 1000        // attributes of a change
	maxFound   = 200         // lines of a check
	maxParts   = 5000        // of a report
	maxPieces  = 5000        // of a group
	maxAhead   = 10 * time.Minute
)

func boundPoll(p *Poll) error {
	p.Host, p.Version, p.Policy = cut(p.Host, maxWord), cut(p.Version, maxWord), cut(p.Policy, maxWord)
	var b bounds
	b.dc("dc", &p.DC)
	b.word("for", p.For)
	b.word("instance", p.Instance)
	return b.err
}

func boundAck(m *ackMessage) error {
	var b bounds
	if !(m.Seconds >= 0 && m.Seconds <= maxSeconds) {
		b.refuse("seconds: a batch takes 0 to %v seconds", maxSeconds)
	}
	if m.Seconds < minSeconds {
		m.Seconds = 0
	}
	m.Stopped = cut(m.Stopped, maxText)
	b.number("epoch", m.Epoch)
	b.number("seq", m.Seq)
	b.number("token", m.Token)
	b.word("digest", m.Digest)
	b.word("instance", m.Instance)
	bad := 0
	for i := range m.Results {
		bad += len(m.Results[i].Bad)
		b.result(&m.Results[i])
	}
	if bad > maxBad {
		b.refuse("results: %d refused members: %d is the most", bad, maxBad)
	}
	return b.err
}

func boundReport(m *reportMessage) error { return boundReportAt(m, time.Now()) }

func boundReportAt(m *reportMessage, now time.Time) error {
	var b bounds
	b.report(m, now)
	m.Blind = cut(m.Blind, maxText)
	b.number("after", m.After)
	b.number("high", m.High.Epoch)
	b.number("high", m.High.Seq)
	b.word("grounds", m.Grounds)
	b.word("for", m.For)
	b.word("instance", m.Instance)
	b.target(m)
	if len(m.Absent) > maxItems {
		b.refuse("absent: %d groups: %d is the most", len(m.Absent), maxItems)
	}
	for _, g := range m.Absent {
		b.number("absent", g.After)
	}
	if len(m.Graves) > maxItems {
		b.refuse("graves: %d groups: %d is the most", len(m.Graves), maxItems)
	}
	for _, g := range m.Graves {
		b.number("graves", g.After)
	}
	if len(m.Found) > maxFound {
		b.refuse("found: %d lines: %d is the most", len(m.Found), maxFound)
	}
	for i := range m.Found {
		f := &m.Found[i]
		f.Text, f.Remedy = cut(f.Text, maxText), cut(f.Remedy, maxText)
		b.word("found.what", f.What)
		b.word("found.state", string(f.State))
	}
	members := 0
	for i := range m.Rows {
		b.row(&m.Rows[i])
		if g := m.Rows[i].Group; g != nil {
			for _, refs := range g.Links {
				members += len(refs)
			}
		}
	}
	if members > maxMembers {
		b.refuse("rows: %d members: send %d at most in a part", members, maxMembers)
	}
	return b.err
}

// bounds keeps the first thing that cannot be.
type bounds struct{ err error }

func (b *bounds) refuse(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

func (b *bounds) number(name string, n uint64) {
	if n > maxNumber {
		b.refuse("%s: %d is no number of a batch", name, n)
	}
}

func (b *bounds) word(name, s string) { b.length(name, s, maxWord) }

func (b *bounds) length(name, s string, most int) {
	if len(s) > most {
		b.refuse("%s: %d bytes are too many: %d is the most", name, len(s), most)
	}
}

func (b *bounds) dc(name string, dc *DC) {
	dc.Name = cut(dc.Name, maxWord)
	b.word(name+".invocationId", dc.InvocationID)
	if dc.USN < 0 {
		b.refuse("%s.usn: %d is no update sequence number", name, dc.USN)
	}
}

func (b *bounds) result(r *plan.Result) {
	r.Text = cut(r.Text, maxText)
	b.word("results.status", string(r.Status))
	b.word("results.guid", string(r.GUID))
	b.code(r.Code)
	if r.Taken != nil {
		r.Taken.By = cut(r.Taken.By, maxText)
	}
	if len(r.Clashes) > maxClashes {
		b.refuse("results.clashes: %d are too many: %d is the most", len(r.Clashes), maxClashes)
	}
	for i := range r.Clashes {
		c := &r.Clashes[i]
		c.By = cut(c.By, maxText)
		b.word("results.clashes.attribute", c.Attribute)
		b.length("results.clashes.value", c.Value, maxString)
	}
	if len(r.Unset) > maxUnset {
		b.refuse("results.unset: %d are too many: %d is the most", len(r.Unset), maxUnset)
	}
	for _, name := range r.Unset {
		b.word("results.unset", name)
	}
	for i := range r.Bad {
		bad := &r.Bad[i]
		bad.Text = cut(bad.Text, maxText)
		b.word("results.bad.ref", string(bad.Ref))
		b.code(bad.Code)
	}
}

func (b *bounds) code(code int) {
	if code < 0 || code > math.MaxInt32 {
		b.refuse("results.code: %d is no result of LDAP", code)
	}
}

// report holds a report's id, whose time says how long its parts are waited for,
// and its parts.
func (b *bounds) report(m *reportMessage, now time.Time) {
	at, err := reportTime(m.ID)
	switch {
	case err != nil:
		b.refuse("id: %w", err)
	case at.Sub(now) > maxAhead:
		b.refuse("id: the report is of %s, which is still to come: set the agent's clock", at.UTC().Format(time.RFC3339))
	case m.Parts < 1 || m.Parts > maxParts, m.Part < 1 || m.Part > m.Parts:
		b.refuse("part %d of %d is none: parts are numbered from 1 to %d at most", m.Part, m.Parts, maxParts)
	}
}

// reportTime is that of a report's id, as ReportID makes it.
func reportTime(id string) (time.Time, error) {
	stamp, unique, _ := strings.Cut(id, "-")
	ns, err := strconv.ParseInt(stamp, 16, 64)
	if err != nil || len(stamp) != 16 || unique == "" || len(id) > 64 || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyz-") != "" {
		return time.Time{}, errors.New("it is not well-formed: write 16 hexadecimal digits, the time in nanoseconds since 1970, '-', and lower-case letters and digits")
	}
	return time.Unix(0, ns), nil
}

func (b *bounds) target(m *reportMessage) {
	b.length("target.base", m.Target.Base, maxString)
	b.word("target.baseGuid", m.Target.BaseGUID)
	b.word("target.domainSid", string(m.Target.DomainSID))
	b.dc("target.dc", &m.Target.DC)
	if len(m.Target.Domains) > maxItems {
		b.refuse("target.domains: %d domains: %d is the most", len(m.Target.Domains), maxItems)
	}
	for _, sid := range m.Target.Domains {
		b.word("target.domains", string(sid))
	}
	b.exchange(&m.Target.Exchange)
}

// exchange holds what there is of Exchange: an agent that finds more says that instead.
func (b *bounds) exchange(s *exchange.Site) {
	s.Unread = cut(s.Unread, maxText)
	for name, n := range map[string]int{"lists": len(s.Lists), "accepted": len(s.Accepted), "servers": len(s.Servers),
		"systems": len(s.Systems), "attributes": len(s.Attributes), "protected": len(s.Protected)} {
		if n > exchange.MostLists {
			b.refuse("target.exchange.%s: %d are too many: %d is the most", name, n, exchange.MostLists)
		}
	}
	if n := s.Size(); n > exchange.MostBytes {
		b.refuse("target.exchange: %d bytes are too many: %d is the most", n, exchange.MostBytes)
	}
	if s.Schema < 0 || s.Forest < 0 || s.Domain < 0 {
		b.refuse("target.exchange: %d, %d and %d are no versions", s.Schema, s.Forest, s.Domain)
	}
}

func (b *bounds) row(r *Row) {
	r.Fence = cut(r.Fence, maxText)
	b.word("rows.guid", string(r.GUID))
	b.word("rows.digest", r.Digest)
	b.word("rows.sid", string(r.SID))
	b.number("rows.after", r.After)
	if r.USN < 0 {
		b.refuse("rows.usn: %d is no update sequence number", r.USN)
	}
	if whole := r.Piece == 0 && r.Pieces == 0; !whole && (r.Piece < 1 || r.Piece > r.Pieces || r.Pieces > maxPieces) {
		b.refuse("rows: piece %d of %d is none", r.Piece, r.Pieces)
	}
	if t := r.Trouble; t != nil {
		t.Text, t.DN = cut(t.Text, maxText), cut(t.DN, maxText)
		b.word("rows.trouble.case", t.Case)
	}
	if r.Group != nil {
		b.group(r.Group)
	}
}

func (b *bounds) group(g *plan.Group) {
	b.word("rows.group.guid", string(g.GUID))
	b.length("rows.group.name", g.Name, maxString)
	b.length("rows.group.parent", g.Parent, maxString)
	for link, refs := range g.Links {
		b.word("rows.group.links", string(link))
		for _, ref := range refs {
			b.word("rows.group.members", string(ref))
		}
	}
	for name, values := range g.Attrs {
		b.word("rows.group.attrs", name)
		for _, v := range values {
			b.length("rows.group.attrs", v, maxString)
		}
	}
}

// cut is what fits of a text, in whole characters.
func cut(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}
