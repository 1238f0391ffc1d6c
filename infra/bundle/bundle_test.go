package bundle

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/infra/stage/host"
)

const source = "../.."

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes a file that stands for a program or for rules.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(file, []byte(text), 0o600)) // a build may leave it so
	return file
}

// layout lists the files below a folder with their modes.
func layout(t *testing.T, dir string) (files []string) {
	t.Helper()
	must(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		files = append(files, fmt.Sprintf("%s %s", info.Mode(), name))
		return err
	}))
	return files
}

func TestLayouts(t *testing.T) {
	program, rules := write(t, "built", "a program"), write(t, "mine.yaml", "ou: OU=x\n")
	app := func(dir string) error { return FunctionApp(source, program, "", dir) }
	withRules := func(dir string) error { return FunctionApp(source, program, rules, dir) }
	lambda := func(dir string) error { return LambdaFunction(program, rules, dir) }
	var before, functions, rest []string // handler and host.json, and rules.yaml, stand among them
	for _, name := range []string{"find", "groups", "history", "holds", "manualsync", "metrics", "openapi", "problems", "relay", "rules", "runs", "status", "sync"} {
		switch file := "-rw-r--r-- " + name + "/function.json"; {
		case name < "handler":
			before = append(before, file)
		case name <= "rules":
			functions = append(functions, file)
		default:
			rest = append(rest, file)
		}
	}
	handler := []string{"-rwxr-xr-x handler"}
	listed := func(rules ...string) []string {
		return slices.Concat(before, handler, functions[:2], []string{"-rw-r--r-- host.json"}, functions[2:], rules, rest)
	}
	for _, test := range []struct {
		name string
		lay  func(dir string) error
		want []string
	}{
		{"an app", app, listed()},
		{"an app with rules", withRules, listed("-rw-r--r-- rules.yaml")},
		{"a Lambda function with rules", lambda, []string{"-rwxr-xr-x bootstrap", "-rw-r--r-- rules.yaml"}},
	} {
		dir := filepath.Join(t.TempDir(), "new")
		must(t, test.lay(dir))
		if got := layout(t, dir); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		data := zipped(t, dir)
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		must(t, err)
		var got []string
		for _, f := range z.File {
			got = append(got, fmt.Sprintf("%s %s", f.Mode(), f.Name))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s, zipped: %q, want %q", test.name, got, test.want)
		}
	}
	if err := FunctionApp(t.TempDir(), program, "", t.TempDir()); err == nil || !strings.Contains(err.Error(), "it is not the project's folder") {
		t.Errorf("an app out of an empty folder: %v", err)
	}
}

func zipped(t *testing.T, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, Zip(&b, dir))
	return b.Bytes()
}

// TestSameBytes: neither the time nor who made the files is in a zip. What was
// deployed can be told by its hash.
func TestSameBytes(t *testing.T) {
	program := write(t, "built", "a program")
	one, two := t.TempDir(), t.TempDir()
	must(t, FunctionApp(source, program, "", one))
	must(t, FunctionApp(source, program, "", two))
	must(t, os.Chtimes(filepath.Join(two, "host.json"), time.Unix(0, 0), time.Unix(0, 0)))
	if !bytes.Equal(zipped(t, one), zipped(t, two)) {
		t.Error("the same app gave two zips")
	}
}

// unpack is how platforms that know Unix unpack: it is no code of Go's.
const unpack = `
import os, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
for i in z.infolist():
    os.chmod(z.extract(i, sys.argv[2]), i.external_attr >> 16)
`

// TestZipRuns: what is unpacked from the zip of an app is an app, whose handler
// starts under the host and answers.
func TestZipRuns(t *testing.T) {
	work := t.TempDir()
	handler, dir, file, root := filepath.Join(work, "built"), filepath.Join(work, "app"), filepath.Join(work, "app.zip"), filepath.Join(work, "unpacked")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", handler, "./functions/azure")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build handler: %v\n%s", err, out)
	}
	must(t, FunctionApp(source, handler, write(t, "rules.yaml", "ou: OU=Cloud Groups,DC=corp,DC=test\nscope: all\n"), dir))
	must(t, os.WriteFile(file, zipped(t, dir), 0o600))
	if out, err := exec.Command("python3", "-c", unpack, file, root).CombinedOutput(); err != nil {
		t.Fatalf("unpack: %v\n%s", err, out)
	}
	var log strings.Builder
	h := &host.Host{Root: root, Log: &log, Env: []string{
		"GROUPWRITEBACK_TARGET=corp", "GROUPWRITEBACK_STORE=dir:" + filepath.Join(work, "store"), "GROUPWRITEBACK_API_AUDIENCE=api://groupwriteback",
		"GROUPWRITEBACK_TENANT_ID=6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55", "GROUPWRITEBACK_SIGN_IN=client-secret",
		"GROUPWRITEBACK_CLIENT_ID=11111111-0000-4000-8000-000000000001", "GROUPWRITEBACK_CLIENT_SECRET=secret"}}
	defer h.Stop()
	if err := h.Start(t.Context()); err != nil {
		h.Stop() // all that it printed is there
		t.Fatalf("%v\n%s", err, &log)
	}
	resp, err := http.Get(h.URL() + "/api/status/health")
	must(t, err)
	if must(t, resp.Body.Close()); resp.StatusCode != http.StatusServiceUnavailable { // it answers, and is not in sync
		t.Errorf("health: %s", resp.Status)
	}
}
