package journal

import (
	"fmt"
	"maps"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Format is the version of the objects that this code writes. A planner that
// is older than a head's format must not touch it.
const Format = 1

// Head is the journal's one mutable object of record: everything else that
// counts is named by it, or by the map that it names.
type Head struct {
	Format int    `json:"format"`
	Epoch  uint64 `json:"epoch"` // of the journal's life; higher after it was rebuilt
	Gen    uint64 `json:"gen"`   // one more at each commit
	Nonce  string `json:"nonce"` // of the step that wrote this generation

	Tenant string   `json:"tenant"`          // pinned by the first step
	Target Target   `json:"target"`          // pinned by the first full report
	Rules  string   `json:"rules"`           // hash of the rules in force
	Former []string `json:"formerRules"`     // hashes of rules that were replaced
	Attrs  []string `json:"attrs"`           // AD attributes that the rules decide
	Main   Round    `json:"main"`            // what Graph says, and where to go on
	Shadow *Round   `json:"shadow,omitzero"` // a full enumeration under way
	Map    Ref      `json:"map"`

	NextSeq uint64 `json:"nextSeq"` // of the next batch
	Closed  uint64 `json:"closed"`  // the last batch that can no longer run
	Plan    *Plan  `json:"plan,omitzero"`
	Stop    string `json:"stop,omitzero"` // why no batch is handed out

	Reads    []directory.ID `json:"reads,omitempty"`  // groups that the agent shall read again
	ReadAll  bool           `json:"readAll"`          // or all of them
	Reported time.Time      `json:"reported"`         // when the last full report was folded; zero: never
	Doubt    *Doubt         `json:"doubt,omitzero"`   // a full report that lost too much
	Window   Window         `json:"window"`           // what was issued lately, for the limits over all groups
	Holds    []Hold         `json:"holds,omitempty"`  // of such limits; those of one group lie in its record
	Told     time.Time      `json:"told,omitzero"`    // when open holds were last announced
	Cursor   uint32         `json:"cursor"`           // the unit that was planned last: the others come first
	Audit    string         `json:"audit,omitzero"`   // hash of the last audit object
	Swept    time.Time      `json:"swept,omitzero"`   // when what nobody names was last deleted
	Folded   []string       `json:"folded,omitempty"` // inbox objects that this generation holds, to be deleted
	Rate     float64        `json:"rate"`             // values per second that the agent managed lately
	Written  time.Time      `json:"written"`          // when Graph's links were last saved
	Totals   Counts         `json:"totals"`           // of all units, for people
}

// Target is the domain and container that the journal is for.
type Target struct {
	Base      string          `json:"base"`     // DN of the container
	BaseGUID  string          `json:"baseGuid"` // and its objectGUID
	DomainSID directory.SID   `json:"domainSid"`
	Domains   []directory.SID `json:"domains"` // of the forest
	DC        DC              `json:"dc"`
	External  bool            `json:"external,omitempty"` // the schema has msDS-ExternalDirectoryObjectId
}

// DC is the lineage of the domain controller that was written to last.
type DC struct {
	Name         string `json:"name"`
	InvocationID string `json:"invocationId"`
	USN          int64  `json:"usn"`
}

// Round is one pass over Graph's feeds.
type Round struct {
	Number uint64                    `json:"number"`
	Select string                    `json:"select"`        // names the properties that the links are for
	Links  map[directory.Feed]string `json:"links"`         // absent: from the beginning
	Done   map[directory.Feed]bool   `json:"done,omitzero"` // feeds that this pass has completed
	Open   bool                      `json:"open"`          // not yet at the end of all feeds: no plan is made from it

	// Confirmed is the last part of what was known that a full enumeration was held
	// against: see Work.Suspects.
	Confirmed uint32 `json:"confirmed,omitzero"`
}

// Plan is the one plan in flight: batches First to Last.
type Plan struct {
	First   uint64    `json:"first"`
	Last    uint64    `json:"last"`
	Nonce   string    `json:"nonce"`   // part of the batches' names
	Digests []string  `json:"digests"` // of the batches' bytes, SHA-256
	Done    int       `json:"done"`    // batches whose acknowledgement is folded
	Expires time.Time `json:"expires"`
	Changes int       `json:"changes"`
	Values  int       `json:"values"`
}

// Doubt remembers a full report that missed more groups than may vanish
// unnoticed. Only another one that agrees, and is proven, is believed.
type Doubt struct {
	Report  string `json:"report"`
	Missing int    `json:"missing"`
	Digest  string `json:"digest"`          // of the missing groups
	Blind   string `json:"blind,omitempty"` // Report.Blind
}

// String tells people what is in doubt, and what to do about it.
func (d Doubt) String() string {
	text := fmt.Sprintf("the agent does not find %d groups that were there, and reads all again before they are taken for gone", d.Missing)
	if d.Blind != "" {
		text += ": " + d.Blind
	}
	return text
}

// Window counts what plans were issued to do since a time.
type Window struct {
	Since time.Time          `json:"since" cbor:"1,keyasint"`
	Peak  int                `json:"peak,omitempty" cbor:"2,keyasint,omitempty"` // of one group: its largest size
	Done  map[plan.Scope]int `json:"done,omitempty" cbor:"3,keyasint,omitempty"`
}

// windowLife is how long a window counts.
const windowLife = 24 * time.Hour

// At is the window as of now: a new one if it has run out.
func (w Window) At(now time.Time) Window {
	if now.Sub(w.Since) >= windowLife {
		return Window{Since: now}
	}
	return w
}

// End is when the window has run out.
func (w Window) End() time.Time { return w.Since.Add(windowLife) }

// Plus is the window with n more of a scope, or less; never less than none.
func (w Window) Plus(s plan.Scope, n int) Window {
	if n == 0 {
		return w
	}
	done := maps.Clone(w.Done)
	if done == nil {
		done = map[plan.Scope]int{}
	}
	done[s] = max(done[s]+n, 0)
	w.Done = done
	return w
}

// Ref names an object that is written once, and says what must be in it.
type Ref struct {
	Name string `json:"name,omitempty" cbor:"1,keyasint,omitempty"`
	Hash []byte `json:"hash,omitempty" cbor:"2,keyasint,omitempty"` // SHA-256
}

// Counts sums up what is and what is still to be done, of one unit or of all.
type Counts struct {
	Groups   int            `json:"groups" cbor:"1,keyasint,omitempty"`  // in AD
	Members  int            `json:"members" cbor:"2,keyasint,omitempty"` // in AD
	Creates  int            `json:"creates" cbor:"3,keyasint,omitempty"` // still to be done, likewise the next
	Changes  int            `json:"changes" cbor:"4,keyasint,omitempty"`
	Adds     int            `json:"adds" cbor:"5,keyasint,omitempty"`
	Removes  int            `json:"removes" cbor:"6,keyasint,omitempty"`
	Held     int            `json:"held" cbor:"7,keyasint,omitempty"`   // removals that wait for approval, by a limit of their group
	Unsure   int            `json:"unsure" cbor:"8,keyasint,omitempty"` // groups to be read again first
	Parked   int            `json:"parked" cbor:"9,keyasint,omitempty"` // groups and members that AD refused
	Problems map[string]int `json:"problems,omitempty" cbor:"10,keyasint,omitempty"`
	Retires  int            `json:"retires" cbor:"11,keyasint,omitempty"` // groups to be marked as no longer managed
	Retired  int            `json:"retired" cbor:"13,keyasint,omitempty"` // groups that are so marked
	Grows    int            `json:"grows" cbor:"14,keyasint,omitempty"`   // of Adds: those to groups that were true before

	Over map[plan.Scope]int `json:"over,omitempty" cbor:"12,keyasint,omitempty"` // what waits for approval by a limit over all groups
}

// Add sums d into c.
func (c *Counts) Add(d Counts) {
	c.Groups += d.Groups
	c.Members += d.Members
	c.Creates += d.Creates
	c.Changes += d.Changes
	c.Adds += d.Adds
	c.Removes += d.Removes
	c.Held += d.Held
	c.Unsure += d.Unsure
	c.Parked += d.Parked
	c.Retires += d.Retires
	c.Retired += d.Retired
	c.Grows += d.Grows
	for k, n := range d.Over {
		if c.Over == nil {
			c.Over = map[plan.Scope]int{}
		}
		c.Over[k] += n
	}
	for k, n := range d.Problems {
		if c.Problems == nil {
			c.Problems = map[string]int{}
		}
		c.Problems[k] += n
	}
}
