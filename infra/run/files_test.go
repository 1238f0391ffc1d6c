package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write lays out a folder with the example's files, each but agent.yaml for its owner alone.
func write(t *testing.T, change func(name, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"handler.env", "agent.yaml", "rules.yaml"} {
		data, err := os.ReadFile(filepath.Join("example", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(change(name, string(data))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestExample(t *testing.T) {
	dir := write(t, func(_, text string) string { return strings.ReplaceAll(text, "\n", "\r\n") })
	in, err := readInstallation(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GROUPWRITEBACK_TARGET=corp", "GROUPWRITEBACK_STORE=dir:" + filepath.Join(dir, "journal"), "GROUPWRITEBACK_RULES=" + filepath.Join(dir, "rules.yaml")} {
		if !slices.Contains(in.env, want) {
			t.Errorf("the settings lack %s: %q", want, in.env)
		}
	}
	if in.address != "127.0.0.1:7071" || in.api != "api://11111111-0000-4000-8000-000000000009" {
		t.Errorf("address %s, api %s", in.address, in.api)
	}
}

// TestWrongFiles: each mistake is refused with its place and remedy, and no value is repeated.
func TestWrongFiles(t *testing.T) {
	in := func(file, old, new string) func(string, string) string {
		return func(name, text string) string {
			if name == file {
				text = strings.Replace(text, old, new, 1)
			}
			return text
		}
	}
	const secret = "GROUPWRITEBACK_CLIENT_SECRET="
	for want, change := range map[string]func(string, string) string{
		"handler.env:7: write NAME=value":                     in("handler.env", secret, secret[:len(secret)-1]+" "),
		"handler.env:8: write NAME=value":                     in("handler.env", secret, secret+"\n=p4ss"),
		"GROUPWRITEBACK_TARGET is set twice: remove one":      in("handler.env", secret, "GROUPWRITEBACK_TARGET=p4ss\n"+secret),
		"it has bytes of zero":                                in("handler.env", secret, "\x00p4ss"),
		"on one machine relay.url is http://127.0.0.1:7071":   in("agent.yaml", "http://127.0.0.1", "http://192.0.2.1"),
		"relay.url is http://127.0.0.1:7071/api/relay/, or a": in("agent.yaml", "http://", "https://"),
		"is not YAML that can be read":                        in("agent.yaml", "relay:", "\trelay: p4ss"),
	} {
		_, err := readInstallation(write(t, change))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "p4ss") || strings.Contains(err.Error(), "the-planners-secret") {
			t.Errorf("%q: got %v", want, err)
		}
	}
	open := write(t, func(_, text string) string { return text })
	if err := os.Chmod(filepath.Join(open, "handler.env"), 0o640); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{open: "chmod 600 it", t.TempDir(): "copy the files of infra/run/example", "": "name the folder"} {
		if _, err := readInstallation(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", want, err)
		}
	}
}
