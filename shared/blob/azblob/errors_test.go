package azblob_test

import (
	"net"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"

	"groupwriteback/infra/stage/storage"
	"groupwriteback/shared/blob/azblob"
	"groupwriteback/shared/blob/blobtest"
)

// TestErrorTexts are the errors that a person meets, to the letter.
func TestErrorTexts(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []blobtest.Answer
		want    string
	}{
		{"no role", []blobtest.Answer{refuse(403, "AuthorizationPermissionMismatch")},
			"get head: the storage account answers 403 AuthorizationPermissionMismatch: give the identity the role Storage Blob Data Contributor on the container, and look at the account's network rules"},
		{"network rules", []blobtest.Answer{refuse(403, "AuthorizationFailure")},
			"get head: the storage account answers 403 AuthorizationFailure: give the identity the role Storage Blob Data Contributor on the container, and look at the account's network rules"},
		{"wrong key", []blobtest.Answer{refuse(403, "AuthenticationFailed")},
			"get head: the storage account answers 403 AuthenticationFailed: the token, key or signature is not of this account or has expired, or this machine's clock is wrong"},
		{"token of another tenant", []blobtest.Answer{refuse(401, "InvalidAuthenticationInfo")},
			"get head: the storage account answers 401 InvalidAuthenticationInfo: the token, key or signature is not of this account or has expired, or this machine's clock is wrong"},
		{"no keys here", []blobtest.Answer{refuse(403, "KeyBasedAuthenticationNotPermitted")},
			"get head: the storage account answers 403 KeyBasedAuthenticationNotPermitted: the account takes no keys: use the container's URL, and an identity"},
		{"no container, may not make it", []blobtest.Answer{refuse(404, "ContainerNotFound"), refuse(403, "AuthorizationPermissionMismatch")},
			"get head: the container does not exist, and cannot be made: the storage account answers 403 AuthorizationPermissionMismatch: " +
				"give the identity the role Storage Blob Data Contributor on the container, and look at the account's network rules"},
		{"container just deleted", []blobtest.Answer{refuse(409, "ContainerBeingDeleted")},
			"get head: the storage account answers 409 ContainerBeingDeleted: the container was deleted just now: wait, or restore it"},
		{"disabled", []blobtest.Answer{refuse(403, "AccountIsDisabled")},
			"get head: the storage account answers 403 AccountIsDisabled: the account is disabled: see to its subscription"},
		{"not found by somebody else", []blobtest.Answer{refuse(404, "")}, "get head: the storage account answers 404 without a code: look for a proxy, or another server at this URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := azblob.Connect(connection, "", &http.Client{Transport: &blobtest.Script{Answers: c.answers}})
				if err != nil {
					t.Fatal(err)
				}
				if err := get(t.Context(), s); err == nil || err.Error() != c.want {
					t.Errorf("error is\n%v\nwant\n%s", err, c.want)
				}
			})
		})
	}
}

// TestWrongKey: the real server's refusal of a key that is not the account's.
func TestWrongKey(t *testing.T) {
	var a storage.Azurite
	start(t, &a)
	s, err := azblob.Connect(regexp.MustCompile("AccountKey=[^;]+").ReplaceAllString(a.Connection, "AccountKey=c2VjcmV0"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "get head: the storage account answers 403 AuthorizationFailure: give the identity the role Storage Blob Data Contributor on the container, and look at the account's network rules"
	if err := get(t.Context(), s); err == nil || err.Error() != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
}

// TestNoSuchAccount: the account's name is part of the host's.
func TestNoSuchAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unknown := func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "acct.blob.core.windows.net", IsNotFound: true}}
		}
		s, err := azblob.Connect(connection, "", &http.Client{Transport: roundTrip(unknown)})
		if err != nil {
			t.Fatal(err)
		}
		const want = `get head: Get "https://acct.blob.core.windows.net/groupwriteback/head": dial tcp: lookup acct.blob.core.windows.net: no such host: ` +
			"correct the account's name, or see to this network's name resolution"
		if err := get(t.Context(), s); err == nil || err.Error() != want {
			t.Errorf("error is\n%v\nwant\n%s", err, want)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
