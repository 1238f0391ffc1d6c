package graph

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/uuid"

	"groupwriteback/shared/directory"
)

// Kiota's retry handler is not used: it takes a fractional Retry-After for 0, gives
// up on a 500, a 502 and a cut connection, and knows no deadline.
const (
	maxTries   = 6
	maxBackoff = 30 * time.Second // of a wait that Graph did not ask for
)

// transient is a fault that may be gone when the request is made again.
type transient struct {
	error
	after time.Duration // what Graph asked for, if asked
	asked bool
	at    time.Time // the end of what it asked for
}

func (t *transient) Unwrap() error { return t.error }

// until is err, which ends a call before Graph's wait is over, with that wait: the
// next call must not begin before it.
func (t *transient) until(err error) error {
	if !t.asked {
		return err
	}
	return &NotBefore{at: t.at, error: err}
}

// NotBefore is the error of a call that ended while Graph still asked to be left
// alone, by a Retry-After. Who asks again earlier is refused again, and counted.
//
// Source: https://learn.microsoft.com/graph/throttling.
type NotBefore struct {
	error
	at time.Time
}

// NotBefore is when Graph may be asked again, by the client's clock.
func (e *NotBefore) NotBefore() time.Time { return e.at }

// Unwrap returns the error that ended the call.
func (e *NotBefore) Unwrap() error { return e.error }

// lateError is a wait that would end after the deadline.
type lateError struct {
	wait, left time.Duration
	cause      error
}

func (e *lateError) Error() string {
	return fmt.Sprintf("a wait of %s is needed, but only %s are left: %s", round(e.wait), round(max(e.left, 0)), e.cause)
}

func (e *lateError) Unwrap() []error { return []error{context.DeadlineExceeded, e.cause} }

func round(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

// persist tries until a response was used, the error is final, or the tries or the
// time run out. use is given each response that is 200, with the token that it came for.
func (c *Client) persist(ctx context.Context, r request, use func(resp *http.Response, token string) error) error {
	if err := c.check(r.link); err != nil {
		return err
	}
	fresh := false
	for n := 1; ; n++ {
		err := c.try(ctx, r, fresh, use)
		if err == nil {
			return nil
		}
		if errors.Is(err, errUnauthorized) && !fresh {
			fresh = true
			continue
		}
		t, again := errors.AsType[*transient](err)
		switch {
		case !again:
			return err
		case ctx.Err() != nil:
			return t.until(fmt.Errorf("%w: last: %w", ctx.Err(), err))
		case n >= maxTries, r.one:
			return t.until(fmt.Errorf("gave up after %d tries: %w", n, err))
		}
		wait := c.pause(t, n)
		if end, limited := ctx.Deadline(); limited && end.Sub(c.now()) <= wait {
			return t.until(&lateError{wait: wait, left: end.Sub(c.now()), cause: err})
		}
		c.log.WarnContext(ctx, "graph request is repeated", "feed", string(r.feed.name), "try", n, "wait", wait, "cause", err)
		if err := c.wait(ctx, wait); err != nil {
			return t.until(fmt.Errorf("%w: last: %w", err, t.error))
		}
	}
}

// pause is how long to wait after try n. What Graph asks for is a minimum: a
// request that comes early counts against the tenant.
func (c *Client) pause(t *transient, n int) time.Duration {
	if t.asked {
		return t.after + time.Duration(c.jitter()*float64(time.Second))
	}
	d := min(time.Second<<(n-1), maxBackoff)
	return d/2 + time.Duration(c.jitter()*float64(d/2))
}

// try makes the request once.
func (c *Client) try(ctx context.Context, r request, fresh bool, use func(resp *http.Response, token string) error) error {
	// The credential has retries of its own, so that its error is final.
	token, err := c.token(ctx, fresh)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.link, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "groupwriteback")
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(req.URL.Host, err)
	}
	defer discard(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return c.refused(resp, r, token)
	}
	return use(resp, token)
}

// understand reads the page of a response.
func (c *Client) understand(resp *http.Response, r request) (directory.Page, error) {
	page, err := c.decode(resp.Body, r)
	if _, whole := errors.AsType[*malformed](err); err != nil && !whole {
		return page, &transient{error: fmt.Errorf("page (%s) is not whole or not JSON: %w", cmp.Or(resp.Header.Get("Content-Type"), "no content type"), err)}
	}
	if err == nil && page.Next == r.link {
		err = malformedf("@odata.nextLink leads back to the page itself: the feed would never end")
	}
	if err != nil {
		return page, fmt.Errorf("page is not understood: %w", err)
	}
	if link := cmp.Or(page.Next, page.Delta); link != "" {
		return page, c.check(link)
	}
	return page, nil
}

func (c *Client) decode(body io.Reader, r request) (directory.Page, error) {
	if r.one {
		return decodeOne(body, r.feed, c.flags)
	}
	return decode(body, r.feed, c.Select(r.feed.name), r.list)
}

// token returns an access token, normally the credential's cached one. A fresh one
// is had by a claim that it be issued now, which no cached token meets; it is
// what Graph's own claims challenge asks for, so that the challenge is not read.
func (c *Client) token(ctx context.Context, fresh bool) (string, error) {
	o := policy.TokenRequestOptions{Scopes: []string{c.base.String() + "/.default"}}
	if fresh {
		o.Claims = fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, c.now().Unix())
	}
	t, err := c.credential.GetToken(ctx, o)
	if err != nil {
		return "", fmt.Errorf("sign in to microsoft graph: %w", err)
	}
	of := readClaims(t.Token).Tenant
	if uuid.Validate(c.tenant) == nil && of != "" && !strings.EqualFold(of, c.tenant) {
		return "", fmt.Errorf("sign in to microsoft graph: the access token is of tenant %s, not of %s: correct the tenant id, or sign in to that tenant", of, c.tenant)
	}
	return t.Token, nil
}

// unreachable sorts the errors of a request that got no response. That a
// certificate is not trusted or a redirect not followed is final.
func unreachable(host string, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the link, which is long and says nothing to a person
	}
	if _, ok := errors.AsType[*foreignError](err); ok {
		return err
	}
	err = fmt.Errorf("reach %s: %w", host, err)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w: trust the issuer of the certificate, or look for a proxy that opens TLS", err)
	}
	return &transient{error: err}
}

// discard leaves the connection fit for the next request.
func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 256<<10)
	_ = body.Close()
}

// nonsense is a wait that Graph does not ask for: its own links do not live so long.
const nonsense = 7 * 24 * time.Hour

// retryAfter reads the header of that name: seconds, also with a fraction, or a
// date (RFC 9110, 10.2.3), which is counted from the response's own Date, for our
// clock may differ from Graph's.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < nonsense.Seconds() {
		return time.Duration(s * float64(time.Second)), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	if d := at.Sub(now); d < nonsense {
		return max(d, 0), true
	}
	return 0, false
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
