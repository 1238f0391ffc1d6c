package plan

import (
	"slices"
	"strconv"
	"strings"
)

// A syntax is how Active Directory compares the values of an attribute, as far as two
// spellings of one value come about by themselves.
type syntax int

const (
	text   syntax = iota // to the letter: AD keeps the case that was written, and people see it
	names                // of an object: AD answers in its own spelling of the DN
	folded               // of a word that only programs read
	number               // of 32 bits, with or without a sign
)

// syntaxes has the attributes that are not text, by their names in lower case.
func syntaxes(attr string) syntax {
	switch strings.ToLower(attr) {
	case "managedby", "member", "memberof", "manager", "secretary", "seealso", "distinguishedname",
		"authorig", "unauthorig", "dlmemsubmitperms", "dlmemrejectperms", "msexchcomanagedbylink", "showinaddressbook":
		return names
	case "admindescription", "msds-externaldirectoryobjectid", "msexchpoliciesexcluded":
		return folded
	case "grouptype", "msexchrecipientdisplaytype":
		return number
	}
	return text
}

// NamesObjects says whether the values of an attribute are names of objects (the
// syntax Object(DS-DN) of MS-ADTS 3.1.1.2.2.2).
func NamesObjects(attr string) bool { return syntaxes(attr) == names }

// SameValues says whether two lists are the same values of an attribute, as Active
// Directory keeps them: as a set, and with what it spells in its own way folded. A
// display name in other letters is another one: it would never be put right else.
func SameValues(attr string, a, b []string) bool {
	return slices.Equal(folding(attr, a), folding(attr, b))
}

func folding(attr string, values []string) []string {
	out := slices.Clone(values)
	kind := syntaxes(attr)
	for i, v := range out {
		switch kind {
		case names:
			out[i] = strings.ToLower(NormalDN(v))
		case folded:
			out[i] = strings.ToLower(v)
		case number:
			if n, err := strconv.ParseInt(v, 10, 64); err == nil {
				out[i] = strconv.FormatInt(int64(int32(n)), 10)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
