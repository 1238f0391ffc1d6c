package graph

import (
	"maps"
	"net/http"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// readOData reads {"error":{"code","message","innerError":{"code",…}}} by the
// model of the Graph SDK. It returns nil if the body is something else, such as a
// proxy's page. What comes back has a message, if only an empty one: the
// model's Error panics without.
//
// Source: https://learn.microsoft.com/graph/errors.
func readOData(resp *http.Response, body []byte) *odataerrors.ODataError {
	node, err := jsonserialization.NewJsonParseNode(body)
	if err != nil {
		return nil
	}
	e, main, inner := odataerrors.NewODataError(), odataerrors.NewMainError(), odataerrors.NewInnerError()
	readInner := func(n serialization.ParseNode) error {
		main.SetInnerError(inner)
		return fill(n, inner, nil)
	}
	readMain := func(n serialization.ParseNode) error {
		return fill(n, main, fields{"innerError": readInner, "innererror": readInner}) // Graph writes both
	}
	if err := fill(node, e, fields{"error": readMain}); err != nil {
		return nil
	}
	if main.GetCode() == nil && main.GetMessage() == nil && main.GetInnerError() == nil {
		return nil
	}
	if main.GetMessage() == nil {
		main.SetMessage(new(string))
	}
	e.SetErrorEscaped(main)
	e.SetStatusCode(resp.StatusCode)
	headers := abstractions.NewResponseHeaders()
	for name, values := range resp.Header {
		for _, v := range values {
			headers.Add(name, v)
		}
	}
	e.SetResponseHeaders(headers)
	return e
}

// codes lists the error's own code, then those of its inner errors, which the
// model has no fields for.
func codes(e *odataerrors.ODataError) (list []string) {
	main := e.GetErrorEscaped()
	if c := main.GetCode(); c != nil && *c != "" {
		list = append(list, *c)
	}
	if main.GetInnerError() == nil {
		return list
	}
	for level := main.GetInnerError().GetAdditionalData(); level != nil; {
		if c, ok := level["code"].(*string); ok && *c != "" {
			list = append(list, *c)
		}
		deeper, ok := level["innererror"].(map[string]any)
		if !ok {
			deeper, _ = level["innerError"].(map[string]any)
		}
		level = deeper
	}
	return list
}

type (
	fields = map[string]func(serialization.ParseNode) error
	model  interface {
		serialization.Parsable
		serialization.AdditionalDataHolder
	}
)

// fill fills m from n. own are read in place of m's fields of the same name.
func fill(n serialization.ParseNode, m model, own fields) error {
	_, err := n.GetObjectValue(func(serialization.ParseNode) (serialization.Parsable, error) {
		return lenient{m, own}, nil
	})
	return err
}

// lenient is a model that leaves out a field which is not as documented. Kiota
// would give up the whole error for a date in another form, after having read
// some of it, or all, as the order of a map has it.
type lenient struct {
	model
	own fields
}

func (l lenient) GetFieldDeserializers() fields {
	all := l.model.GetFieldDeserializers()
	maps.Copy(all, l.own)
	for name, field := range all {
		all[name] = func(n serialization.ParseNode) error {
			_ = field(n) // left out
			return nil
		}
	}
	return all
}
