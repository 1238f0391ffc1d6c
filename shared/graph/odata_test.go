package graph

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Request-Id": {"from-header"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// TestODataError: what Graph says of itself is there for a caller in the SDK's own
// type, below all that we say around it.
func TestODataError(t *testing.T) {
	const body = `{"error":{"code":"BadRequest","message":"Not so.","target":"members","innerError":{
		"code":"generalException","date":"2026-11-25T09:00:00","request-id":"from-body","client-request-id":"ours",
		"innererror":{"code":"syncStateNotFound"}}}}`
	err := fmt.Errorf("read groups feed: %w", error(readRefusal(respond(400, body))))
	e, ok := errors.AsType[*odataerrors.ODataError](err)
	if !ok {
		t.Fatalf("no *odataerrors.ODataError in %v", err)
	}
	main := e.GetErrorEscaped()
	inner := main.GetInnerError()
	deeper, _ := inner.GetAdditionalData()["innererror"].(map[string]any)
	got := []any{e.Error(), e.GetStatusCode(), *main.GetCode(), *main.GetTarget(), *inner.GetAdditionalData()["code"].(*string), *deeper["code"].(*string),
		*inner.GetRequestId(), *inner.GetClientRequestId(), inner.GetDate().Year(), e.GetResponseHeaders().Get("request-id")}
	want := []any{"Not so.", 400, "BadRequest", "members", "generalException", "syncStateNotFound", "from-body", "ours", 2026, []string{"from-header"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestReadRefusal: what is not as documented costs no more than itself.
func TestReadRefusal(t *testing.T) {
	deep := strings.Repeat(`{"innererror":`, 3000) + `{"code":"deep"}` + strings.Repeat(`}`, 3000)
	for _, test := range []struct {
		name, body string
		codes      []string
		message    string
		odata      bool
	}{
		{"as documented", `{"error":{"code":"a","message":"m","innerError":{"code":"b"}}}`, []string{"a", "b"}, "m", true},
		{"in small letters", `{"error":{"code":"a","message":"m","innererror":{"code":"b"}}}`, []string{"a", "b"}, "m", true},
		{"a date in another form", `{"error":{"code":"a","message":"m","innerError":{"code":"b","date":"yesterday"}}}`, []string{"a", "b"}, "m", true},
		{"a code that is a number", `{"error":{"code":7,"message":"m"}}`, nil, "m", true},
		{"no message", `{"error":{"code":"a"}}`, []string{"a"}, "", true},
		{"nulls", `{"error":{"code":"a","message":null,"innerError":null,"details":null,"target":null}}`, []string{"a"}, "", true},
		{"details of null", `{"error":{"code":"a","details":[null,7,{"code":null}]}}`, []string{"a"}, "", true},
		{"details are no list", `{"error":{"code":"a","details":{"x":1}}}`, []string{"a"}, "", true},
		{"an inner error that is a word", `{"error":{"code":"a","innerError":"b"}}`, []string{"a"}, "", true},
		{"an inner code that is null", `{"error":{"code":"a","innerError":{"code":null,"innererror":[]}}}`, []string{"a"}, "", true},
		{"only an inner error", `{"error":{"innerError":{"code":"b"}}}`, []string{"b"}, "", true},
		{"very deep", `{"error":{"code":"a","innerError":` + deep + `}}`, []string{"a", "deep"}, "", true},
		{"an OAuth error", `{"error":"invalid_client","error_description":"x"}`, nil, "", false},
		{"no error", `{"value":[]}`, nil, "", false},
		{"an empty error", `{"error":{}}`, nil, "", false},
		{"null", `null`, nil, "", false},
		{"a list", `[{"error":{"code":"a"}}]`, nil, "", false},
		{"a number too large", `{"error":{"code":"a","x":1e999}}`, nil, "", false},
		{"HTML", `<html>`, nil, "", false},
		{"nothing", ``, nil, "", false},
		{"more than is read", `{"error":{"code":"a","message":"` + strings.Repeat("m", 64<<10) + `"}}`, nil, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readRefusal(respond(400, test.body))
			if d := cmp.Diff(test.codes, r.codes); d != "" || r.message != test.message {
				t.Errorf("message %q, codes -want +got:\n%s", r.message, d)
			}
			if e, is := errors.AsType[*odataerrors.ODataError](error(r)); is != test.odata || is && e.Error() != test.message {
				t.Errorf("unwraps to %v, want an OData error: %t", e, test.odata)
			}
		})
	}
}

func TestRequestIDOfBody(t *testing.T) {
	resp := respond(500, `{"error":{"code":"a","message":"m.","innerError":{"request-id":"from-body"}}}`)
	resp.Header = nil
	if got, want := readRefusal(resp).Error(), "microsoft graph answers 500 a: m (request-id from-body)"; got != want {
		t.Errorf("error is %s, want %s", got, want)
	}
}

// FuzzReadRefusal: no body makes it panic, and none can make the error differ
// from one reading to the next.
func FuzzReadRefusal(f *testing.F) {
	for _, body := range []string{
		`{"error":{"code":"a","message":"m","target":"t","details":[{"code":"c","message":"m","target":"t"}],"innerError":{"code":"b","date":"2026-11-25T09:00:00","request-id":"r","client-request-id":"c","@odata.type":"t"}}}`,
		`{"error":{"innererror":{"innererror":{"code":[]}},"details":[[]]}}`, `{"error":[null]}`, `[]`, `7`, `"x"`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := readRefusal(respond(400, body))
		text := r.Error()
		if e, is := errors.AsType[*odataerrors.ODataError](error(r)); is {
			text += e.Error() + fmt.Sprint(e.GetErrorEscaped().GetDetails(), e.GetErrorEscaped().GetTarget())
		}
		if again := readRefusal(respond(400, body)).Error(); !strings.HasPrefix(text, again) {
			t.Errorf("reads as %q, then as %q", text, again)
		}
	})
}
