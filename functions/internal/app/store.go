package app

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/azblob"
	"groupwriteback/shared/blob/s3"
)

// openStore opens what STORE names. It makes no request: a store that cannot be
// reached fails the turn, and the next one tries again.
func openStore(ctx context.Context, env map[string]string, credential azcore.TokenCredential, client *http.Client) (blob.Store, error) {
	kind, where, _ := strings.Cut(env["STORE"], ":")
	connection, endpoint := env["STORE_CONNECTION"], env["S3_ENDPOINT"]
	byURL := strings.Contains(where, "://")
	switch {
	case connection != "" && kind != "azblob":
		return nil, errors.New("it is no store azblob:, which " + prefix + "STORE_CONNECTION is for: remove that, or write azblob:[<container>[/<prefix>]]")
	case connection != "" && byURL:
		return nil, errors.New("a container's URL takes the place of " + prefix + "STORE_CONNECTION: remove that, or write azblob:[<container>[/<prefix>]]")
	case endpoint != "" && kind != "s3":
		return nil, errors.New("it is no store s3:, which " + prefix + "S3_ENDPOINT is for: remove that, or write s3:<bucket>")
	case endpoint != "" && !isURL(endpoint):
		return nil, errors.New(prefix + "S3_ENDPOINT is no address of a server: write its URL, such as https://s3.example")
	case kind == "dir" && where != "" && !filepath.IsAbs(where):
		return nil, errors.New("write the folder's whole path, from the root: another folder would be another journal")
	case kind == "dir" && where != "":
		return blob.Dir(where)
	case kind == "azblob" && connection != "" && !named(where, containerName):
		return nil, errors.New("a container's name has 3 to 63 lower-case letters, digits and '-'")
	case kind == "s3" && where != "" && !named(where, bucketName):
		return nil, errors.New("a bucket's name has 3 to 63 lower-case letters, digits, '-' and '.'")
	case kind == "azblob" && connection != "":
		return azblob.Connect(connection, where, client)
	case kind == "azblob" && byURL:
		return azblob.Open(where, credential, client)
	case kind == "azblob":
		return nil, errors.New("write azblob:https://<account>.blob.core.windows.net/<container>, or set " + prefix + "STORE_CONNECTION")
	case kind == "s3":
		return s3.Open(ctx, where, endpoint, nil) // AWS_CA_BUNDLE and the like configure its client
	}
	// It is not repeated: people paste connection strings here.
	return nil, errors.New("no such kind of store: write azblob:<container URL>, s3:<bucket> or dir:<folder>")
}

// The forms of names that a store's server, or its SDK, repeats when it refuses them: what
// has another form may be a secret.
var (
	containerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{1,61})[a-z0-9]$`)
	bucketName    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

// named says whether <name>[/<prefix>] begins with a name of this form, or with none.
func named(where string, form *regexp.Regexp) bool {
	name, _, _ := strings.Cut(where, "/")
	return name == "" || form.MatchString(name)
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.User == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
