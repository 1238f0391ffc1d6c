package stage

import (
	"bytes"
	"errors"
	"sync"
	"testing"
)

var errTooLong = errors.New("it did not settle: see the log")

// testLog shows what the processes print if the test fails.
type testLog struct {
	t    *testing.T
	mu   sync.Mutex
	all  bytes.Buffer
	once sync.Once
}

func (l *testLog) Write(b []byte) (int, error) {
	l.once.Do(func() {
		l.t.Cleanup(func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.t.Failed() {
				l.t.Logf("the processes said:\n%s", l.all.Bytes())
			}
		})
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}
