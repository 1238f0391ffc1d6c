package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/columns"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/show"
)

// shell is Active Directory by OpenLDAP's tools, which share no code with us.
type shell struct {
	dc                 *samba.DC
	service, admin, ca string // files: two passwords, the authority's certificate
}

// environment makes the tools trust the domain's authority. The certificate is for
// the controller's name, not for its loopback address: hence allow.
func (s shell) environment() []string {
	return []string{"LDAPTLS_CACERT=" + s.ca, "LDAPTLS_REQCERT=allow"}
}

// entry is what people look at of a group, by attribute.
type entry map[string][]string

// shown lists the attributes of an entry, in the order in which they are shown.
var shown = [...]string{"cn", "displayName", "description", "info", "groupType", "mail", "proxyAddresses", "showInAddressBook", "objectSid", "member"}

// group reads the group that stands for a cloud group. One that is not there is
// an empty entry.
func (s shell) group(ctx context.Context, id directory.ID) (entry, error) {
	args := append([]string{"-x", "-LLL", "-o", "ldif-wrap=no", "-H", s.dc.URL, "-D", s.dc.BindName, "-y", s.service,
		"-b", s.dc.Base, "(adminDescription=" + plan.Mark(id) + ")"}, shown[:]...)
	out, err := s.run(ctx, "", "ldapsearch", args...)
	if err != nil {
		return nil, err
	}
	return parseLDIF(out)
}

// setDescription changes a group by hand, as an administrator does.
func (s shell) setDescription(ctx context.Context, dn, text string) error {
	_, err := s.run(ctx, ldif(dn, text), "ldapmodify", "-x", "-H", s.dc.URL, "-D", s.dc.AdminName, "-y", s.admin)
	return err
}

// ldif is the change of a description (RFC 2849).
func ldif(dn, text string) string {
	return fmt.Sprintf("dn:: %s\nchangetype: modify\nreplace: description\ndescription: %s\n", base64.StdEncoding.EncodeToString([]byte(dn)), text)
}

func (s shell) run(ctx context.Context, input, name string, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), s.environment()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

// identities are the SIDs and members of all groups below the base, by their DNs.
func (s shell) identities(ctx context.Context) (map[string]string, error) {
	out, err := s.run(ctx, "", "ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", s.dc.URL, "-D", s.dc.BindName, "-y", s.service, "-b", s.dc.Base, "(objectClass=group)", "objectSid", "objectGUID", "member")
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for text := range strings.SplitSeq(string(out), "\n\n") {
		e, err := parseLDIF([]byte(text))
		if err != nil {
			return nil, err
		}
		if dn := e.first("dn"); dn != "" {
			all[dn] = e.first("objectSid") + e.first("objectGUID") + strings.Join(e["member"], "\n")
		}
	}
	return all, nil
}

// remove deletes a group by hand, as an administrator does.
func (s shell) remove(ctx context.Context, dn string) error {
	_, err := s.run(ctx, dn+"\n", "ldapdelete", "-x", "-H", s.dc.URL, "-D", s.dc.AdminName, "-y", s.admin)
	return err
}

// parseLDIF reads the first entry of ldapsearch's output, whose lines are not
// wrapped (RFC 2849). Referrals are comments.
func parseLDIF(data []byte) (entry, error) {
	e := entry{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		if line == "" && len(e) > 0 {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if coded, yes := strings.CutPrefix(value, ": "); yes {
			text, err := base64.StdEncoding.DecodeString(coded)
			if err != nil {
				return nil, fmt.Errorf("decode %s: %w", name, err)
			}
			value = string(text)
		}
		e[name] = append(e[name], strings.TrimPrefix(value, " "))
	}
	for _, values := range e { // a directory has them in any order
		slices.Sort(values)
	}
	return e, nil
}

func (e entry) first(name string) string {
	if v := e[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// labels are what attributes are called where their own names say little to people, or are long.
var labels = map[string]string{"groupType": "type", "proxyAddresses": "addresses", "showInAddressBook": "lists", "objectSid": "SID"}

// difference tells what became of an entry, a line an attribute. A new group is told by its name
// and what mail it has.
func (paint palette) difference(before, after entry) []string {
	var lines []string
	names := shown[:]
	if len(before) == 0 && len(after) > 0 {
		lines, names = []string{paint.Add.Sprint("+ " + after.first("cn"))}, []string{"mail", "proxyAddresses", "showInAddressBook"}
	}
	for _, name := range names {
		b, a := before[name], after[name]
		if slices.Equal(b, a) {
			continue
		}
		text := paint.fromTo(said(name, b), said(name, a))
		if name == "member" {
			text = paint.memberChange(b, a)
		}
		lines = append(lines, paint.Dim.Sprint(columns.Pad(cmp.Or(labels[name], name), 13))+text)
	}
	return lines
}

// said are the values of an attribute in words: of objects their names, of a groupType what people call it.
func said(name string, values []string) string {
	out := slices.Clone(values)
	for i, v := range out {
		if cn, _, ok := plan.SplitRDN(v); ok && name == "showInAddressBook" {
			out[i] = cn
		}
		for word, value := range plan.GroupTypes() {
			if name == plan.GroupTypeAttribute && v == value {
				out[i] = word
			}
		}
	}
	return strings.Join(out, ", ")
}

// examples is how many members are named.
const examples = 3

// memberChange counts members before and after, and names some that came or went.
func (paint palette) memberChange(before, after []string) string {
	name := func(dn string) string {
		cn, _, _ := plan.SplitRDN(dn)
		return cn
	}
	is := func(in []string) func(string) bool {
		set := map[string]bool{}
		for _, dn := range in {
			set[dn] = true
		}
		return func(dn string) bool { return set[dn] }
	}
	came, went := slices.DeleteFunc(slices.Clone(after), is(before)), slices.DeleteFunc(slices.Clone(before), is(after))
	say := show.English()
	text := say.Sprintf("%d", len(before)) + paint.Dim.Sprint("  →  ") + say.Sprintf("%d ", len(after))
	for i, dn := range slices.Concat(came, went) {
		left := len(came) + len(went) - i
		more := paint.Dim.Sprintf(" and %d more", left)
		room := paint.Width - 5 - 13 - columns.Broad(text) - 1
		if left > 1 {
			room -= columns.Broad(more)
		}
		word := name(dn)
		if i == 0 {
			word = columns.Cut(word, room-1)
		}
		if i == examples || columns.Broad(word)+1 > room {
			return text + more
		}
		if i < len(came) {
			text += paint.Add.Sprint(" +" + word)
		} else {
			text += paint.Remove.Sprint(" -" + word)
		}
	}
	return text
}

// fromTo is the change of a value, in one line; the longer side is cut first.
func (paint palette) fromTo(before, after string) string {
	room := paint.Width - 5 - 13 - 5
	b, a := cmp.Or(before, "(none)"), cmp.Or(after, "(none)")
	b = columns.Cut(b, max(room/2, room-uniseg.StringWidth(a)))
	return b + paint.Dim.Sprint("  →  ") + columns.Cut(a, room-uniseg.StringWidth(b))
}
