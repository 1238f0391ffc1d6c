package stage

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestJournalSetBack loses the journal, and then restores an older copy of it,
// under a directory that is ahead of it. Nothing is written that the cloud does
// not say, and AD equals the cloud again.
func TestJournalSetBack(t *testing.T) {
	s := newStage(t, 60, 10, 30)
	s.namesFollow()
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

// TestDirectorySetBack puts an older copy of the domain controller under a journal
// that is ahead of it, in the way of a snapshot, which keeps the invocationId, and
// in that of a backup, which gets a new one; and it changes that id alone. A plan
// is in flight each time. The agent notices, stops that plan, and reads everything
// before anything is written; AD equals the cloud again.
func TestDirectorySetBack(t *testing.T) {
	s := newStage(t, 60, 10, 60)
	s.namesFollow()
	c := &console{tee: &testLog{t: t}}
	s.Log, s.Poll = c, "20ms"
	p := watched(t, s)
	must(t, s.Start(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s)
	settle(t, s)
	equal(t, s)
	backup := filepath.Join(s.Dir, "backup")
	must(t, s.DC.Stop())
	must(t, exec.Command("cp", "-a", s.DC.Dir, backup).Run())
	must(t, s.DC.Start(t.Context(), os.Stderr))
	admin, id, tenant := administrator{s.DC}, s.Company.ID, s.Company.Tenant
	for i, test := range []struct {
		name            string
		copied, renewed bool
	}{
		{"a snapshot", true, false},
		{"a backup", true, true},
		{"another database of the same age", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			must(t, errors.Join(tenant.AddMember(id("Empty"), id(userName(3+i))), tenant.RemoveMember(id("All staff"), id(userName(7+i))),
				tenant.Rename(id("Department 08"), "Later "+test.name), tenant.AddGroup(graphtest.Group{ID: id(test.name), DisplayName: test.name, Members: []directory.ID{id(userName(1))}})))
			settle(t, s)
			equal(t, s)
			must(t, s.DC.Stop())
			if test.copied {
				must(t, os.RemoveAll(s.DC.Dir))
				must(t, exec.Command("cp", "-a", backup, s.DC.Dir).Run())
			}
			if test.renewed {
				admin.renew(t)
			}
			from := c.end()
			must(t, errors.Join(tenant.RemoveMember(id("All staff"), id(userName(17+i))), tenant.AddMember(id(test.name), id(userName(2)))))
			must(t, s.Sync(t.Context()))
			must(t, s.DC.Start(t.Context(), os.Stderr))
			converge(t, s)
			c.inOrder(t, from, `msg="reading all of the directory again" why="the domain controller was restored or replaced"`, "msg=report ", "content=true", "msg=batch ", `stopped=""`)
		})
	}
	checkRemovals(t, s, p.Writes())
}
