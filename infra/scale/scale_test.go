package scale_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"groupwriteback/infra/scale"
)

// process names the variable by which a test process is told to be one phase.
const process = "GROUPWRITEBACK_TEST_SCALE_PROCESS"

func TestMain(m *testing.M) {
	spec := os.Getenv(process)
	if spec == "" {
		os.Exit(m.Run())
	}
	var s scale.Spec
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := play(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// play plays one phase, and prints what it took.
func play(s scale.Spec) error {
	r, err := scale.Open(s)
	if err != nil {
		return err
	}
	c, err := r.Do(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c)
}

// A tenant is one that is measured, and what memory its phases may take.
type tenant struct {
	spec   scale.Spec
	bounds map[string]int64 // in MB, by phase; "": of all others, 0: none
}

func million() tenant {
	return tenant{scale.Spec{Users: 50_021, Groups: 10_000, Memberships: 1_000_000, Large: []uint32{50_000}}, map[string]int64{"": 320}}
}

func tenMillion() tenant {
	return tenant{scale.Spec{Users: 500_009, Groups: 100_000, Memberships: 10_000_000, Large: []uint32{250_000, 50_000}},
		map[string]int64{"status": 512, "preview": 512, "digests": 512, "rules": 512, "hundred": 512, "done": 512, "idle": 512}}
}

// BenchmarkScale plays the life of a journal of 1,000,000 memberships, each phase in a
// process of its own, and holds its memory to a bound. GROUPWRITEBACK_TEST_SCALE=10
// makes it 10,000,000, which takes an hour.
func BenchmarkScale(b *testing.B) {
	t := million()
	if os.Getenv("GROUPWRITEBACK_TEST_SCALE") == "10" {
		t = tenMillion()
	}
	t.spec.Dir = b.TempDir()
	var over []string // told at the end: of a benchmark that fails no figures are printed
	for _, phase := range scale.Phases() {
		var c scale.Cost
		b.Run(strings.TrimPrefix(phase, "-"), func(b *testing.B) {
			if c.Peak == 0 { // a phase happens once, however often it is measured
				t.spec.At(phase)
				c = run(b, t.spec)
				t.spec.Closed = c.Closed
			}
			tell(b, c)
		})
		bound, is := t.bounds[phase]
		if !is {
			bound = t.bounds[""]
		}
		if bound > 0 && phase[0] != '-' && c.Peak>>20 > bound {
			over = append(over, fmt.Sprintf("%s took %d MB of memory, of %d", phase, c.Peak>>20, bound))
		}
	}
	for _, text := range over {
		b.Error(text)
	}
}

// run plays a phase in a process of its own.
func run(t testing.TB, s scale.Spec) (c scale.Cost) {
	t.Helper()
	spec, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), process+"="+string(spec))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("phase %s: %v", s.Phase, err)
	}
	if err := json.Unmarshal(out, &c); err != nil {
		t.Fatalf("phase %s: %v: %s", s.Phase, err, out)
	}
	return c
}

func tell(b *testing.B, c scale.Cost) {
	for name, n := range map[string]float64{
		"s": c.Seconds, "cpu-s": c.CPU, "MB-peak": float64(c.Peak >> 20), "steps": float64(c.Steps), "gets": float64(c.Gets), "puts": float64(c.Puts), "lists": float64(c.Lists),
		"MB-read": float64(c.Read>>10) / 1024, "MB-written": float64(c.Written>>10) / 1024, "values": float64(c.Values),
	} {
		b.ReportMetric(n, name)
	}
	b.ReportMetric(0, "ns/op")
}
