package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestClashing: what others have is asked for again after a while that grows, soon where it is
// a group of ours; what the change had besides is free, and what it was not about stays.
func TestClashing(t *testing.T) {
	set := map[string][]string{"proxyAddresses": {"SMTP:a@b", "smtp:c@b"}, "mailNickname": {"a"}}
	address, alias := plan.Clash{Attribute: "proxyAddresses", Value: "SMTP:a@b", By: "CN=x"}, plan.Clash{Attribute: "mailNickname", Value: "a", By: "CN=y", Ours: true}
	known := func(c plan.Clash, tries int, wait time.Duration) record.Clash {
		return record.Clash{Tries: record.Tries{Count: tries, Until: hour.Add(wait)}, Attribute: c.Attribute, Value: c.Value, By: c.By, Ours: c.Ours, Grounds: "g"}
	}
	other := plan.Clash{Attribute: "mail", Value: "other@b", By: "CN=z"}
	free := plan.Clash{Attribute: "proxyAddresses", Value: "smtp:C@b", By: "CN=z"}
	for name, test := range map[string]struct {
		known []record.Clash
		said  []plan.Clash
		want  []record.Clash
	}{
		"at first":                {nil, []plan.Clash{address, alias}, []record.Clash{known(alias, 1, time.Minute), known(address, 1, 5*time.Minute)}},
		"again":                   {[]record.Clash{known(alias, 1, -time.Hour), known(address, 2, -time.Hour)}, []plan.Clash{alias, address}, []record.Clash{known(alias, 2, 4*time.Minute), known(address, 3, 80*time.Minute)}},
		"for long":                {[]record.Clash{known(address, 50, -time.Hour)}, []plan.Clash{address}, []record.Clash{known(address, 51, 24*time.Hour)}},
		"said twice":              {nil, []plan.Clash{address, address}, []record.Clash{known(address, 1, 5*time.Minute)}},
		"one is free":             {[]record.Clash{known(free, 1, time.Hour)}, []plan.Clash{address}, []record.Clash{known(address, 1, 5*time.Minute)}},
		"of another change":       {[]record.Clash{known(other, 1, time.Hour)}, []plan.Clash{address}, []record.Clash{known(address, 1, 5*time.Minute), known(other, 1, time.Hour)}},
		"of nothing that was set": {nil, []plan.Clash{other, {Attribute: "displayName", Value: "a"}, {}}, nil},
	} {
		if diff := cmp.Diff(test.want, record.Clashing(test.known, set, test.said, "g", hour), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestClashWaits until its time, and no longer on other grounds.
func TestClashWaits(t *testing.T) {
	c := record.Clash{Tries: record.Tries{Until: hour}, Grounds: "g"}
	if !c.Waits(hour.Add(-1), "g") || c.Waits(hour, "g") || c.Waits(hour.Add(-1), "other") {
		t.Errorf("before its time: %t, at it: %t, on other grounds: %t", c.Waits(hour.Add(-1), "g"), c.Waits(hour, "g"), c.Waits(hour.Add(-1), "other"))
	}
}
