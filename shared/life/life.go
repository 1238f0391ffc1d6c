// Package life is a group's whole life in Active Directory as one table: the states that it
// can be in, what can happen to it, and what state comes of that. docs/life.md shows the
// table, which is printed from this one.
//
// It is pure: no context, no clock, no log, no I/O.
package life

// State is what a group is in Active Directory.
type State string

// The states.
const (
	Candidate   State = "candidate"   // not there, and not wanted
	Waiting     State = "waiting"     // wanted, and not there yet
	Written     State = "written"     // there, and kept as the cloud has it
	Held        State = "held"        // a step that takes something away is over a limit: it waits for a person's word
	Kept        State = "kept"        // not wanted any more: left as it is, with a note
	Quarantined State = "quarantined" // not wanted any more: it gives its members nothing, and keeps SID, name and members
	Deleted     State = "deleted"     // among Active Directory's deleted objects, from which it can be restored
	Disowned    State = "disowned"    // there, and left to people: our fence is off it
)

// States lists them in the order of a life.
func States() []State {
	return []State{Candidate, Waiting, Written, Held, Kept, Quarantined, Deleted, Disowned}
}

// Event is what happens to a group.
type Event string

// The events. Those of the cloud first, then those of the rules and of people, then those of
// Active Directory and of time.
const (
	Wanted      Event = "in scope"      // the rules want it: made, let in, restored, switched on
	SoftDeleted Event = "soft-deleted"  // it is in Entra ID's recycle bin
	HardDeleted Event = "hard-deleted"  // it is gone from Entra ID
	SwitchedOff Event = "flag off"      // its writebackConfiguration does not have it written any more
	Mastered    Event = "mastered"      // Active Directory masters it now: its source of authority went back
	Converted   Event = "converted"     // its source of authority came to the cloud from an AD group that exists
	Unsure      Event = "unsure"        // whether any of these is so is not known
	OutOfScope  Event = "out of scope"  // the rules do not want it
	Retyped     Event = "type changed"  // the rules want it as another type of group, or in another scope of Active Directory
	Ruled       Event = "rules changed" // another fate by new rules
	Approved    Event = "approve"       // a person lets go what is held
	Rejected    Event = "reject"        // a person does not
	Drifted     Event = "drift"         // somebody changed it in Active Directory
	Erased      Event = "erased"        // somebody deleted it in Active Directory
	GraceOver   Event = "grace over"    // it was in quarantine for its time
	SwitchOff   Event = "disable"       // a person ends writeback for all groups
)

// Events lists them.
func Events() []Event {
	return []Event{Wanted, SoftDeleted, HardDeleted, SwitchedOff, Mastered, Converted, Unsure, OutOfScope, Retyped, Ruled, Approved, Rejected, Drifted, Erased, GraceOver, SwitchOff}
}

// Fate is the word of the rules, or of a person who ends writeback, on the AD groups of cloud
// groups that are not wanted any more.
type Fate string

// The fates.
const (
	Keep       Fate = "keep"       // as it is
	Quarantine Fate = "quarantine" // for ever
	Delete     Fate = "delete"     // by rule after a quarantine, by a person's word at once
)

// Fates lists them, the mildest first.
func Fates() []Fate { return []Fate{Keep, Quarantine, Delete} }
