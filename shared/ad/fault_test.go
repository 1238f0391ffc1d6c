package ad

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/plan"
)

// A meddler stands between us and the real directory, for what Samba does not
// do by itself.
type meddler struct {
	Conn
	search func(*ldap.SearchRequest) (*ldap.SearchResult, error)
	write  func(n int, req any, do func() error) error // n counts from 1
	n      int
}

func (m *meddler) Search(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
	if m.search != nil {
		return m.search(r)
	}
	return m.Conn.Search(r)
}

func (m *meddler) do(req any, do func() error) error {
	m.n++
	if m.write == nil {
		return do()
	}
	return m.write(m.n, req, do)
}

func (m *meddler) Add(r *ldap.AddRequest) error {
	return m.do(r, func() error { return m.Conn.Add(r) })
}
func (m *meddler) Modify(r *ldap.ModifyRequest) error {
	return m.do(r, func() error { return m.Conn.Modify(r) })
}
func (m *meddler) ModifyDN(r *ldap.ModifyDNRequest) error {
	return m.do(r, func() error { return m.Conn.ModifyDN(r) })
}

func (m *meddler) Del(r *ldap.DelRequest) error {
	return m.do(r, func() error { return m.Conn.Del(r) })
}

func meddle(d *Domain) *meddler {
	m := &meddler{Conn: d.Conn}
	d.Conn = m
	return m
}

func ldapError(code uint16) error { return &ldap.Error{ResultCode: code, Err: errors.New("injected")} }

// memberValues counts the members that a request writes.
func memberValues(req any) (n int) {
	if r, ok := req.(*ldap.ModifyRequest); ok {
		for _, c := range r.Changes {
			if c.Modification.Type == "member" {
				n += len(c.Modification.Vals)
			}
		}
	}
	return n
}

// inRanges makes Samba do what Active Directory does beyond MaxValRange: it asks
// for the range that Active Directory would give. before runs ahead of each part.
func inRanges(m *meddler, limit int, before func(from int)) {
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		asked := *r
		asked.Attributes = slices.Clone(r.Attributes)
		for i, a := range asked.Attributes {
			from := 0
			if _, err := fmt.Sscanf(a, "member;range=%d-*", &from); err != nil && a != "member" {
				continue
			}
			before(from)
			asked.Attributes[i] = fmt.Sprintf("member;range=%d-%d", from, from+limit-1)
		}
		res, err := m.Conn.Search(&asked)
		if err != nil {
			return res, err
		}
		for _, e := range res.Entries {
			for _, a := range e.Attributes {
				if a.Name == "member;range=0-*" { // few enough: no range at all
					a.Name = "member"
				}
			}
		}
		return res, nil
	}
}

func TestRanges(t *testing.T) {
	d := newDomain(t)
	for n, members := range []int{0, 1, 6, 7, 8, 14, 30} { // about the limit and its multiples
		create(t, d, n, fmt.Sprint(members))
		if members > 0 {
			apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, n), Add: someUsers(t, 1, members)})
		}
	}
	whole := scan(t, d)
	inRanges(meddle(d), 7, func(int) {})
	if diff := cmp.Diff(whole, scan(t, d)); diff != "" {
		t.Errorf("scan (-whole +in ranges):\n%s", diff)
	}
	if diff := cmp.Diff(whole[id(t, 6)], read(t, d, id(t, 6))); diff != "" {
		t.Errorf("read (-whole +in ranges):\n%s", diff)
	}
}

// TestRangesMove: between two ranges somebody takes out a member of the first,
// so that those behind it move up and one would be missed.
func TestRangesMove(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), Add: someUsers(t, 1, 20)})
	var moved bool
	inRanges(meddle(d), 7, func(from int) {
		if from > 0 && !moved {
			moved = true
			modify(t, g, "member", sids(t, 1, 19)...)
		}
	})
	rows := scan(t, d)
	if members := rows[id(t, 0)].Group.Members(); !moved || !slices.Equal(members, someUsers(t, 1, 19)) {
		t.Errorf("moved %v, members %v", moved, members)
	}
	// It never rests: that is a trouble, not half a group.
	n := 0
	inRanges(d.Conn.(*meddler), 7, func(from int) {
		if from > 0 {
			n++
			modify(t, g, "description", fmt.Sprint(n))
		}
	})
	if row := read(t, d, id(t, 0)); row.Trouble == nil || !strings.Contains(row.Trouble.Text, errMoved.Error()) || row.Group.Members() != nil {
		t.Errorf("read: got %+v", row)
	}
}

