//go:build !race

package cycle_test

// raced says that the race detector is on.
const raced = false
