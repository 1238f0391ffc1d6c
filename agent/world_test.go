package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// world is an agent between a relay and a directory that do as they are told.
type world struct {
	t      *testing.T
	clock  time.Time
	memory memory
	log    bytes.Buffer
	policy policy

	// The relay.
	reply   relay.PollReply
	polls   []relay.Poll
	acks    []relay.Ack
	reports []relay.Report
	onPoll  func() error
	onAck   func() error
	onSend  func() error

	// The directory.
	powers      map[string]ad.Powers
	census      ad.Census
	inspectErr  error
	identity    ad.Identity
	groups      []ad.Row
	blind       string
	exchange    exchange.Site
	exchangeErr error
	sightErr    error
	sids        map[plan.Ref]directory.SID
	grounded    string
	groundsErr  error
	dials       int
	lacks       string // of the rights to restore
	lacksErr    error
	graves      map[directory.ID]plan.Grave
	graveErr    error
	asleep      bool // the connection was ended by the other side
	onDial      func() error
	onRow       func()
	onScan      func() error
	onRead      func(directory.ID, plan.GUID) error
	onApply     func(plan.Change) (plan.Result, error)
	applied     []plan.Change
	fences      []plan.Fence
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), memory: memory{filepath.Join(t.TempDir(), "corp")}, identity: ad.Identity{Server: "dc1", USN: 100}}
	w.reply = relay.PollReply{Token: 3, Epoch: 1, Attrs: []string{"description"}, State: "s1", Next: 2}
	return w
}

// start is an agent with what the one before has left on the disk.
func (w *world) start() *agent {
	w.t.Helper()
	a := &agent{queue: w, connect: w.connect, target: "corp", base: "OU=x", policy: w.policy, memory: w.memory, self: relay.Poll{Instance: "i", Host: "h", Version: "v"},
		scanEvery: time.Hour, log: slog.New(slog.NewTextHandler(&w.log, nil)), now: func() time.Time { return w.clock }}
	ok(w.t, a.start())
	a.reading.scanned = w.clock // nothing is due
	return a
}

// handOut has the relay give out a batch, in a plan of a minute.
func (w *world) handOut(seq uint64, changes ...plan.Change) {
	w.t.Helper()
	data, err := json.Marshal(relay.Batch{Target: "corp", Epoch: w.reply.Epoch, Seq: seq, Changes: changes})
	ok(w.t, err)
	sum := sha256.Sum256(data)
	w.reply.Batch, w.reply.Seq = data, seq
	w.reply.Release, err = json.Marshal(relay.Release{Target: "corp", Epoch: w.reply.Epoch, First: seq, Last: seq, Digests: []string{hex.EncodeToString(sum[:])}, Expires: w.clock.Add(time.Minute)})
	ok(w.t, err)
}

// update is a change of the n-th group.
func update(n byte, add ...plan.Ref) plan.Change {
	return plan.Change{Op: plan.Update, Group: directory.ID{n}, GUID: "g", Add: add}
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func (w *world) Poll(_ context.Context, q relay.Poll) (relay.PollReply, error) {
	w.polls = append(w.polls, q)
	r := w.reply
	r.Now, r.Until = w.clock, w.clock.Add(time.Minute)
	return r, call(w.onPoll)
}

func (w *world) Ack(_ context.Context, a relay.Ack) (bool, error) {
	w.acks = append(w.acks, a)
	if err := call(w.onAck); err != nil {
		return false, err
	}
	w.reply.Batch, w.reply.Release = nil, nil
	return true, nil
}

func (w *world) Report(_ context.Context, r relay.Report) error {
	if err := call(w.onSend); err != nil {
		return err
	}
	w.reports = append(w.reports, r)
	return nil
}

func (w *world) connect(_ context.Context, attrs []string) (*session, error) {
	w.dials++
	if err := call(w.onDial); err != nil {
		return nil, err
	}
	w.asleep = false
	return &session{domain: w, identity: w.identity, attrs: attrs, close: func() {}}, nil
}

func (w *world) Apply(_ context.Context, f plan.Fence, c plan.Change) (plan.Result, error) {
	if w.asleep {
		return noAnswer()
	}
	w.applied, w.fences = append(w.applied, c), append(w.fences, f)
	if w.onApply == nil {
		return plan.Result{Status: plan.Done}, nil
	}
	return w.onApply(c)
}

func (w *world) Resolve(context.Context, []plan.Ref, map[directory.ID]plan.GUID) (map[plan.Ref]directory.SID, error) {
	return w.sids, nil
}

func (w *world) Scan(_ context.Context, each func(ad.Row) error) error {
	if w.asleep {
		return ad.ErrConnection
	}
	for _, g := range w.groups {
		if w.onRow != nil {
			w.onRow()
		}
		if err := each(g); err != nil {
			return err
		}
	}
	return call(w.onScan)
}

func (w *world) Read(_ context.Context, id directory.ID, guid plan.GUID) (ad.Row, bool, error) {
	if w.onRead != nil {
		if err := w.onRead(id, guid); err != nil {
			return ad.Row{}, false, err
		}
	}
	for _, g := range w.groups {
		if g.Group.ID == id {
			return g, true, nil
		}
	}
	return ad.Row{}, false, nil
}

func (w *world) Restoring(context.Context) (string, error) { return w.lacks, w.lacksErr }
func (w *world) Grave(_ context.Context, id directory.ID, _ plan.GUID) (plan.Grave, bool, error) {
	g, found := w.graves[id]
	return g, found, w.graveErr
}
func (w *world) Graves(context.Context) (map[directory.ID]plan.Grave, error) {
	return maps.Clone(w.graves), w.graveErr
}
func (w *world) Powers(_ context.Context, dn string) (ad.Powers, error) {
	return w.powers[dn], w.inspectErr
}
func (w *world) Census(context.Context) (ad.Census, error) { return w.census, w.inspectErr }
func (w *world) Holds(dn string) bool                      { return strings.HasSuffix(dn, "OU=x") }
func (w *world) Sight(context.Context) (string, error)     { return w.blind, w.sightErr }
func (w *world) Grounds(context.Context) (string, error)   { return w.grounded, w.groundsErr }
func (w *world) Exchange(context.Context) (exchange.Site, error) {
	if w.asleep {
		return exchange.Site{}, ad.ErrConnection
	}
	return w.exchange, w.exchangeErr
}
func (w *world) Identify(context.Context) (ad.Identity, error) {
	if w.asleep {
		return ad.Identity{}, ad.ErrConnection
	}
	return w.identity, nil
}

// statuses are those of an acknowledgement's results.
func statuses(a relay.Ack) (all []plan.Status) {
	for _, r := range a.Results {
		all = append(all, r.Status)
	}
	return all
}

// noAnswer is what a change without an answer is told as.
func noAnswer() (plan.Result, error) {
	err := errors.Join(ad.ErrConnection, errors.New("i/o timeout"))
	return plan.Result{Status: plan.Unknown, Text: err.Error()}, err
}
