package stage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/infra/stage/storage"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/azblob"
	"groupwriteback/shared/blob/s3"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestStoryOnHosts plays the same story of the same company on each host with the
// storage of its cloud, each with a domain of its own: at the end the domains
// hold the same, and so do the journals.
func TestStoryOnHosts(t *testing.T) {
	bin, err := builtAll()
	must(t, err)
	var ends []ending
	for _, test := range []struct {
		on    HostKind
		store func(t *testing.T) ([]string, blob.Store)
	}{{Functions, azurite}, {Lambda, versity}} {
		t.Run(string(test.on), func(t *testing.T) {
			s := &story{Stage: newStage(t, 60, 21, 30), groups: 21, slices: 3}
			s.Graph = graphtest.Options{MemberSlice: 10, PageSize: 20, Shuffle: true, Repeat: 7, EmptyPages: 3, Seed: 1}
			s.Bin, s.On = bin, test.on
			var store blob.Store
			s.Settings, store = test.store(t)
			s.play(t)
			ends = append(ends, endOf(t, s.Stage, store))
		})
	}
	if t.Failed() {
		return
	}
	if diff := cmp.Diff(ends[0], ends[1]); diff != "" {
		t.Errorf("the story ended in two ways (-%s +%s):\n%s", Functions, Lambda, diff)
	}
}

// azurite starts an Azure Blob Storage, and returns the settings for it, and the
// store that they name.
func azurite(t *testing.T) ([]string, blob.Store) {
	a := &storage.Azurite{}
	if err := a.Start(t.Context()); err != nil {
		t.Fatalf("%v\nremedy: infra/stage/storage/install.sh", err)
	}
	t.Cleanup(a.Stop)
	store, err := azblob.Connect(a.Connection, "journal", nil)
	must(t, err)
	return []string{"GROUPWRITEBACK_STORE=azblob:journal", "GROUPWRITEBACK_STORE_CONNECTION=" + a.Connection}, store
}

// versity starts an S3 server, and returns the settings for it, and the store
// that they name.
func versity(t *testing.T) ([]string, blob.Store) {
	v := &storage.Versity{}
	if err := v.Start(t.Context()); err != nil {
		t.Fatalf("%v\nremedy: infra/stage/storage/install.sh", err)
	}
	t.Cleanup(v.Stop)
	for _, e := range v.Env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	store, err := s3.Open(t.Context(), v.Bucket, v.URL, nil)
	must(t, err)
	return append(v.Env, "GROUPWRITEBACK_STORE=s3:"+v.Bucket, "GROUPWRITEBACK_S3_ENDPOINT="+v.URL), store
}

// ending is all that a story leaves behind, but for what chance, clocks and
// counters decide: GUIDs, nonces, generations, batch numbers, times.
type ending struct {
	Directory  map[string]map[string][]string // by DN and attribute, as ldapsearch prints it
	Head       journal.Head
	Groups     map[directory.ID]directory.Group
	Principals map[directory.ID]*directory.Principal
	Known      map[directory.ID]record.Group
	Applied    []string // each change that was carried out, with what became of it
	Kinds      []string // of objects
}

// endOf takes a last turn, which clears the inbox, and reads everything.
func endOf(t *testing.T, s *Stage, store blob.Store) ending {
	t.Helper()
	must(t, s.Sync(t.Context()))
	e := ending{Directory: searchGroups(t, s), Groups: map[directory.ID]directory.Group{}, Known: map[directory.ID]record.Group{}}
	w, err := (&journal.Journal{Store: store, Target: s.Target}).View(t.Context())
	must(t, err)
	e.Head = lasting(w.Head)
	truth := s.Company.Tenant.Dump()
	var ids []directory.ID
	for _, o := range slices.Concat(truth.Groups, truth.Users, truth.Devices) {
		ids = append(ids, o.ID)
	}
	must(t, w.Fetch(t.Context(), ids))
	for _, id := range ids {
		if g := w.Group(id); g != nil {
			e.Groups[id] = *g
		}
	}
	e.Principals = map[directory.ID]*directory.Principal{}
	_, err = w.EachPrincipal(t.Context(), ids, func(p *directory.Principal) { e.Principals[p.ID] = p })
	must(t, err)
	must(t, w.Each(t.Context(), func(h *record.Group) error {
		e.Known[h.ID] = lastingRecord(*h)
		return nil
	}))
	e.readObjects(t, store, "t/"+s.Target+"/")
	if len(e.Directory) < 20 || len(e.Groups) < 20 || len(e.Principals) < 60 || len(e.Known) < 20 || len(e.Applied) < 50 {
		t.Fatalf("the story left %d groups in AD, and in the journal %d groups, %d principals, %d known and %d changes: too little to mean anything",
			len(e.Directory), len(e.Groups), len(e.Principals), len(e.Known), len(e.Applied))
	}
	if want := []string{"audit", "batch", "g", "h", "head", "hold", "lease", "m", "map", "release", "reply", "rule", "run"}; !slices.Equal(e.Kinds, want) {
		t.Errorf("the journal holds objects of the kinds %q, want %q: an inbox that is empty, and one of each other", e.Kinds, want)
	}
	return e
}

