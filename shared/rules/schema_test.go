package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"groupwriteback/shared/rules"
)

// words are all that the schema lets people write: keys by their path, where * stands for
// any name, and path=word.
func words() (keys, values map[string]bool) {
	var doc map[string]any
	if err := json.Unmarshal(schemaFile(), &doc); err != nil {
		panic(err)
	}
	keys, values = map[string]bool{}, map[string]bool{}
	var walk func(path string, schema map[string]any)
	walk = func(path string, schema map[string]any) {
		if ref, is := schema["$ref"].(string); is {
			walk(path, doc["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any))
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, of := range properties {
			keys[under(path, name)] = true
			walk(under(path, name), of.(map[string]any))
		}
		if of, is := schema["additionalProperties"].(map[string]any); is {
			keys[under(path, "*")] = true
			walk(under(path, "*"), of)
		}
		if of, is := schema["items"].(map[string]any); is {
			walk(path, of)
		}
		if of, is := schema["oneOf"].([]any); is {
			for _, one := range of {
				walk(path, one.(map[string]any))
			}
		}
		all, _ := schema["enum"].([]any)
		if one, is := schema["const"]; is {
			all = append(all, one)
		}
		for _, v := range all {
			values[fmt.Sprint(path, "=", v)] = true
		}
	}
	walk("", doc)
	return keys, values
}

func under(path, name string) string { return strings.Trim(path+"."+name, ".") }

// TestSchemaKeys: the schema has the keys that the reader has, at every place.
func TestSchemaKeys(t *testing.T) {
	const odd = "qqqqqqqqqqqq"
	_, err := rules.Parse([]byte(strings.ReplaceAll("x: 1\nou: {x: 1}\nscope: {x: 1}\nkinds: {x: 1}\nwriteback_configuration: {x: 1}\nattributes: {description: {x: 1}}\nmembers: {x: 1}\nleaving: {x: 1}\nmail: {x: 1}\nlimits: {x: 1}\n", "x: 1", odd+": 1")))
	if err == nil {
		t.Fatal("unknown keys are taken")
	}
	known := map[string]bool{"attributes.*": true}
	for _, m := range regexp.MustCompile(`: ([a-z_.]*)`+odd+`: no such [^;]+; there are (.+)`).FindAllStringSubmatch(err.Error(), -1) {
		for _, key := range regexp.MustCompile(`, | and `).Split(m[2], -1) {
			known[strings.Replace(m[1], "description", "*", 1)+key] = true
		}
	}
	keys, _ := words()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(keys))); diff != "" {
		t.Errorf("-reader +schema:\n%s", diff)
	}
}

// TestSchemaWords: of every word that the schema offers for a key the reader knows it, and
// of those that the reader offers the schema knows all.
func TestSchemaWords(t *testing.T) {
	_, values := words()
	of := map[string][]string{}
	for v := range values {
		path, word, _ := strings.Cut(v, "=")
		of[path] = append(of[path], word)
	}
	for path, all := range of {
		if path == "scope" || path == "scope.groups" || path == "mail" {
			continue // all, or a list; none, or a mapping
		}
		text := "qqqqqqqqqqqq"
		if path == "members.kinds" || path == "mail.leave_out" {
			text = "[" + text + "]"
		}
		keys := strings.Split(strings.Replace(path, "*", "description", 1), ".")
		for _, key := range slices.Backward(keys) {
			text = "{" + key + ": " + text + "}"
		}
		_, err := rules.Parse([]byte(text))
		m := regexp.MustCompile(regexp.QuoteMeta(strings.Join(keys, ".")) + `(?:\[0\])?: write one of (.+)`).FindStringSubmatch(fmt.Sprint(err))
		if m == nil {
			t.Errorf("%s: any word is taken: %v", path, err)
			continue
		}
		offered := regexp.MustCompile(`, | and `).Split(m[1], -1)
		slices.Sort(offered)
		slices.Sort(all)
		if !slices.Equal(offered, all) {
			t.Errorf("%s: the reader offers %v, the schema %v", path, offered, all)
		}
	}
	if len(of) < 10 {
		t.Errorf("only %d keys with words were met", len(of))
	}
}

// TestSchemaRefuses: editors underline what the reader refuses, as far as that is about keys
// and their kinds of values; what is within a text is the reader's alone.
func TestSchemaRefuses(t *testing.T) {
	data, err := os.ReadFile("testdata/mistakes.txt")
	if err != nil {
		t.Fatal(err)
	}
	sayable := regexp.MustCompile(`: no such [a-z ]+;|write (one of|true or false|a mapping|a list|a whole number|a default|all, or)`)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaFile()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema := c.MustCompile("schema.json")
	refused := 0
	for _, block := range strings.Split(string(data), "\n== ")[1:] {
		title, rest, _ := strings.Cut(block, "\n")
		file, said, _ := strings.Cut(rest, "-> ")
		if !sayable.MatchString(said) || strings.Contains(said, "cn: write an expression") {
			continue
		}
		if schema.Validate(asJSON(t, file)) == nil {
			t.Errorf("%s: the schema takes what the reader refuses: %s", title, said)
		}
		refused++
	}
	if refused < 60 {
		t.Errorf("only %d files were tried", refused)
	}
}

func schemaFile() []byte {
	data, err := os.ReadFile("schema.json")
	if err != nil {
		panic(err)
	}
	return data
}
