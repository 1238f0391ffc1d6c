package s3_test

import (
	"strings"
	"testing"

	"groupwriteback/infra/stage/storage"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/blob/s3"
)

func start(t *testing.T) *storage.Versity {
	t.Helper()
	v := &storage.Versity{}
	t.Cleanup(v.Stop)
	if err := v.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, e := range v.Env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	return v
}

// TestOpen: the contract. Two prefixes are two stores.
func TestOpen(t *testing.T) {
	v := start(t)
	for _, prefix := range []string{"", "/one", "/two/"} {
		s, err := s3.Open(t.Context(), v.Bucket+prefix, v.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("in "+prefix, func(t *testing.T) { blobtest.Test(t, s) })
	}
	all, err := s3.Open(t.Context(), v.Bucket, v.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := all.List(t.Context(), "two/")
	if err != nil || len(keys) == 0 {
		t.Errorf("keys below the prefix: %v, %v", keys, err)
	}
}

// TestManyPages: a list that takes more than one answer of 1,000 is whole.
func TestManyPages(t *testing.T) {
	v := start(t)
	s, err := s3.Open(t.Context(), v.Bucket, v.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Many(t, s, 1001)
}

// TestNoBucket: a bucket that is not there is an error with its remedy, not an
// empty store.
func TestNoBucket(t *testing.T) {
	v := start(t)
	s, err := s3.Open(t.Context(), "nowhere", v.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, getErr := s.Get(t.Context(), "head")
	_, listErr := s.List(t.Context(), "in/")
	_, putErr := s.Put(t.Context(), "head", nil, "tag")
	for verb, err := range map[string]error{"get": getErr, "list": listErr, "put": putErr} {
		if err == nil || !strings.Contains(err.Error(), "the bucket does not exist: make it") {
			t.Errorf("%s: %v, want the remedy", verb, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	if _, err := s3.Open(t.Context(), "bucket", "", nil); err == nil || !strings.Contains(err.Error(), "set AWS_REGION") {
		t.Errorf("no region: %v, want the remedy", err)
	}
	if _, err := s3.Open(t.Context(), "/prefix", "", nil); err == nil || !strings.Contains(err.Error(), "no bucket is named") {
		t.Errorf("no bucket: %v", err)
	}
}
