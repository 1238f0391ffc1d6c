package stage

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestJournalSetBack loses the journal, and then restores an older copy of it,
// under a directory that is ahead of it. Nothing is written that the cloud does
// not say, and AD equals the cloud again.
func TestJournalSetBack(t *testing.T) {
	s := newStage(t, 60, 10, 30)
	must(t, s.Start(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s)
	settle(t, s)
	equal(t, s)
	id, c := s.Company.ID, s.Company.Tenant
	store, copied := filepath.Join(s.Dir, "store"), filepath.Join(s.Dir, "backup")
	must(t, exec.Command("cp", "-a", store, copied).Run())
	must(t, errors.Join(c.AddMember(id("Empty"), id("user00003")), c.RemoveMember(id("All staff"), id("user00002")), c.Rename(id("Department 08"), "Later")))
	settle(t, s)
	equal(t, s)
	for _, test := range []struct {
		name string
		do   func() error
	}{
		{"an older copy is restored", func() error { return errors.Join(os.RemoveAll(store), os.Rename(copied, store)) }},
		{"the journal is lost", func() error { return os.RemoveAll(store) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.Host.Kill()
			must(t, test.do())
			must(t, s.Host.Start(t.Context()))
			usn := highestUSN(t, s)
			waitReported(t, s)
			settle(t, s)
			equal(t, s)
			if now := highestUSN(t, s); now != usn {
				t.Errorf("directory was written to (USN %s, then %s) although it was what the cloud says", usn, now)
			}
			// And it goes on as before.
			must(t, c.SetProperty(id("Empty"), "description", test.name))
			settle(t, s)
			equal(t, s)
		})
	}
}
