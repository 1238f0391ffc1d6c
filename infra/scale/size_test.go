//go:build !race

package scale_test

const (
	largeGroup = 250_000
	manyUsers  = 300_007 // a prime
)
