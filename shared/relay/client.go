package relay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Client is the agent's end: a Queue over HTTPS.
type Client struct {
	URL  string                    // of the relay function, with a trailing slash
	HTTP *http.Client              // needs a timeout
	Sign func(*http.Request) error // adds the access token
}

// Poll implements Queue.
func (c *Client) Poll(ctx context.Context, q Poll) (PollReply, error) {
	return call[PollReply](ctx, c, "poll", q)
}

// Ack implements Queue.
func (c *Client) Ack(ctx context.Context, a Ack) (bool, error) {
	r, err := call[ackReply](ctx, c, "ack", a)
	return r.Last, err
}

// Report implements Queue.
func (c *Client) Report(ctx context.Context, r Report) error {
	_, err := call[struct{}](ctx, c, "report", r)
	return err
}

// Check asks whether the relay would serve this agent, without taking the lease.
func (c *Client) Check(ctx context.Context) (Welcome, error) {
	return call[Welcome](ctx, c, "check", struct{}{})
}

// http follows no redirect, whatever HTTP says: the relay never answers with one,
// and one from elsewhere would lead a caller inside the network to where it
// points, with what the caller says and perhaps with its token.
func (c *Client) http() *http.Client {
	h := *c.HTTP
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// redirected is the error of an answer that leads elsewhere.
func redirected(name string, r *http.Response) error {
	return fmt.Errorf("%s: answer %d %s, to %.200q, is not the relay's and is not followed: check the URL, and look for a proxy that asks for a sign-in",
		name, r.StatusCode, http.StatusText(r.StatusCode), r.Header.Get("Location"))
}

func call[R any](ctx context.Context, c *Client, name string, message any) (reply R, err error) {
	body, err := json.Marshal(message)
	if err != nil {
		return reply, fmt.Errorf("encode %s: %w", name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+name, bytes.NewReader(body))
	if err != nil {
		return reply, err
	}
	req.Header.Set("Content-Type", "application/json")
	if err := c.Sign(req); err != nil {
		return reply, fmt.Errorf("sign in: %w", err)
	}
	resp, err := c.http().Do(req)
	if err != nil {
		return reply, err // names method and URL already
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return reply, fmt.Errorf("read answer to %s: %w", name, err)
	}
	switch {
	case resp.StatusCode/100 == 3:
		return reply, redirected(name, resp)
	case len(data) > maxBody:
		return reply, fmt.Errorf("the answer to %s is longer than %d bytes: it is not the relay's: look for another program at this URL", name, maxBody)
	case resp.StatusCode != http.StatusOK:
		return reply, problemError(name, resp.StatusCode, data)
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		return reply, fmt.Errorf("decode answer to %s (%s): %w: it is not the relay's: look for a proxy's page, or another program at this URL",
			name, cmp.Or(resp.Header.Get("Content-Type"), "without a type"), err)
	}
	return reply, nil
}

// refusal is an answer that stands for one of the errors of problemKinds, in the
// relay's own words.
type refusal struct {
	kind   error
	detail string
}

func (r *refusal) Error() string { return cmp.Or(r.detail, r.kind.Error()) }

func (r *refusal) Unwrap() error { return r.kind }

// problemError turns an answer back into the error that it stands for.
func problemError(name string, status int, body []byte) error {
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Title == "" {
		return notRelay(name, status)
	}
	for _, k := range problemKinds() {
		if p.Code != k.code {
			continue
		}
		err := fmt.Errorf("%s: %w", name, &refusal{k.err, p.Detail})
		if k.err == ErrUnauthorized {
			err = fmt.Errorf("%w: tenant and audience must be those that the app is set to accept, and both clocks right", err)
		}
		return err
	}
	if p.Detail == "" {
		return fmt.Errorf("%s: the relay answered %d %s: its own log says why", name, status, http.StatusText(status))
	}
	return fmt.Errorf("%s: the relay answered %d: %s", name, status, p.Detail)
}

// notRelay is the error of an answer without the form of the relay's.
func notRelay(name string, status int) error {
	text := fmt.Sprintf("%s: answer %d %s, which is not the relay's", name, status, http.StatusText(status))
	switch status {
	case http.StatusNotFound:
		text += ": there is no relay at this URL, which ends in /api/relay/"
	case http.StatusUnauthorized, http.StatusForbidden:
		text += ": the platform in front of the app, or a proxy, asks for a sign-in of its own: have it let this path through without one"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		text += ": the app is starting, or has failed to: its own log says why"
	}
	return errors.New(text)
}
