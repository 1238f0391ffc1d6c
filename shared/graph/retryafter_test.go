package graph

import (
	"net/http"
	"testing"
	"time"
)

// TestRetryAfter covers the forms of RFC 9110, 10.2.3, and the fractions that
// services send all the same.
func TestRetryAfter(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		value, date string
		want        time.Duration
		asked       bool
	}{
		{value: "120", want: 2 * time.Minute, asked: true},
		{value: "1.5", want: 1500 * time.Millisecond, asked: true},
		{value: "0", want: 0, asked: true},
		{value: ""},
		{value: "-1"},
		{value: "Inf"},
		{value: "1e300"},
		{value: "700000"}, // longer than a link lives
		{value: "Fri, 31 Dec 9999 23:59:59 GMT"},
		{value: "Sun, 01 Mar 2026 12:00:30 GMT", want: 30 * time.Second, asked: true},
		{value: "Sun, 01 Mar 2026 11:59:00 GMT", want: 0, asked: true},
		{value: "Sunday, 01-Mar-26 12:00:30 GMT", want: 30 * time.Second, asked: true},
		// Graph's clock is an hour ahead of ours.
		{value: "Sun, 01 Mar 2026 13:00:30 GMT", date: "Sun, 01 Mar 2026 13:00:00 GMT", want: 30 * time.Second, asked: true},
	} {
		h := http.Header{"Retry-After": {test.value}, "Date": {test.date}}
		got, asked := retryAfter(h, noon)
		if got != test.want || asked != test.asked {
			t.Errorf("%q: %v %v, want %v %v", test.value, got, asked, test.want, test.asked)
		}
	}
}
