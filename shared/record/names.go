package record

import (
	"fmt"

	"groupwriteback/shared/plan"
)

// Names are what a group is called, and what it was to be called. The zero value says
// that nobody has decided that yet.
type Names struct {
	Asked Name   `cbor:"1,keyasint,omitzero"` // what the rules made of the cloud group when they last had a say
	Given Name   `cbor:"2,keyasint,omitzero"` // what the group is called, and is called again if somebody renames it by hand
	Taken *Taken `cbor:"3,keyasint,omitempty"`
}

// A Name is both names of a group: people see one, applications another.
type Name struct {
	CN      string `cbor:"1,keyasint,omitempty"`
	Account string `cbor:"2,keyasint,omitempty"` // sAMAccountName; empty: not known
}

// Taken is a name that the group did not get, because somebody else has it.
type Taken struct {
	Name  Name   `cbor:"1,keyasint"`
	By    string `cbor:"2,keyasint,omitempty"` // DN; empty: nobody knows
	Ours  bool   `cbor:"3,keyasint,omitempty"` // it is a group of this installation
	Times int    `cbor:"4,keyasint,omitempty"` // how often Active Directory said so in a row
}

// NameOf is what a group is called.
func NameOf(g plan.Group) Name {
	n := Name{CN: g.Name}
	for _, account := range g.Attrs[plan.AccountName] {
		n.Account = account
	}
	return n
}

func (n Name) String() string {
	if n.Account == n.CN || n.Account == "" {
		return fmt.Sprintf("%q", n.CN)
	}
	return fmt.Sprintf("%q (sAMAccountName %q)", n.CN, n.Account)
}

// Refused notes that somebody else has the name of a change. A change that gives the
// group another name than its present one, or none, says nothing about that.
func (n Names) Refused(c plan.Change, by plan.Taken) Names {
	if c.Op.Updates() || c.Name != n.Given.CN {
		return n
	}
	t := Taken{Name: n.Given, By: by.By, Ours: by.Ours, Times: 1}
	if n.Taken != nil && n.Taken.Name == n.Given {
		t.Times += n.Taken.Times
	}
	n.Taken = &t
	return n
}
