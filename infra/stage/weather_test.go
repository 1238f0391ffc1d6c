package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"groupwriteback/infra/stage/ldapproxy"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// weather is what goes wrong at Graph and its sign-in just now.
type weather struct {
	mu     sync.Mutex
	fault  func(r *http.Request, n int) graphtest.Fault // nil: nothing
	counts map[string]int                               // requests by path since it changed
}

// set changes the weather; nil makes it fine.
func (w *weather) set(fault func(r *http.Request, n int) graphtest.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault, w.counts = fault, map[string]int{}
}

// now is graphtest.Options.Fault; n counts from the last change of the weather.
func (w *weather) now(r *http.Request, _ int) graphtest.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == nil {
		return graphtest.Fault{}
	}
	w.counts[r.URL.Path]++
	return w.fault(r, w.counts[r.URL.Path])
}

// on makes a fault of the first n requests for a feed; of all if n is 0.
func on(feed directory.Feed, n int, f graphtest.Fault) func(*http.Request, int) graphtest.Fault {
	return func(r *http.Request, i int) graphtest.Fault {
		if r.URL.Path == "/v1.0/"+string(feed)+"/delta" && (n == 0 || i <= n) {
			return f
		}
		return graphtest.Fault{}
	}
}

// atSignIn makes a fault of the first n requests for a token; of all if n is 0.
func atSignIn(n int, f graphtest.Fault) func(*http.Request, int) graphtest.Fault {
	return func(r *http.Request, i int) graphtest.Fault {
		if strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") && (n == 0 || i <= n) {
			return f
		}
		return graphtest.Fault{}
	}
}

// edit is a fault that changes what a true page says.
func edit(change func(page map[string]any)) graphtest.Fault {
	return graphtest.Fault{Edit: func(body []byte) []byte {
		var page map[string]any
		if json.Unmarshal(body, &page) != nil || page["value"] == nil {
			return body // an error, not a page
		}
		change(page)
		out, _ := json.Marshal(page) // it was JSON before
		return out
	}}
}

// items are the objects of a page.
func items(page map[string]any) (out []map[string]any) {
	list, _ := page["value"].([]any)
	for _, v := range list {
		if item, ok := v.(map[string]any); ok {
			out = append(out, item)
		}
	}
	return out
}

// console is what the processes print, line by line.
type console struct {
	tee *testLog

	mu   sync.Mutex
	part string
	all  []string
}

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := strings.Split(c.part+string(b), "\n")
	c.part = lines[len(lines)-1]
	c.all = append(c.all, lines[:len(lines)-1]...)
	return c.tee.Write(b)
}

// What the handler says when a turn failed, and when it holds changes.
const (
	sayFailed = `msg="turn failed"`
	sayHeld   = "msg=held"
)

// end is where the lines that are to come begin.
func (c *console) end() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// lines returns those since from that have words in them, but the agent's, who tries
// again.
func (c *console) lines(from int, words string) (lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.all[from:] {
		if strings.Contains(l, words) && !strings.Contains(l, "again_in=") {
			lines = append(lines, l)
		}
	}
	return lines
}

// count is how many lines since from have all these words.
func (c *console) count(from int, words []string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.all[from:] {
		if hasAll(l, words) {
			n++
		}
	}
	return n
}

// inOrder expects all these words since from, one behind the other.
func (c *console) inOrder(t *testing.T, from int, words ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := strings.Join(c.all[from:], "\n")
	for _, w := range words {
		var ok bool
		if _, rest, ok = strings.Cut(rest, w); !ok {
			t.Errorf("%q is missing, or not behind the others of %q", w, words)
			return
		}
	}
}

// wait waits until such a line has come through the pipe from the handler.
func (c *console) wait(t *testing.T, from int, words string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, errTooLong)
	defer cancel()
	for {
		if lines := c.lines(from, words); len(lines) > 0 {
			return lines
		}
		must(t, pause(ctx, 5*time.Millisecond))
	}
}

// offline does something to the objects of a stage's journal, which are in a folder,
// while the host is away.
func offline(t *testing.T, s *Stage, do func(dir string) error) {
	t.Helper()
	s.Host.Kill()
	must(t, do(filepath.Join(s.Dir, "store", "t", s.Target)))
	must(t, s.Host.Start(t.Context()))
}

// past replaces a time in the head of a journal, by its key, with one that is long
// over, and so in all files that are named too.
func past(dir, key string, files ...string) error {
	files = append(files, filepath.Join(dir, "head"))
	data, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		return err
	}
	now := regexp.MustCompile(`"` + key + `":"([^"]+)"`).FindSubmatch(data)
	if now == nil {
		return fmt.Errorf("the head has no time %q: %s", key, data)
	}
	over := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, bytes.ReplaceAll(data, now[1], []byte(over)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// watched puts a proxy that logs all writes between a stage's agent and its
// domain controller.
func watched(t *testing.T, s *Stage) *ldapproxy.Proxy {
	t.Helper()
	p := newProxy(t, s)
	stand(t, s, p)
	return p
}

// scene is a stage with weather, a console and a write log, on which a first fill
// was played.
type scene struct {
	*Stage
	weather *weather
	console *console
	proxy   *ldapproxy.Proxy
}

// newScene plays the first fill of a company of so many groups in a fresh domain.
func newScene(t *testing.T, groups int, rules ...string) scene {
	t.Helper()
	s := scene{Stage: newStage(t, 60, groups, 60), weather: &weather{}, console: &console{tee: &testLog{t: t}}}
	s.Log, s.Poll = s.console, "20ms"
	s.namesFollow(rules...)
	// Small pages, so that a round has several, and in the way of the real service.
	s.Graph = graphtest.Options{PageSize: 4, MemberSlice: 20, Shuffle: true, Repeat: 3, EmptyPages: 3, Seed: 7, Fault: s.weather.now}
	s.proxy = watched(t, s.Stage)
	must(t, s.Start(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s.Stage)
	settle(t, s.Stage)
	equal(t, s.Stage)
	return s
}

// busyDay is a line of rules for a scene in which more groups are renamed than the
// limits let pass in a day.
const busyDay = "limits: {floor: 1000}\n"

// ripple is what people do to the cloud in row n: a member goes, one comes, and
// a group gets another name. The groups are others each time.
func (s scene) ripple(t *testing.T, n int, name string) {
	t.Helper()
	dept := func(k int) directory.ID { return s.department(n + k) }
	c := s.Company.Tenant
	must(t, c.RemoveMember(dept(0), s.Company.Members(dept(0))[n%5]))
	must(t, c.AddMember(dept(11), s.outsider(dept(11))))
	must(t, c.Rename(dept(22), departmentName(firstDepartment+(n+22)%departments)+" "+name))
}

// The departments of a company of 40 groups.
const firstDepartment, departments = 7, 33

// department is the nth of them, which begin anew behind the last.
func (s scene) department(n int) directory.ID {
	return s.Company.ID(departmentName(firstDepartment + n%departments))
}
