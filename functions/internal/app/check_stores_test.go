package app

import (
	"strings"
	"testing"

	"groupwriteback/infra/stage/storage"
)

// TestCheckStores: the real servers keep the promises that a check asks for, and nothing
// is left in them.
func TestCheckStores(t *testing.T) {
	azurite, versity := &storage.Azurite{}, &storage.Versity{}
	must(t, azurite.Start(t.Context()))
	defer azurite.Stop()
	must(t, versity.Start(t.Context()))
	defer versity.Stop()
	for _, kv := range versity.Env {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	for _, env := range []map[string]string{
		{"STORE": "azblob:journal/corp", "STORE_CONNECTION": azurite.Connection},
		{"STORE": "s3:" + versity.Bucket + "/corp", "S3_ENDPOINT": versity.URL},
		{"STORE": "dir:" + t.TempDir()},
	} {
		s, err := openStore(t.Context(), env, nil, nil)
		must(t, err)
		if err := tryStore(t.Context(), s); err != nil {
			t.Errorf("%s: %v", env["STORE"], err)
		}
		if left, err := s.List(t.Context(), ""); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %q, %v", env["STORE"], left, err)
		}
	}
}
