package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"groupwriteback/shared/version"
)

// How often a request is sent again, and how long is waited for that at most. An answer that asks for
// more patience is told to whoever asked.
const (
	timesAgain   = 4
	longestPause = time.Minute
	firstPause   = 300 * time.Millisecond
)

// pipeline sends requests of a method: again, after the time that Retry-After names, where again says so.
func (c *client) pipeline(method string) runtime.Pipeline {
	return runtime.NewPipeline("groupwriteback", version.Of(), runtime.PipelineOptions{}, &policy.ClientOptions{
		Transport: c.wire, Telemetry: policy.TelemetryOptions{Disabled: true},
		Retry: policy.RetryOptions{MaxRetries: timesAgain, RetryDelay: firstPause, MaxRetryDelay: longestPause,
			ShouldRetry: func(resp *http.Response, err error) bool { return again(method, resp, err) }},
	})
}

// again says whether a request is to be sent again. What asks to be asked later is, whatever was asked for: a
// message has a key, by which it is carried out once. What a front end or the network has swallowed is only
// where nothing but a look was asked for.
func again(method string, resp *http.Response, err error) bool {
	look := method == http.MethodGet
	if err != nil {
		return look && !lasting(err)
	}
	own := strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json")
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return resp.Header.Get("Retry-After") != "" || look && !own && !isHealth(resp)
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return look && !own
	}
	return false
}

// isHealth says whether an answer is the bare health's, which is 503 where the target is not well.
func isHealth(resp *http.Response) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json")
}

// lasting says whether an error of the network is there the next time too: no such name, nobody who listens,
// a certificate that nobody trusts, or nobody waits any more.
func lasting(err error) bool {
	if name, is := errors.AsType[*net.DNSError](err); is {
		return name.IsNotFound
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	timeout, slow := errors.AsType[net.Error](err)
	return untrusted || plain || slow && timeout.Timeout() || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// wayRemedy is what to do about an error of the network.
func wayRemedy(err error) string {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case untrusted:
		return "name the PEM file of the authority that signed it as " + prefix + "CA_FILE; a proxy that opens TLS has one of its own"
	case err.Error() == http.StatusText(http.StatusProxyAuthRequired):
		return "write http://user:password@host:port as HTTPS_PROXY"
	case isOp && op.Op == "proxyconnect":
		return "check HTTPS_PROXY"
	case errors.Is(err, context.DeadlineExceeded):
		return "try again, and see whether the function app runs"
	}
	return "check --url and the network"
}

// bounded sends requests, and refuses an answer that is longer than maxAnswer.
type bounded struct{ *http.Client }

// Do implements policy.Transporter.
func (b bounded) Do(r *http.Request) (*http.Response, error) {
	resp, err := b.Client.Do(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}
