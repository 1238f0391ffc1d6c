// Package rules decides what should exist in Active Directory: which groups are
// in scope, what they are called, what stands in their attributes and who their
// members are.
//
// It is pure: no context, no clock, no log, no I/O. What it cannot decide is a
// problem with its reason and leaves the group as it is; it never turns into a
// removal.
package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Rules are what the operator's rules file says.
type Rules struct {
	OU    string // DN of the one container of all groups, in the form of plan.NormalDN
	Scope Scope
}

// Scope says which cloud groups are written.
type Scope struct {
	All    bool                  // all that this product can write
	Groups map[directory.ID]bool // or these
}

// file is the shape of the rules file.
type file struct {
	OU    string `yaml:"ou"`
	Scope any    `yaml:"scope"`
}

// Parse reads a rules file (YAML). Its error names every mistake with its line
// and column.
func Parse(data []byte) (*Rules, error) {
	doc, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fmt.Errorf("rules: %s", yaml.FormatError(err, false, true))
	}
	var f file
	var mistakes []error
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		mistakes = append(mistakes, fmt.Errorf("rules: %s", yaml.FormatError(err, false, true)))
	}
	r := &Rules{OU: plan.NormalDN(f.OU)}
	if _, _, ok := plan.SplitRDN(f.OU); !ok {
		mistakes = append(mistakes, fmt.Errorf("rules%s: ou: %q is not a distinguished name; write for example OU=Cloud Groups,DC=corp,DC=example", at(doc, "$.ou"), f.OU))
	}
	switch s := f.Scope.(type) {
	case string:
		if r.Scope.All = s == "all"; !r.Scope.All {
			mistakes = append(mistakes, fmt.Errorf("rules%s: scope: %q is neither all nor a list of object ids", at(doc, "$.scope"), s))
		}
	case []any:
		r.Scope.Groups = map[directory.ID]bool{}
		for i, v := range s {
			id, err := directory.ParseID(fmt.Sprint(v))
			if err != nil {
				mistakes = append(mistakes, fmt.Errorf("rules%s: scope: %w", at(doc, fmt.Sprintf("$.scope[%d]", i)), err))
			}
			r.Scope.Groups[id] = true
		}
	default:
		mistakes = append(mistakes, fmt.Errorf("rules%s: scope: write all, or a list of the object ids of the groups to write", at(doc, "$.scope")))
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return r, nil
}

// at is " line:column" of a path in the file, or nothing where it is not there.
func at(doc *ast.File, path string) string {
	p, err := yaml.PathString(path)
	if err != nil {
		return ""
	}
	n, err := p.FilterFile(doc)
	if err != nil || n == nil || n.GetToken() == nil {
		return ""
	}
	pos := n.GetToken().Position
	return fmt.Sprintf(" line %d:%d", pos.Line, pos.Column)
}

// version is part of Hash: it counts the changes of what this code decides.
const version = 1

// Hash identifies what the rules decide. A planner whose rules are not the
// journal's present ones has every group decided again.
func (r *Rules) Hash() string {
	data, err := json.Marshal([]any{version, r})
	if err != nil {
		panic("rules: plain data cannot fail to encode: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// Attributes lists the AD attributes that the rules decide, sorted: what the
// agent has to read.
func (r *Rules) Attributes() []string {
	return []string{"description", "displayName", "groupType", "info", "sAMAccountName"}
}

// InScope says whether a group is to be written and, where it is not, why. The
// fixed clauses are those of Cloud Sync (securityEnabled, not mailEnabled, not
// mastered on premises), and two of ours.
func (r *Rules) InScope(g *directory.Group) (ok bool, reason string) {
	is := func(p string) bool { return g.Props.First(p) == "true" }
	switch {
	case !r.Scope.All && !r.Scope.Groups[g.ID]:
		return false, NotListed
	case is("onPremisesSyncEnabled"):
		return false, MasteredOnPremises
	case !is("securityEnabled"):
		return false, NotSecurity
	case is("mailEnabled"):
		return false, MailEnabled
	case is("isAssignableToRole"):
		return false, RoleAssignable
	case g.Props.First("onPremisesSecurityIdentifier") != "":
		return false, Converted
	}
	return true, ""
}

// Covers says whether an OU is the one that the rules write to.
func (r *Rules) Covers(parent string) bool { return strings.EqualFold(plan.NormalDN(parent), r.OU) }

// sorted returns values in the order that plan.Group asks for.
func sorted(values ...string) []string {
	slices.Sort(values)
	return values
}