func sids(t testing.TB, from, to int) (dns []string) {
	for _, r := range someUsers(t, from, to) {
		dns = append(dns, "<SID="+string(r)+">")
	}
	return dns
}

// TestBrokenRanges: a server that loses its place in one group is not believed on that
// group, and keeps nobody from seeing the others.
func TestBrokenRanges(t *testing.T) {
	d := newDomain(t)
	create(t, d, 0, "group")
	create(t, d, 1, "small")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), Add: someUsers(t, 1, 20)})
	for name, rename := range map[string]func(*ldap.EntryAttribute){
		"begins elsewhere": func(a *ldap.EntryAttribute) { a.Name = strings.Replace(a.Name, "range=7-", "range=8-", 1) },
		"too few":          func(a *ldap.EntryAttribute) { a.Values = a.Values[1:] },
		"ends early":       func(a *ldap.EntryAttribute) { a.Name, a.Values = "x", nil },
	} {
		m := meddle(d)
		inRanges(m, 7, func(int) {})
		honest := m.search
		m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
			res, err := honest(r)
			if err == nil && slices.ContainsFunc(r.Attributes, func(a string) bool { return strings.HasPrefix(a, "member;range=7") }) {
				for _, a := range res.Entries[0].Attributes {
					if strings.HasPrefix(a.Name, "member;range=7") {
						rename(a)
					}
				}
			}
			return res, err
		}
		row := read(t, d, id(t, 0))
		if row.Trouble == nil || row.Trouble.Case != plan.TroubleUnreadable || row.Whole() || row.Group.Name != "" {
			t.Errorf("%s: got %+v", name, row)
		}
		if rows := scan(t, d); len(rows) != 2 || rows[id(t, 0)].Trouble == nil || rows[id(t, 1)].Trouble != nil {
			t.Errorf("%s: scan %+v", name, rows)
		}
		d.Conn = m.Conn
	}
}

// TestLimits: the server has enough before the batch has.
func TestLimits(t *testing.T) {
	for _, code := range []uint16{ldap.LDAPResultAdminLimitExceeded, ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultOther} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			d := newDomain(t)
			g := create(t, d, 0, "group")
			m := meddle(d)
			m.write = func(_ int, req any, do func() error) error {
				if memberValues(req) > 5 {
					return ldapError(code)
				}
				return do()
			}
			apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 40)})
			if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 1, 40)) {
				t.Errorf("members are %v", members)
			}
			if m.n > 30 {
				t.Errorf("%d modifies for 40 values of 5 each", m.n)
			}
		})
	}
}

func TestBusy(t *testing.T) {
	d := newDomain(t)
	var waits []time.Duration
	d.Wait = func(_ context.Context, w time.Duration) error { waits = append(waits, w); return nil }
	m := meddle(d)
	m.write = func(n int, _ any, do func() error) error {
		if n%3 != 0 {
			return ldapError(ldap.LDAPResultBusy)
		}
		return do()
	}
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Rename, Group: id(t, 0), GUID: g, Name: "renamed", Parent: d.Base})
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 2)})
	if len(waits) != 8 || waits[0] != 100*time.Millisecond || waits[1] != 200*time.Millisecond {
		t.Errorf("waits: %v", waits)
	}
	m.write = func(int, any, func() error) error { return ldapError(ldap.LDAPResultBusy) }
	waits = nil
	r := outcome(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 3, 4)})
	if r.Status != plan.Refused || r.Code != ldap.LDAPResultBusy || len(waits) != 16 || slices.Max(waits) != 3*time.Second {
		t.Errorf("got %+v after %v", r, waits)
	}
}

// TestLost loses the connection at each write of a little plan, before it took
// effect and after. Doing the plan again on a new connection leads to the same end.
func TestLost(t *testing.T) {
	for _, effect := range []bool{false, true} {
		for at := 1; ; at++ {
			if !lose(t, at, effect) {
				if at < 8 {
					t.Errorf("the plan has %d writes only", at-1)
				}
				break
			}
		}
	}
}

