package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func agentDoc(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/agent.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// keys lists the keys of a part of the file, each with the path to it.
func keys(of reflect.Type, path string) (out []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		key := path + f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Struct {
			out = append(out, keys(f.Type, key+".")...)
		} else {
			out = append(out, key)
		}
	}
	return out
}

// TestKeysAreDocumented holds docs/agent.md and the file's keys together.
func TestKeysAreDocumented(t *testing.T) {
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(agentDoc(t), -1) {
		documented = append(documented, row[1])
	}
	known := keys(reflect.TypeFor[config](), "")
	slices.Sort(documented)
	slices.Sort(known)
	if !slices.Equal(documented, known) {
		t.Errorf("docs/agent.md lists\n%s\nthe program reads\n%s", strings.Join(documented, " "), strings.Join(known, " "))
	}
}

// TestNeededKeysAreDocumented: what the table calls needed is what an empty file
// is refused for.
func TestNeededKeysAreDocumented(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(empty, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := readConfig(empty)
	if err == nil {
		t.Fatal("an empty file is accepted")
	}
	var missing []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z_.]+) is not set$`).FindAllStringSubmatch(err.Error(), -1) {
		missing = append(missing, m[1])
	}
	var needed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| needed \\|").FindAllStringSubmatch(agentDoc(t), -1) {
		needed = append(needed, row[1])
	}
	slices.Sort(missing)
	slices.Sort(needed)
	if len(needed) == 0 || !slices.Equal(needed, missing) {
		t.Errorf("docs/agent.md calls needed\n%v\nan empty file is refused for\n%v", needed, missing)
	}
}

// TestExample: the file that people copy is one, and the defaults are as told.
func TestExample(t *testing.T) {
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(agentDoc(t))
	if example == nil {
		t.Fatal("docs/agent.md has no example of the file")
	}
	file := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(file, []byte(example[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.ScanEvery != 15*time.Minute || c.PollEvery != 0 || len(c.Policy.Never) != 1 || !strings.HasSuffix(c.Relay.URL, "/api/relay/") {
		t.Errorf("the example says %+v", c)
	}
}
