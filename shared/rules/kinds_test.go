package rules_test

import (
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/rules"
)

// TestWritebackConfiguration is Group Writeback v2's table, cell by cell: what isEnabled and
// onPremisesGroupType make of a Microsoft 365 group, in tenants of either default, and of a
// security group. What v2 does not allow has a reason.
// Source: https://learn.microsoft.com/graph/api/resources/groupwritebackconfiguration.
func TestWritebackConfiguration(t *testing.T) {
	const (
		dist, sec, mesg = "universalDistributionGroup", "universalSecurityGroup", "universalMailEnabledSecurityGroup"
		distribution    = "8"
		security        = "-2147483640"
		off, refused    = rules.WritebackOff, rules.WritebackType
	)
	for _, row := range []struct{ enabled, wanted, microsoft365, notByDefault, security string }{
		{"true", dist, distribution, distribution, refused},
		{"true", sec, security, security, security},
		{"true", mesg, security, security, refused},
		{"true", "", distribution, distribution, security},
		{"true", "somethingNew", refused, refused, refused},
		{"", dist, distribution, off, off},
		{"", sec, security, off, off},
		{"", mesg, security, off, off},
		{"", "", distribution, off, off},
		{"false", dist, off, off, off},
		{"false", sec, off, off, off},
		{"false", mesg, off, off, off},
		{"false", "", off, off, off},
	} {
		var config []string
		if row.enabled != "" {
			config = append(config, "isEnabled="+row.enabled)
		}
		if row.wanted != "" {
			config = append(config, "onPremisesGroupType="+row.wanted)
		}
		for _, cell := range []struct {
			kind         string
			notByDefault bool
			want         string
		}{{"Microsoft 365 group", false, row.microsoft365}, {"Microsoft 365 group, not by default", true, row.notByDefault}, {"security group", false, row.security}} {
			g := &directory.Group{ID: id, Props: props()}
			if cell.kind != "security group" {
				g.Props = props("groupTypes", "Unified", "mailEnabled", "true", "securityEnabled", "false")
			}
			g.Props["writebackConfiguration"] = config
			r := *all
			r.Kinds, r.Writeback = rules.Kinds{rules.Security: rules.SecurityGroup, rules.Microsoft365: rules.Distribution}, &rules.Writeback{NotByDefault: cell.notByDefault}
			_, got := r.InScope(g, nobody)
			if w := r.Decide(id, g, nil, nobody, forest); w.Group != nil {
				got = w.Group.Attrs["groupType"][0]
			}
			if got != cell.want {
				t.Errorf("a %s with isEnabled %q and onPremisesGroupType %q: %s, want %s", cell.kind, row.enabled, row.wanted, got, cell.want)
			}
		}
	}
}

// TestGroupTypes: what each kind of group becomes, by Active Directory's scope of it.
// Source: https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/11972272-09ec-4a42-bf5e-3e99b321cf55.
func TestGroupTypes(t *testing.T) {
	for _, row := range []struct {
		becomes                        rules.Type
		universal, global, domainLocal string
	}{
		{rules.SecurityGroup, "-2147483640", "-2147483646", "-2147483644"},
		{rules.Distribution, "8", "2", "4"},
		{rules.MailEnabledSecure, "-2147483640", "-2147483646", "-2147483644"},
	} {
		for reach, want := range map[rules.Reach]string{"": row.universal, rules.Universal: row.universal, rules.Global: row.global, rules.DomainLocal: row.domainLocal} {
			for kind, p := range map[rules.Kind]directory.Properties{rules.Security: props(), rules.Microsoft365: props("groupTypes", "Unified", "mailEnabled", "true", "securityEnabled", "")} {
				r := *all
				r.Kinds, r.Reach = rules.Kinds{kind: row.becomes}, reach
				if w := r.Decide(id, &directory.Group{ID: id, Props: p}, nil, nobody, forest); w.Group == nil || w.Group.Attrs["groupType"][0] != want {
					t.Errorf("%s to %s, %q: %+v, want %s", kind, row.becomes, reach, w, want)
				}
			}
		}
	}
}
