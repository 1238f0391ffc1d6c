package blob_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
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

// TestDirReplacesWhole: whoever has begun to read an object reads the one that was
// there, to its end: a put makes another file and never writes into this one.
func TestDirReplacesWhole(t *testing.T) {
	folder := t.TempDir()
	s, err := blob.Dir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "t/head", []byte("the old one"), blob.Absent); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(filepath.Join(folder, "t", "head"))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := s.Put(t.Context(), "t/head", []byte("new"), blob.Any); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(reader); err != nil || string(data) != "the old one" {
		t.Errorf("a reader that had begun gets %q, %v", data, err)
	}
}

// TestDirAfterCrash: what a put leaves that was cut off is no object.
func TestDirAfterCrash(t *testing.T) {
	folder := t.TempDir()
	s, err := blob.Dir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "t/head", []byte("whole"), blob.Absent); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "t", ".put-123"), []byte("ha"), 0o600); err != nil {
		t.Fatal(err)
	}
	if keys, err := s.List(t.Context(), "t/"); err != nil || !slices.Equal(keys, []string{"t/head"}) {
		t.Errorf("List = %v, %v; want the object alone", keys, err)
	}
}
