package blobtest

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"groupwriteback/shared/blob"
)

// Many holds List to returning everything: a server answers in pages.
func Many(t *testing.T, s blob.Store, n int) {
	t.Helper()
	want := make([]string, n)
	var g errgroup.Group
	g.SetLimit(16)
	for i := range want {
		want[i] = fmt.Sprintf("many/%06d", i)
		g.Go(func() error {
			_, err := s.Put(t.Context(), want[i], nil, blob.Absent)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	got, err := s.List(t.Context(), "many/")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("List of %d objects: %d keys, %v", n, len(got), err)
	}
}
