package signin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// explained says in a line what azidentity says in a page.
type explained struct {
	azcore.TokenCredential
	method Method
	heard  *hearing // nil: the library keeps what it is told
}

// GetToken implements azcore.TokenCredential.
func (c *explained) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := c.TokenCredential.GetToken(ctx, o)
	if err != nil {
		r := &refusal{err: err}
		r.text, r.remedy = explain(err, c.heard.take())
		r.text = fmt.Sprintf("sign-in by %s: %s", c.method, r.text)
		return t, r
	}
	return t, nil
}

// hearing keeps what Entra ID says with a refusal: of one of a device code the library reads it, and
// drops it.
type hearing struct {
	next policy.Transporter

	mu   sync.Mutex
	last answer
}

// Do implements policy.Transporter.
func (h *hearing) Do(r *http.Request) (*http.Response, error) {
	resp, err := h.next.Do(r)
	if err != nil || resp.StatusCode < 400 || resp.StatusCode >= 500 {
		return resp, err
	}
	body, err := runtime.Payload(resp) // which can be read again
	if err != nil {
		return nil, err
	}
	said := answer{status: resp.StatusCode, body: body}
	if word := said.read().Error; word != "authorization_pending" && word != "slow_down" {
		h.mu.Lock()
		h.last = said
		h.mu.Unlock()
	}
	return resp, nil
}

// take returns the last refusal, and forgets it; the zero value if there was none.
func (h *hearing) take() (last answer) {
	if h == nil {
		return last
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	last, h.last = h.last, answer{}
	return last
}

// refusal is an error of the SDK in other words.
type refusal struct {
	err          error
	text, remedy string
}

func (r *refusal) Error() string {
	if r.remedy == "" {
		return r.text
	}
	return r.text + ": " + r.remedy
}

// Unwrap returns the SDK's error, for those who want all of it.
func (r *refusal) Unwrap() error { return r.err }

// Remedied says whether an error of a sign-in ends with what to do about it.
func Remedied(err error) bool {
	r, is := errors.AsType[*refusal](err)
	return is && r.remedy != ""
}

// code finds Entra ID's code of a reason.
var code = regexp.MustCompile(`AADSTS\d+`)

// explain turns an error of the SDK into a line, and what to do about it, which may be "". heard is what Entra ID has said where that does not
// hold it any more; zero: nothing.
func explain(err error, heard answer) (text, todo string) {
	said := answer{}
	failed, is := errors.AsType[*azidentity.AuthenticationFailedError](err)
	switch {
	case is && failed.RawResponse != nil:
		body, _ := runtime.Payload(failed.RawResponse) // whose end may be all that is left of it
		if said = (answer{failed.RawResponse.StatusCode, body}); len(body) == 0 && heard.status == said.status {
			said = heard
		}
	case strings.Contains(err.Error(), "reply status code was"): // of the request for a device code, as the library has it
		said = heard
	}
	if said.status == 0 {
		text, _, _ = strings.Cut(err.Error(), ". To troubleshoot, visit")
		text = strings.Join(strings.Fields(text), " ")
		for _, r := range localRemedies() {
			if strings.Contains(text, r.part) {
				return text, r.remedy
			}
		}
		return text, ""
	}
	text = fmt.Sprintf("answer %d %s", said.status, http.StatusText(said.status))
	of := said.read()
	if of.text() != "" {
		text += ": " + of.text()
	}
	return text, cmp.Or(remedy(code.FindString(of.text())), remedy(of.Error))
}

// localRemedies are for what no answer is about.
func localRemedies() []struct{ part, remedy string } {
	return []struct{ part, remedy string }{
		{"DeviceCodeCredential: context deadline exceeded", late},
		{"executable not found on path", "install the Azure CLI, or choose another sign-in"},
	}
}

const late = "nobody has entered the code in time: start again"

// answer is one of Entra ID, or of a managed identity's endpoint.
type answer struct {
	status int
	body   []byte
}

// reason is what an answer says of its reason: OAuth's words (RFC 6749, 5.2), or a managed identity
// endpoint's message.
type reason struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Message     string `json:"message"`
}

// read is the reason; zero where the answer has another form.
func (a answer) read() (r reason) {
	if json.Unmarshal(a.body, &r) != nil {
		return reason{}
	}
	return r
}

// text is the reason in words, without the ids of the request that Entra ID appends.
func (r reason) text() string {
	text, _, _ := strings.Cut(r.Description+r.Message, "Trace ID:")
	return strings.TrimRight(strings.Join(strings.Fields(text), " "), ".")
}

// remedy is for one of Entra ID's codes, or of OAuth's errors.
// Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
func remedy(code string) string {
	switch code {
	case "AADSTS7000215":
		return "use the secret's value, which is shown once, and not its id"
	case "AADSTS7000222":
		return "the client secret has expired: make a new one"
	case "AADSTS700016":
		return "check the client id, and that the app is in this tenant"
	case "AADSTS90002", "AADSTS900023":
		return "check the tenant id, and that the cloud is the right one"
	case "AADSTS700027":
		return "upload the certificate, without its key, to the app registration; check that it has not expired, and this machine's clock"
	case "AADSTS70021", "AADSTS700211", "AADSTS700212", "AADSTS700213":
		return "add a federated credential to the app, with the issuer, subject and audience of the workload's token"
	case "AADSTS500011", "AADSTS650057":
		return "check the audience: it is the id URI of the API's app registration, which must be in this tenant"
	case "AADSTS7000112":
		return "the app is disabled: enable it"
	case "AADSTS7000218":
		return "allow public client flows in the app registration (Authentication), or name one that does"
	case "AADSTS65001":
		return "grant admin consent to the app's permissions"
	case "AADSTS53003":
		return "Conditional Access forbids this way to sign in: have it allowed, or choose another one"
	case "AADSTS70019", "expired_token":
		return late
	case "authorization_declined", "access_denied":
		return "somebody has said no to this sign-in: start again, and say yes"
	case "AADSTS501051", "AADSTS50105":
		return "the API asks for an assignment: give the app a role of it"
	}
	return ""
}
