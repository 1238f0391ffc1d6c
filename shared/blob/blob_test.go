package blob_test

import (
	"testing"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
)

func TestMemory(t *testing.T) { blobtest.Test(t, blob.Memory()) }

func TestDir(t *testing.T) {
	s, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Test(t, s)
}
