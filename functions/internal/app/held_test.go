package app

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
)

// TestHeldMessages: a hundred connections each send a message of 8 MiB whose last
// byte does not come. Nobody's fill the memory: not those of the least role,
// whose requests have no message, not one caller's, and not all callers'.
func TestHeldMessages(t *testing.T) {
	const (
		connections = 100
		most        = 256 << 20
	)
	d := newDoor(t)
	s := httptest.NewUnstartedServer(nil)
	s.Config = server(t.Context(), d.app.Config.Handler)
	s.Start()
	defer s.Close()
	message := bytes.Repeat([]byte(" "), 8<<20-1)
	for _, test := range []struct {
		name    string
		request string
		role    string
		callers int
		held    int // as many messages at most
		answer  int // to the others
	}{
		{"status by readers", "GET /api/status", "Status.Read", 1, 0, 200},
		{"a report by readers", "POST /api/relay/report", "Status.Read", 1, 0, 403},
		{"reports by an agent", "POST /api/relay/report", "Relay.Agent", 1, 2, 429},
		{"reports by many agents", "POST /api/relay/report", "Relay.Agent", connections, 8, 429},
		{"polls by an agent", "POST /api/relay/poll", "Relay.Agent", 1, 0, 413},
		{"asks by an operator", "POST /api/manualsync", "Sync.Operate", 1, 0, 413},
	} {
		t.Run(test.name, func(t *testing.T) {
			var mu sync.Mutex
			var peak uint64
			answers := map[int]int{}
			var all sync.WaitGroup
			for i := range connections {
				c := d.claims(test.role)
				c["oid"] = fmt.Sprint(test.name, i%test.callers)
				head := fmt.Sprintf("%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n",
					test.request, d.token(c), len(message)+1)
				conn, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				all.Go(func() {
					answer := sendHeld(conn, head, message)
					mu.Lock()
					defer mu.Unlock()
					answers[answer]++
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak = max(peak, m.HeapInuse)
				})
			}
			all.Wait()
			others := connections - answers[held] - answers[cutOff] - answers[test.answer]
			if peak > most || answers[held] > test.held || others != 0 || answers[test.answer] < connections/2 {
				t.Errorf("%d MB in use, answers %v; want %d MB and %d held at most, and %d for the others", peak>>20, answers, most>>20, test.held, test.answer)
			}
		})
	}
}

// What becomes of a message besides an answer.
const (
	held   = 0  // it was taken, and its last byte is waited for
	cutOff = -1 // the connection was closed before the answer was read
)

// sendHeld sends a message but for its end, and returns the answer to it.
func sendHeld(conn net.Conn, head string, message []byte) int {
	answered := make(chan int, 1)
	go func() {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			answered <- cutOff
			return
		}
		answered <- resp.StatusCode
	}()
	_, err := io.WriteString(conn, head)
	if err == nil {
		_, err = conn.Write(message)
	}
	if err != nil {
		return <-answered
	}
	select {
	case answer := <-answered:
		return answer
	default:
		return held
	}
}
