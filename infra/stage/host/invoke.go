package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What an invocation comes to, other than success.
var (
	// ErrFailed: the host counts the invocation as failed.
	ErrFailed = errors.New("the invocation failed")
	// ErrHangs: the real host would not take this for an answer, and wait until
	// the function's timeout.
	ErrHangs = errors.New("the host would hang until the function's timeout")
	// ErrTimeout: the function took longer than functionTimeout; its process was
	// killed, with all else that it was doing.
	ErrTimeout = errors.New("the function timed out, and its handler was killed")
)

// Timer invokes a timer function, and applies the host's rules to the answer.
func (h *Host) Timer(ctx context.Context, name string) error {
	functions := h.files().Functions
	i := slices.IndexFunc(functions, func(f function) bool { return f.Name == name && f.Trigger == "timerTrigger" })
	if i < 0 {
		return fmt.Errorf("the app has no timer function %s", name)
	}
	now := time.Now().UTC()
	envelope, err := json.Marshal(map[string]any{
		"Data": map[string]any{functions[i].Binding: map[string]any{
			"Schedule":       map[string]any{"AdjustForDST": true},
			"ScheduleStatus": map[string]any{"Last": "0001-01-01T00:00:00", "Next": now.Add(time.Minute).Format(time.RFC3339Nano), "LastUpdated": now.Format(time.RFC3339Nano)},
			"IsPastDue":      false}},
		"Metadata": map[string]any{"sys": map[string]any{"MethodName": name, "UtcNow": now.Format(time.RFC3339Nano), "RandGuid": "6d7a2f0e-7b1c-4f0e-9d0a-2f6c3f1d9b11"}},
	})
	if err != nil {
		return err
	}
	return h.Invoke(ctx, name, envelope)
}

// Invoke posts an envelope to a function that is not HTTP. Its errors are
// ErrGone, ErrFailed, ErrHangs, ErrTimeout and ctx's.
func (h *Host) Invoke(ctx context.Context, name string, envelope []byte) error {
	w, err := h.ready(ctx)
	if err != nil {
		return fmt.Errorf("invoke %s: %w", name, err)
	}
	timeout := h.files().Timeout
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp, data, err := post(limited, w.url()+"/"+name, envelope)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("invoke %s: %w", name, context.Cause(ctx))
	case limited.Err() != nil:
		h.replace(w)
		return fmt.Errorf("invoke %s: %w after %v", name, ErrTimeout, timeout)
	case err != nil:
		return fmt.Errorf("invoke %s: %w: %w", name, ErrFailed, err)
	}
	if err := checkAnswer(resp, data); err != nil {
		return fmt.Errorf("invoke %s: %w", name, err)
	}
	return nil
}

// post sends an envelope as the host does, and reads the answer.
func post(ctx context.Context, url string, envelope []byte) (*http.Response, []byte, error) {
	// A reader without a length is sent in chunks, as the host's is.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, struct{ io.Reader }{bytes.NewReader(envelope)})
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	setHostHeaders(req.Header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, data, err
}

func setHostHeaders(h http.Header) {
	h.Set("User-Agent", "Azure-Functions-Host/4.1037.0")
	h.Set("X-Azure-Functions-HostVersion", "4.1037.0")
	h.Set("X-Azure-Functions-InvocationId", "0a6a4a0e-58d3-4d0b-8b3d-0f5a3f1c6f11")
}

// checkAnswer does with an answer what DefaultHttpWorkerService does. It asks
// for more in one thing: Outputs, without which the host logs a warning.
func checkAnswer(resp *http.Response, data []byte) error {
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%w: %s: %.300s", ErrFailed, resp.Status, bytes.TrimSpace(data))
	}
	// Nothing, and null, decode to nothing, which is neither a result nor an error.
	if text := strings.TrimSpace(string(data)); text == "" || text == "null" {
		return fmt.Errorf("%w: %s with the body %q", ErrHangs, resp.Status, text)
	}
	switch media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media {
	case "application/json", "text/json":
	default:
		return fmt.Errorf("%w: Content-Type is %q, not JSON", ErrFailed, resp.Header.Get("Content-Type"))
	}
	var a struct {
		Outputs     map[string]any
		Logs        []string
		ReturnValue any
	}
	switch err := json.Unmarshal(data, &a); {
	case err != nil:
		return fmt.Errorf("%w: the answer is no result: %w: %.100q", ErrFailed, err, data)
	case a.Outputs == nil:
		return fmt.Errorf("%w: the answer has no Outputs: %.100q", ErrFailed, data)
	}
	return nil
}
