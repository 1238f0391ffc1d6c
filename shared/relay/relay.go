// Package relay is the wire between the functions and the agent inside the
// network: plain HTTPS requests that the agent makes, both ends in one package.
//
// An access token says who calls; digests say that a batch is what the planner
// wrote. The handler keeps no state: all of it lies in the journal.
package relay

import (
	"context"
	"errors"
	"net/http"
	"time"

	"groupwriteback/shared/journal"
)

// The messages are the journal's own.
type (
	Poll      = journal.Poll
	PollReply = journal.PollReply
	Ack       = journal.Ack
	Report    = journal.Report
	Row       = journal.Row
	Gone      = journal.Gone
	Mark      = journal.Mark
	Wants     = journal.Wants
	Target    = journal.Target
	DC        = journal.DC
	Batch     = journal.Batch
	Release   = journal.Release
)

// What an agent may be told, the same on both ends of the wire.
var (
	ErrClosed = journal.ErrClosed
	ErrLease  = journal.ErrLease
)

// ReportID names a report so that later ones sort behind.
func ReportID(now time.Time) string { return journal.ReportID(now) }

// Queue is what an agent needs: a *journal.Journal in one process, a *Client
// over the network.
type Queue interface {
	// Poll asks for work and keeps the lease. ErrLease: another agent works.
	Poll(ctx context.Context, q Poll) (PollReply, error)
	// Ack tells what became of a batch. ErrClosed: it is not waited for any more.
	Ack(ctx context.Context, a Ack) (last bool, err error)
	// Report tells what is in Active Directory.
	Report(ctx context.Context, r Report) error
}

// Welcome is the answer to an agent that asks whether it would be served.
type Welcome struct {
	Agent string    `json:"agent"` // the name that its lease would have
	Now   time.Time `json:"now"`   // the relay's clock

	// What the agent's own file is held against. A relay of an older version says none of it.
	Serving
}

// Serving is what a relay is for.
type Serving struct {
	Target     string   `json:"target,omitempty"`     // the agent's must be the same
	Containers []string `json:"containers,omitempty"` // DNs of those that the rules write to
	Attributes []string `json:"attributes,omitempty"` // that the rules set
	GroupTypes []string `json:"types,omitempty"`      // of the groups that they make, in the words of plan.GroupTypes
	Pinned     *Target  `json:"pinned,omitempty"`     // domain and container that the journal is for; nil: the first full report will say
}

// The roles of callers, as app roles of the API in Entra ID.
const (
	AgentRole    = "Relay.Agent"
	OperatorRole = "Sync.Operate"
	ReaderRole   = "Status.Read"
)

// Caller is who makes a request. What it asked for is attributed to both: the id
// stays the same, the name is what people know.
type Caller struct {
	ID   string // the object id of the person or the service principal
	Name string // the person's user name, or the application's id
}

func (c Caller) String() string { return c.Name + " (" + c.ID + ")" }

// Verifier says who makes a request.
type Verifier interface {
	// Verify returns the caller if it has one of the roles; ErrUnauthorized,
	// ErrForbidden, or ErrKeys if that cannot be said.
	Verify(r *http.Request, roles ...string) (Caller, error)
}

// Errors of a Verifier.
var (
	ErrUnauthorized = errors.New("no valid access token")
	ErrForbidden    = errors.New("the caller lacks the role")
	ErrKeys         = errors.New("the tenant's signing keys could not be read")
)

// maxBody is the largest message that is read: a report part or a batch, with
// room to spare.
const maxBody = 8 << 20

// A problemKind is an error that crosses the wire: HTTP status, and the word
// that stands for the error on the other end.
type problemKind struct {
	err    error
	status int
	code   string
}

func problemKinds() []problemKind {
	return []problemKind{
		{ErrClosed, http.StatusConflict, "closed"},
		{ErrLease, http.StatusConflict, "lease"},
		{ErrUnauthorized, http.StatusUnauthorized, "unauthorized"},
		{ErrForbidden, http.StatusForbidden, "forbidden"},
		{ErrKeys, http.StatusServiceUnavailable, "keys"},
		{ErrTooMany, http.StatusTooManyRequests, "too-many"},
		{ErrMedia, http.StatusUnsupportedMediaType, "media-type"},
		{ErrCrossSite, http.StatusForbidden, "cross-site"},
		{journal.ErrTarget, http.StatusConflict, "target"},
		{journal.ErrUnknownHold, http.StatusNotFound, "unknown-hold"},
		{journal.ErrUnknownGroup, http.StatusNotFound, "unknown-group"},
		{journal.ErrUnknownRun, http.StatusNotFound, "unknown-run"},
		{journal.ErrUnknownVersion, http.StatusNotFound, "unknown-version"},
		{journal.ErrOutdated, http.StatusConflict, "outdated"},
		{journal.ErrNoRules, http.StatusServiceUnavailable, "no-rules"},
		{journal.ErrUnusable, http.StatusServiceUnavailable, "rules-format"},
		{journal.ErrKeyReused, http.StatusUnprocessableEntity, "key-reused"},
		{journal.ErrFull, http.StatusServiceUnavailable, "full"},
		{journal.ErrFormat, http.StatusServiceUnavailable, "format"},
		{journal.ErrOldFormat, http.StatusServiceUnavailable, "old-format"},
	}
}

// Problem is the body of an error (RFC 9457).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code,omitempty"`
}
