package decision_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

func named(cn string) record.Name { return record.Name{CN: cn, Account: cn} }

func standing(n record.Name) *plan.Group {
	g := plan.Group{ID: staff, Name: n.CN, Attrs: map[string][]string{}}
	if n.Account != "" {
		g.Attrs["sAMAccountName"] = []string{n.Account}
	}
	return &g
}

func TestNaming(t *testing.T) {
	short, whole := "_"+staff.String()[24:], "_"+strings.ReplaceAll(staff.String(), "-", "")
	a, b, none := named("A"), named("B"), record.Name{}
	taken := func(n record.Name, times int, ours bool) *record.Taken {
		return &record.Taken{Name: n, By: "CN=x", Ours: ours, Times: times}
	}
	stranger := taken(a, 1, false)
	tests := []struct {
		name     string
		known    record.Names
		computed record.Name
		observed *plan.Group
		rename   bool
		want     record.Names
	}{
		{"new: as the rules say", record.Names{}, a, nil, false, record.Names{Asked: a, Given: a}},
		{"new, without an account name by the rules", record.Names{}, record.Name{CN: "A/B"}, nil, false,
			record.Names{Asked: record.Name{CN: "A/B", Account: "A_B"}, Given: record.Name{CN: "A/B", Account: "A_B"}}},
		{"nothing known, it stands as the rules say", record.Names{}, a, standing(a), false, record.Names{Asked: a, Given: a}},
		{"nothing known, it stands otherwise", record.Names{}, a, standing(b), false, record.Names{Given: b}},
		{"nothing known, it stands otherwise, and names follow", record.Names{}, a, standing(b), true, record.Names{Asked: a, Given: a}},
		{"nothing known, it stands with a suffix, and names follow", record.Names{}, a, standing(named("A" + short)), true, record.Names{Asked: a, Given: named("A" + short)}},
		{"nothing known, it stands with the whole id, and names follow", record.Names{}, a, standing(named("A" + whole)), true, record.Names{Asked: a, Given: named("A" + whole)}},
		{"nothing known, on its way between two names", record.Names{}, a, standing(named(plan.Mark(staff))), false, record.Names{Asked: a, Given: a}},
		{"nothing known, half on its way", record.Names{}, a, standing(record.Name{CN: "B", Account: plan.Mark(staff)}), false, record.Names{Given: record.Name{CN: "B", Account: "A"}}},
		{"nothing known, its account name is not read", record.Names{}, a, standing(record.Name{CN: "B"}), false, record.Names{Given: record.Name{CN: "B", Account: "A"}}},
		{"nothing known, its name is none that Active Directory takes", record.Names{}, a, standing(record.Name{CN: "A\nCNF:1", Account: "B"}), false, record.Names{Given: record.Name{CN: "A", Account: "B"}}},

		{"another name in the cloud", record.Names{Asked: a, Given: a}, b, standing(a), false, record.Names{Asked: a, Given: a}},
		{"another name in the cloud, and names follow", record.Names{Asked: a, Given: a}, b, standing(a), true, record.Names{Asked: b, Given: b}},
		{"names follow from now on", record.Names{Given: b}, a, standing(b), true, record.Names{Asked: a, Given: a}},
		{"names follow from now on, it has that one with a suffix", record.Names{Given: named("A" + short)}, a, standing(named("A" + short)), true, record.Names{Asked: a, Given: named("A" + short)}},
		{"the rules want it without a suffix now", record.Names{Asked: named("A" + short), Given: named("A" + short)}, a, standing(named("A" + short)), true, record.Names{Asked: a, Given: a}},
		{"renamed by hand", record.Names{Asked: a, Given: a}, a, standing(b), false, record.Names{Asked: a, Given: a}},
		{"renamed by hand, and names follow", record.Names{Asked: a, Given: a}, a, standing(b), true, record.Names{Asked: a, Given: a}},
		{"deleted by hand", record.Names{Asked: a, Given: named("A" + short), Taken: stranger}, a, nil, false, record.Names{Asked: a, Given: named("A" + short), Taken: stranger}},
		{"deleted by hand, what was asked for is not known", record.Names{Given: b}, a, nil, false, record.Names{Given: b}},

		{"taken", record.Names{Asked: a, Given: a, Taken: stranger}, a, nil, false, record.Names{Asked: a, Given: named("A" + short), Taken: stranger}},
		{"taken by ours", record.Names{Asked: a, Given: a, Taken: taken(a, 1, true)}, a, nil, false, record.Names{Asked: a, Given: named("A" + short), Taken: taken(a, 1, true)}},
		{"taken by ours, who may be about to leave it", record.Names{Asked: a, Given: a, Taken: taken(a, 1, true)}, a, standing(b), true, record.Names{Asked: a, Given: a, Taken: taken(a, 1, true)}},
		{"taken by ours, who does not leave it", record.Names{Asked: a, Given: a, Taken: taken(a, 2, true)}, a, standing(b), true, record.Names{Asked: a, Given: named("A" + short), Taken: taken(a, 2, true)}},
		{"taken by a stranger, and names follow", record.Names{Asked: a, Given: a, Taken: stranger}, a, standing(b), true, record.Names{Asked: a, Given: named("A" + short), Taken: stranger}},
		{"taken with the suffix, too", record.Names{Asked: a, Given: named("A" + short), Taken: taken(named("A"+short), 1, false)}, a, nil, false,
			record.Names{Asked: a, Given: named("A" + whole), Taken: taken(named("A"+short), 1, false)}},
		{"taken with the whole id, too", record.Names{Asked: a, Given: named("A" + whole), Taken: taken(named("A"+whole), 1, false)}, a, nil, false,
			record.Names{Asked: a, Given: named("A" + whole), Taken: taken(named("A"+whole), 1, false)}},
		{"taken when it was to be put back", record.Names{Given: b, Taken: taken(b, 1, false)}, a, standing(named("C")), false, record.Names{Asked: b, Given: named("B" + short), Taken: taken(b, 1, false)}},
		{"the cn alone is taken: people see one name", record.Names{Asked: record.Name{CN: "R/D", Account: "R_D"}, Given: record.Name{CN: "R/D", Account: "R_D"}, Taken: taken(record.Name{CN: "R/D", Account: "R_D"}, 1, false)}, record.Name{CN: "R/D", Account: "R_D"}, nil, false,
			record.Names{Asked: record.Name{CN: "R/D", Account: "R_D"}, Given: record.Name{CN: "R/D" + short, Account: "R_D" + short}, Taken: taken(record.Name{CN: "R/D", Account: "R_D"}, 1, false)}},

		{"the other one goes: it keeps the suffix", record.Names{Asked: a, Given: named("A" + short), Taken: stranger}, a, standing(named("A" + short)), false, record.Names{Asked: a, Given: named("A" + short), Taken: stranger}},
		{"a person gives it the name that it was to have", record.Names{Asked: a, Given: named("A" + short), Taken: stranger}, a, standing(a), false, record.Names{Asked: a, Given: a}},
		{"a person gives it half of that", record.Names{Asked: a, Given: named("A" + short), Taken: stranger}, a, standing(record.Name{CN: "A", Account: "A" + short}), false,
			record.Names{Asked: a, Given: named("A" + short), Taken: stranger}},
		{"it has the name after all", record.Names{Asked: a, Given: a, Taken: taken(a, 1, true)}, a, standing(a), true, record.Names{Asked: a, Given: a}},
		{"another name in the cloud ends the collision", record.Names{Asked: a, Given: named("A" + short), Taken: stranger}, b, standing(named("A" + short)), true, record.Names{Asked: b, Given: b}},
		{"a name that is not read is not none", record.Names{Given: b}, a, standing(none), false, record.Names{Given: b}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := decision.Naming(tt.known, tt.computed, tt.observed, tt.rename, staff)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if again := decision.Naming(got, tt.computed, tt.observed, tt.rename, staff); tt.name != "taken with the whole id, too" && !cmp.Equal(again, got) {
				t.Errorf("once more: %s", cmp.Diff(got, again))
			}
		})
	}
}

