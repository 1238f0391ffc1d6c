// Package apidoc holds JSON to the schemas of docs/openapi.yaml, for tests: what the API answers, and what the operators'
// command prints.
//
// The schemas are made strict: what a value has and the description does not is a mistake of the description.
package apidoc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"groupwriteback/docs"
)

// Doc is the description.
type Doc struct {
	Root map[string]any // all of it, its schemas strict

	compiler *jsonschema.Compiler
}

// Read reads the description that is served.
func Read() (*Doc, error) {
	var doc any
	if err := yaml.Unmarshal(docs.OpenAPI, &doc); err != nil {
		return nil, fmt.Errorf("read description: %w", err)
	}
	doc, err := copied(doc)
	if err != nil {
		return nil, err
	}
	d := &Doc{Root: doc.(map[string]any), compiler: jsonschema.NewCompiler()}
	schemas := Object(Object(d.Root, "components"), "schemas")
	for name, s := range schemas {
		if schemas[name+"-open"], err = copied(s); err != nil {
			return nil, err
		}
	}
	for name, s := range schemas {
		strict(s, !strings.HasSuffix(name, "-open"))
	}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	return d, d.compiler.AddResource("openapi.json", d.Root)
}

// copied is a value anew, as the library reads JSON.
func copied(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("copy schema: %w", err)
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// Object is a value of a mapping that is a mapping; nil: it is none.
func Object(m map[string]any, key string) map[string]any {
	v, _ := m[key].(map[string]any)
	return v
}

// Schema is the place of a schema of the components, for Hold.
func Schema(name string) string { return "#/components/schemas/" + name }

// Hold holds one JSON value to the schema at a place of the description, such as Schema gives.
func (d *Doc) Hold(where string, data []byte) error {
	schema, err := d.compiler.Compile("openapi.json" + where)
	if err != nil {
		return fmt.Errorf("compile %s: %w", where, err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return schema.Validate(v)
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
	for _, p := range Object(s, "properties") {
		strict(p, true)
	}
	strict(s["items"], true)
	strict(s["additionalProperties"], true)
	if closed && (s["properties"] != nil || s["allOf"] != nil) && s["additionalProperties"] == nil {
		s["unevaluatedProperties"] = false
	}
}

func list(v any) []any { l, _ := v.([]any); return l }
