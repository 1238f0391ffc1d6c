package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"groupwriteback/shared/rules"
)

// schema is schema.json, ready to hold files to it.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(rules.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// settings is a rules file as JSON has it.
func settings(t *testing.T, file []byte) any {
	t.Helper()
	text, err := yaml.YAMLToJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// words are all that the schema lets people write: keys by their path, where * stands for
// any name, and path=word.
func words() (keys, values map[string]bool) {
	var doc map[string]any
	if err := json.Unmarshal(rules.Schema, &doc); err != nil {
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

// used notes the words that a file uses.
func used(path string, v any, to map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, of := range v {
			if path == "attributes" {
				name = "*"
			}
			to[under(path, name)] = true
			used(under(path, name), of, to)
		}
	case []any:
		for _, of := range v {
			used(path, of, to)
		}
	default:
		to[fmt.Sprint(path, "=", v)] = true
	}
}

// TestSchemaKeys: the schema has the keys that the reader has, at every place.
func TestSchemaKeys(t *testing.T) {
	const odd = "qqqqqqqqqqqq"
	_, err := rules.Parse([]byte(strings.ReplaceAll("x: 1\nou: {x: 1}\nscope: {x: 1}\nkinds: {x: 1}\nwriteback_configuration: {x: 1}\nattributes: {description: {x: 1}}\nmembers: {x: 1}\nlimits: {x: 1}\n", "x: 1", odd+": 1")))
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
		if path == "scope" || path == "scope.groups" {
			continue // all, or a list
		}
		text := "qqqqqqqqqqqq"
		if path == "members.kinds" {
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

// TestSchemaRefuses: editors underline what the reader refuses, as far as a schema can say
// it: what is within a text is the reader's alone.
func TestSchemaRefuses(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/mistakes.txtar")
	if err != nil {
		t.Fatal(err)
	}
	texts := regexp.MustCompile(`^(no YAML|a tab|a setting twice|two documents|an ou that is another|an unknown operator|an unknown property|a slip in a property|an operator|a number that is none|a regular expression|a property without|a part of a text|an attribute in two|no cn|members (as|in)|the (container|type|name) as|marks as|an owner as|Active Directory's|an expression that ends|an unknown function|two mistakes in one|another value each|the name)`)
	s, refused := schema(t), 0
	for _, file := range archive.Files {
		if texts.MatchString(file.Name) {
			continue
		}
		if s.Validate(settings(t, file.Data)) == nil {
			t.Errorf("%s: the schema takes it", file.Name)
		}
		refused++
	}
	if refused < 60 {
		t.Errorf("only %d files were tried", refused)
	}
}
