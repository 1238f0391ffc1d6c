package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// explained says in a line what azidentity says in a page.
type explained struct {
	azcore.TokenCredential
	method Method
}

// GetToken implements azcore.TokenCredential.
func (c *explained) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := c.TokenCredential.GetToken(ctx, o)
	if err != nil {
		return t, &refusal{err: err, text: fmt.Sprintf("sign-in by %s: %s", c.method, explain(err))}
	}
	return t, nil
}

// refusal is an error of the SDK in other words.
type refusal struct {
	err  error
	text string
}

func (r *refusal) Error() string { return r.text }

// Unwrap returns the SDK's error, for those who want all of it.
func (r *refusal) Unwrap() error { return r.err }

// code finds Entra ID's code of a reason.
var code = regexp.MustCompile(`AADSTS\d+`)

func explain(err error) string {
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || failed.RawResponse == nil {
		text := err.Error()
		text, _, _ = strings.Cut(text, ". To troubleshoot, visit")
		return strings.Join(strings.Fields(text), " ")
	}
	text := fmt.Sprintf("answer %d %s", failed.RawResponse.StatusCode, http.StatusText(failed.RawResponse.StatusCode))
	description := describe(failed.RawResponse)
	if description != "" {
		text += ": " + description
	}
	if remedy := remedy(code.FindString(description)); remedy != "" {
		text += ": " + remedy
	}
	return text
}

// describe returns what an answer says of its reason: OAuth's description (RFC 6749,
// 5.2), or a managed identity endpoint's message; without the ids of the request that
// Entra ID appends.
func describe(r *http.Response) string {
	var body struct {
		Description string `json:"error_description"`
		Message     string `json:"message"`
	}
	data, err := runtime.Payload(r)
	if err != nil || json.Unmarshal(data, &body) != nil {
		return ""
	}
	text := body.Description + body.Message
	text, _, _ = strings.Cut(text, "Trace ID:")
	return strings.TrimRight(strings.Join(strings.Fields(text), " "), ".")
}

// remedy is for one of Entra ID's codes.
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
	case "AADSTS501051", "AADSTS50105":
		return "the API asks for an assignment: give the app a role of it"
	}
	return ""
}
