package ad

import (
	"context"
	"errors"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// Searcher is what is needed of a connection to read. *ldap.Conn has it.
type Searcher interface {
	Search(*ldap.SearchRequest) (*ldap.SearchResult, error)
}

// ErrReadOnly: a Reader was to write.
var ErrReadOnly = errors.New("this connection is for reading: nothing was sent")

// Reader reads a domain as its owner's agent does, and changes nothing in it: it has no Apply, and
// under it is a connection that sends searches alone. A program that has no other way to a
// domain links no code that writes to one.
type Reader struct{ domain *Domain }

// NewReader makes a reader of the groups of one installation below a base, as Domain has them; attrs
// are those that a Row has. Identify comes first.
func NewReader(conn Searcher, base, instance string, attrs []string) *Reader {
	return &Reader{&Domain{Conn: readOnly{conn}, Base: base, Instance: instance, Attrs: attrs}}
}

// Identify asks the server who it is, as Domain.Identify, and goes by that from then on.
func (r *Reader) Identify(ctx context.Context) (id Identity, err error) {
	if id, err = r.domain.Identify(ctx); err == nil {
		r.domain.Identity = id
	}
	return id, err
}

// Scan is Domain.Scan.
func (r *Reader) Scan(ctx context.Context, each func(Row) error) error {
	return r.domain.Scan(ctx, each)
}

// Sight is Domain.Sight.
func (r *Reader) Sight(ctx context.Context) (blind string, err error) { return r.domain.Sight(ctx) }

// Exchange is Domain.Exchange.
func (r *Reader) Exchange(ctx context.Context) (exchange.Site, error) { return r.domain.Exchange(ctx) }

// Restoring is Domain.Restoring.
func (r *Reader) Restoring(ctx context.Context) (lacks string, err error) {
	return r.domain.Restoring(ctx)
}

// Graves is Domain.Graves.
func (r *Reader) Graves(ctx context.Context) (map[directory.ID]plan.Grave, error) {
	return r.domain.Graves(ctx)
}

// Powers is Domain.Powers.
func (r *Reader) Powers(ctx context.Context, dn string) (Powers, error) {
	return r.domain.Powers(ctx, dn)
}

// Census is Domain.Census.
func (r *Reader) Census(ctx context.Context) (Census, error) { return r.domain.Census(ctx) }

// Holds is Domain.Holds.
func (r *Reader) Holds(dn string) bool { return r.domain.Holds(dn) }

// readOnly is a connection that sends searches alone.
type readOnly struct{ Searcher }

func (readOnly) Add(*ldap.AddRequest) error           { return ErrReadOnly }
func (readOnly) Modify(*ldap.ModifyRequest) error     { return ErrReadOnly }
func (readOnly) ModifyDN(*ldap.ModifyDNRequest) error { return ErrReadOnly }
func (readOnly) Del(*ldap.DelRequest) error           { return ErrReadOnly }
