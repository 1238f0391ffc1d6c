package scale_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/infra/scale"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// Bounds of what it takes to look at a tenant of any size.
const (
	mostReads = 10          // of the store, for a status
	mostTime  = time.Second // likewise
	mostParts = 30          // reads of a page: some parts of the groups, of records and of what the cloud says
)

// BenchmarkLook looks at a tenant of 50,000 groups of which each waits for a person's word: a
// status, and a page of each list, cost what they show and not what there is.
func BenchmarkLook(b *testing.B) {
	ctx := b.Context()
	spec := scale.Spec{Users: 20_011, Groups: 50_000, Memberships: 1_000_000, Large: []uint32{5000}, Dir: b.TempDir()}
	r, err := scale.On(blob.Memory(), spec)
	if err != nil {
		b.Fatal(err)
	}
	r.Still = true
	for _, do := range []func() error{
		func() error { return r.Steps(ctx) },
		func() error { return r.Agent.Report(ctx, spec.Groups, true) }, // all is there as it is wanted
		func() error { return r.Fill(ctx, 100) },
		func() error { r.Tenant.Passed = len(r.Tenant.Events); return r.Steps(ctx) }, // all members leave
	} {
		if err := do(); err != nil {
			b.Fatal(err)
		}
	}
	s, err := status.Read(ctx, r.Journal, status.Facts{}, rules.Describe)
	if err != nil || s.Totals.Groups != spec.Groups || len(s.Holds)+s.MoreHolds < spec.Groups/10 {
		b.Fatalf("%d groups, %d holds and %d more, %v: %s %s", s.Totals.Groups, len(s.Holds), s.MoreHolds, err, s.Word, s.Detail)
	}
	page := status.Page{Limit: 100}
	view := func(list func(tx *journal.Tx) (int, error)) func() (int, error) {
		return func() (int, error) {
			tx, err := r.Journal.View(ctx)
			if err != nil {
				return 0, err
			}
			return list(tx)
		}
	}
	looks := map[string]func() (int, error){
		"status": func() (int, error) {
			s, err := status.Read(ctx, r.Journal, status.Facts{}, rules.Describe)
			return len(s.Holds), err
		},
		"health": func() (int, error) { _, err := status.Look(ctx, r.Journal, status.Facts{}); return 1, err },
		"groups": view(func(tx *journal.Tx) (int, error) {
			list, _, _, err := status.Groups(ctx, tx, status.Filter{}, page)
			return len(list), err
		}),
		"groups that nobody has": view(func(tx *journal.Tx) (int, error) {
			list, _, _, err := status.Groups(ctx, tx, status.Filter{Prefix: "nobody"}, page)
			return 1 + len(list), err
		}),
		"problems": view(func(tx *journal.Tx) (int, error) {
			list, _, _, err := status.Problems(ctx, tx, "", page, rules.Describe)
			return 1 + len(list), err
		}),
		"holds": view(func(tx *journal.Tx) (int, error) {
			list, _, _, err := status.Holds(ctx, tx, page)
			return len(list), err
		}),
	}
	for _, name := range []string{"status", "health", "groups", "groups that nobody has", "problems", "holds"} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				r.Store.Take()
				began := time.Now()
				n, err := looks[name]()
				took = append(took, time.Since(began))
				if err != nil || n == 0 {
					b.Fatalf("%d entries, %v", n, err)
				}
			}
			reads, least := r.Store.Take().Reads(), slices.Min(took)
			b.ReportMetric(float64(reads), "reads")
			most := int64(mostParts)
			if name == "status" || name == "health" {
				most = mostReads
			}
			if reads > most || least > mostTime {
				b.Errorf("%s takes %d reads of the store and %v; %d and %v are the most", name, reads, least, most, mostTime)
			}
		})
	}
}
