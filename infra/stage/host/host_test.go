package host

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAnswers(t *testing.T) {
	h, _ := mustStart(t)
	const result = `{"Outputs":{},"Logs":["a"],"ReturnValue":null}`
	for _, test := range []struct {
		name string
		o    order
		want error
	}{
		{"a result", order{Status: 200, Type: "application/json; charset=utf-8", Body: result}, nil},
		{"created", order{Status: 201, Type: "application/json", Body: result}, nil},
		{"text/json", order{Status: 200, Type: "text/json", Body: result}, nil},
		{"a server error", order{Status: 500, Type: "application/json", Body: result}, ErrFailed},
		{"a redirection", order{Status: 302, Type: "application/json", Body: result}, ErrFailed},
		{"plain text", order{Status: 200, Type: "text/plain", Body: result}, ErrFailed},
		{"an array", order{Status: 200, Type: "application/json", Body: `[]`}, ErrFailed},
		{"half an object", order{Status: 200, Type: "application/json", Body: `{"Outputs":`}, ErrFailed},
		{"logs that are no strings", order{Status: 200, Type: "application/json", Body: `{"Outputs":{},"Logs":[{}]}`}, ErrFailed},
		{"no outputs", order{Status: 200, Type: "application/json", Body: `{"Logs":[]}`}, ErrFailed},
		{"null", order{Status: 200, Type: "application/json", Body: "null"}, ErrHangs},
		{"an empty 200", order{Status: 200, Type: "application/json"}, ErrHangs},
		{"no content", order{Status: 204}, ErrHangs},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := send(t, h, test.o); !errors.Is(err, test.want) {
				t.Errorf("Invoke: %v, want %v", err, test.want)
			}
		})
	}
}

func TestTimerIsSentInChunks(t *testing.T) {
	h, l := mustStart(t)
	err := h.Timer(t.Context(), "timer") // the fake makes nothing of it
	if !errors.Is(err, ErrFailed) {
		t.Errorf("Timer: %v", err)
	}
	if err := h.Timer(t.Context(), "web"); err == nil || !strings.Contains(err.Error(), "no timer function web") {
		t.Errorf("Timer of an HTTP function: %v", err)
	}
	h.Kill() // what it printed is there
	texts, _ := l.requests()
	if want := []string{"/timer [chunked] length -1 Azure-Functions-Host/4.1037.0"}; !slices.Equal(texts, want) {
		t.Errorf("the handler got %q, want %q", texts, want)
	}
}

func TestTimeoutKillsAndStartsAgain(t *testing.T) {
	h, l := mustStart(t, "AzureFunctionsJobHost__functionTimeout=00:00:01")
	for range maxDeaths + 1 { // it is no failure of the process: there is no limit
		if err := send(t, h, order{Hang: true}); !errors.Is(err, ErrTimeout) {
			t.Fatalf("Invoke of a function that hangs: %v", err)
		}
	}
	if err := send(t, h, good); err != nil {
		t.Errorf("Invoke after a timeout: %v", err)
	}
	h.Kill() // what it printed is there
	_, pids := l.requests()
	if n := len(slices.Compact(pids)); n != maxDeaths+2 {
		t.Errorf("%d processes ran, want %d: one for each timeout, and one after them", n, maxDeaths+2)
	}
}

func TestExits(t *testing.T) {
	for _, test := range []struct {
		name     string
		code     int
		restarts int // -1: no limit
	}{{"gone", 0, 0}, {"intentional", 200, -1}, {"failed", 3, 2}} {
		t.Run(test.name, func(t *testing.T) {
			h, _ := mustStart(t)
			limit := test.restarts
			if limit < 0 {
				limit = 5
			}
			for range limit {
				end(t, h, test.code)
			}
			if err := send(t, h, good); err != nil {
				t.Fatalf("Invoke after %d exits: %v", limit, err)
			}
			if test.restarts < 0 {
				return
			}
			end(t, h, test.code)
			if err := send(t, h, good); !errors.Is(err, ErrGone) || h.Running() {
				t.Errorf("Invoke after one exit more: %v (running: %t), want ErrGone", err, h.Running())
			}
			if err := h.Start(t.Context()); err != nil {
				t.Errorf("Start of a handler that was gone: %v", err)
			}
			if err := send(t, h, good); err != nil {
				t.Errorf("Invoke after Start: %v", err)
			}
		})
	}
}

// end has the process end with an exit code, and waits until the host has dealt
// with it.
func end(t *testing.T, h *Host, code int) {
	t.Helper()
	w, err := h.ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := send(t, h, order{Exit: &code}); !errors.Is(err, ErrFailed) {
		t.Fatalf("Invoke that ends the process: %v", err)
	}
	<-w.ended
}

func TestHandlerThatDiesAtOnce(t *testing.T) {
	_, _, err := start(t, "dies")
	if !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "failed 3 times, last with exit status 3") {
		t.Errorf("Start: %v", err)
	}
}

func TestHandlerThatNeverAnswers(t *testing.T) {
	h, _ := newHost(t, "mute")
	impatient := strings.Replace(goodHost, `"description"`, `"initializationTimeout":"00:00:01","description"`, 1)
	if err := os.WriteFile(filepath.Join(h.Root, "host.json"), []byte(impatient), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "did not answer GET / in 1s") {
		t.Errorf("Start: %v", err)
	}
}

