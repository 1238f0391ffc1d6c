package show

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/columns"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// ldifHead stands before a plan as LDIF.
const ldifHead = `# What the next plan would write, as LDIF (RFC 2849), to be read and not to be imported: the agent checks before each
# of these writes whose the group is, writes its own fence (adminDisplayName) with it, and looks up who is
# meant. People stand by SID and groups by GUID, as Active Directory takes them in place of a DN; whom the plan knows by
# a mail address alone is in a remark.
`

// LDIF is what a turn would do, change by change in the order of the plan.
func LDIF(p cycle.Preview) string {
	w := &ldifWriter{plan: p, made: map[directory.ID]string{}}
	w.WriteString(ldifHead + "version: 1\n")
	if p.Waiting != "" {
		w.remark("No plan can be made yet: " + p.Waiting)
	}
	for _, c := range p.Changes {
		w.change(c)
	}
	w.WriteString("\n")
	if p.More > 0 {
		w.remark(English().Sprintf("%d more changes come with later plans, and are not in this one.", p.More))
	}
	if n := len(p.Held) + p.MoreHeld; n > 0 {
		w.remark(English().Sprintf("Not in it: what waits for a person's word, in %d holds.", n))
	}
	return w.String()
}

// ldifWriter writes records.
type ldifWriter struct {
	strings.Builder
	plan cycle.Preview
	made map[directory.ID]string // DNs of groups that the plan makes
}

// change writes a record, or two where a group is renamed and changed.
func (w *ldifWriter) change(c plan.Change) {
	w.WriteString("\n")
	text := w.plan.Groups[c.Group].Name
	for _, more := range []string{c.Why, c.Loses} {
		if more != "" {
			text += ": " + more
		}
	}
	w.remark(text)
	if c.Op == plan.Create || c.Op == plan.Restore {
		w.made[c.Group] = plan.JoinRDN(c.Name, c.Parent)
	}
	switch c.Op {
	case plan.Create:
		w.value("dn", w.made[c.Group])
		w.value("changetype", "add")
		w.value("objectClass", "group")
		for _, name := range slices.Sorted(maps.Keys(c.Set)) {
			w.values(name, c.Set[name])
		}
		return
	case plan.Delete:
		w.value("dn", w.dn(c))
		w.value("changetype", "delete")
		return
	case plan.Rename:
		w.value("dn", w.dn(c))
		w.value("changetype", "modrdn")
		w.value("newrdn", plan.JoinRDN(c.Name, ""))
		w.value("deleteoldrdn", "1")
		if c.Parent != "" {
			w.value("newsuperior", c.Parent)
		}
		if len(c.Set) == 0 {
			return
		}
		w.WriteString("\n")
	}
	w.modify(c)
}

// modify writes what becomes of a group that is there, or comes back. What is about nobody whom LDAP could name is a remark.
func (w *ldifWriter) modify(c plan.Change) {
	body := &ldifWriter{plan: w.plan, made: w.made}
	if c.Op == plan.Restore {
		body.part("delete", "isDeleted", nil)
		body.part("replace", "distinguishedName", []string{w.made[c.Group]})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		body.part("replace", name, c.Set[name])
	}
	body.refs("delete", c, c.Remove)
	body.refs("add", c, c.Add)
	if strings.HasSuffix(body.String(), "-\n") {
		w.value("dn", w.dn(c))
		w.value("changetype", "modify")
	}
	w.WriteString(body.String())
}

// dn names the group of a change: by its GUID, or as the plan makes it.
func (w *ldifWriter) dn(c plan.Change) string {
	if c.GUID != "" {
		return "<GUID=" + string(c.GUID) + ">"
	}
	return cmp.Or(w.made[c.Group], plan.Mark(c.Group))
}

// refs writes who comes to a link of a group, or goes from it, each below what people call it.
func (w *ldifWriter) refs(verb string, c plan.Change, refs []plan.Ref) {
	attribute := string(c.Of())
	var lines ldifWriter
	known := false
	for i, name := range called(w.plan, refs) {
		dn := w.nameOf(c, refs[i])
		switch {
		case dn == "":
			w.remark(verb + " " + attribute + ": " + name)
			continue
		case name != string(refs[i]):
			lines.remark(name)
		}
		lines.value(attribute, dn)
		known = true
	}
	if known {
		w.value(verb, attribute)
		w.WriteString(lines.String() + "-\n")
	}
}

// nameOf is how LDAP would name an object; "": the plan does not know.
func (w *ldifWriter) nameOf(c plan.Change, r plan.Ref) string {
	if sid, is := r.SID(); is {
		return "<SID=" + string(sid) + ">"
	}
	if guid, is := r.GUID(); is {
		return "<GUID=" + string(guid) + ">"
	}
	id, is := r.Group()
	switch {
	case !is:
		return ""
	case c.Known[id] != "":
		return "<GUID=" + string(c.Known[id]) + ">"
	}
	return w.made[id]
}

// part writes one change of an attribute.
func (w *ldifWriter) part(verb, attribute string, values []string) {
	w.value(verb, attribute)
	w.values(attribute, values)
	w.WriteString("-\n")
}

func (w *ldifWriter) values(attribute string, values []string) {
	for _, v := range values {
		w.value(attribute, v)
	}
}

// value writes one line; what LDIF cannot have as text in base64, below the text.
func (w *ldifWriter) value(attribute, value string) {
	if ldifSafe(value) {
		w.folded(attribute + ": " + value)
		return
	}
	w.remark(attribute + ": " + value)
	w.folded(attribute + ":: " + base64.StdEncoding.EncodeToString([]byte(value)))
}

// ldifSafe says whether a value is a SAFE-STRING that no blank ends. A '<' is let through: only directly behind the colon it
// would begin a URL.
func ldifSafe(s string) bool {
	if s == "" {
		return true
	}
	unsafe := func(r rune) bool { return r < ' ' || r > '~' }
	return !strings.ContainsFunc(s, unsafe) && !strings.ContainsRune(" :", rune(s[0])) && !strings.HasSuffix(s, " ")
}

// ldifColumns is the width of a line before it is folded.
const ldifColumns = 76

// folded writes a line of single bytes, and what of it is too long on lines that begin with a blank.
func (w *ldifWriter) folded(line string) {
	for len(line) > ldifColumns {
		fmt.Fprintln(w, line[:ldifColumns])
		line = " " + line[ldifColumns:]
	}
	fmt.Fprintln(w, line)
}

// remark writes a text as remarks.
func (w *ldifWriter) remark(text string) {
	for _, line := range columns.Fold(plain(text), ldifColumns-2) {
		fmt.Fprintln(w, "# "+line)
	}
}