func lose(t *testing.T, at int, effect bool) (lost bool) {
	t.Run(fmt.Sprintf("%d effect %v", at, effect), func(t *testing.T) {
		d := newDomain(t)
		d.Values = 2
		sub := plan.NormalDN(newOU(t, "sub", d.Base))
		changes := []plan.Change{
			creation(t, d, 0, "old"),
			{Op: plan.Rename, Group: id(t, 0), Name: "new", Parent: sub, Set: map[string][]string{"sAMAccountName": {"lost-" + id(t, 0).String()}}},
			{Op: plan.Update, Group: id(t, 0), Set: map[string][]string{"displayName": {"x"}}, Add: someUsers(t, 1, 5)},
			{Op: plan.Update, Group: id(t, 0), Remove: someUsers(t, 1, 3), Add: someUsers(t, 6, 6)},
		}
		want := plan.Group{}
		for _, c := range changes {
			want = plan.Apply(want, c)
		}
		m := meddle(d)
		m.write = func(n int, _ any, do func() error) error {
			switch {
			case n < at:
				return do()
			case n == at:
				lost = true
				if effect {
					if err := do(); err != nil {
						t.Error(err)
					}
				}
			}
			return ldap.NewError(ldap.ErrorNetwork, io.ErrUnexpectedEOF)
		}
		for _, c := range changes {
			if r, err := d.Apply(t.Context(), fence(7), c); err != nil {
				if !errors.Is(err, ErrConnection) || r.Status != plan.Unknown {
					t.Errorf("got %+v, %v", r, err)
				}
				break
			}
		}
		m.write = nil
		for _, c := range changes {
			apply(t, d, 7, c)
		}
		got := read(t, d, id(t, 0)).Group
		want.GUID = got.GUID
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if rows := scan(t, d); len(rows) != 1 {
			t.Errorf("%d groups", len(rows))
		}
	})
	return lost
}

// TestRaces: between our read and our write, and only once, somebody does something.
func TestRaces(t *testing.T) {
	for _, test := range []struct {
		name   string
		meddle func(t *testing.T, g plan.GUID)
		status plan.Status
		err    error
		text   string
	}{
		{"adds the same member", func(t *testing.T, g plan.GUID) { modify(t, g, "member", sids(t, 1, 4)...) }, plan.Done, nil, ""},
		{"removes a member to remove", func(t *testing.T, g plan.GUID) { modify(t, g, "member", sids(t, 2, 3)...) }, plan.Done, nil, ""},
		{"older writer", func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test 1.1.0") }, plan.Done, nil, ""},
		{"hand-made fence", func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test x") }, plan.Done, nil, ""},
		{"newer seq", func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test 1.9.1") }, plan.Fenced, nil, "a newer writer"},
		{"newer lease", func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test 1.1.2") }, plan.Fenced, nil, "a newer writer"},
		{"newer epoch", func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test 2.0.0") }, plan.Fenced, nil, "a newer writer"},
		{"disowns", func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName") }, plan.Refused, nil, "has lost our fence"},
		{"deletes", func(t *testing.T, g plan.GUID) {
			if err := admin(t).Del(ldap.NewDelRequest(byGUID(g), nil)); err != nil {
				t.Fatal(err)
			}
		}, plan.Refused, nil, "is gone"},
	} {
		for _, set := range []map[string][]string{nil, {"description": {"x"}}} {
			for at := 1; at <= 2+len(set); at++ {
				t.Run(fmt.Sprintf("%s %d %d", test.name, at, len(set)), func(t *testing.T) {
					d := newDomain(t)
					g := create(t, d, 0, "group")
					apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 2)})
					m := meddle(d)
					done := false
					m.write = func(n int, _ any, do func() error) error {
						if n == at && !done {
							done = true
							test.meddle(t, g)
						}
						return do()
					}
					c := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: set, Remove: someUsers(t, 1, 1), Add: someUsers(t, 3, 4)}
					r, err := d.Apply(t.Context(), fence(3), c)
					if r.Status != test.status || !errors.Is(err, test.err) || len(r.Bad) > 0 || !strings.Contains(r.Text, test.text) {
						t.Fatalf("got %+v, %v", r, err)
					}
					if members := membersOf(t, d, g); test.status == plan.Done && !slices.Equal(members, expected(t, test.name, at, set)) {
						t.Errorf("members are %v", members)
					}
				})
			}
		}
	}
}

// expected is what the racing changes add up to.
func expected(t testing.TB, name string, at int, set map[string][]string) []plan.Ref {
	if last := at == 2+len(set); name == "adds the same member" && last {
		return someUsers(t, 1, 4) // put back by hand after we had removed it: the next scan sees it
	}
	return someUsers(t, 2, 4)
}

func membersOf(t *testing.T, d *Domain, g plan.GUID) []plan.Ref {
	t.Helper()
	o, found, err := d.group(t.Context(), byGUID(g), []string{"member"})
	if err != nil || !found {
		return nil
	}
	return refs(o.links[plan.Member], nil, nil)
}

// TestEnd: the lease ends in the middle of a change.
func TestEnd(t *testing.T) {
	d := newDomain(t)
	d.Values = 2
	g := create(t, d, 0, "group")
	ctx, cancel := context.WithCancelCause(t.Context())
	m := meddle(d)
	m.write = func(n int, _ any, do func() error) error {
		if n == 2 {
			cancel(errors.New("lease ended"))
		}
		return do()
	}
	r, err := d.Apply(ctx, fence(2), plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 9)})
	if r.Status != plan.Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v, %v", r, err)
	}
	if members := membersOf(t, d, g); len(members) != 4 {
		t.Errorf("wrote on after the end: %v", members)
	}
}