// TestEnvironment: the handler runs in the app's folder, with the app's settings
// and what the host adds, and without settings of whoever runs the host.
func TestEnvironment(t *testing.T) {
	t.Setenv("GROUPWRITEBACK_TARGET", "stranger")
	h, _ := mustStart(t, "MINE=1")
	resp, err := http.Get(h.URL() + "/web/environment")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(string(body), "\n")
	_, port, _ := strings.Cut(h.worker.url(), "127.0.0.1:")
	for _, want := range []string{"folder=" + h.Root + " <nil>", "MINE=1", "FUNCTIONS_CUSTOMHANDLER_PORT=" + port, "FUNCTIONS_HTTPWORKER_PORT=" + port,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID=worker-1", "FUNCTIONS_HTTPWORKER_ID=worker-1", "FUNCTIONS_APP_ROOT_PATH=" + h.Root} {
		if !slices.Contains(got, want) {
			t.Errorf("the handler does not see %q:\n%s", want, body)
		}
	}
	if strings.Contains(string(body), "stranger") {
		t.Errorf("the handler sees a setting that is not the app's:\n%s", body)
	}
}

func TestConsoleClasses(t *testing.T) {
	h, l := mustStart(t)
	o := good
	o.Stderr = "all is well\nWARNING: it is late\nturn failed\nno end of line: Error"
	if err := send(t, h, o); err != nil {
		t.Fatal(err)
	}
	h.Kill()
	var got []slog.Level
	for _, line := range l.all {
		if line.Stderr {
			got = append(got, line.Level)
		} else if line.Level != slog.LevelInfo {
			t.Errorf("%q of standard output is classed %v", line.Text, line.Level)
		}
	}
	if want := []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError}; !slices.Equal(got, want) {
		t.Errorf("lines of standard error are classed %v, want %v", got, want)
	}
}

func TestProxyStreams(t *testing.T) {
	h, _ := mustStart(t)
	resp, err := http.Get(h.URL() + "/web/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	if line, err := r.ReadString('\n'); line != "one\n" || err != nil {
		t.Fatalf("first line %q, %v", line, err)
	}
	// The handler writes the second line only now.
	if release, err := http.Post(h.URL()+"/web/release", "", nil); err != nil || release.Body.Close() != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); line != "two\n" || err != nil {
		t.Errorf("second line %q, %v", line, err)
	}
}

func TestProxyRoutes(t *testing.T) {
	h, _ := mustStart(t, "AzureFunctionsJobHost__functionTimeout=00:00:01")
	for path, want := range map[string]int{"/web/none": 404, "/web/a/b": 404, "/timer": 404, "/": 404, "/web/hang": 502} {
		resp, err := http.Get(h.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", path, resp.Status, want)
		}
	}
	if resp, err := http.Head(h.URL() + "/web/stream"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("a method that the function does not list: %v, %v", resp.Status, err)
	}
}

func TestFilesAreReadStrictly(t *testing.T) {
	change := func(s, old, to string) string {
		if !strings.Contains(s, old) {
			t.Fatalf("%s does not contain %s", s, old)
		}
		return strings.Replace(s, old, to, 1)
	}
	for _, test := range []struct{ file, text, want string }{
		{"host.json", change(goodHost, `"version"`, `"verison":"2.0","version"`), "unknown field \"verison\""},
		{"host.json", goodHost + "{}", "something follows"},
		{"host.json", change(goodHost, `"2.0"`, `"3.0"`), "version must be 2.0"},
		{"host.json", change(goodHost, `"enableProxyingHttpRequest":true`, `"enableProxyingHttpRequest":false`), "enableProxyingHttpRequest"},
		{"host.json", change(goodHost, `"handler"`, `"elsewhere"`), "elsewhere"},
		{"host.json", change(goodHost, `00:00:10`, `10s`), "functionTimeout"},
		{"timer/function.json", change(goodTimer, `"schedule"`, `"shedule"`), "unknown field \"shedule\""},
		{"timer/function.json", change(goodTimer, `0 * * * * *`, `* * * * *`), "six fields"},
		{"timer/function.json", change(goodTimer, `0 * * * * *`, `%EVERY%`), "the setting EVERY is not set"},
		{"timer/function.json", change(goodTimer, `"in"`, `"out"`), "does not know"},
		{"timer/function.json", change(goodTimer, `"timerTrigger"`, `"blobTrigger"`), "does not know"},
		{"timer/function.json", change(goodTimer, `"name":"timer"`, `"name":"my timer"`), "no name of a binding"},
		{"timer/function.json", `{"bindings":[]}`, "no trigger"},
		{"9lives/function.json", goodTimer, "no name of a function"},
		{"web/function.json", change(goodHTTP, `anonymous`, `function`), "authLevel"},
		{"web/function.json", change(goodHTTP, `,{"type":"http","direction":"out","name":"res"}`, ``), "one http out"},
		{"web/function.json", change(goodHTTP, `]}`, `,{"type":"timerTrigger","direction":"in","name":"t","schedule":"0 * * * * *"}]}`), "two triggers"},
	} {
		_, err := readApp(writeApp(t, map[string]string{test.file: test.text}), nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n%s\n%v, want %q", test.file, test.text, err, test.want)
		}
	}
	root := writeApp(t, map[string]string{"timer/function.json": change(goodTimer, `0 * * * * *`, `%EVERY%`)})
	if a, err := readApp(root, []string{"EVERY=0 */5 * * * *"}); err != nil || len(a.Functions) != 2 {
		t.Errorf("a good app: %+v, %v", a, err)
	}
	if err := os.Chmod(filepath.Join(root, "handler"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readApp(root, []string{"EVERY=0 */5 * * * *"}); err == nil || !strings.Contains(err.Error(), "no run bit") {
		t.Errorf("a handler without its run bit: %v", err)
	}
}
