package app

import (
	"reflect"
	"strings"
	"testing"

	"groupwriteback/infra/apidoc"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/explain"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/record"
	"groupwriteback/shared/status"
)

// TestSchemasNameEveryField: what an answer may have, its schema names; no matter whether a test has ever seen it in an answer.
func TestSchemasNameEveryField(t *testing.T) {
	doc, err := apidoc.Read()
	if err != nil {
		t.Fatal(err)
	}
	schemas := apidoc.Object(apidoc.Object(doc.Root, "components"), "schemas")
	for name, v := range map[string]any{
		"Status": status.Status{}, "Switch": journal.Switch{}, "Agent": journal.Agent{}, "Plan": journal.Plan{}, "Counts": record.Counts{}, "Listing": record.Listing{},
		"Item": record.Item{}, "Part": record.Part{}, "Hold": status.Hold{}, "Trouble": status.Problem{}, "GroupLine": status.Line{}, "Member": explain.Member{},
		"Explanation": explain.Explanation{}, "Wrote": explain.Wrote{}, "HistoryPage": status.Past{}, "Batch": status.Batch{}, "Run": status.Run{},
		"Reply": manualReply{}, "Preview": cycle.Preview{}, "Other": cycle.Other{}, "Row": checklist.Row{}, "Rules": status.Rules{}, "Version": status.Version{}, "VersionPage": status.VersionPage{},
	} {
		named := map[string]bool{}
		namesOf(schemas, schemas[name], named)
		for _, field := range fieldsOf(reflect.TypeOf(v)) {
			if !named[field] {
				t.Errorf("schema %s does not name %s of %T", name, field, v)
			}
		}
	}
}

// namesOf collects the properties of a schema and of those that it is made of.
func namesOf(schemas map[string]any, schema any, into map[string]bool) {
	s, is := schema.(map[string]any)
	if !is {
		return
	}
	for name := range object(s, "properties") {
		into[name] = true
	}
	parts, _ := s["allOf"].([]any)
	for _, part := range parts {
		namesOf(schemas, part, into)
	}
	if ref, is := s["$ref"].(string); is {
		namesOf(schemas, schemas[ref[strings.LastIndex(ref, "/")+1:]], into)
	}
}

// fieldsOf are the keys of a struct as JSON.
func fieldsOf(of reflect.Type) (keys []string) {
	for f := range of.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case key == "-" || !f.IsExported():
		case f.Anonymous && key == "":
			keys = append(keys, fieldsOf(f.Type)...)
		case key == "":
			keys = append(keys, f.Name)
		default:
			keys = append(keys, key)
		}
	}
	return keys
}
