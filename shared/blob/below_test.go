package blob_test

import (
	"slices"
	"testing"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
)

func TestBelow(t *testing.T) {
	all := blob.Memory()
	s, err := blob.Below(all, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Test(t, s)
	keys, err := all.List(t.Context(), "a/b/test/l/")
	if want := []string{"a/b/test/l/a", "a/b/test/l/a.b/c"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys of the whole store: %v, %v; want %v", keys, err, want)
	}
	if whole, err := blob.Below(all, ""); err != nil || whole != all {
		t.Errorf("Below an empty prefix: %v, %v; want the store itself", whole, err)
	}
	for _, prefix := range []string{"/a", "a/", "A", ".."} {
		if _, err := blob.Below(all, prefix); err == nil {
			t.Errorf("prefix %q was taken", prefix)
		}
	}
}
