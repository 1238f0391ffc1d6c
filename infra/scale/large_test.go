package scale_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"groupwriteback/infra/scale"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// everybody is who calls, in the role that is asked for.
type everybody struct{}

func (everybody) Verify(*http.Request, ...string) (relay.Caller, error) {
	return relay.Caller{ID: "agent", Name: "agent"}, nil
}

// overHTTPS has the agent of a run talk to the relay, with all of its bounds.
func overHTTPS(t *testing.T, r *scale.Run) {
	t.Helper()
	s := httptest.NewTLSServer(relay.Handler("/relay/", &relay.Door{Verifier: everybody{}, PerCaller: 10_000}, r.Journal, nil, nil))
	t.Cleanup(s.Close)
	r.Agent.Queue = &relay.Client{URL: s.URL + "/relay/", HTTP: s.Client(), Sign: func(*http.Request) error { return nil }}
}

// TestVeryLargeGroup fills a group of 250,000 members, reports it with its content,
// loses half of them once a person has said so, and reads it back: what the journal takes
// for known, what the directory holds and what the cloud says are the same. Such a group
// once could not be reported at all, and its members' leaving took minutes.
func TestVeryLargeGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("not in short mode: it moves 250,000 members four times")
	}
	ctx := t.Context()
	spec := scale.Spec{Users: manyUsers, Groups: 3, Memberships: largeGroup + 50, Large: []uint32{largeGroup}, Dir: t.TempDir()}
	r, err := scale.On(blob.Memory(), spec)
	if err != nil {
		t.Fatal(err)
	}
	r.Tenant.Events = []scale.Event{{Groups: []uint32{0}, Keep: 2}}
	r.Agent.Directory, r.Still = plan.State{}, true
	overHTTPS(t, r)
	phase(t, "enumerate", func() error { return r.Steps(ctx) })
	phase(t, "report of nothing", func() error { return r.Agent.Report(ctx, 0, true) })
	phase(t, "fill", func() error { return r.Fill(ctx, 1000) })
	phase(t, "report", func() error { return r.Agent.Report(ctx, spec.Groups, true) })
	phase(t, "fold the report", func() error { return r.Steps(ctx) })
	alike(t, r)

	r.Tenant.Passed = 1
	before := len(r.Agent.Wanted(0).Members())
	gone := len(r.Agent.Directory[r.Agent.Wanted(0).ID].Members()) - before
	phase(t, "half of them leave", func() error { return r.Steps(ctx) })
	holds := now(t, r).Holds
	if len(holds) != 1 || holds[0].Count != gone || gone < largeGroup*2/5 {
		t.Fatalf("held is %+v; want one hold of %d members", holds, gone)
	}
	if err := r.Journal.Approve(ctx, journal.Word{Hold: holds[0].ID, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	phase(t, "they are removed", func() error { return r.Fill(ctx, 1000) })
	phase(t, "report again", func() error { return r.Agent.Report(ctx, spec.Groups, true) })
	phase(t, "fold it", func() error { return r.Steps(ctx) })
	alike(t, r)
}

// phase plays a part of a story, and holds its time on the processors to a bound.
func phase(t *testing.T, name string, play func() error) {
	t.Helper()
	began := scale.Used()
	if err := play(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	took := scale.Used() - began
	t.Logf("%s: %.1f CPU s", name, took.Seconds())
	if took > 30*time.Second {
		t.Errorf("%s took %.1f CPU s, of 30", name, took.Seconds())
	}
}

func now(t *testing.T, r *scale.Run) status.Status {
	t.Helper()
	s, err := status.Read(t.Context(), r.Journal, status.Facts{}, rules.Describe)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// alike holds directory and journal against the cloud.
func alike(t *testing.T, r *scale.Run) {
	t.Helper()
	if s := now(t, r); s.Word != "in-sync" || len(s.Holds) > 0 {
		t.Errorf("it is %s: %s; held is %+v", s.Word, s.Detail, s.Holds)
	}
	known := plan.State{}
	v, err := r.Journal.View(t.Context())
	if err == nil {
		err = v.Each(context.Background(), func(g *record.Group) error {
			known[g.ID] = *g.Observed
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	for g := range uint32(len(r.Tenant.Sizes)) {
		want := r.Agent.Wanted(g)
		if r.Agent.Directory[want.ID].Digest() != want.Digest() {
			t.Errorf("group %d in the directory has %d members, in the cloud %d", g, len(r.Agent.Directory[want.ID].Members()), len(want.Members()))
		}
		if known[want.ID].Digest() != want.Digest() {
			t.Errorf("group %d is known with %d members, in the cloud it has %d", g, len(known[want.ID].Members()), len(want.Members()))
		}
	}
}
