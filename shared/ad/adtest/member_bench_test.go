package adtest_test

import (
	"fmt"
	"slices"
	"testing"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// BenchmarkOneMember puts one account into a group of 20,000 and takes another out, by
// turns: what the agent allocates and how long a domain controller needs for that.
func BenchmarkOneMember(b *testing.B) {
	const size = 20_000
	dc := adtest.Start(b, size+1)
	conn, err := ad.Dial(b.Context(), ad.Config{URL: dc.URL, ServerName: dc.ServerName, CAFile: dc.CAFile, User: dc.BindName, Password: dc.Password})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	d := &ad.Domain{Conn: conn, Base: dc.Base, Instance: "bench", Attrs: []string{"groupType"}, Values: 5000}
	if d.Identity, err = d.Identify(b.Context()); err != nil {
		b.Fatal(err)
	}
	var refs []plan.Ref
	for n := 1; n <= size; n++ {
		refs = append(refs, plan.SIDRef(dc.SIDs[fmt.Sprintf("user%05d", n)]))
	}
	slices.Sort(refs)
	c := plan.Change{Op: plan.Update}
	fill(b, d, 0, func(id directory.ID, guid plan.GUID, _ string) {
		c.Group, c.GUID = id, guid
		apply(b, d, plan.Change{Op: plan.Update, Group: id, GUID: guid, Add: refs})
	})
	one := []plan.Ref{plan.SIDRef(dc.SIDs[fmt.Sprintf("user%05d", size+1)])}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Add, c.Remove = one, nil
		if i%2 == 1 {
			c.Add, c.Remove = nil, one
		}
		apply(b, d, c)
	}
}
