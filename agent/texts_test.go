package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
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

// TestPolicyTexts: what the network owner's word forbids, to the letter.
func TestPolicyTexts(t *testing.T) {
	const sid = "S-1-5-21-1-2-3-1104"
	c := plan.Change{Op: plan.Update, Add: []plan.Ref{sid}, Remove: []plan.Ref{sid, "S-1-5-21-1-2-3-1105"}}
	if _, _, refusal := (policy{ReadOnly: true}).judge(c, nil); refusal != "the agent's policy is read_only: it writes nothing" {
		t.Errorf("read_only: %q", refusal)
	}
	for _, test := range []struct {
		policy policy
		want   []string
	}{
		{policy{Never: []string{sid}}, []string{"the agent's policy names it under never", "the agent's policy names it under never"}},
		{policy{KeepMembers: true}, []string{"the agent's policy is keep_members: it removes nobody", "the agent's policy is keep_members: it removes nobody"}},
		{policy{}, nil},
	} {
		_, bad, refusal := test.policy.judge(c, nil)
		var texts []string
		for _, b := range bad {
			texts = append(texts, b.Text)
		}
		if refusal != "" || strings.Join(texts, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%+v: %q, %q", test.policy, refusal, texts)
		}
	}
}

// TestBatchTexts: why a batch is not run, to the letter.
func TestBatchTexts(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	a := &agent{target: "corp", now: func() time.Time { return now }}
	const digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" // of {}
	good := relay.Release{Target: "corp", Epoch: 1, First: 5, Last: 6, Digests: []string{digest, digest}, Expires: now.Add(time.Minute)}
	for _, test := range []struct {
		change func(*relay.Release, *relay.PollReply)
		want   string
	}{
		{func(r *relay.Release, _ *relay.PollReply) { r.Target = "other" }, `the release is for target "other", this agent is for "corp"`},
		{func(_ *relay.Release, p *relay.PollReply) { p.Seq = 7 }, "batch 7 is not in release 5-6"},
		{func(_ *relay.Release, p *relay.PollReply) { p.Epoch = 2 }, "batch 5 is not in release 5-6"},
		{func(_ *relay.Release, p *relay.PollReply) { p.Batch = []byte("{} ") }, "batch 5 is not what was released: its digest is 3d8e6a3f3561…"},
		{func(r *relay.Release, _ *relay.PollReply) { r.Expires = now.Add(-time.Second) }, "batch 5 expired at 2026-11-01 11:59:59 +0000 UTC"},
		{func(*relay.Release, *relay.PollReply) {}, "batch says it is  0.0, not corp 1.5"},
	} {
		release, p := good, relay.PollReply{Epoch: 1, Seq: 5, Batch: []byte("{}")}
		test.change(&release, &p)
		p.Release, _ = json.Marshal(release)
		if _, _, _, err := a.verify(p); err == nil || err.Error() != test.want {
			t.Errorf("got\n%v\nwant\n%s", err, test.want)
		}
	}
	err := highWater{Epoch: 2, Seq: 9}.allows(2, 8, digest)
	if want := "batch 2.8 is not newer than 2.9, which this agent has finished: the journal was set back"; err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestDamagedState: the agent's own memory is not believed when it is not whole.
func TestDamagedState(t *testing.T) {
	m := memory{filepath.Join(t.TempDir(), "corp")}
	file := m.file(highFile)
	if err := os.WriteFile(file, []byte(`{"epoch":1,`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := m.highWater()
	want := file + " is damaged: unexpected end of JSON input; remove it if no plan was in flight: the agent then trusts the relay and the directory once"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// queue answers polls, and takes everything else.
type queue struct {
	reply relay.PollReply
	err   error
}

func (q queue) Poll(context.Context, relay.Poll) (relay.PollReply, error) { return q.reply, q.err }
func (q queue) Ack(context.Context, relay.Ack) (bool, error)              { return false, relay.ErrClosed }
func (q queue) Report(context.Context, relay.Report) error                { return nil }

// empty is a directory that has nothing, of an account with this sight.
type empty struct {
	domain
	blind  string
	err    error
	unread error // of Exchange
}

func (e empty) Scan(context.Context, func(ad.Row) error) error { return e.err }
func (e empty) Exchange(context.Context) (exchange.Site, error) {
	return exchange.Site{}, e.unread
}
func (e empty) Powers(context.Context, string) (ad.Powers, error)           { return ad.Powers{}, nil }
func (e empty) Sight(context.Context) (string, error)                       { return e.blind, nil }
func (e empty) Grounds(context.Context) (string, error)                     { return "", nil }
func (e empty) Graves(context.Context) (map[directory.ID]plan.Grave, error) { return nil, nil }
func (e empty) Restoring(context.Context) (string, error)                   { return "", nil }
func (e empty) Identify(context.Context) (ad.Identity, error)               { return ad.Identity{}, nil }
func (e empty) Read(context.Context, directory.ID, plan.GUID) (ad.Row, bool, error) {
	return ad.Row{}, false, nil
}

// TestLogLines are the agent's own lines that a person acts on.
func TestLogLines(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	on := relay.PollReply{Now: now, Attrs: []string{"description"}}
	set := func(edit func(*relay.PollReply)) relay.PollReply { r := on; edit(&r); return r }
	for _, test := range []struct {
		name  string
		queue queue
		empty empty
		prior lineage
		want  string
	}{
		{"another agent", queue{err: fmt.Errorf("poll: %w", relay.ErrLease)}, empty{}, lineage{},
			`level=INFO msg="standing by" why="poll: another agent holds the lease"`},
		{"clock", queue{reply: set(func(r *relay.PollReply) { r.Now = now.Add(-time.Hour) })}, empty{}, lineage{},
			`level=ERROR msg="turn failed" err="this clock and the relay's differ by 1h0m0s: set the clock" again_in=250ms`},
		{"blind", queue{reply: set(func(r *relay.PollReply) { r.ReadAll = true })}, empty{blind: "the account may not list what is in OU=x: let it"}, lineage{},
			`level=WARN msg="groups may be there that this account does not see" why="the account may not list what is in OU=x: let it"`},
		{"restored", queue{reply: on}, empty{}, lineage{relay.DC{USN: 9}},
			`level=WARN msg="reading all of the directory again" why="the domain controller was restored or replaced"`},
		{"Exchange hidden", queue{reply: on}, empty{unread: errors.New("look for Exchange: the account may not read CN=Corp: let it")}, lineage{},
			`level=WARN msg="what there is of Exchange cannot be read" err="look for Exchange: the account may not read CN=Corp: let it"`},
		{"scan fails", queue{reply: on}, empty{err: fmt.Errorf("scan OU=x: %w: EOF", ad.ErrConnection)}, lineage{},
			`level=ERROR msg="report failed" err="scan OU=x: no answer from the domain controller: EOF" again_in=1s`},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var out bytes.Buffer
			m := memory{filepath.Join(t.TempDir(), "corp")}
			a := &agent{queue: test.queue, target: "corp", memory: m, scanEvery: time.Hour,
				now: func() time.Time { return now },
				connect: func(_ context.Context, attrs []string) (*session, error) {
					return &session{domain: test.empty, attrs: attrs, close: func() {}}, nil
				}}
			a.log = slog.New(slog.NewTextHandler(stopper{&out, cancel, test.want}, &slog.HandlerOptions{ReplaceAttr: func(_ []string, x slog.Attr) slog.Attr {
				if x.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return x
			}}))
			if err := errors.Join(m.store(lineFile, test.prior), a.run(ctx)); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("no line\n%s\nin\n%s", test.want, &out)
			}
		})
	}
}

// stopper ends the agent at the line that is waited for.
type stopper struct {
	out    *bytes.Buffer
	cancel func()
	want   string
}

func (s stopper) Write(b []byte) (int, error) {
	s.out.Write(b)
	if strings.Contains(string(b), s.want) {
		s.cancel()
	}
	return len(b), nil
}
