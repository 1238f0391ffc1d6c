package app

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"groupwriteback/infra/apidoc"
)

// contract is the description of the API, with what was asked and answered by it.
type contract struct {
	t    *testing.T
	doc  *apidoc.Doc
	seen map[string]bool // "operation status"
}

func newContract(t *testing.T) *contract {
	t.Helper()
	doc, err := apidoc.Read()
	if err != nil {
		t.Fatal(err)
	}
	return &contract{t: t, doc: doc, seen: map[string]bool{}}
}

// object is a value of a mapping that is one.
func object(m map[string]any, key string) map[string]any { return apidoc.Object(m, key) }

// operation is one that a path and a method lead to.
type operation struct {
	id, path, method string
	is               map[string]any
}

// operations are all that the description has.
func (c *contract) operations() (all []operation) {
	for path, item := range object(c.doc.Root, "paths") {
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
	_, is := object(c.doc.Root, "paths")[strings.TrimPrefix(path, "/api")]
	return is
}

// resolve follows a reference within the description.
func (c *contract) resolve(v map[string]any) map[string]any {
	ref, is := v["$ref"].(string)
	if !is {
		return v
	}
	at := c.doc.Root
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
	if err := c.doc.Hold(where, body); err != nil {
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
