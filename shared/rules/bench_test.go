package rules_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

const manyGroups = 100_000

// manyGroup is one of many, computed: none of them is kept.
func manyGroup(n int) *directory.Group {
	var id directory.ID
	binary.BigEndian.PutUint32(id[:], uint32(n))
	g := &directory.Group{ID: id, Reading: directory.Named, Props: directory.Properties{
		"displayName": {fmt.Sprintf("Project %d of a department with a long name, EMEA", n)}, "description": {"  Who works on it, where, and until when  "},
		"mailNickname": {fmt.Sprintf("project%d", n)}, "securityEnabled": {"true"}, "mailEnabled": {"false"}}}
	for m := range 10 {
		g.Members = append(g.Members, directory.Member{ID: directory.ID{1, byte(m)}, Kind: directory.User, Standing: directory.Synced, SID: directory.SID(fmt.Sprintf("S-1-5-21-1-2-3-%d", 2000+m))})
	}
	return g
}

// plainly is what the default mapping decides, written in Go: the cost that expressions are
// held against.
func plainly(g *directory.Group, ou string) *plan.Group {
	left := func(s string, n int) string {
		units := utf16.Encode([]rune(s))
		if len(units) <= n {
			return s
		}
		return strings.ToValidUTF8(string(utf16.Decode(units[:n])), "")
	}
	display := g.Props.First("displayName")
	want := &plan.Group{ID: g.ID, Parent: ou, Name: plan.LegalName(left(strings.TrimSpace(display), 51)+"_"+g.ID.String()[24:], g.ID), Attrs: map[string][]string{
		"adminDescription": {plan.Mark(g.ID)}, "msDS-ExternalDirectoryObjectId": {plan.Mark(g.ID)}, "groupType": {"-2147483640"}, "displayName": {display}}}
	if d := left(strings.TrimSpace(g.Props.First("description")), 448); d != "" {
		want.Attrs["description"] = []string{d}
	}
	want.Attrs["sAMAccountName"] = []string{plan.LegalAccountName(want.Name, g.ID)}
	for _, m := range g.Members {
		if slices.Contains(forest.Domains, m.SID.Domain()) && m.SID.RID() >= 1000 {
			want.Links = want.Links.With(plan.Member, append(want.Members(), plan.SIDRef(m.SID)))
		}
	}
	slices.Sort(want.Members())
	want.Links = want.Links.With(plan.Member, slices.Compact(want.Members()))
	return want
}

// BenchmarkDecide decides 100,000 groups: plainly in Go, by the default mapping, and by
// rules that use much of what there is. The default mapping costs at most twice the first.
// What is in use after it says that nothing is kept.
func BenchmarkDecide(b *testing.B) {
	much, err := rules.Parse([]byte(`ou:
  expression: Switch(Left(Trim([displayName]), 2), "OU=Groups,DC=corp", "Pr", "OU=Projects,DC=corp")
  default: OU=Cloud,DC=corp
scope:
  groups: all
  where:
  - - displayName REGEX MATCH ^Pro(?=ject)
    - securityEnabled IS TRUE
attributes:
  sAMAccountName: Append("g-",[mailNickname])
  extensionAttribute1: ToUpper([mailNickname],)
members: {nested: flatten}
`))
	if err != nil {
		b.Fatal(err)
	}
	byRules := func(r *rules.Rules) func(g *directory.Group) *plan.Group {
		return func(g *directory.Group) *plan.Group {
			v := r.View(g, func(directory.ID) *directory.Group { return nil })
			return r.Decide(g.ID, v.Group, nil, nobody, forest).Group
		}
	}
	for _, bench := range []struct {
		name   string
		decide func(*directory.Group) *plan.Group
	}{
		{"plain Go", func(g *directory.Group) *plan.Group { return plainly(g, "OU=x") }}, {"default", byRules(all)}, {"much", byRules(much)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			groups := make([]*directory.Group, 100)
			for i := range groups {
				groups[i] = manyGroup(i)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ReportAllocs()
			for b.Loop() {
				for n := range manyGroups {
					if bench.decide(groups[n%len(groups)]) == nil {
						b.Fatal("a group is not written")
					}
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/manyGroups, "ns/group")
			b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1024, "KiB-kept")
		})
	}
}

// TestPlainly: the peer of the benchmark decides what the default mapping does.
func TestPlainly(t *testing.T) {
	for n := range 1000 {
		g := manyGroup(n)
		want, got := plainly(g, "OU=x"), all.Decide(g.ID, g, nil, nobody, forest).Group
		if got == nil || want.Digest() != got.Digest() {
			t.Fatalf("group %d: %+v, want %+v", n, got, want)
		}
	}
}
