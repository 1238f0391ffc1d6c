package scale

import "testing"

// Doubling measures work of size n and of size 2n, and reports how many times as long the
// second takes of the processor: 2 where the cost grows with the size, 4 where with the
// square of it. prepare makes ready what is measured.
func Doubling(b *testing.B, n int, prepare func(n int) func()) {
	b.Helper()
	var best [2]float64
	for b.Loop() {
		for i, n := range []int{n, 2 * n} {
			run := prepare(n)
			began := Used()
			run()
			if took := (Used() - began).Seconds(); best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	TellDoubling(b, best[0], best[1])
}

// TellDoubling reports what size n and size 2n took, in seconds.
func TellDoubling(b *testing.B, once, twice float64) {
	b.ReportMetric(once*1000, "ms")
	b.ReportMetric(twice*1000, "ms-doubled")
	b.ReportMetric(twice/once, "times")
	b.ReportMetric(0, "ns/op")
}
