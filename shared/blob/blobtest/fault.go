package blobtest

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"groupwriteback/shared/blob"
)

// CheckError holds an error to what it should be and say, and no other sentinel:
// neither is none.
func CheckError(t *testing.T, err, want error, text string) {
	t.Helper()
	if want == nil && text == "" {
		if err != nil {
			t.Errorf("error: %v, want none", err)
		}
		return
	}
	if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
		t.Errorf("error: %v, want %v and %q", err, want, text)
	}
	for _, other := range []error{blob.ErrConflict, fs.ErrNotExist} {
		if want != other && errors.Is(err, other) {
			t.Errorf("error: %v, which must not be %v", err, other)
		}
	}
}

// LostPut holds a driver to its word on puts that took effect though their
// answer was lost: they look like somebody else's, and are there. s is a sound
// store; losing returns one that loses its first answer, and tries again.
func LostPut(t *testing.T, s blob.Store, losing func() blob.Store) {
	t.Helper()
	before := put(t, s, "lost/first", "so that there is a container", blob.Any)
	for key, old := range map[string]blob.Tag{"lost/created": blob.Absent, "lost/first": before} {
		_, err := losing().Put(t.Context(), key, []byte("mine"), old)
		CheckError(t, err, blob.ErrConflict, "")
		if data, _, err := s.Get(t.Context(), key); err != nil || string(data) != "mine" {
			t.Errorf("%s after a put whose answer was lost: %q, %v; want mine", key, data, err)
		}
	}
	if _, err := losing().Put(t.Context(), "lost/any", []byte("mine"), blob.Any); err != nil {
		t.Errorf("put without a condition: %v, want the second try to do", err)
	}
	if data, _, err := losing().Get(t.Context(), "lost/any"); err != nil || string(data) != "mine" {
		t.Errorf("get: %q, %v; want the second try to do", data, err)
	}
}
