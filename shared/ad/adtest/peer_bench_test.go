package adtest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// BenchmarkMembers fills groups with 5,000 members, 1,000 to a modify, in turns by
// ad.Domain, with all that it reads and checks, and by OpenLDAP's ldapmodify with
// the same batches as plain LDIF. It reports both in member values a second, and
// their ratio. The domain controller is the limit for both.
func BenchmarkMembers(b *testing.B) {
	const size, batch = 5000, 1000
	dc := adtest.Start(b, size)
	conn, err := ad.Dial(b.Context(), ad.Config{URL: dc.URL, ServerName: dc.ServerName, CAFile: dc.CAFile, User: dc.BindName, Password: dc.Password})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	d := &ad.Domain{Conn: conn, Base: dc.Base, Instance: "bench", Attrs: []string{"groupType"}, Values: batch}
	if d.Identity, err = d.Identify(b.Context()); err != nil {
		b.Fatal(err)
	}
	var refs []plan.Ref
	for n := 1; n <= size; n++ {
		refs = append(refs, plan.SIDRef(dc.SIDs[fmt.Sprintf("user%05d", n)]))
	}
	slices.Sort(refs)
	var ours, theirs time.Duration
	for i := 0; b.Loop(); i++ {
		// By turns, so that a busy machine is busy for both.
		if i%2 == 0 {
			ours += fill(b, d, 2*i, func(id directory.ID, guid plan.GUID, _ string) {
				apply(b, d, plan.Change{Op: plan.Update, Group: id, GUID: guid, Add: refs})
			})
		}
		theirs += fill(b, d, 2*i+1, func(_ directory.ID, _ plan.GUID, dn string) { ldapmodify(b, dc, dn, refs, batch) })
		if i%2 == 1 {
			ours += fill(b, d, 2*i, func(id directory.ID, guid plan.GUID, _ string) {
				apply(b, d, plan.Change{Op: plan.Update, Group: id, GUID: guid, Add: refs})
			})
		}
	}
	values := float64(size * b.N)
	b.ReportMetric(values/ours.Seconds(), "ours-values/s")
	b.ReportMetric(values/theirs.Seconds(), "ldapmodify-values/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

// fill makes an empty group and returns how long add takes to fill it.
func fill(b *testing.B, d *ad.Domain, n int, add func(id directory.ID, guid plan.GUID, dn string)) time.Duration {
	b.Helper()
	sum := sha256.Sum256(fmt.Appendf(nil, "bench %d %d", n, time.Now().UnixNano()))
	id := directory.ID(sum[:16])
	name := "bench " + id.String()
	r := apply(b, d, plan.Change{Op: plan.Create, Group: id, Parent: plan.NormalDN(d.Base), Name: name, Set: map[string][]string{"groupType": {"-2147483640"}}})
	began := time.Now()
	add(id, r.GUID, plan.JoinRDN(name, d.Base))
	return time.Since(began)
}

func apply(b *testing.B, d *ad.Domain, c plan.Change) plan.Result {
	b.Helper()
	r, err := d.Apply(context.Background(), plan.Fence{Instance: "bench", Epoch: 1, Seq: 1, Lease: 1}, c)
	if err != nil || r.Status != plan.Done || len(r.Bad) > 0 {
		b.Fatalf("%s: %+v, %v", c.Op, r, err)
	}
	return r
}

func ldapmodify(b *testing.B, dc *adtest.DC, dn string, refs []plan.Ref, batch int) {
	b.Helper()
	var ldif strings.Builder
	for part := range slices.Chunk(refs, batch) {
		fmt.Fprintf(&ldif, "dn: %s\nchangetype: modify\nadd: member\n", dn)
		for _, r := range part {
			fmt.Fprintf(&ldif, "member: <SID=%s>\n", r)
		}
		ldif.WriteString("-\n\n")
	}
	file := filepath.Join(b.TempDir(), "members.ldif")
	if err := os.WriteFile(file, []byte(ldif.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("ldapmodify", "-x", "-H", dc.URL, "-D", dc.BindName, "-w", dc.Password, "-f", file)
	cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+dc.CAFile, "LDAPTLS_REQCERT=allow")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("ldapmodify: %v\n%s", err, out)
	}
}
