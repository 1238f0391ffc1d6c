package app

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// built is the folder of the built programs.
var built = filepath.Join(os.TempDir(), "app-test-"+rand.Text())

func TestMain(m *testing.M) {
	code := m.Run()
	if err := os.RemoveAll(built); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// build makes the real programs of both hosts, once.
var build = sync.OnceValue(func() error {
	for exe, of := range map[string]string{"handler": "../../azure", "bootstrap": "../../lambda"} {
		if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(built, exe), of).CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", of, err, out)
		}
	}
	return nil
})

func programs(t *testing.T) (handler, bootstrap string) {
	t.Helper()
	must(t, build())
	return filepath.Join(built, "handler"), filepath.Join(built, "bootstrap")
}

// start runs a program to its end in a folder, with nothing but this environment.
func start(t *testing.T, exe, dir string, environ []string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, environ...)
	data, err := cmd.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return string(data), cmd.ProcessState.ExitCode()
}

// content is what a folder holds, byte for byte, in files that are not hidden.
func content(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %x\n", path, sha256.Sum256(data))
		return err
	}))
	return all.String()
}
