package rules

import (
	"fmt"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// Mail says how mail reaches groups that have any: Microsoft 365 groups that become distribution
// or mail-enabled security groups.
type Mail struct {
	Route    exchange.Route `json:",omitempty"` // empty: groups are written without mail
	LeaveOut []string       `json:",omitempty"` // attributes of mail that nothing is said of, sorted
}

func (m Mail) options() exchange.Options {
	return exchange.Options{Route: m.Route, LeaveOut: m.LeaveOut}
}

// attributes are those of Active Directory that mail decides, showInAddressBook among them.
func (m Mail) attributes() []string {
	if m.Route == "" {
		return nil
	}
	return m.options().Attributes()
}

// flags are the properties that say of a group what Graph tells of one at a time alone, by the
// attributes that are made of them.
var flags = map[string][]string{
	"msExchHideFromAddressLists": {"hideFromAddressLists", "hideFromOutlookClients"},
	"msExchRequireAuthToSendTo":  {"allowExternalSenders"},
	string(plan.ShownIn):         {"hideFromAddressLists", "hideFromOutlookClients"},
}

// properties are those of the cloud's groups that mail looks at.
func (m Mail) properties() (names []string) {
	for _, attribute := range m.attributes() {
		names = append(names, flags[attribute]...)
	}
	if m.Route != "" {
		names = append(names, "mail", "mailNickname", "proxyAddresses")
	}
	return names
}

// Stamp is what gives groups their mail in a forest, made once for many of them; nil: the rules write
// no mail.
func (r *Rules) Stamp(site exchange.Site) *exchange.Stamp {
	if r.Mail.Route == "" {
		return nil
	}
	return exchange.NewStamp(site, r.Mail.options())
}

// mailed says whether a cloud group has mail in Active Directory, and whether it is a security
// group there.
func (r *Rules) mailed(g *directory.Group) (yes, security bool) {
	kind, _ := kindOf(g)
	t, _ := r.typeOf(g)
	return kind == Microsoft365 && (t == Distribution || t == MailEnabledSecure), t == MailEnabledSecure
}

// mail gives a group what Exchange wants of one with mail. It is false where the group waits: it is to
// have mail, does not stand in Active Directory yet, and there is no Exchange that would know
// it. What nothing is said of stays as it is.
func (r *Rules) mail(want *plan.Group, g *directory.Group, observed *plan.Group, t Target) (problems []plan.Problem, ok bool) {
	if t.Mail == nil {
		return nil, true
	}
	stay(want, observed, t.Mail.Attributes())
	yes, security := r.mailed(g)
	if !yes {
		if observed != nil && exchange.Stamped(g.ID.String(), want.First(plan.LegacyExchangeDN)) {
			silence(want, observed)
		}
		return nil, true
	}
	if lacks := t.Mail.Lacks(); len(lacks) > 0 {
		text := Explain(NoExchange) + ": " + lacks[0].Text
		return []plan.Problem{{Group: g.ID, Reason: NoExchange, Text: text}}, observed != nil
	}
	cloud := exchange.Group{
		ID: g.ID.String(), Mail: g.Props.First("mail"), Nickname: g.Props.First("mailNickname"), Proxies: g.Props["proxyAddresses"], Security: security,
		HideFromLists: flag(g, "hideFromAddressLists"), HideFromOutlook: flag(g, "hideFromOutlookClients"), AllowExternal: flag(g, "allowExternalSenders"),
	}
	whole := cloud
	if cloud = without(cloud, t.Clashes); cloud.Mail == "" && len(t.Clashes) > 0 && exchange.Stamped(g.ID.String(), want.First(plan.LegacyExchangeDN)) {
		release(want, whole)
	}
	w := t.Mail.Of(cloud, r.standing(want, observed))
	for name, values := range w.Attrs {
		if len(values) == 0 {
			delete(want.Attrs, name)
		} else {
			want.Attrs[name] = sorted(slices.Clone(values)...)
		}
	}
	if w.Lists != nil {
		refs := make([]plan.Ref, len(w.Lists))
		for i, guid := range w.Lists {
			refs[i] = plan.GUIDRef(plan.GUID(guid))
		}
		want.Links = want.Links.With(plan.ShownIn, sorted(refs...))
	}
	for _, n := range w.Notes {
		text := n.What
		if n.Attribute != "" {
			text = n.Attribute + ": " + text
		}
		problems = append(problems, plan.Problem{Group: g.ID, Reason: MailIncomplete, Text: text})
	}
	return problems, true
}

// release takes from a group that does not get its own address what the cloud does not give it any
// more: whoever has that address may wait for it, where two groups swap theirs.
func release(want *plan.Group, cloud exchange.Group) {
	has := map[string][]string{plan.MailAttribute: want.Attrs[plan.MailAttribute], plan.ProxyAddresses: want.Attrs[plan.ProxyAddresses]}
	gone := plan.NewClaims(has, map[string][]string{plan.MailAttribute: {cloud.Mail}, plan.ProxyAddresses: cloud.Proxies})
	want.Attrs = plan.WithoutClashes(want.Attrs, nil, gone)
}

// without is the group without what somebody else in the forest has: an address is left out, and of
// an alias it gets another. A legacyExchangeDN is the decision's to leave out.
func without(g exchange.Group, clashes []plan.Clash) exchange.Group {
	var addresses []string
	alias := false
	for _, c := range clashes {
		switch c.Attribute {
		case plan.ProxyAddresses, plan.MailAttribute:
			addresses = append(addresses, c.Value)
		case plan.MailNickname:
			alias = true
		}
	}
	if g = g.Without(addresses...); alias {
		g = g.Aliased()
	}
	return g
}

// stay gives a wish what an observed group has of some attributes.
func stay(want, observed *plan.Group, attributes []string) {
	if observed == nil {
		return
	}
	for _, name := range attributes {
		if values := observed.Attrs[name]; len(values) > 0 {
			want.Attrs[name] = slices.Clone(values)
		}
	}
}

// silence takes from a group the mail that it was given.
func silence(want, observed *plan.Group) {
	exchange.Silence(want.ID.String(), want.Attrs)
	if len(observed.Links[plan.ShownIn]) > 0 {
		want.Links = want.Links.With(plan.ShownIn, nil)
	}
}

// standing is what the group has, or is going to have, beside what the stamp gives it.
func (r *Rules) standing(want, observed *plan.Group) exchange.Standing {
	s := exchange.Standing{LegacyDN: want.First(plan.LegacyExchangeDN), Attrs: map[string][]string{}}
	for _, m := range r.mapping() {
		s.Attrs[m.Attribute] = nil
	}
	s.Attrs[commonName], s.Attrs["name"] = []string{want.Name}, []string{want.Name}
	for name, values := range want.Attrs {
		s.Attrs[name] = values
	}
	if observed != nil {
		for _, ref := range observed.Links[plan.ShownIn] {
			if guid, is := ref.GUID(); is {
				s.Lists = append(s.Lists, string(guid))
			}
		}
	}
	return s
}

// flag is a property that Graph gives of one group at a time; one that was not read is not false.
func flag(g *directory.Group, property string) exchange.Flag {
	return exchange.Flag(g.Props.First(property))
}

// loses says what is lost by the way that mail takes to the group; "" if it has no mail.
func (r *Rules) loses(g *directory.Group, w *plan.Wish, t Target) string {
	if yes, _ := r.mailed(g); !yes || t.Mail == nil || w.Group == nil || len(w.Group.Attrs["mail"])+len(w.Group.Attrs["proxyAddresses"]) == 0 {
		return ""
	}
	if r.Mail.Route == exchange.Cloud {
		return "by mail.route cloud, Exchange is to send its mail from on-premises to the group in the cloud: not verified against Exchange"
	}
	without := 0
	for _, m := range g.Members {
		if !slices.ContainsFunc(plan.AppendForms(nil, m), func(ref plan.Ref) bool { return holds(w.Group, ref) }) {
			without++
		}
	}
	return fmt.Sprintf("by mail.route expand, mail from on-premises goes to its members in Active Directory: %d of %d are not there and get none, nor does its mailbox in the cloud", without, len(g.Members))
}