// TestNamesInUse: what is to be done to a group carries the name in use, and the problem says
// who has the one that was asked for.
func TestNamesInUse(t *testing.T) {
	renamed := cloud(directory.Named)
	renamed.Props["displayName"] = []string{"Renamed"}
	if got := drafted(of(none(), renamed).decide(t)); len(got) != 1 || got[0].Kind() != plan.Setting || !slices.Equal(got[0].Set["displayName"], []string{"Renamed"}) {
		t.Errorf("another name in the cloud: %+v", got)
	}
	follows := *all
	follows.Rename = true
	got := drafted(of(none(), renamed).with(func(s *scene) { s.rules = &follows }).decide(t))
	if len(got) != 2 || got[0].Kind() != plan.Renaming || !strings.HasPrefix(got[0].Name, "Renamed_") || got[0].Set["sAMAccountName"][0] != got[0].Name {
		t.Errorf("names follow: %+v", got)
	}
	s := of(nil, cloud(directory.Named))
	first := s.decide(t)
	n := first.Record.Names
	s.Record = first.Record
	s.Record.Names = n.Refused(drafted(first)[0], plan.Taken{By: "CN=Staff,OU=x"})
	out := s.decide(t)
	next := plan.Suffixed(n.Given.CN, staff)
	if got := drafted(out); len(got) != 1 || got[0].Name != next || got[0].Set["sAMAccountName"][0] != next {
		t.Errorf("taken: %+v", got)
	}
	if p := out.Record.Problems; len(p) != 1 || p[0].Reason != decision.NameTaken || !strings.Contains(p[0].Text, "is taken by CN=Staff,OU=x") || !strings.Contains(p[0].Text, next) || out.Counts.Problems[decision.NameTaken] != 1 {
		t.Errorf("problems %+v, counts %v", p, out.Counts.Problems)
	}
}

// TestGivenUpKeepsItsName: a group that is no longer managed is not renamed any more.
func TestGivenUpKeepsItsName(t *testing.T) {
	gone := cloud(directory.Named)
	gone.Gone = directory.SoftDeleted
	out := of(none(), gone).with(func(s *scene) { s.Record.Observed.Name = "By hand" }).decide(t)
	if slices.Contains(kinds(out), plan.Renaming) {
		t.Errorf("%+v", drafted(out))
	}
}
