// Package cloudsync turns the schema of a Cloud Sync job, which writes groups to Active
// Directory, into a rules file that means the same. What cannot be carried over is a note:
// nothing is left out in silence that would change what is written.
//
// It is pure. A scope that cannot be carried over as a whole becomes narrower, never wider:
// a group that is not written can be added, one that should not have been is there. What it
// gives is read by rules.Parse, or it is an error.
package cloudsync

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"groupwriteback/shared/rules"
)

// The limits of what is read, whoever wrote it.
const (
	MaxSchema   = 8 << 20 // bytes: the definitions of directories, which are not looked at, are most of it
	maxMappings = 500     // attribute mappings of one object mapping
	maxFilters  = 200     // filters, also of the file that is written
	maxClauses  = 500     // clauses of all its filters
	maxValue    = 10_000  // bytes of a text that is carried over
	maxWhere    = 1 << 18 // bytes of all clauses
	maxNotes    = 500
)

// A Note says what of a schema is other in the file, or is for a person to see to.
type Note struct {
	Where  string // the place in the schema, as a path of its JSON; empty: not in it
	What   string // what is not as it was
	Why    string
	Remedy string // what to do
	Lost   bool   // something of the schema is not in the file; else it is a question, or advice
}

// String is the note on one line.
func (n Note) String() string {
	text := n.What + ": " + n.Why
	if n.Where != "" {
		text = n.Where + ": " + text
	}
	if n.Remedy != "" {
		text += ": " + n.Remedy
	}
	return line(text)
}

// line is a text without what would end a line or hide in it, and not without end.
func line(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	const most = 600
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return strings.TrimSpace(text)
}

// Lost says whether something of a schema is not in the file.
func Lost(notes []Note) bool { return slices.ContainsFunc(notes, func(n Note) bool { return n.Lost }) }

// Import reads the answer to GET /servicePrincipals/{id}/synchronization/jobs/{jobId}/schema,
// of Graph's v1.0 or beta, or what PowerShell makes of it, and gives a rules file (YAML) and
// notes, which stand in the file too. Its error says why there is no file, and what to do.
// Source: https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationschema.
func Import(schema []byte) (file []byte, notes []Note, err error) {
	if len(schema) > MaxSchema {
		return nil, nil, fmt.Errorf("read schema: it has %d bytes, and a schema has at most %d: give the answer to GET /servicePrincipals/{id}/synchronization/jobs/{jobId}/schema", len(schema), MaxSchema)
	}
	var whole any
	if err := json.Unmarshal(schema, &whole); err != nil {
		return nil, nil, fmt.Errorf("read schema: %w: give the answer to GET /servicePrincipals/{id}/synchronization/jobs/{jobId}/schema as it is", err)
	}
	im := &importer{}
	job, err := im.job(whole)
	if err != nil {
		return nil, nil, err
	}
	im.scope(job)
	if err := im.mappings(job); err != nil {
		return nil, im.notes, err
	}
	job.unknown(im)
	im.notes = append([]Note{im.assignment()}, im.notes...)
	if len(im.notes) >= maxNotes {
		return nil, nil, fmt.Errorf("import schema: more than %d things of it are not known here: it is probably of another kind of job", maxNotes)
	}
	file = im.file.bytes(im.notes)
	if _, err := rules.Parse(file); err != nil {
		return nil, im.notes, fmt.Errorf("import schema: what it says is no rules file: %w", err)
	}
	return file, im.notes, nil
}

// importer collects the file and the notes.
type importer struct {
	file    file
	notes   []Note
	sources map[string]source // by attribute
	paths   map[string]string // of the attribute mappings, by attribute in small letters
}

func (im *importer) note(n Note) {
	if len(im.notes) < maxNotes {
		im.notes = append(im.notes, n)
	}
}

// lost notes something of the schema that is not in the file.
func (im *importer) lost(where object, what, why, remedy string) {
	im.note(Note{Where: where.path, What: what, Why: why, Remedy: remedy, Lost: true})
}

// job finds the object mapping of groups from Entra ID to Active Directory.
func (im *importer) job(whole any) (object, error) {
	top, _ := as("", whole)
	if inner := top.object("schema"); !top.has("synchronizationRules") && inner.fields != nil {
		top = inner
	}
	if !top.has("synchronizationRules") {
		return object{}, errors.New("read schema: it has no synchronizationRules: give the answer to GET /servicePrincipals/{id}/synchronization/jobs/{jobId}/schema")
	}
	var found []object
	for _, rule := range top.objects("synchronizationRules") {
		if strings.EqualFold(rule.text("sourceDirectoryName"), "Active Directory") {
			continue // the way up, which is Cloud Sync's or Connect's to go on with
		}
		im.directoryFilters(rule)
		for _, m := range rule.objects("objectMappings") {
			source := m.text("sourceObjectName")
			group := strings.EqualFold(source, "Group")
			switch off := m.is("enabled", false); {
			case off:
			case group && m.mapsTo(container, "member", "adminDescription"):
				found = append(found, m)
			case group:
				im.lost(m, "a mapping of groups is left out", "it does not go to Active Directory", "keep it in the Cloud Sync job")
			case source != "":
				im.lost(m, "the objects "+source+" are not written", "this product writes groups alone", "keep a Cloud Sync job for them, without its mapping of groups")
			}
		}
	}
	if len(found) == 0 {
		return object{}, errors.New("read schema: it has no enabled mapping of groups to Active Directory: give the schema of a job that provisions groups to Active Directory (its id begins with AAD2ADGroupProvisioning)")
	}
	for _, other := range found[1:] {
		im.lost(other, "a second mapping of groups is left out", "a rules file has one mapping", "give its groups a target of their own, with a rules file of their own")
	}
	return found[0], nil
}

// directoryFilters notes what a rule says of a whole directory, which only jobs out of Active
// Directory are known to use.
func (im *importer) directoryFilters(rule object) {
	for _, name := range []string{"containerFilter", "groupFilter"} {
		f := rule.object(name)
		for _, list := range []string{"includedContainers", "includedGroups"} {
			if len(f.list(list)) > 0 {
				im.file.nobody = true
				im.lost(f, "no group is in scope", "what "+list+" means to this job is not known", "write the object ids of its groups as scope.groups")
			}
		}
	}
}
