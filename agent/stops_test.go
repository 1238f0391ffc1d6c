package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// TestStops is why the agent stops, waits, or does not do something, in the words that people
// read: each comes of a situation.
func TestStops(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	m := memory{filepath.Join(t.TempDir(), "corp")}
	texts := &golden.Texts{}
	tell := func(err error) {
		t.Helper()
		if err == nil {
			t.Fatal("it goes on")
		}
		texts.Add(err.Error(), filepath.Dir(m.prefix), "DIR")
	}
	unlock, err := m.lock()
	ok(t, err)
	_, err = m.lock()
	tell(err)
	ok(t, unlock())

	a := &agent{target: "corp", memory: m, now: func() time.Time { return now }, until: now.Add(-time.Second), queue: queue{err: relay.ErrLease}}
	tell(checkClock(now, now.Add(-time.Hour)))
	tell(a.inTime(t.Context(), now.Add(-time.Second)))
	tell(a.inTime(t.Context(), now.Add(time.Minute)))
	tell(highWater{Epoch: 2, Seq: 7}.allows(2, 5, "digest"))
	ok(t, a.distrust("the domain controller was restored or replaced"))
	tell(errors.New(a.doubt.Why))
	sum := sha256.Sum256([]byte("x"))
	for _, change := range []func(*relay.Release, *relay.PollReply){
		func(r *relay.Release, _ *relay.PollReply) { r.Target = "other" },
		func(_ *relay.Release, p *relay.PollReply) { p.Batch = []byte("{} ") },
		func(r *relay.Release, _ *relay.PollReply) { r.Expires = now.Add(-time.Second) },
		func(_ *relay.Release, p *relay.PollReply) { p.Seq = 7 },
		func(r *relay.Release, p *relay.PollReply) {
			p.Epoch = uint64(now.Add(100 * 24 * time.Hour).Unix())
			r.Epoch = p.Epoch
		},
		func(*relay.Release, *relay.PollReply) {},
		func(r *relay.Release, p *relay.PollReply) {
			p.Batch, r.Digests[0] = []byte("x"), hex.EncodeToString(sum[:])
		},
	} {
		release := relay.Release{Target: "corp", Epoch: 1, First: 5, Last: 6, Expires: now.Add(time.Minute),
			Digests: []string{"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", ""}}
		p := relay.PollReply{Epoch: 1, Seq: 5, Batch: []byte("{}")}
		change(&release, &p)
		p.Release, err = json.Marshal(release)
		ok(t, err)
		_, _, _, err = a.verify(p)
		tell(err)
	}
	_, _, _, err = a.verify(relay.PollReply{Release: []byte("x")})
	tell(err)

	care := &caution{memory: m, file: directoryRefused, remedy: config{}.directoryCaution().remedy, now: a.now}
	ok(t, care.allows("svc", "wrong"))
	if err := care.learn(bind("52e"), bindRefused, "svc", "wrong"); err == nil {
		t.Fatal("a refusal is not told")
	}
	tell(care.allows("svc", "wrong"))
	texts.Hold(t, "stops")
}

// TestPolicyForbids is what the network owner's word forbids, in the words that people read.
func TestPolicyForbids(t *testing.T) {
	const sid, mark = "S-1-5-21-1-2-3-1104", "mark:01000000-0000-0000-0000-000000000000"
	remove := plan.Change{Op: plan.Update, Remove: []plan.Ref{sid}}
	unsecured := plan.Change{Op: plan.Update, Set: map[string][]string{"groupType": {"8"}}}
	gone := plan.Change{Op: plan.Delete, Group: directory.ID{1}}
	texts := &golden.Texts{}
	for _, test := range []struct {
		policy policy
		change plan.Change
	}{
		{policy{ReadOnly: true}, remove},
		{policy{KeepMembers: true}, remove},
		{policy{KeepMembers: true}, unsecured},
		{policy{KeepMembers: true, Delete: true}, gone},
		{policy{}, gone},
		{policy{Never: []string{sid}}, remove},
		{policy{Never: []string{sid}}, plan.Change{Op: plan.Update, Remove: []plan.Ref{mark}}},
	} {
		_, bad, refusal := test.policy.judge(test.change, nil)
		for _, b := range bad {
			refusal += b.Text
		}
		if refusal == "" {
			t.Errorf("%+v allows %+v", test.policy, test.change)
		}
		texts.Add(refusal)
	}
	texts.Hold(t, "forbidden")
}
