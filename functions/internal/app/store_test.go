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
	for _, c := range []struct{ store, connection, endpoint, mistake string }{
		{store: "dir:" + filepath.Join(t.TempDir(), "journal")},
		{store: "azblob:https://acct.blob.core.windows.net/journal"},
		{store: "azblob:https://acct.blob.core.windows.net/journal/corp"},
		{store: "azblob:", connection: connection},
		{store: "azblob:journal/corp", connection: connection},
		{store: "s3:bucket"},
		{store: "s3:bucket/corp", endpoint: "http://127.0.0.1:9"},

		{store: "dir:", mistake: "is no store: use azblob:"},
		{store: "file:/tmp", mistake: "is no store: use azblob:"},
		{store: "azblob:", mistake: "STORE_CONNECTION"},
		{store: "azblob:journal", mistake: "STORE_CONNECTION"},
		{store: "azblob:http://acct.blob.core.windows.net/journal", mistake: "must begin with https://"},
		{store: "azblob:https://acct.blob.core.windows.net/journal", connection: connection, mistake: "not both"},
		{store: "azblob:", connection: "AccountKey=c2VjcmV0", mistake: "connection string"},
		{store: "s3:", mistake: "no bucket is named"},
		{store: "s3:bucket", connection: connection, mistake: "is for a store azblob:"},
		{store: "dir:x", endpoint: "http://127.0.0.1:9", mistake: "is for a store s3:"},
	} {
		env := map[string]string{"STORE": c.store, "STORE_CONNECTION": c.connection, "S3_ENDPOINT": c.endpoint}
		s, err := openStore(t.Context(), env, nil, nil)
		switch {
		case c.mistake == "" && (err != nil || s == nil):
			t.Errorf("%s: %v", c.store, err)
		case c.mistake != "" && (err == nil || !strings.Contains(err.Error(), c.mistake)):
			t.Errorf("%s: %v, want %q", c.store, err, c.mistake)
		case err != nil && strings.Contains(err.Error(), "c2VjcmV0"):
			t.Errorf("%s: the error tells the key: %v", c.store, err)
		}
	}
}

// TestAllMistakesAtOnce: a wrong sign-in does not hide a wrong store.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := read(t.Context(), []string{prefix + "TARGET=A", prefix + "STORE=ftp:x", prefix + "SIGN_IN=guess", prefix + "STROE=y"})
	if err == nil {
		t.Fatal("taken")
	}
	for _, part := range []string{"TARGET: ", "STORE: ", "SIGN_IN: ", "STROE is not a setting", "TENANT_ID is not set", "API_AUDIENCE is not set", "RULES: "} {
		if !strings.Contains(err.Error(), prefix+part) {
			t.Errorf("%v\nlacks %q", err, part)
		}
	}
}
