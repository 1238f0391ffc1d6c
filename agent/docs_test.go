package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/signin"
)

func agentDoc(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(doc), "## agent.yaml")
	if !found {
		t.Fatal("docs/configuration.md does not describe agent.yaml")
	}
	return part
}

// keys lists the keys of a part of the file and their values, each with the path to it.
func keys(of reflect.Value, path string) map[string]any {
	out := map[string]any{}
	for i := range of.NumField() {
		key := path + of.Type().Field(i).Tag.Get("yaml")
		if f := of.Field(i); f.Kind() == reflect.Struct {
			for k, v := range keys(f, key+".") {
				out[k] = v
			}
		} else {
			out[key] = f.Interface()
		}
	}
	return out
}

// docRow is one of the table of keys.
type docRow struct{ fallback, example string }

func docRows(t *testing.T) map[string]docRow {
	t.Helper()
	found := map[string]docRow{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| ([^|]+) \\| `([^|]+)` \\| [^|]+ \\|$").FindAllStringSubmatch(agentDoc(t), -1) {
		found[m[1]] = docRow{m[2], m[3]}
	}
	return found
}

// TestKeysAreDocumented holds the table and the file's keys together: names,
// defaults, and which are needed, which is what an empty file is refused for.
func TestKeysAreDocumented(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "agent.yaml")
	ok(t, os.WriteFile(empty, []byte("{}\n"), 0o600))
	_, err := readConfig(empty)
	if err == nil {
		t.Fatal("an empty file is accepted")
	}
	public, cloudErr := signin.ParseCloud("")
	ok(t, cloudErr)
	documented := docRows(t)
	for key, value := range keys(reflect.ValueOf(defaults()), "") {
		got, listed := documented[key]
		delete(documented, key)
		want := ""
		switch v := value.(type) {
		case bool:
			want = fmt.Sprintf("`%v`", v)
		case time.Duration:
			if v > 0 {
				want = "`" + strings.TrimSuffix(v.String(), "0s") + "`"
			}
		}
		if key == "relay.authority_url" {
			want = "`" + public.Authority + "`"
		}
		if strings.Contains(err.Error(), ": "+key+" is not set") {
			want = "needed"
		}
		if !listed || want != "" && got.fallback != want || want == "" && (got.fallback == "needed" || strings.HasPrefix(got.fallback, "`")) {
			t.Errorf("the default of %s is %q, want %q", key, got.fallback, want)
		}
	}
	for key := range documented {
		t.Errorf("%s is in the table, and the program does not know it", key)
	}
}

// TestExamples: every example of the table is taken, but for files that are not
// here and for settings that exclude each other.
func TestExamples(t *testing.T) {
	var text strings.Builder
	part := ""
	for _, key := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllStringSubmatch(agentDoc(t), -1) {
		name := key[1]
		above, below, isBelow := strings.Cut(name, ".")
		if isBelow && above != part {
			part = above
			fmt.Fprintf(&text, "%s:\n", above)
		}
		if isBelow {
			name = "  " + below
		}
		fmt.Fprintf(&text, "%s: %s\n", name, docRows(t)[key[1]].example)
	}
	file, _ := configure(t, text.String())
	_, err := readConfig(file)
	if err == nil {
		t.Fatal("files that are not here are read")
	}
	for line := range strings.Lines(err.Error()) {
		if !strings.Contains(line, "no such file") && !strings.Contains(line, "does not use it") {
			t.Errorf("the examples are refused: %s", line)
		}
	}
}

// TestExample: the file that people copy is one.
func TestExample(t *testing.T) {
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(agentDoc(t))
	if example == nil {
		t.Fatal("docs/configuration.md has no example of the agent's file")
	}
	file, dir := configure(t, example[1])
	for _, name := range []string{"relay-secret", "directory-password"} {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
	}
	ok(t, os.WriteFile(file, []byte(strings.ReplaceAll(example[1], "/etc/groupwriteback", dir)), 0o600))
	c, err := readConfig(file)
	ok(t, err)
	if c.ScanEvery != 15*time.Minute || c.PollEvery != 0 || len(c.Policy.Never) != 1 || !strings.HasSuffix(c.Relay.URL, "/api/relay/") {
		t.Errorf("the example says %+v", c)
	}
}
