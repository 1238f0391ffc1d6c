package journal

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

func sampleGroups() map[string]*directory.Group {
	long := &directory.Group{ID: gid(5)}
	for i := range 3000 {
		long.Members = append(long.Members, directory.Member{ID: uid(i), Kind: directory.User, Standing: directory.Synced, SID: sidOf(1000 + i)})
	}
	return map[string]*directory.Group{
		"empty":  {ID: gid(1)},
		"zero":   {},
		"props":  {ID: gid(2), Props: directory.Properties{"displayName": {"日本 🙂"}, "proxyAddresses": {"a", "b"}}, Gone: directory.SoftDeleted, Unread: true},
		"people": {ID: gid(3), Members: people(), Left: people()[2:], Reading: directory.Named},
		"owned":  {ID: gid(6), Members: people(), Owners: append(people()[:2:2], directory.Member{ID: uid(7), Kind: directory.ServicePrincipal}), OwnersKnown: true},
		"mail":   {ID: gid(7), Members: append(people()[:3:3], contact(8, "a@x.example"), contact(9, "")), Left: []directory.Member{contact(8, "b@x.example")}},
		"a RID":  {ID: gid(4), Members: []directory.Member{{ID: uid(1), SID: "S-1-5-21-1-2-3-4294967295"}, {ID: uid(2), SID: "S-1-5-0"}}},
		"long":   long,
	}
}

func contact(n int, mail string) directory.Member {
	return directory.Member{ID: uid(n), Kind: directory.Contact, Standing: directory.Synced, Mail: mail}
}

func people() []directory.Member {
	return []directory.Member{
		{ID: uid(1), Kind: directory.User, Standing: directory.Synced, SID: sidOf(1101)},
		{ID: uid(2), Kind: directory.User, Standing: directory.LostSID, SID: "S-1-5-21-4-5-6-0"},
		{ID: uid(3), Kind: directory.User, Standing: directory.Guest},
		{ID: uid(4), Kind: directory.Device, Standing: directory.Unseen},
		{ID: gid(9), Kind: directory.GroupKind, Standing: directory.CloudOnly},
		{ID: uid(5), Kind: "a kind of next year"},
	}
}

