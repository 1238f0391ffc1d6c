package rules

import (
	"fmt"
	"strings"

	"groupwriteback/shared/exchange"
)

// mailHelp is what the key wants.
const mailHelp = "write none, or a mapping of route: expand (Exchange delivers to the members in Active Directory) or cloud (Exchange sends it to the group in the cloud; not verified against Exchange)"

// mail reads how mail reaches groups.
func (p *reader) mail(path string, v any) {
	p.mailSaid, p.rules.Mail = true, Mail{}
	if v == "none" {
		return
	}
	m, is := v.(map[string]any)
	if !is {
		p.mistake(path, "%s", mailHelp)
		return
	}
	to := &p.rules.Mail
	p.mapping(path, m, []key{
		{"route", func(path string, v any) {
			word(p, path, v, &to.Route, []exchange.Route{exchange.Expand, exchange.Cloud})
		}},
		{"leave_out", func(path string, v any) { to.LeaveOut = p.mailAttributes(path, v) }},
	}, "setting of mail")
	if _, is := m["route"]; !is {
		p.mistake(path, "write the route: expand (Exchange delivers to the members in Active Directory) or cloud (Exchange sends it to the group in the cloud; not verified against Exchange)")
	}
}

// mailAttributes reads a list of attributes that mail decides.
func (p *reader) mailAttributes(path string, v any) []string {
	known := exchange.Options{}.Attributes()
	all, is := v.([]any)
	if !is {
		p.mistake(path, "write a list of some of %s", list(known))
		return nil
	}
	names := make([]string, len(all))
	for i, v := range all {
		word(p, fmt.Sprintf("%s[%d]", path, i), v, &names[i], known)
	}
	return sorted(names...)
}

// mailMatters holds what the file says of mail against the rest of it.
func (p *reader) mailMatters(settings map[string]any) {
	if p.rules.writesMail() && !p.mailSaid {
		p.mistake("mail", "Microsoft 365 groups have mail, and nobody makes the choice how it reaches them by accident: "+mailHelp)
	}
	attributes, _ := settings["attributes"].(map[string]any)
	for _, name := range p.rules.Mail.attributes() {
		for written := range attributes {
			if strings.EqualFold(written, name) && attributes[written] != nil {
				p.misnamed("attributes", written, "mail decides this attribute: take it out here, or have mail leave it out (mail.leave_out)")
			}
		}
	}
}

// writesMail says whether the rules make groups that can have mail.
func (r *Rules) writesMail() bool {
	t, is := r.Kinds.typeOf(Microsoft365)
	return is && (r.Writeback != nil || t == Distribution || t == MailEnabledSecure)
}
