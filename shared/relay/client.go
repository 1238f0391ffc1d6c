package relay

import (
	"bytes"
	"context"
	"encoding/json"
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
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return reply, err // names method and URL already
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return reply, fmt.Errorf("read answer to %s: %w", name, err)
	}
	if resp.StatusCode != http.StatusOK {
		return reply, problemError(name, resp.StatusCode, data)
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		return reply, fmt.Errorf("decode answer to %s: %w", name, err)
	}
	return reply, nil
}

// problemError turns an answer back into the error that it stands for.
func problemError(name string, status int, body []byte) error {
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Title == "" {
		return fmt.Errorf("%s: the relay answered %d %s", name, status, http.StatusText(status))
	}
	for _, k := range problemKinds() {
		if p.Code == k.code {
			return fmt.Errorf("%s: %w", name, k.err)
		}
	}
	return fmt.Errorf("%s: the relay answered %d: %s", name, status, p.Detail)
}