func sampleRecords() map[string]*record.Group {
	now := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
	group := &plan.Group{ID: gid(1), GUID: "0b1c", Parent: "OU=x", Name: "Sales", Attrs: map[string][]string{"info": {"a", "b"}},
		Links: plan.Members("S-1-5-21-1-2-3-1101", "S-1-5-32-544", plan.GUIDRef("0b1c"), plan.GroupRef(gid(2)))}
	tries := record.Tries{Count: 2, Until: now}
	return map[string]*record.Group{
		"nothing": {ID: gid(1)},
		"group":   {ID: gid(1), Observed: group, SID: sidOf(2001), LastWrite: 7, Stale: true, Converged: true, Asked: true, Misses: 3},
		"gone":    {ID: gid(1), SID: sidOf(2001), Missing: true, Reread: tries, Unlisted: true, ByHand: []string{"S-1-5-21-1-2-3-1104", "displayName"}, Look: tries},
		"named": {ID: gid(1), Names: record.Names{Asked: record.Name{CN: "Sales", Account: "sales"}, Given: record.Name{CN: "Sales_1", Account: "sales_1"},
			Taken: &record.Taken{Name: record.Name{CN: "Sales", Account: "sales"}, By: "CN=Sales,OU=x", Ours: true, Times: 2}}},
		"named as asked":  {ID: gid(1), Names: record.Names{Asked: record.Name{CN: "Sales", Account: "Sales"}, Given: record.Name{CN: "Sales", Account: "Sales"}}},
		"named as found":  {ID: gid(1), Names: record.Names{Given: record.Name{CN: "R/D", Account: "R_D"}}},
		"taken, not seen": {ID: gid(1), Names: record.Names{Given: record.Name{CN: "S", Account: "S"}, Taken: &record.Taken{Name: record.Name{CN: "S", Account: "S"}, Times: 1}}},
		"trouble":         {ID: gid(1), Trouble: &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=x", Text: "move it back"}},
		"clashing": {ID: gid(1), Clashes: []record.Clash{
			{Tries: tries, Attribute: "proxyAddresses", Value: "SMTP:a@corp.test", By: "CN=A,DC=corp,DC=test", Ours: true, Grounds: "g"},
			{Tries: tries, Attribute: "mailNickname", Value: "a"}}},
		"refused": {ID: gid(1), Parked: []record.Parked{
			{Tries: tries, Kind: plan.Adding, Ref: "S-1-5-21-1-2-3-1101", Code: 53, Text: "no"},
			{Tries: tries, Kind: plan.Creating, Code: 68, Text: "taken", Wish: "0a1b", Grounds: "ff"}}},
		"held": {ID: gid(1), Observed: group, Hold: &record.Hold{ID: "0a1b", List: "ff", Count: 3, Opened: now, Text: "3 of 10", Guard: plan.Removals},
			Window: record.Window{{Start: now.Truncate(time.Hour), Peak: 12, Done: map[plan.GuardName]int{plan.Removals: 3}}}},
		"approved": {ID: gid(1), Hold: &record.Hold{ID: "0a1b", Opened: now, Approved: now.Add(time.Millisecond), By: "ann", Said: now}},
		"rejected": {ID: gid(1), Hold: &record.Hold{ID: "0a1b", Opened: now, By: "ann", Said: now, Rejected: true}},
		"issued": {ID: gid(1), Issued: []record.Issued{
			{Seq: 7, At: now, Guard: plan.Removals, Impact: plan.Impact{Refs: []plan.Ref{"S-1-5-21-1-2-3-1101", plan.GroupRef(gid(2))}}},
			{Seq: 8, At: now, Guard: plan.Moves, Impact: plan.Impact{Whole: true, To: "CN=x,OU=y"}, Back: true}}},
		"managed": {ID: gid(1), Observed: &plan.Group{ID: gid(1), Links: plan.Members("S-1-5-21-1-2-3-1101").With(plan.ManagedBy, []plan.Ref{"S-1-5-21-9-9-9-1102"}).
			With(plan.CoManagers, []plan.Ref{"S-1-5-21-8-8-8-1103", plan.GroupRef(gid(2))})},
			Parked: []record.Parked{{Tries: tries, Kind: plan.Adding, Link: plan.ManagedBy, Ref: "S-1-5-21-1-2-3-1104", Text: "no"}}},
		"in quarantine": {ID: gid(1), Observed: group, Life: record.Life{State: life.Quarantined, Since: now, Going: life.Deleted, Doomed: now.Add(time.Hour), Grace: 10 * 24 * time.Hour},
			Issued: []record.Issued{{Seq: 9, At: now, Guard: plan.Losses, Impact: plan.Impact{Whole: true, Count: 300}}}},
		"deleted":                  {ID: gid(1), SID: sidOf(2001), Life: record.Life{State: life.Deleted, Since: now}, Grave: &plan.Grave{GUID: "0b1c", SID: sidOf(2001)}},
		"managed, without members": {ID: gid(1), Observed: &plan.Group{ID: gid(1), Links: plan.Links{plan.ManagedBy: {"S-1-5-21-9-9-9-1102"}}}},
		"problems":                 {ID: gid(1), Problems: []plan.Problem{{Group: gid(1), Reason: "no-name"}, {Group: gid(1), Member: uid(1), Reason: "guest", Text: "why"}}},
		"odd refs":                 {ID: gid(1), Observed: &plan.Group{ID: gid(1), Links: plan.Members(oddRefs()...)}},
	}
}

// oddRefs are what no agent of ours reports. They must survive as they are:
// what is read back otherwise would be a member that nobody has.
func oddRefs() []plan.Ref {
	return []plan.Ref{"", "S-", "S-1-5", "S-1-5-21-01", "S-1-5-21-99999999999", "S-x-y", "mark:", plan.Ref("mark:" + strings.ToUpper(directory.ID{0xab}.String())), "guid:",
		plan.Ref("guid:" + strings.Repeat("x", 70_000))}
}

func TestGroupRoundTrip(t *testing.T) {
	for name, g := range sampleGroups() {
		t.Run(name, func(t *testing.T) { roundTrip(t, g.ID, g, encodeGroup, decodeGroup) })
	}
}

func TestPrincipalRoundTrip(t *testing.T) {
	for _, p := range []*directory.Principal{
		{}, {ID: uid(1), Kind: directory.User, Name: "ann@corp.example", Standing: directory.Synced, SID: sidOf(1101), Parents: []directory.ID{gid(1), gid(2)}},
		{ID: uid(8), Kind: directory.Contact, Standing: directory.LostMail, Mail: "a@x.example"},
	} {
		roundTrip(t, p.ID, p, encodePrincipal, decodePrincipal)
	}
}

// TestRecordsOfMembersAlone: the record of a group that has members alone is what it was
// before there were other links, byte for byte: a journal of then is read, and nothing of it
// is written anew.
func TestRecordsOfMembersAlone(t *testing.T) {
	const then = "aa01500100000000000000000000000000000102f503643062316304644f553d78056553616c657306a164696e666f81616107816e532d312d352d32312d312d322d330858187300004d040000670100000000" +
		"000000000000000000000209070b81a402f603636164640473532d312d352d32312d312d322d332d3131303106626e6f"
	r := &record.Group{ID: gid(1), LastWrite: 7, Observed: &plan.Group{ID: gid(1), GUID: "0b1c", Parent: "OU=x", Name: "Sales", Attrs: map[string][]string{"info": {"a"}},
		Links: plan.Members("S-1-5-21-1-2-3-1101", plan.GroupRef(gid(2)))},
		Parked: []record.Parked{{Kind: plan.Adding, Ref: "S-1-5-21-1-2-3-1101", Text: "no"}}}
	b, err := encodeRecord(r)
	if got := hex.EncodeToString(b); err != nil || got != then {
		t.Errorf("written %s, want %s (%v)", got, then, err)
	}
	_, back, err := decodeRecord(b)
	if diff := cmp.Diff(r, back); diff != "" || err != nil {
		t.Errorf("%v, -written +read\n%s", err, diff)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	for name, h := range sampleRecords() {
		t.Run(name, func(t *testing.T) { roundTrip(t, h.ID, h, encodeRecord, decodeRecord) })
	}
}

// TestEveryField: no field of a record is forgotten when it is written.
func TestEveryField(t *testing.T) {
	everyField(t, sampleRecords())
	everyField(t, sampleGroups())
}

func everyField[R any](t *testing.T, samples map[string]*R) {
	t.Helper()
	told := map[string]bool{}
	for _, r := range samples {
		v := reflect.ValueOf(*r)
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				told[v.Type().Field(i).Name] = true
			}
		}
	}
	for i := range reflect.TypeFor[R]().NumField() {
		if name := reflect.TypeFor[R]().Field(i).Name; !told[name] {
			t.Errorf("no sample of %T has %s: nobody knows whether it survives", *new(R), name)
		}
	}
}

