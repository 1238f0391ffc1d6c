package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"groupwriteback/docs"
)

// contract is the description of the API, with what was asked and answered by it.
type contract struct {
	t        *testing.T
	doc      map[string]any
	compiler *jsonschema.Compiler
	seen     map[string]bool // "operation status"
}

// newContract reads the description. Its schemas are made strict: what an answer has and the
// description does not is a mistake of the description.
func newContract(t *testing.T) *contract {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal(docs.OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	c := &contract{t: t, doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	schemas := object(object(c.doc, "components"), "schemas")
	for name, s := range schemas {
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if schemas[name+"-open"], err = jsonschema.UnmarshalJSON(bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range schemas {
		strict(s, !strings.HasSuffix(name, "-open"))
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("openapi.json", c.doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// object is a value of a mapping that is one.
func object(m map[string]any, key string) map[string]any {
	v, _ := m[key].(map[string]any)
	return v
}

// strict forbids in a schema, and in all below it, what it does not name. Those that it is made
// of, under allOf, are open.
func strict(schema any, closed bool) {
	s, is := schema.(map[string]any)
	if !is {
		return
	}
	for _, part := range list(s["allOf"]) {
		if p := part.(map[string]any); p["$ref"] != nil {
			p["$ref"] = fmt.Sprint(p["$ref"], "-open")
		} else {
			strict(p, false)
		}
	}
	for _, part := range list(s["anyOf"]) {
		strict(part, true)
	}
	for _, p := range object(s, "properties") {
		strict(p, true)
	}
	strict(s["items"], true)
	strict(s["additionalProperties"], true)
	if closed && (s["properties"] != nil || s["allOf"] != nil) && s["additionalProperties"] == nil {
		s["unevaluatedProperties"] = false
	}
}

func list(v any) []any { l, _ := v.([]any); return l }

// operation is one that a path and a method lead to.
type operation struct {
	id, path, method string
	is               map[string]any
}

// operations are all that the description has.
func (c *contract) operations() (all []operation) {
	for path, item := range object(c.doc, "paths") {
		for method, o := range item.(map[string]any) {
			o := o.(map[string]any)
			all = append(all, operation{fmt.Sprint(o["operationId"]), path, strings.ToUpper(method), o})
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	return all
}

var parameter = regexp.MustCompile(`\\\{[a-z]+\\\}`)

// find is the operation that a request is.
func (c *contract) find(method, path string) operation {
	c.t.Helper()
	for _, o := range c.operations() {
		pattern := "^/api" + parameter.ReplaceAllString(regexp.QuoteMeta(o.path), `[^/]+`) + "$"
		if o.method == method && regexp.MustCompile(pattern).MatchString(path) && (!strings.Contains(o.path, "{") || o.path == path || !c.literal(path)) {
			return o
		}
	}
	c.t.Fatalf("the description has no %s %s", method, path)
	return operation{}
}

func (c *contract) literal(path string) bool {
	_, is := object(c.doc, "paths")[strings.TrimPrefix(path, "/api")]
	return is
}

// resolve follows a reference within the description.
func (c *contract) resolve(v map[string]any) map[string]any {
	ref, is := v["$ref"].(string)
	if !is {
		return v
	}
	at := c.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = object(at, part)
	}
	return at
}

// check holds an answer to the description.
func (c *contract) check(o operation, a *http.Response, body []byte) {
	c.t.Helper()
	status := fmt.Sprint(a.StatusCode)
	described := c.resolve(object(object(o.is, "responses"), status))
	if described == nil {
		c.t.Errorf("%s answers %s, which is not described: %s", o.id, status, body)
		return
	}
	c.seen[o.id+" "+status] = true
	for name, h := range object(described, "headers") {
		if h.(map[string]any)["required"] == true && a.Header.Get(name) == "" {
			c.t.Errorf("%s %s: no header %s", o.id, status, name)
		}
	}
	media, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	content, is := object(described, "content")[media].(map[string]any)
	if err != nil || !is {
		c.t.Errorf("%s %s: content type %q is not described", o.id, status, a.Header.Get("Content-Type"))
		return
	}
	if !strings.HasSuffix(media, "json") {
		return
	}
	where := fmt.Sprintf("#/paths/%s/%s/responses/%s/content/%s/schema", escaped(o.path), strings.ToLower(o.method), status, escaped(media))
	if ref := object(content, "schema")["$ref"]; ref != nil {
		where = fmt.Sprint(ref)
	}
	schema, err := c.compiler.Compile("openapi.json" + where)
	if err != nil {
		c.t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(v)
	}
	if err != nil {
		c.t.Errorf("%s %s is not as described: %v\n%s", o.id, status, err, body)
	}
}

func escaped(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
}

// caller asks as somebody.
type caller struct {
	*office
	c   *contract
	who string // empty: without a token
}

// ask sends a request, holds the answer to the description, and returns it.
func (k caller) ask(method, path, message string, headers ...string) (status int, body string) {
	k.t.Helper()
	r, err := http.NewRequestWithContext(k.t.Context(), method, k.url+"/api/"+path, strings.NewReader(message))
	k.do(err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if k.who != "" {
		k.sign(r, k.who)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	k.do(err)
	defer a.Body.Close()
	data, err := io.ReadAll(a.Body)
	k.do(err)
	k.c.check(k.c.find(method, r.URL.Path), a, data)
	return a.StatusCode, string(data)
}

// get asks for something that is there, and decodes it.
func (k caller) get(path string, to any) {
	k.t.Helper()
	status, body := k.ask(http.MethodGet, path, "")
	if status != http.StatusOK {
		k.t.Fatalf("%s: %d %s", path, status, body)
	}
	k.do(json.Unmarshal([]byte(body), to))
}

// notProvoked says why an answer that is described is none of TestContract's.
func notProvoked(id, status string) string {
	if status == "408" {
		return "a message that does not arrive takes a minute: see the tests of slow messages"
	}
	return ""
}
