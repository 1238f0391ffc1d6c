package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/google/uuid"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/signin"
)

// A client asks the API as somebody.
type client struct {
	base  string // with /api
	scope string
	as    azcore.TokenCredential
	wire  policy.Transporter
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

func (c *client) do(ctx context.Context, method, path string, message map[string]any, into ...any) error {
	token, err := c.as.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.scope}})
	if err != nil {
		return unsigned(err)
	}
	resp, data, err := c.send(ctx, method, path, message, token.Token)
	if err != nil {
		return err
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

// unsigned is that nobody could sign in, with what to do about it.
func unsigned(err error) error {
	if signin.Remedied(err) {
		return err
	}
	return fmt.Errorf("%w: sign in, or choose another way by --sign-in", err)
}

// send asks, as often as again says, and returns the answer with its body. Without a token nobody is
// told who asks.
func (c *client) send(ctx context.Context, method, path string, message map[string]any, token string) (*http.Response, []byte, error) {
	req, err := runtime.NewRequest(ctx, method, c.base+path)
	if err != nil {
		return nil, nil, fmt.Errorf("make request: %w", err)
	}
	if token != "" {
		req.Raw().Header.Set("Authorization", "Bearer "+token)
	}
	if message != nil {
		if err := runtime.MarshalAsJSON(req, message); err != nil {
			return nil, nil, fmt.Errorf("encode request: %w", err)
		}
		req.Raw().Header.Set("Idempotency-Key", uuid.NewString()) // of the message, however often it is sent
	}
	resp, err := c.pipeline(method).Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the API: %w: %s", err, wayRemedy(err))
	}
	data, err := runtime.Payload(resp)
	if err != nil {
		return nil, nil, fmt.Errorf("read answer: %w: try again", err)
	}
	return resp, data, nil
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
	if resp.StatusCode == http.StatusUnauthorized {
		text += ": check --audience, and sign in anew; doctor shows as whom, and until when"
	}
	return fmt.Errorf("the API answers %d: %s", resp.StatusCode, text)
}
