package runtimeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// fakeMode is the variable that makes the test binary a bootstrap.
const fakeMode = "FAKE_BOOTSTRAP"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeMode); mode != "" {
		fake(mode)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// order is an event for the fake, which does as it says.
type order struct {
	Answer json.RawMessage `json:",omitempty"` // the answer; absent: what is seen of the invocation
	Error  string          // this error in place of an answer
	Exit   int
	Hang   bool
	Size   int // an answer of so many bytes
}

// fake is a bootstrap without a library: what it says is what Lambda's page says.
func fake(mode string) {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	post := func(path string, body any, header ...string) {
		data, _ := json.Marshal(body)
		req, _ := http.NewRequest(http.MethodPost, base+path, bytes.NewReader(data))
		if len(header) > 0 {
			req.Header.Set(header[0], header[1])
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}
	switch mode {
	case "refuses":
		post("init/error", map[string]string{"errorType": "Runtime.Mine", "errorMessage": "no settings"}, "Lambda-Runtime-Function-Error-Type", "Runtime.Mine")
		os.Exit(1)
	case "dies":
		os.Exit(4)
	}
	for {
		resp, err := http.Get(base + "invocation/next")
		if err != nil {
			return
		}
		event, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var o order
		_ = json.Unmarshal(event, &o)
		at := "invocation/" + resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		switch {
		case o.Exit != 0:
			os.Exit(o.Exit)
		case o.Hang:
			select {}
		case o.Error != "":
			post(at+"/error", map[string]string{"errorType": "Mine", "errorMessage": o.Error})
		case o.Size > 0:
			post(at+"/response", strings.Repeat("x", o.Size))
		case o.Answer != nil:
			post(at+"/response", o.Answer)
		default:
			post(at+"/response", map[string]any{"pid": os.Getpid(), "deadline": resp.Header.Get("Lambda-Runtime-Deadline-Ms"), "arn": resp.Header.Get("Lambda-Runtime-Invoked-Function-Arn"), "event": json.RawMessage(event)})
		}
	}
}

func newLambda(t *testing.T, mode string) *Lambda {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &Lambda{Root: t.TempDir(), Command: func(string) *exec.Cmd {
		cmd := exec.Command(exe)
		cmd.Env = []string{fakeMode + "=" + mode}
		return cmd
	}}
	t.Cleanup(l.Stop)
	return l
}

func mustStart(t *testing.T) *Lambda {
	t.Helper()
	l := newLambda(t, "works")
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// seen is what the fake saw of an invocation.
type seen struct {
	PID      int
	Deadline string
	ARN      string
	Event    json.RawMessage
}

func send(t *testing.T, l *Lambda, o order) (s seen, err error) {
	t.Helper()
	event, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := l.Invoke(t.Context(), event)
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	return s, err
}

func TestInvocation(t *testing.T) {
	l := mustStart(t)
	l.Timeout = time.Minute
	before := time.Now()
	first, err := send(t, l, order{})
	if err != nil {
		t.Fatal(err)
	}
	var ms int64
	if _, err := fmt.Sscan(first.Deadline, &ms); err != nil {
		t.Fatal(err)
	}
	if d := time.UnixMilli(ms).Sub(before); d < 59*time.Second || d > 70*time.Second {
		t.Errorf("the deadline is %v away, want a minute", d)
	}
	if !strings.HasPrefix(first.ARN, "arn:aws:lambda:") {
		t.Errorf("ARN is %q", first.ARN)
	}
	if _, err := send(t, l, order{Error: "too bad"}); !errors.Is(err, ErrFunction) || !strings.Contains(err.Error(), "Mine: too bad") {
		t.Errorf("an error of the function: %v", err)
	}
	if again, err := send(t, l, order{}); err != nil || again.PID != first.PID {
		t.Errorf("after an error another process serves: %+v, %v; want pid %d", again, err, first.PID)
	}
}

// TestFrozen: between invocations a process stands still, so that nothing is done
// after an answer by chance.
func TestFrozen(t *testing.T) {
	l := mustStart(t)
	s, err := send(t, l, order{})
	if err != nil {
		t.Fatal(err)
	}
	var state string
	for end := time.Now().Add(10 * time.Second); state != "T" && time.Now().Before(end); { // a signal takes a moment
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // proc(5): the state follows the name
		state = rest[:1]
	}
	if state != "T" {
		t.Errorf("the process is in state %s, want T: stopped", state)
	}
	if again, err := send(t, l, order{}); err != nil || again.PID != s.PID {
		t.Errorf("the next invocation: %+v, %v; want pid %d", again, err, s.PID)
	}
}

func TestProcessesThatEnd(t *testing.T) {
	l := mustStart(t)
	l.Timeout = time.Second
	if _, err := send(t, l, order{Exit: 3}); !errors.Is(err, ErrFunction) || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("an exit: %v", err)
	}
	if _, err := send(t, l, order{Hang: true}); !errors.Is(err, ErrTimeout) {
		t.Errorf("a function that hangs: %v", err)
	}
	for range 2 {
		if _, err := send(t, l, order{}); err != nil {
			t.Errorf("Invoke after that: %v", err)
		}
		l.Kill()
	}
	if n := l.Started(); n != 4 {
		t.Errorf("%d processes were started, want one at first and one after each end: 4", n)
	}
}

func TestProcessesThatCannotStart(t *testing.T) {
	for mode, want := range map[string]string{"refuses": "Runtime.Mine: no settings", "dies": "exit status 4"} {
		if err := newLambda(t, mode).Start(t.Context()); !errors.Is(err, ErrFunction) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", mode, err, want)
		}
	}
}

func TestConcurrency(t *testing.T) {
	l := mustStart(t)
	l.Concurrency = 2
	var busy []*environment
	for range 2 {
		e, err := l.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		busy = append(busy, e)
	}
	if _, err := send(t, l, order{}); !errors.Is(err, ErrThrottled) {
		t.Errorf("a third invocation: %v, want ErrThrottled", err)
	}
	l.give(busy[0])
	if s, err := send(t, l, order{}); err != nil || s.PID != busy[0].cmd.Process.Pid {
		t.Errorf("when one is idle: %+v, %v; want pid %d", s, err, busy[0].cmd.Process.Pid)
	}
}

func TestCallerLeaves(t *testing.T) {
	l := mustStart(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Invoke(ctx, []byte(`{}`)); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Invoke by somebody who left: %v", err)
	}
	if _, err := send(t, l, order{}); err != nil {
		t.Errorf("Invoke after that: %v", err)
	}
}

func TestSchedule(t *testing.T) {
	l := mustStart(t)
	if err := l.Timer(t.Context(), "sync"); err != nil {
		t.Error(err)
	}
}

func TestFunctionURL(t *testing.T) {
	l := mustStart(t)
	get := func(o order) (*http.Response, string) {
		t.Helper()
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := l.Invoke(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		decodeAnswer(w, answer)
		return w.Result(), w.Body.String()
	}
	for _, test := range []struct {
		name, answer string
		status       int
		body         string
	}{
		{"text", `{"statusCode":201,"headers":{"content-type":"text/plain"},"body":"ok"}`, 201, "ok"},
		{"base64", `{"statusCode":200,"body":"//8=","isBase64Encoded":true}`, 200, "\xff\xff"},
		{"no status", `{"body":"x"}`, 502, "{\"Message\":\"Internal Server Error\"}\n"},
		{"bad base64", `{"statusCode":200,"body":"%","isBase64Encoded":true}`, 502, "{\"Message\":\"Internal Server Error\"}\n"},
	} {
		if resp, body := get(order{Answer: json.RawMessage(test.answer)}); resp.StatusCode != test.status || body != test.body {
			t.Errorf("%s: %d %q, want %d %q", test.name, resp.StatusCode, body, test.status, test.body)
		}
	}
	if _, err := send(t, l, order{Size: maxPayload}); !errors.Is(err, ErrFunction) || !strings.Contains(err.Error(), "ResponseSizeTooLarge") {
		t.Errorf("an answer that is too large: %v", err)
	}
	// What is no answer of a Function URL is the caller's bad gateway.
	resp, err := http.Get(l.URL() + "/a%2Fb?x=1")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("GET: %s", resp.Status)
	}
	resp, err = http.Post(l.URL(), "text/plain", strings.NewReader(strings.Repeat("x", maxPayload+1)))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a request that is too large: %s", resp.Status)
	}
}
