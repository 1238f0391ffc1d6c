//go:build race

package scale_test

// The race detector makes all ten times as slow: what it looks for does not grow with a
// group.
const (
	largeGroup = 25_000
	manyUsers  = 30_011 // a prime
)
