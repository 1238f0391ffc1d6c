package app

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenStore: each kind of store is opened as it is written, without a request,
// and each mistake is named with its remedy, without the secret.
func TestOpenStore(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	const connection = "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"
	const (
		kinds  = "no such kind of store: write azblob:<container URL>, s3:<bucket> or dir:<folder>"
		absent = "write azblob:https://<account>.blob.core.windows.net/<container>, or set GROUPWRITEBACK_STORE_CONNECTION"
		keyed  = "the container URL must hold no key and no signature: use a connection string for those"
	)
	for _, c := range []struct{ store, connection, endpoint, mistake string }{
		{store: "dir:" + filepath.Join(t.TempDir(), "journal")},
		{store: "azblob:https://acct.blob.core.windows.net/journal"},
		{store: "azblob:https://acct.blob.core.windows.net/journal/corp"},
		{store: "azblob:", connection: connection},
		{store: "azblob:journal/corp", connection: connection},
		{store: "s3:bucket"},
		{store: "s3:bucket/corp", endpoint: "http://127.0.0.1:9"},

		{store: "dir:", mistake: kinds},
		{store: "file:/tmp", mistake: kinds},
		{store: connection, mistake: kinds},
		{store: "azblob:", mistake: absent},
		{store: "azblob:journal", mistake: absent},
		{store: "azblob:http://acct.blob.core.windows.net/journal", mistake: `the container URL must begin with https://: tokens are not sent in the clear`},
		{store: "azblob:https://acct.blob.core.windows.net/", mistake: `the container URL names no container: write https://<account>.blob.core.windows.net/<container>`},
		{store: "azblob:https://acct.blob.core.windows.net/journal?sig=c2VjcmV0", mistake: keyed},
		{store: "azblob:http://acct.blob.core.windows.net/journal?sig=c2VjcmV0", mistake: keyed},
		{store: "azblob:https://%zz/journal?sig=c2VjcmV0", mistake: "the container URL is none: write https://<account>.blob.core.windows.net/<container>"},
		{store: "azblob:https://acct.blob.core.windows.net/journal", connection: connection,
			mistake: "a container's URL takes the place of GROUPWRITEBACK_STORE_CONNECTION: remove that, or write azblob:[<container>[/<prefix>]]"},
		{store: "azblob:", connection: "AccountKey=c2VjcmV0", mistake: "open container by connection string: connection string needs either AccountName or BlobEndpoint"},
		{store: "s3:", mistake: "no bucket is named: write <bucket> or <bucket>/<prefix>"},
		{store: "s3:bucket", connection: connection, mistake: "it is no store azblob:, which GROUPWRITEBACK_STORE_CONNECTION is for: remove that, or write azblob:[<container>[/<prefix>]]"},
		{store: "s3:bucket", endpoint: "s3.example", mistake: "GROUPWRITEBACK_S3_ENDPOINT is no address of a server: write its URL, such as https://s3.example"},
		{store: "dir:journal", mistake: "write the folder's whole path, from the root: another folder would be another journal"},
		{store: "azblob:c2VjcmV0", connection: connection, mistake: "a container's name has 3 to 63 lower-case letters, digits and '-'"},
		{store: "s3:c2VjcmV0/corp", mistake: "a bucket's name has 3 to 63 lower-case letters, digits, '-' and '.'"},
		{store: "s3:bucket", endpoint: "https://user:c2VjcmV0@s3.example", mistake: "GROUPWRITEBACK_S3_ENDPOINT is no address of a server: write its URL, such as https://s3.example"},
		{store: "dir:x", endpoint: "http://127.0.0.1:9", mistake: "it is no store s3:, which GROUPWRITEBACK_S3_ENDPOINT is for: remove that, or write s3:<bucket>"},
	} {
		env := map[string]string{"STORE": c.store, "STORE_CONNECTION": c.connection, "S3_ENDPOINT": c.endpoint}
		s, err := openStore(t.Context(), env, nil, nil)
		switch {
		case c.mistake == "" && (err != nil || s == nil):
			t.Errorf("%s: %v", c.store, err)
		case c.mistake != "" && (err == nil || err.Error() != c.mistake):
			t.Errorf("%s:\n%v\nwant\n%s", c.store, err, c.mistake)
		case err != nil && strings.Contains(err.Error(), "c2VjcmV0"):
			t.Errorf("%s: the error tells the key: %v", c.store, err)
		}
	}
}

// TestNoRegion: Amazon's own variable is asked for by name.
func TestNoRegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	_, err := openStore(t.Context(), map[string]string{"STORE": "s3:bucket"}, nil, nil)
	const want = "no AWS region is configured: set AWS_REGION (for a server of another kind, us-east-1 will mostly do)"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
