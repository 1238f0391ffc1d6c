package app

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
)

// badRules are a file with three mistakes, and what is said of it.
const badRules = "ou: corp.test\nscope: some\nmode: safe\n"

var badRulesSaid = []string{"rules line 3:1: mode: no such setting", "rules line 1:5: ou:", "rules line 2:8: scope:"}

// TestLastGoodRules: a host that starts with a file with mistakes, or without one, goes on
// with the rules in force, writes what they want, and says so wherever people look; it is
// well again when the file is. It once did not start, so that nobody who left a group left
// it in Active Directory.
func TestLastGoodRules(t *testing.T) {
	for name, file := range map[string]string{"mistakes": badRules, "no file": "", "half a file": officeRules[:12], "a text that is none": "o\x00u"} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			before := o.head().Rules
			o.rules(file)
			count := &blobtest.Count{Store: o.store}
			o.do(o.host(Options{Store: func(blob.Store) blob.Store { return count }}))
			if c := count.Take(); c.Writes() > 0 {
				t.Errorf("the start wrote: %v", c)
			}
			o.must(`{"action":"sync"}`)
			if c := count.Take(); c.Writes() > 0 {
				t.Errorf("an idle turn wrote: %v", c)
			}
			s := o.status()
			if s.Word != "attention" || !strings.HasPrefix(s.Detail, "the rules file of this host has mistakes, and the last good rules stay in force: ") || !strings.Contains(s.Remedy, "handler check") {
				t.Errorf("status says %+v", s.Standing)
			}
			if file == badRules {
				for _, want := range badRulesSaid {
					if !strings.Contains(s.Detail, want) {
						t.Errorf("%q is not in %q", want, s.Detail)
					}
				}
			}
			if code, word := o.word(); code != http.StatusServiceUnavailable || word != `{"status":"attention"}` {
				t.Errorf("health says %d %s", code, word)
			}
			if n := strings.Count(o.log.String(), `level=WARN msg="the rules file has mistakes: the last good rules stay in force"`); n != 1 {
				t.Errorf("the log warns %d times", n)
			}
			o.do(o.tenant.RemoveMember(o.group(1), o.user(0)))
			o.work()
			if n := len(o.ad[o.group(1)].Members()); n != 3 || o.head().Rules != before {
				t.Errorf("of four members one has left, and %d are there; rules %s, before %s", n, o.head().Rules, before)
			}
			o.rules(officeRules)
			o.do(o.host(Options{}))
			o.inSyncAgain()
		})
	}
}

// inSyncAgain sees that nothing is the case any more.
func (o *office) inSyncAgain() {
	o.t.Helper()
	o.work()
	if s := o.status(); s.Word != "in-sync" {
		o.t.Errorf("%+v", s.Standing)
	}
}

// TestLastRulesFollow: the rules that are gone on with are those in force, not the first.
func TestLastRulesFollow(t *testing.T) {
	o := newOffice(t)
	o.rules(officeRules + "limits: {creations: 7}\n")
	o.do(o.host(Options{}))
	o.work()
	now := o.head().Rules
	o.rules(badRules)
	o.do(o.host(Options{}))
	o.work()
	if got := o.app.planner.Rules; got.Limits.Creations != 7 || o.head().Rules != now {
		t.Errorf("gone on with %+v, rules %s, before %s", got, o.head().Rules, now)
	}
}

// TestNoLastRules: where the journal has no rules that this version reads, or cannot be read,
// or more is wrong than the rules file, the program does not start, and says all of it.
func TestNoLastRules(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(o *office)
		want  string // beside the mistakes
	}{
		{"no journal", func(o *office) { o.do(os.RemoveAll(filepath.Join(o.dir, "store", "t"))) }, ""},
		{"a journal without them", func(o *office) { o.do(os.RemoveAll(filepath.Join(o.dir, "store", "t", "corp", "rules"))) }, ""},
		{"rules of a newer version", func(o *office) {
			for name := range o.objects("rules/") {
				o.do(o.store.Delete(o.t.Context(), "t/corp/"+name))
			}
			tx, err := o.app.journal.Load(o.t.Context())
			o.do(err)
			tx.Head.Rules = "0f"
			tx.KeepRules("0f", []byte("ou: OU=x,DC=corp,DC=test\nscope: all\nwarp: 9\n"))
			o.do(tx.Commit(o.t.Context()))
		}, "the rules in force, as the journal has them, are not understood by this version:\nrules line 3:1: warp: no such setting"},
		{"a journal of a newer version", func(o *office) { o.put("head", `{"format":99}`) }, "the journal, whose rules might stay in force, cannot be read: the journal was written by a newer version"},
		{"another mistake", func(o *office) { o.env = append(o.env, "GROUPWRITEBACK_CLOUD=moon") }, "GROUPWRITEBACK_CLOUD: use public"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOffice(t)
			o.rules(badRules)
			test.spoil(o)
			err := o.host(Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("it says %v, want %q", err, test.want)
			}
			for _, want := range badRulesSaid {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if test.want == "" && strings.Contains(err.Error(), "the journal") {
				t.Errorf("it tells of a journal: %v", err)
			}
		})
	}
}

// TestProgramsGoOn: the real programs of both hosts start with a bad file beside a journal
// that has rules, and warn; a check of theirs fails.
func TestProgramsGoOn(t *testing.T) {
	handler, bootstrap := programs(t)
	o := newOffice(t)
	o.rules(badRules)
	must(t, os.WriteFile(filepath.Join(o.dir, "host.json"), []byte(`{"functionTimeout":"00:10:00"}`), 0o600))
	idle := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })) // Lambda, with nothing to do
	defer idle.Close()
	for exe, environ := range map[string][]string{handler: {"FUNCTIONS_CUSTOMHANDLER_PORT=0"}, bootstrap: {"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(idle.URL, "http://")}} {
		if said := until(t, exe, o.dir, append(environ, o.env...), "the rules file has mistakes: the last good rules stay in force"); !strings.Contains(said, badRulesSaid[0]) {
			t.Errorf("%s says %s", filepath.Base(exe), said)
		}
		if out, code := start(t, exe, o.dir, o.env, "check"); code != 1 || !strings.Contains(out, badRulesSaid[0]) {
			t.Errorf("check of %s: %d %s", filepath.Base(exe), code, out)
		}
	}
}

// until runs a program until it says something, and returns the line.
func until(t *testing.T, exe, dir string, environ []string, text string) (line string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, exe)
	cmd.Dir, cmd.Env = dir, environ
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = cmd.Stdout
	must(t, cmd.Start())
	var all strings.Builder
	for lines := bufio.NewScanner(out); line == "" && lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), text) {
			line = lines.Text()
		}
	}
	stop()
	_ = cmd.Wait() // it was killed
	if line == "" {
		t.Errorf("%s ended and said\n%s", filepath.Base(exe), &all)
	}
	return line
}
