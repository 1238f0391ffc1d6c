package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
		return nil, fmt.Errorf("%sSTORE_CONNECTION is for a store azblob:, and this is %q", prefix, env["STORE"])
	case connection != "" && byURL:
		return nil, fmt.Errorf("use the container's URL or %sSTORE_CONNECTION, not both", prefix)
	case endpoint != "" && kind != "s3":
		return nil, fmt.Errorf("%sS3_ENDPOINT is for a store s3:, and this is %q", prefix, env["STORE"])
	case kind == "dir" && where != "":
		return blob.Dir(where)
	case kind == "azblob" && connection != "":
		return azblob.Connect(connection, where, client)
	case kind == "azblob" && byURL:
		return azblob.Open(where, credential, client)
	case kind == "azblob":
		return nil, errors.New("write azblob:https://<account>.blob.core.windows.net/<container>, or set " + prefix + "STORE_CONNECTION")
	case kind == "s3":
		return s3.Open(ctx, where, endpoint, nil) // AWS_CA_BUNDLE and the like configure its client
	}
	return nil, fmt.Errorf("%q is no store: use azblob:<container URL>, s3:<bucket> or dir:<folder>", env["STORE"])
}
