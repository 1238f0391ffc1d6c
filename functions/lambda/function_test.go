package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

func TestEvents(t *testing.T) {
	broken := errors.New("no Graph today")
	turns := 0
	f := function{log: slog.New(slog.DiscardHandler), sync: func(context.Context) error { turns++; return broken },
		handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })}
	for _, test := range []struct {
		name, event string
		turns       int
		want        string // of the error
	}{
		{"of a schedule", `{"version":"0","detail-type":"Scheduled Event","source":"aws.scheduler","detail":"{}"}`, 1, "no Graph today"},
		{"of a rule", `{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`, 1, "no Graph today"},
		{"of a bucket", `{"Records":[{"eventSource":"aws:s3"}]}`, 0, "remove the trigger that sends it"},
		{"of a WebSocket", `{"requestContext":{"connectionId":"x"}}`, 0, "remove the trigger that sends it"},
		{"no object", `[]`, 0, "decode event"},
		{"a request", `{"rawPath":"/","requestContext":{"http":{"method":"GET"}}}`, 0, ""},
		{"a request without a path", `{"requestContext":{"http":{"method":"GET"}}}`, 0, "read request"},
	} {
		turns = 0
		answer, err := f.invoke(t.Context(), json.RawMessage(test.event))
		if turns != test.turns || fmt.Sprint(err) == "<nil>" != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("an event %s: %d turns, %v; want %d, %q", test.name, turns, err, test.turns, test.want)
		}
		if a, ok := answer.(events.LambdaFunctionURLResponse); test.want == "" && (!ok || a.StatusCode != http.StatusTeapot) {
			t.Errorf("an event %s: answer %+v", test.name, answer)
		}
	}
}

// TestRequests: what the handler sees of a request to the Function URL.
func TestRequests(t *testing.T) {
	var got []string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		got = []string{r.Method, r.URL.Path, r.RequestURI, r.Host, r.RemoteAddr, r.Header.Get("X-Many"), r.Header.Get("Cookie"), string(body), fmt.Sprint(err)}
	})
	var q events.LambdaFunctionURLRequest
	q.RawPath, q.RawQueryString = "//api/a%2Fb", "x=1&y=%20"
	q.Headers, q.Cookies = map[string]string{"x-many": "one,two"}, []string{"a=1", "b=2"}
	q.Body, q.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("\xff\x00")), true
	q.RequestContext.DomainName, q.RequestContext.HTTP.Method, q.RequestContext.HTTP.SourceIP = "x.lambda-url.test", "POST", "2001:db8::1"
	if _, err := serve(t.Context(), h, q); err != nil {
		t.Fatal(err)
	}
	want := []string{"POST", "//api/a/b", "//api/a%2Fb?x=1&y=%20", "x.lambda-url.test", "[2001:db8::1]:0", "one,two", "a=1; b=2", "\xff\x00", "<nil>"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the handler sees %q, want %q", got, want)
	}
	q.Body = "%"
	if _, err := serve(t.Context(), h, q); err == nil || !strings.Contains(err.Error(), "decode body") {
		t.Errorf("a body that is no base64: %v", err)
	}
}

// TestAnswers: what becomes of what a handler answers.
func TestAnswers(t *testing.T) {
	var q events.LambdaFunctionURLRequest
	q.RawPath, q.RequestContext.HTTP.Method = "/", "GET"
	for _, test := range []struct {
		name   string
		handle http.HandlerFunc
		want   events.LambdaFunctionURLResponse
	}{
		{"nothing", func(w http.ResponseWriter, r *http.Request) {}, events.LambdaFunctionURLResponse{StatusCode: 200, Headers: map[string]string{}}},
		{"text", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") },
			events.LambdaFunctionURLResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8"}, Body: "ok"}},
		{"bytes", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write([]byte{0xff})
		}, events.LambdaFunctionURLResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "application/octet-stream"}, Body: "/w==", IsBase64Encoded: true}},
		{"headers", func(w http.ResponseWriter, r *http.Request) {
			for _, v := range []string{"1", "2"} {
				w.Header().Add("X-Many", v)
				w.Header().Add("Set-Cookie", "c="+v)
			}
			w.WriteHeader(http.StatusContinue) // comes before the answer
			w.WriteHeader(http.StatusAccepted)
			w.WriteHeader(http.StatusTeapot)
			w.Header().Set("X-Late", "1")
		}, events.LambdaFunctionURLResponse{StatusCode: 202, Headers: map[string]string{"X-Many": "1,2"}, Cookies: []string{"c=1", "c=2"}}},
	} {
		if got, err := serve(t.Context(), test.handle, q); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
	large := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Repeat("x", maxAnswer+1)) }
	if _, err := serve(t.Context(), http.HandlerFunc(large), q); err == nil || !strings.Contains(err.Error(), "more than the 6291456 that Lambda takes") {
		t.Errorf("an answer that is too large: %v", err)
	}
}