// TestForbidden: the right to write members is missing.
func TestForbidden(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	meddle(d).write = func(int, any, func() error) error { return ldapError(ldap.LDAPResultInsufficientAccessRights) }
	r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 9)})
	if r.Status != plan.Refused || r.Code != 50 || len(r.Bad) != 0 || !strings.Contains(r.Text, "adminSDHolder") {
		t.Errorf("got %+v", r)
	}
}

// TestScanBroken: an answer that is not whole is no answer.
func TestScanBroken(t *testing.T) {
	d := newDomain(t)
	for n := range 3 {
		create(t, d, n, fmt.Sprint(n))
	}
	total := 0
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) { total++; return m.Conn.Search(r) }
	scan(t, d)
	for at := 1; at <= total; at++ {
		for name, answer := range map[string]func(*ldap.SearchResult) (*ldap.SearchResult, error){
			"lost": func(*ldap.SearchResult) (*ldap.SearchResult, error) { return nil, io.EOF },
			"limited": func(r *ldap.SearchResult) (*ldap.SearchResult, error) {
				return r, ldapError(ldap.LDAPResultSizeLimitExceeded)
			},
			"referred": func(r *ldap.SearchResult) (*ldap.SearchResult, error) {
				r.Referrals = []string{"ldap://other.test/DC=other,DC=test"}
				return r, nil
			},
		} {
			n := 0
			m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
				n++
				res, err := m.Conn.Search(r)
				if n != at || err != nil {
					return res, err
				}
				return answer(res)
			}
			if err := d.Scan(t.Context(), func(Row) error { return nil }); err == nil {
				t.Errorf("%s at search %d: no error", name, at)
			}
		}
	}
}

// TestScanMoving: a group that renames itself out of the page to come is not lost.
func TestScanMoving(t *testing.T) {
	d := newDomain(t)
	for n := range 3 {
		create(t, d, n, fmt.Sprint(n))
	}
	m := meddle(d)
	hidden := false
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		res, err := m.Conn.Search(r)
		if err == nil && !hidden && slices.Contains(r.Attributes, "member") {
			hidden, res.Entries = true, res.Entries[1:]
		}
		return res, err
	}
	if rows := scan(t, d); len(rows) != 3 {
		t.Errorf("%d rows of 3", len(rows))
	}
}

func TestReadOnly(t *testing.T) {
	d := newDomain(t)
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		res, err := m.Conn.Search(r)
		if err == nil && r.BaseDN == "" {
			for _, a := range res.Entries[0].Attributes {
				if a.Name == "supportedCapabilities" {
					a.Values = append(a.Values, capReadOnly)
				}
			}
		}
		return res, err
	}
	if _, err := d.Identify(t.Context()); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("got %v", err)
	}
}
