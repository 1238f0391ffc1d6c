package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/uuid"

	"groupwriteback/shared/checklist"
)

// A client asks the API as somebody.
type client struct {
	base  string // with /api
	scope string
	as    azcore.TokenCredential
	http  *http.Client
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// get reads a path below /api. The answer is decoded into each of into.
func (c *client) get(ctx context.Context, path string, query url.Values, into ...any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, nil, into...)
}

// manual asks for an action. Each call is a thing of its own: it has a key of its own.
func (c *client) manual(ctx context.Context, message map[string]any, into ...any) error {
	return c.do(ctx, http.MethodPost, "manualsync", message, into...)
}

func (c *client) do(ctx context.Context, method, path string, message any, into ...any) error {
	token, err := c.as.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.scope}})
	if err != nil {
		return fmt.Errorf("%w: sign in, or choose another way by --sign-in", err)
	}
	var body io.Reader
	if message != nil {
		data, err := json.Marshal(message)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Token)
	if message != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", uuid.NewString())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the API: %w: check --url and the network", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read answer: %w: try again", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return refused(resp, data)
	}
	for _, v := range into {
		if err := json.Unmarshal(data, v); err != nil {
			return fmt.Errorf("decode answer: %w: check that --url is the function app's", err)
		}
	}
	return nil
}

// refused says what an answer that is none says (RFC 9457).
func refused(resp *http.Response, data []byte) error {
	var p struct{ Title, Detail string }
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") || json.Unmarshal(data, &p) != nil {
		return fmt.Errorf("the API answers %s: check that --url is the function app's", resp.Status)
	}
	text := checklist.Printable(p.Title)
	if p.Detail != "" {
		text = checklist.Printable(p.Detail)
	}
	return fmt.Errorf("the API answers %d: %s", resp.StatusCode, text)
}
