package journal

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

// TestUnknownKeys: a newer version has written a record, or a shard's line in the map,
// with a key that this one does not know. It was read without that, and would have been
// written back without it.
func TestUnknownKeys(t *testing.T) {
	ctx := t.Context()
	user := directory.Page{Feed: directory.UserFeed, Principals: []directory.PrincipalChange{{ID: uid(1), Kind: directory.User}}}
	read := func(j *Journal) error {
		w := load(t, j)
		_, err := w.EachPrincipal(ctx, []directory.ID{uid(1)}, func(*directory.Principal) {})
		return errors.Join(err, w.Fetch(ctx, []directory.ID{gid(0), gid(1), gid(2)}))
	}
	for _, kind := range []string{groupKind, principalKind, recordKind} {
		for _, newer := range []bool{false, true} {
			j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
			w := load(t, j)
			if err := errors.Join(keep(ctx, w, named("group", upTo(3), 1), false), keep(ctx, w, user, false)); err != nil {
				t.Fatal(err)
			}
			w.PutRecord(&record.Group{ID: gid(1), LastWrite: 7})
			commit(t, w)
			if newer {
				rewrite(t, j, kind)
			}
			if err := read(j); errors.Is(err, ErrFormat) != newer || !newer && err != nil {
				t.Errorf("%s, by a newer version %t: %v", kind, newer, err)
			}
		}
	}
	var m mapObject
	if err := decode([]byte{0xa1, 0x18, 0x63, 0x01}, &m); !errors.Is(err, ErrFormat) {
		t.Errorf("a map with key 99: %v", err)
	}
}

// rewrite gives the first record of a kind one key more, as a newer version might.
func rewrite(t *testing.T, j *Journal, kind string) {
	t.Helper()
	w := load(t, j)
	trees, err := w.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	infos := map[string]map[shard]*shardInfo{groupKind: trees.groups.infos, principalKind: trees.principals.infos, recordKind: trees.records.infos}[kind]
	ref := &infos[root].Ref
	data, _, err := j.Store.Get(t.Context(), j.prefix()+ref.Name)
	if err != nil {
		t.Fatal(err)
	}
	var all []map[int]any
	if err := cbor.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	all[0][keysOf(kind)+1] = "of the next version"
	if data, err = cbor.Marshal(all); err != nil {
		t.Fatal(err)
	}
	put(t, j, ref.Name, string(data))
	sum := sha256.Sum256(data)
	ref.Hash = sum[:]
	w.Head.Cursor++
	commit(t, w)
}

// TestKeys: whoever adds a key to a record counts it.
func TestKeys(t *testing.T) {
	for kind, wire := range map[string]any{groupKind: groupWire{}, principalKind: principalWire{}, recordKind: recordWire{}} {
		if n := reflect.TypeOf(wire).NumField(); keysOf(kind) != n || keysOf(kind+"s") != n {
			t.Errorf("records of kind %s have %d keys, and %d are taken for known", kind, n, keysOf(kind))
		}
	}
}

// TestOtherFormats: a journal of another format, older or newer, is neither read nor
// written, and whoever meets it is told what to do.
func TestOtherFormats(t *testing.T) {
	for head, want := range map[string]error{
		`{"format":1,"gen":7}`:                     ErrOldFormat,
		`{"format":3,"gen":7}`:                     ErrFormat,
		`{"format":2,"gen":7,"ofTheNext":1}`:       ErrFormat,
		`{"format":2,"main":{"ofTheNext":null}}`:   ErrFormat,
		`{"format":2,"plan":{"first":1,"new":{}}}`: ErrFormat,
		`{"format":2,"gen":7}`:                     nil,
	} {
		j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
		put(t, j, "head", head)
		_, err := j.Load(t.Context())
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", head, err, want)
		}
		if want == ErrOldFormat && !strings.Contains(err.Error(), "begin-anew") {
			t.Errorf("%s: no remedy in %v", head, err)
		}
		if _, err := j.Poll(t.Context(), Poll{Agent: "a"}); !errors.Is(err, want) {
			t.Errorf("%s: the agent is told %v, want %v", head, err, want)
		}
	}
	// What is not ours at all is nobody's earlier version.
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	put(t, j, "head", `{"gen":7}`)
	if _, err := j.Load(t.Context()); err == nil || errors.Is(err, ErrOldFormat) {
		t.Errorf("somebody's JSON: %v", err)
	}
}

// TestBeginAnew: whatever has become of a journal, it begins anew: in a later epoch, with
// numbers behind all that were used, and with what identifies it.
func TestBeginAnew(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := issued(t, c, 2)
	w := load(t, j)
	w.Head.Tenant, w.Head.Target, w.Head.Former, w.Head.Audit = "tenant", Target{DomainSID: "S-1-5-21-1-2-3"}, []string{"old"}, "hash"
	w.Head.Window = w.Head.Window.Plus(c.now, "removals", 5, 0)
	commit(t, w)
	r := poll(t, j, "a", 1)
	put(t, j, "in/ack/1-000000000001", "{")
	before := load(t, j).Head
	if err := j.BeginAnew(ctx); err != nil {
		t.Fatal(err)
	}
	h := load(t, j).Head
	if h.Epoch <= before.Epoch || h.NextSeq != before.NextSeq || h.Closed != before.NextSeq-1 || h.Gen <= before.Gen || h.Nonce == before.Nonce {
		t.Errorf("epoch %d, next %d, closed %d, gen %d", h.Epoch, h.NextSeq, h.Closed, h.Gen)
	}
	if h.Tenant != "tenant" || h.Target.DomainSID != "S-1-5-21-1-2-3" || len(h.Former) != 1 || h.Audit != "hash" || h.Window.Count("removals") != 5 {
		t.Errorf("of what it was is left %+v", h)
	}
	if h.Plan != nil || h.Map.Name != "" || !h.Reported.IsZero() || h.Main.Number != 0 {
		t.Errorf("it knows %+v", h)
	}
	if _, err := j.Ack(ctx, ackOf("a", r)); !errors.Is(err, ErrClosed) {
		t.Errorf("a batch of before: %v, want ErrClosed", err)
	}
	if got := objects(t, j, "in/"); len(got) != 0 {
		t.Errorf("the inbox has %v", got)
	}
	w.Head.Cursor++
	if err := w.Commit(ctx); !errors.Is(err, ErrConflict) {
		t.Errorf("a step of before: %v, want ErrConflict", err)
	}
	for _, head := range []string{"", "[]", `{"epoch":"x","nextSeq":-1,"window":7}`, `{"format":1,"epoch":18446744073709551615,"nextSeq":18446744073709551615,"gen":18446744073709551615}`} {
		put(t, j, "head", head)
		if err := j.BeginAnew(ctx); err != nil {
			t.Fatal(err)
		}
		if h := load(t, j).Head; h.Format != Format || h.Epoch != uint64(c.now.Unix()) || h.NextSeq != 1 {
			t.Errorf("of %q: %+v", head, h)
		}
	}
	empty := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	if err := empty.BeginAnew(ctx); err != nil || len(objects(t, empty, "")) != 0 {
		t.Errorf("where there is none: %v, %v", err, objects(t, empty, ""))
	}
}
