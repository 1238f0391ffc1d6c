package cloudsync

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// file is a rules file to be written: what is in it, in the order of its keys.
type file struct {
	ou         []string // lines
	nobody     bool     // no group is in scope: a part of the scope could not be carried over
	membersOf  string   // the group whose members are in scope, instead of all
	where      [][]string
	kind       string // what security groups become
	attributes []string
	rename     bool // names follow the cloud
	noMembers  bool // the job writes no members
}

// bytes is the text, with the notes above it.
func (f *file) bytes(notes []Note) []byte {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# Made of the schema of a Cloud Sync job. docs/coming-from.md says what is other in any case.")
	if len(notes) > 0 {
		say("#\n# To be seen to:")
		for _, n := range notes {
			say("# - %s", n)
		}
	}
	say("\n%s", strings.Join(f.ou, "\n"))
	f.writeScope(say)
	if f.kind != "" {
		say("kinds: {security: %s}", f.kind)
	}
	say("attributes:")
	for _, text := range f.attributes {
		say("  %s", text)
	}
	if f.rename {
		say("rename: true # Cloud Sync renames a group with its display name")
	}
	if f.noMembers {
		say("members: {kinds: [], mode: additive, ad_groups: false} # the job has no mapping of members")
	} else {
		say("members: {kinds: [users, groups], ad_groups: false} # as Cloud Sync: no devices, no groups that Active Directory masters")
	}
	return []byte(b.String())
}

func (f *file) writeScope(say func(string, ...any)) {
	say("scope:")
	switch {
	case f.nobody:
		say("  groups: []")
	case f.membersOf != "":
		say("  members_of: %s", f.membersOf)
	default:
		say("  groups: all")
	}
	say("  role_assignable: true # Cloud Sync does not leave them out")
	if len(f.where) > 0 {
		say("  where:")
	}
	for _, filter := range f.where {
		dash := "- "
		if len(filter) > 1 {
			dash = "- - "
		}
		for _, clause := range filter {
			say("  %s%s", dash, scalar(clause))
			dash = "  - "
		}
	}
}

// plainText is what may stand in a YAML file without quotation marks; scalar looks whether
// it is read as the same text.
var plainText = regexp.MustCompile(`^[A-Za-z][ -~]*$`)

// scalar is a text as YAML: plain where that is read as the same text, else within quotation
// marks.
func scalar(text string) string {
	forms := []string{"'" + strings.ReplaceAll(text, "'", "''") + "'", fmt.Sprintf("%q", text)}
	if plainText.MatchString(text) {
		forms = append([]string{text}, forms...)
	}
	for _, form := range forms {
		var back map[string]any
		if err := yaml.Unmarshal([]byte("key: "+form+" # end\n"), &back); err == nil && back["key"] == any(text) && !strings.ContainsAny(form, "\r\n") {
			return form
		}
	}
	return fmt.Sprintf("%+q", text)
}
