package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// maxAnswer is the largest answer that Lambda takes: 6 MB, as JSON.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
const maxAnswer = 6 << 20

// serve has an HTTP handler answer a request to the Function URL, whose invoke
// mode is BUFFERED.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads.
func serve(ctx context.Context, h http.Handler, q events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	r, err := request(ctx, q)
	if err != nil {
		return events.LambdaFunctionURLResponse{}, fmt.Errorf("read request: %w", err)
	}
	w := &recorder{header: http.Header{}}
	h.ServeHTTP(w, r)
	a := w.answer()
	if n := len(a.Body); n > maxAnswer {
		return events.LambdaFunctionURLResponse{}, fmt.Errorf("answer %s %s: %d bytes are more than the %d that Lambda takes", r.Method, r.URL.Path, n, maxAnswer)
	}
	return a, nil
}

// request is the HTTP request that an event stands for. Lambda joins headers of
// one name by commas, and takes cookies apart.
func request(ctx context.Context, q events.LambdaFunctionURLRequest) (*http.Request, error) {
	body := []byte(q.Body)
	if q.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(q.Body); err != nil {
			return nil, fmt.Errorf("decode body: %w", err)
		}
	}
	at := q.RequestContext
	u, err := url.ParseRequestURI(q.RawPath)
	if err != nil {
		return nil, err
	}
	u.RawQuery = q.RawQueryString
	r, err := http.NewRequestWithContext(ctx, at.HTTP.Method, "/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.URL = u // not parsed again: a path of two slashes is no host
	for name, value := range q.Headers {
		r.Header.Set(name, value)
	}
	if len(q.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(q.Cookies, "; "))
	}
	r.Host, r.RequestURI = at.DomainName, u.RequestURI()
	if at.HTTP.SourceIP != "" {
		r.RemoteAddr = net.JoinHostPort(at.HTTP.SourceIP, "0")
	}
	return r, nil
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // 1xx comes before the answer
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.header.Get("Content-Type") == "" && w.status == 0 {
		w.header.Set("Content-Type", http.DetectContentType(b))
	}
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// answer is what was recorded, as Lambda wants it.
func (w *recorder) answer() events.LambdaFunctionURLResponse {
	w.WriteHeader(http.StatusOK)
	a := events.LambdaFunctionURLResponse{StatusCode: w.status, Headers: map[string]string{}, Body: w.body.String()}
	for name, values := range w.sent {
		if name == "Set-Cookie" {
			a.Cookies = values
		} else {
			a.Headers[name] = strings.Join(values, ",")
		}
	}
	if !utf8.ValidString(a.Body) {
		a.Body, a.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return a
}
