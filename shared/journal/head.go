package journal

import (
	"time"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Format is the version of the objects that this code writes. It rises with each
// change of head, map or units by which an older planner would read something as other
// than it is, or lose it by writing it back: one more key is enough. A planner touches
// no journal of another format, nor one with keys that it does not know.
const Format = 2

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
	Ruled  bool     `json:"ruled,omitempty"` // they are new, and what they want is not all done yet
	Attrs  []string `json:"attrs"`           // AD attributes that the rules decide

	Version Filed `json:"version,omitzero"` // of the store's rules: the last
	Lapsed  bool  `json:"lapsed,omitempty"` // a rules file has taken its place

	Wants  Wants     `json:"wants,omitzero"`  // what else the agent is to look at for them
	Main   Round     `json:"main"`            // what Graph says, and where to go on
	Shadow *Round    `json:"shadow,omitzero"` // a full enumeration under way
	Wait   time.Time `json:"wait,omitzero"`   // Graph asks not to be asked before
	Read   time.Time `json:"read,omitzero"`   // when Graph was last read to its end; it may be an hour later
	Map    Ref       `json:"map"`

	NextSeq uint64 `json:"nextSeq"` // of the next batch
	Closed  uint64 `json:"closed"`  // the last batch that can no longer run
	Plan    *Plan  `json:"plan,omitzero"`
	Stop    string `json:"stop,omitzero"` // why no batch is handed out

	Switch   Switch `json:"switch"`
	ReadOnly bool   `json:"readOnly,omitempty"` // the agent would refuse every change: none is issued

	Reads    []Sought           `json:"reads,omitempty"`    // groups that the agent shall read again
	ReadAll  bool               `json:"readAll"`            // or all of them
	Folding  *Folding           `json:"folding,omitzero"`   // a report of many parts under way
	Reported time.Time          `json:"reported"`           // when the last full report was folded; zero: never
	Blind    string             `json:"blind,omitempty"`    // why the agent is not believed when it does not find groups
	Found    []checklist.Row    `json:"found,omitempty"`    // by the agent, of what it needs: Report.Found
	Grounds  string             `json:"grounds,omitempty"`  // of refusals, as the agent said last: Report.Grounds
	Retries  uint64             `json:"retries,omitempty"`  // how often an operator has asked to try all again
	Window   record.Window      `json:"window,omitempty"`   // what was issued lately, for the limits over all groups
	Holds    []record.Hold      `json:"holds,omitempty"`    // of such limits; those of one group lie in its record
	Told     time.Time          `json:"told,omitzero"`      // when open holds were last announced
	Cursor   uint32             `json:"cursor"`             // the shard that was planned last: the others come first
	Audit    string             `json:"audit,omitzero"`     // hash of the last audit object
	Noted    string             `json:"noted,omitzero"`     // and its name, without the folder
	Swept    time.Time          `json:"swept,omitzero"`     // when what nobody names was last deleted
	Failures map[string]Failure `json:"failures,omitempty"` // of turns, by kind
	Folded   []string           `json:"folded,omitempty"`   // inbox objects that this generation holds, to be deleted
	Rate     float64            `json:"rate"`               // values per second that the agent managed lately
	Written  time.Time          `json:"written"`            // when Graph's links were last saved
	Polling  Polling            `json:"polling,omitzero"`   // what only groups themselves tell
	Totals   record.Counts      `json:"totals"`             // of all shards, for people
}

// Target is the domain and container that the journal is for.
type Target struct {
	Base      string          `json:"base"`     // DN of the container
	BaseGUID  string          `json:"baseGuid"` // and its objectGUID
	DomainSID directory.SID   `json:"domainSid"`
	Domains   []directory.SID `json:"domains"` // of the forest
	DC        DC              `json:"dc"`
	External  bool            `json:"external,omitempty"` // the schema has msDS-ExternalDirectoryObjectId
	Restores  bool            `json:"restores,omitempty"` // the account sees deleted groups, and may restore them
	Exchange  exchange.Site   `json:"exchange,omitzero"`  // what the forest has of it; it is no part of which target this is
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
	Select string                    `json:"select"`           // names the properties that the links are for
	Links  map[directory.Feed]string `json:"links"`            // absent: from the beginning
	Done   map[directory.Feed]bool   `json:"done,omitzero"`    // feeds that this pass has completed
	Open   bool                      `json:"open"`             // not yet at the end of the groups feed: no plan is made from it
	Behind bool                      `json:"behind,omitempty"` // not yet at the end of the others since the journal was set back: nobody is a stranger for what it knows
	Began  time.Time                 `json:"began,omitzero"`   // of a full enumeration

	// Of a full enumeration: it is made beside what is known, which goes on being
	// followed and planned from.
	Beside bool `json:"beside,omitempty"`
	// Named counts the items that each feed brought: a feed of users that names nobody
	// is not complete.
	Named map[directory.Feed]int `json:"named,omitempty"`
	// Carried is the last part of what was known that a full enumeration was held
	// against: see Tx.Carry.
	Carried uint32 `json:"carried,omitzero"`
	// Restarts counts how often a full enumeration had to begin again.
	Restarts int `json:"restarts,omitempty"`
	// Refused says that Graph refused a link that it had made itself, once; LostFeeds are
	// those of which it has refused or forgotten it, so that they must be read anew.
	Refused   map[directory.Feed]bool `json:"refused,omitempty"`
	LostFeeds map[directory.Feed]bool `json:"lost,omitempty"`
}

// Lost says whether a feed cannot be followed any more.
func (r *Round) Lost(f directory.Feed) bool { return r.LostFeeds[f] }

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

// Folding is how far a report of many parts has been folded.
type Folding struct {
	ID      string `json:"id"`
	Parts   int    `json:"parts"`             // so many are folded
	Ahead   uint64 `json:"ahead,omitempty"`   // the last epoch that one of them shows, if this journal is a restored one
	Digests bool   `json:"digests,omitempty"` // one of them has rows without their groups
}

// Sought is a group that the agent shall look for, and where it was last.
type Sought struct {
	ID   directory.ID `json:"id"`
	GUID plan.GUID    `json:"guid,omitempty"`
}

// Ref names an object that is written once, and says what must be in it.
type Ref struct {
	Name string `json:"name,omitempty" cbor:"1,keyasint,omitempty"`
	Hash []byte `json:"hash,omitempty" cbor:"2,keyasint,omitempty"` // SHA-256
}