// lasting is what a head says of a story, and not of its course.
func lasting(h journal.Head) journal.Head {
	return journal.Head{Format: h.Format, Epoch: h.Epoch, Rules: h.Rules, Former: h.Former, Attrs: h.Attrs, Plan: h.Plan, Stop: h.Stop,
		Target: journal.Target{Base: h.Target.Base, DomainSID: h.Target.DomainSID, Domains: h.Target.Domains}, Reads: h.Reads, ReadAll: h.ReadAll,
		Shadow: h.Shadow, Holds: h.Holds, Window: counted(h.Window), Totals: h.Totals}
}

func lastingRecord(r record.Group) record.Group {
	r.LastWrite, r.SID, r.Window, r.Life.Since, r.Noted = 0, "", counted(r.Window), time.Time{}, ""
	if r.Observed != nil {
		g := r.Observed.Clone()
		g.GUID = ""
		r.Observed = &g
	}
	if r.Hold != nil {
		hold := *r.Hold
		hold.ID, hold.Opened, hold.Approved, hold.Said = "", time.Time{}, time.Time{}, time.Time{}
		r.Hold = &hold
	}
	return r
}

// counted is a window without its times.
func counted(w record.Window) record.Window {
	sum := record.Hour{Peak: w.Peak(), Done: map[plan.GuardName]int{}}
	for _, g := range plan.Guards() {
		sum.Done[g.Name] = w.Count(g.Name)
	}
	return record.Window{sum}
}

// readObjects notes which kinds of objects there are, and what the audit objects
// say was done.
func (e *ending) readObjects(t *testing.T, store blob.Store, prefix string) {
	t.Helper()
	keys, err := store.List(t.Context(), prefix)
	must(t, err)
	seen := map[uint64]bool{}
	for _, k := range keys {
		kind, _, _ := strings.Cut(strings.TrimPrefix(k, prefix), "/")
		e.Kinds = append(e.Kinds, strings.TrimSuffix(kind, "s")) // an enumeration of two steps has units gs and ms
		if kind != "audit" {
			continue
		}
		data, _, err := store.Get(t.Context(), k)
		must(t, err)
		var a journal.Applied
		must(t, json.Unmarshal(data, &a))
		if seen[a.Seq] {
			continue // of a step that lost its swap
		}
		seen[a.Seq] = true
		for i, c := range a.Changes {
			e.Applied = append(e.Applied, lastingChange(t, c, a.Results[i]))
		}
	}
	slices.Sort(e.Kinds)
	slices.Sort(e.Applied)
	e.Kinds = slices.Compact(e.Kinds)
}

// lastingChange is a change and its result as text, without GUIDs.
func lastingChange(t *testing.T, c plan.Change, r plan.Result) string {
	t.Helper()
	c.GUID, c.Known, r.GUID = "", nil, ""
	c.Why, _, _ = strings.Cut(c.Why, ", hold ") // whose id differs each time
	text, err := json.Marshal([]any{c, r})
	must(t, err)
	return string(text)
}

// searchGroups asks the directory by ldapsearch for all that we write. Of the
// fence it keeps whose it is.
func searchGroups(t *testing.T, s *Stage) map[string]map[string][]string {
	t.Helper()
	cmd := exec.Command("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", s.DC.URL, "-D", s.DC.AdminName, "-w", s.DC.AdminPassword, "-b", s.Base, "(objectClass=group)",
		"cn", "name", "displayName", "description", "sAMAccountName", "groupType", "info", "adminDescription", "adminDisplayName", "msDS-ExternalDirectoryObjectId", "member")
	cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+s.DC.CAFile, "LDAPTLS_REQCERT=allow")
	out, err := cmd.Output()
	must(t, err)
	found := map[string]map[string][]string{}
	var entry map[string][]string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), ":")
		switch {
		case !ok || strings.HasPrefix(name, "#"): // the end of an entry, or a comment
		case name == "dn":
			entry = map[string][]string{}
			found[value] = entry
		case name == "adminDisplayName":
			entry[name] = strings.Fields(value)[:2]
		default:
			entry[name] = append(entry[name], value) // base64 stays what it is
			slices.Sort(entry[name])
		}
	}
	return found
}
