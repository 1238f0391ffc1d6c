package host

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestFunctionsMatchTheSchema holds each function.json to the host's own JSON
// schema, which lies beside the project and not in it: it is not ours to
// distribute.
func TestFunctionsMatchTheSchema(t *testing.T) {
	const file = "../../../../shared/testdata/functions-schemas/function.json"
	schema, err := readAny(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("not checked: put schemas/json/function.json of Azure/azure-functions-host at ../shared/testdata/functions-schemas beside the project")
	}
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("function.json", schema); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("function.json")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../../functions/*/function.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, f := range files {
		doc, err := readAny(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	// The schema can tell: what is wrong with this one is the direction.
	bad, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.Replace([]byte(goodTimer), []byte(`"in"`), []byte(`"upwards"`), 1)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Validate(bad) == nil {
		t.Error("the schema takes a binding that goes upwards")
	}
}

func readAny(file string) (any, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
}