// TestGroupWithoutOwners: a group that was written before anybody asked for owners, or where
// nobody does, is one whose owners are not known, and takes no more room than it did.
func TestGroupWithoutOwners(t *testing.T) {
	id := gid(1)
	old := append([]byte{0xa2, 0x01, 0x50}, id[:]...) // a map of two: 1, the id;
	old = append(old, 0x09, 0x65, 'n', 'a', 'm', 'e', 'd')
	_, g, err := decodeGroup(old)
	if err != nil || g.Reading != directory.Named || g.Owners != nil || g.OwnersKnown {
		t.Errorf("read as %+v, %v", g, err)
	}
	if again, err := encodeGroup(g); err != nil || !bytes.Equal(old, again) {
		t.Errorf("written again as %x, %v; want %x", again, err, old)
	}
}

// roundTrip also asks that the same record is the same bytes, and that what is
// read is deeply equal: the planner writes what differs.
func roundTrip[R any](t *testing.T, id directory.ID, r R, encode func(R) ([]byte, error), decode func([]byte) (directory.ID, R, error)) {
	t.Helper()
	data, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	gotID, got, err := decode(data)
	if err != nil || gotID != id {
		t.Fatalf("decode = %s, %v; want %s", gotID, err, id)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if again, err := encode(got); err != nil || !bytes.Equal(data, again) {
		t.Errorf("the same record is other bytes: %v", err)
	}
}

// A member costs what the layout says: a tenant has millions.
func TestMemberSize(t *testing.T) {
	data, err := encodeGroup(sampleGroups()["long"])
	if err != nil || len(data) > 3000*memberSize+200 {
		t.Errorf("3000 members are %d bytes (%v), want %d each", len(data), err, memberSize)
	}
}

// TestManyDomains: the accounts of a group may come from more forests than
// anybody has, if somebody writes nonsense into an attribute.
func TestManyDomains(t *testing.T) {
	g, h := &directory.Group{ID: gid(1)}, &record.Group{ID: gid(1), Observed: &plan.Group{ID: gid(1)}}
	for i := range 1000 {
		sid := directory.SID(fmt.Sprintf("S-1-5-21-%d-2-3-1101", i))
		g.Members = append(g.Members, directory.Member{ID: uid(i), Kind: directory.User, SID: sid})
		h.Observed.Links = h.Observed.Links.With(plan.Member, append(h.Observed.Members(), plan.SIDRef(sid)))
	}
	roundTrip(t, g.ID, g, encodeGroup, decodeGroup)
	roundTrip(t, h.ID, h, encodeRecord, decodeRecord)
}

// FuzzDecode damages records: they are an error or they are records, which
// survive being written again.
func FuzzDecode(f *testing.F) {
	for _, g := range sampleGroups() {
		data, _ := encodeGroup(g)
		f.Add(data)
	}
	for _, h := range sampleRecords() {
		data, _ := encodeRecord(h)
		f.Add(data)
	}
	data, _ := encodePrincipal(&directory.Principal{ID: uid(1), Parents: []directory.ID{gid(1)}})
	f.Add(data)
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		damaged(t, data, encodeGroup, decodeGroup)
		damaged(t, data, encodePrincipal, decodePrincipal)
		damaged(t, data, encodeRecord, decodeRecord)
	})
}

func damaged[R any](t *testing.T, data []byte, encode func(R) ([]byte, error), decode func([]byte) (directory.ID, R, error)) {
	_, r, err := decode(data)
	if err != nil {
		return
	}
	written, err := encode(r)
	if err != nil {
		return // what cannot be written, such as text that is no UTF-8, is an error too
	}
	_, again, err := decode(written)
	if err != nil {
		t.Fatalf("%+v was written and cannot be read: %v", r, err)
	}
	if diff := cmp.Diff(r, again, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("a record changes when it is written: %s", diff)
	}
}
