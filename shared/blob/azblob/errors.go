package azblob

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
)

// isConflict says whether a put was refused for its condition. A create-only put
// of what exists is a 409, a stale tag a 412; but a container that is being
// deleted, or a blob under a legal hold, is a 409 too, and a leased blob a 412:
// those are no conflicts, and trying again does not help.
// https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
func isConflict(err error) bool {
	var r *azcore.ResponseError
	if !errors.As(err, &r) {
		return false
	}
	switch bloberror.Code(r.ErrorCode) {
	case bloberror.ConditionNotMet, bloberror.TargetConditionNotMet, bloberror.BlobAlreadyExists:
		return true
	case "": // a proxy may eat the code
		return r.StatusCode == http.StatusPreconditionFailed || r.StatusCode == http.StatusConflict
	}
	return false
}

// isAbsent says whether there is no such blob. That there is no such container is
// another matter: what cannot be read is not empty.
func isAbsent(err error) bool {
	return bloberror.HasCode(err, bloberror.BlobNotFound)
}

// explain says in a line what the SDK says in twenty, with the remedy, and makes
// of an absent blob fs.ErrNotExist.
func explain(err error) error {
	var r *azcore.ResponseError
	var unknown *net.DNSError
	switch {
	case isAbsent(err):
		return fs.ErrNotExist
	case errors.As(err, &r):
		return &refusal{r}
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return fmt.Errorf("%w: correct the account's name, or see to this network's name resolution", err)
	}
	return err
}

// refusal is an answer of the storage account that is an error.
type refusal struct{ answer *azcore.ResponseError }

func (r *refusal) Error() string {
	text := fmt.Sprintf("the storage account answers %d %s", r.answer.StatusCode, cmp.Or(r.answer.ErrorCode, "without a code: look for a proxy, or another server at this URL"))
	if remedy := r.remedy(); remedy != "" {
		text += ": " + remedy
	}
	return text
}

// Unwrap returns the SDK's error, for those who want all of it.
func (r *refusal) Unwrap() error { return r.answer }

func (r *refusal) remedy() string {
	switch bloberror.Code(r.answer.ErrorCode) {
	case bloberror.AuthorizationPermissionMismatch, bloberror.AuthorizationFailure:
		return "give the identity the role Storage Blob Data Contributor on the container, and look at the account's network rules"
	case bloberror.AuthenticationFailed, bloberror.InvalidAuthenticationInfo, bloberror.NoAuthenticationInformation:
		return "the token, key or signature is not of this account or has expired, or this machine's clock is wrong"
	case bloberror.ContainerBeingDeleted:
		return "the container was deleted just now: wait, or restore it"
	case bloberror.LeaseIDMissing:
		return "somebody holds a lease on the object: break it"
	case bloberror.AccountIsDisabled:
		return "the account is disabled: see to its subscription"
	case "KeyBasedAuthenticationNotPermitted":
		return "the account takes no keys: use the container's URL, and an identity"
	}
	return ""
}
