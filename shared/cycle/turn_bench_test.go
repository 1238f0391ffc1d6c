package cycle_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"groupwriteback/infra/stage/storage"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/azblob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/blob/s3"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// BenchmarkTurn takes turns on the stores that there are, each in a process that
// remembers nothing, for a tenant of 500 groups of 30 members: one in which nothing
// happened, one that plans what somebody's joining 100 groups asks for, and one
// that folds what became of it. The time is without Graph's; what memory takes is
// no store's.
func BenchmarkTurn(b *testing.B) {
	for _, store := range []struct {
		name string
		open func(b *testing.B) (blob.Store, error)
	}{
		{"memory", func(*testing.B) (blob.Store, error) { return blob.Memory(), nil }},
		{"folder", func(b *testing.B) (blob.Store, error) { return blob.Dir(b.TempDir()) }},
		{"azurite", azurite},
		{"versitygw", versity},
	} {
		b.Run(store.name, func(b *testing.B) {
			s, err := store.open(b)
			if err != nil {
				b.Fatalf("%v\nremedy: infra/stage/storage/install.sh", err)
			}
			w, count := countedOn(b, s, 500, 30)
			b.Run("idle", func(b *testing.B) { w.measure(b, count, w.restart) })
			b.Run("plan", func(b *testing.B) { w.measure(b, count, func() { w.hire(100) }) })
			b.Run("fold", func(b *testing.B) {
				w.measure(b, count, func() {
					w.hire(100)
					w.do(w.planner.Run(b.Context()))
					w.work()
				})
			})
		})
	}
}

func azurite(b *testing.B) (blob.Store, error) {
	a := &storage.Azurite{}
	b.Cleanup(a.Stop)
	if err := a.Start(b.Context()); err != nil {
		return nil, err
	}
	return azblob.Connect(a.Connection, "", nil)
}

func versity(b *testing.B) (blob.Store, error) {
	v := &storage.Versity{}
	b.Cleanup(v.Stop)
	if err := v.Start(b.Context()); err != nil {
		return nil, err
	}
	for _, e := range v.Env {
		name, value, _ := strings.Cut(e, "=")
		b.Setenv(name, value)
	}
	return s3.Open(b.Context(), v.Bucket, v.URL, nil)
}

// measure takes turns, and reports what one costs in time and in the store.
func (w *world) measure(b *testing.B, count *blobtest.Count, prepare func()) {
	var sum blobtest.Cost
	var took time.Duration
	for b.Loop() {
		b.StopTimer()
		prepare()
		count.Take()
		w.source.took = 0
		b.StartTimer()
		began := time.Now()
		w.do(w.planner.Run(b.Context()))
		took += time.Since(began) - w.source.took
		c := count.Take()
		sum.Gets, sum.Lists, sum.Puts, sum.Deletes = sum.Gets+c.Gets, sum.Lists+c.Lists, sum.Puts+c.Puts, sum.Deletes+c.Deletes
		sum.Read, sum.Written = sum.Read+c.Read, sum.Written+c.Written
	}
	each := func(n float64, unit string) { b.ReportMetric(n/float64(b.N), unit) }
	each(took.Seconds()*1000, "ms/turn")
	each(float64(sum.Gets), "gets/turn")
	each(float64(sum.Lists), "lists/turn")
	each(float64(sum.Writes()), "writes/turn")
	each(float64(sum.Read)/1024, "KiB-read/turn")
	each(float64(sum.Written)/1024, "KiB-written/turn")
	b.ReportMetric(0, "ns/op") // that of Graph is in it
}

// hire has somebody new join so many groups, once all that was before is done and
// forgotten.
func (w *world) hire(groups int) {
	n := len(w.tenant.Dump().Users)
	id := user(n)
	w.do(w.tenant.AddUser(graphtest.User{ID: id, UPN: fmt.Sprintf("u%d@corp.test", n), SID: directory.SID(ref(n))}))
	w.untilQuiet()
	for i := range groups {
		w.do(w.tenant.AddMember(group(i), id))
	}
	w.restart()
}
