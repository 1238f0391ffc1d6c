package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// passed is what `go test -json` prints of a run in which TestA passed and
// TestB was skipped.
const passed = `go: a line that is no event
{"Action":"run","Package":"groupwriteback/x","Test":"TestA"}
{"Action":"output","Package":"groupwriteback/x","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}
{"Action":"pass","Package":"groupwriteback/x","Test":"TestA"}
{"Action":"output","Package":"groupwriteback/x","Test":"TestB/one#01","Output":"    x_test.go:7: no cloud here\n"}
{"Action":"skip","Package":"groupwriteback/x","Test":"TestB/one#01"}
{"Action":"output","Package":"groupwriteback/x","Output":"PASS\n"}
{"Action":"output","Package":"groupwriteback/x","Output":"ok  \tgroupwriteback/x\t0.1s\n"}
{"Action":"pass","Package":"groupwriteback/x"}
{"Action":"output","Package":"groupwriteback/y","Output":"?   \tgroupwriteback/y\t[no test files]\n"}
{"Action":"skip","Package":"groupwriteback/y"}
`

// failed is what it prints of a package in which TestC failed, by a race whose report
// came while TestD was named.
const failed = `{"Action":"output","Package":"groupwriteback/z","Test":"TestD","Output":"    z_test.go:9: fine\n"}
{"Action":"output","Package":"groupwriteback/z","Test":"TestD","Output":"WARNING: DATA RACE\n"}
{"Action":"output","Package":"groupwriteback/z","Test":"TestD","Output":"      /src/z.go:5 +0x4\n"}
{"Action":"pass","Package":"groupwriteback/z","Test":"TestD"}
{"Action":"output","Package":"groupwriteback/z","Test":"TestC","Output":"    z_test.go:1: wrong\n"}
{"Action":"fail","Package":"groupwriteback/z","Test":"TestC"}
{"Action":"output","Package":"groupwriteback/z","Output":"FAIL\tgroupwriteback/z\t0.2s\n"}
{"Action":"fail","Package":"groupwriteback/z"}
`

const listed = "# a comment\nx TestB/one#01 it needs a cloud\n"

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, events, skips string
		want                string // part of the error; empty: none
		shows               []string
		hides               []string
	}{
		{"a listed skip", passed, listed, "", []string{"no cloud here", "skipped as listed: x TestB/one#01 (it needs a cloud)", "go: a line that is no event", "1 tests passed, 0 failed, 1 skipped"}, []string{"--- PASS"}},
		{"a skip that is not listed", passed, "", "1 tests were skipped without leave", []string{"SKIPPED and not listed: x TestB/one#01"}, nil},
		{"a list out of date", passed, listed + "x TestA it was slow\n", "1 lines of the list of skips are out of date", []string{"listed but not skipped: x TestA"}, nil},
		{"a line without a reason", passed, "x TestA\n", "write package, test and reason", nil, nil},
		{"a failure", passed + failed, listed, "tests failed", []string{"z_test.go:1: wrong", "DATA RACE\n      /src/z.go:5", "FAIL\tgroupwriteback/z"}, []string{"z_test.go:9"}},
		{"nothing", "", "", "no test ran", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			skips, closing := filepath.Join(t.TempDir(), "skips"), filepath.Join(t.TempDir(), "closing")
			if err := os.WriteFile(skips, []byte(c.skips), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err := run(strings.NewReader(c.events), &out, skips, closing)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			for _, s := range c.shows {
				if !strings.Contains(out.String(), s) {
					t.Errorf("does not show %q:\n%s", s, &out)
				}
			}
			for _, s := range c.hides {
				if strings.Contains(out.String(), s) {
					t.Errorf("shows %q:\n%s", s, &out)
				}
			}
		})
	}
}

// TestClosing: what is shown last are go test's own last words on each package.
func TestClosing(t *testing.T) {
	skips, closing := filepath.Join(t.TempDir(), "skips"), filepath.Join(t.TempDir(), "closing")
	if err := os.WriteFile(skips, []byte(listed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(strings.NewReader(passed+failed), &bytes.Buffer{}, skips, closing); err == nil {
		t.Fatal("a failure passed")
	}
	got, err := os.ReadFile(closing)
	if err != nil {
		t.Fatal(err)
	}
	if want := "ok  \tgroupwriteback/x\t0.1s\n?   \tgroupwriteback/y\t[no test files]\nFAIL\tgroupwriteback/z\t0.2s\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
