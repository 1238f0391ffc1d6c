package blobtest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// Script is an http.RoundTripper that plays answers in turn, the last one again
// and again: a service that fails on purpose.
type Script struct {
	Answers []Answer
	n       atomic.Int64
}

// Answer is what becomes of one request.
type Answer func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (s *Script) RoundTrip(r *http.Request) (*http.Response, error) {
	n := min(int(s.n.Add(1)), len(s.Answers))
	return s.Answers[n-1](r)
}

// Tries is how many requests there were.
func (s *Script) Tries() int { return int(s.n.Load()) }

// Respond answers with a status, a header of one name and value, and a body.
func Respond(status int, name, value, body string) Answer {
	return func(r *http.Request) (*http.Response, error) {
		return response(r, status, name, value, len(body), bytes.NewReader([]byte(body))), nil
	}
}

// Torn answers as Respond does, but the connection is cut in the middle of the body.
func Torn(status int, name, value, body string) Answer {
	return func(r *http.Request) (*http.Response, error) {
		half := bytes.NewReader([]byte(body[:len(body)/2]))
		return response(r, status, name, value, len(body), io.MultiReader(half, broken{})), nil
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func response(r *http.Request, status int, name, value string, size int, body io.Reader) *http.Response {
	take(r)
	header := http.Header{}
	header.Set(name, value)
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(body), ContentLength: int64(size), Request: r}
}

// take reads a request to its end, as a service does: some clients compute a
// checksum on the way.
func take(r *http.Request) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
}

// Cut is a connection that breaks before an answer comes.
func Cut(r *http.Request) (*http.Response, error) {
	take(r)
	return nil, io.ErrUnexpectedEOF
}

// Hang is a service that does not answer.
func Hang(r *http.Request) (*http.Response, error) {
	take(r)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Pass has somebody else answer.
func Pass(next http.RoundTripper) Answer { return next.RoundTrip }

// Lost has somebody else answer, and loses the answer on its way.
func Lost(next http.RoundTripper) Answer {
	return func(r *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		return nil, errors.Join(io.ErrUnexpectedEOF, err, answer.Body.Close())
	}
}
