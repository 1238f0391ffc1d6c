// Package ad is the LDAP side of Active Directory: it connects to a domain
// controller, applies changes of a plan to the groups that one installation
// owns, and reads those groups back.
//
// It is not a general LDAP client: it writes nothing but groups below one OU
// that bear our mark. It decides nothing about what should exist, does not
// reconnect, and trusts nothing that it read in an earlier call. Its invariants:
//
//   - unknown is not empty: a scan or a read is complete, or it is an error; what is
//     merely odd costs its own group, which is then told of as a trouble;
//   - no second group is made for a cloud group: whatever bears one of its marks,
//     anywhere in the domain, is found first;
//   - ownership is read from Active Directory before each group is touched: its
//     mark, our instance, its place below Base (see Domain);
//   - every write to a group that exists carries a fence that Active Directory
//     compares atomically, so a stale writer changes nothing (see plan.Fence);
//   - applied twice, a change does what it does once, and where nothing is
//     different nothing is written;
//   - what is deleted could be had back, and is as it was when that was decided;
//   - only principals of the forest's own domains become members or managers, whatever the
//     server would accept.
//
// One goroutine writes through a Domain at a time.
package ad

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Conn is what is needed of a connection. *ldap.Conn has it.
type Conn interface {
	Search(*ldap.SearchRequest) (*ldap.SearchResult, error)
	Add(*ldap.AddRequest) error
	Modify(*ldap.ModifyRequest) error
	ModifyDN(*ldap.ModifyDNRequest) error
	Del(*ldap.DelRequest) error
}

// ErrConnection: no answer. What the last change did is unknown: close the
// connection and dial again.
var ErrConnection = errors.New("no answer from the domain controller")

// Domain is the part of a domain that one installation owns: each group below
// Base whose adminDescription is a mark (plan.Mark) and whose adminDisplayName
// begins with "gwb <Instance> ", but for those that were let go (plan.Released).
type Domain struct {
	Conn     Conn
	Base     string   // DN of the OU; groups may be in containers below it
	Instance string   // of the installation, without spaces
	Attrs    []string // attributes and links that a Row has beside its members; never cn or adminDisplayName
	Identity Identity // what Identify said: without it no principal may become a member
	Values   int      // values of a link in one modify; 0: 1000
	More     Allowed  // that a plan may do here beyond what it may anywhere
	Log      *slog.Logger

	// Catalog connects to the forest's global catalog; nil: what other domains of the forest
	// have is not known. Close ends that connection.
	Catalog func(context.Context) (Conn, error)
	catalog catalog

	bearers bearers // brought up to date before each use; of the server that Conn leads to

	// Wait pauses before a busy server is asked again; nil: until the time has passed.
	Wait func(context.Context, time.Duration) error
}

// Controls: MS-ADTS 3.1.1.3.4.1.5 and 3.1.1.3.4.1.4. A flag of 1 in the first
// asks for GUIDs and SIDs in their text form.
func extendedDN() ldap.Control {
	return ldap.NewControlString(ldap.ControlTypeMicrosoftExtendedDN, true, "\x30\x03\x02\x01\x01")
}

func domainScope() ldap.Control {
	return ldap.NewControlString(ldap.ControlTypeMicrosoftDomainScope, false, "")
}

// showDeleted has a request reach objects that were deleted (MS-ADTS 3.1.1.3.4.1.14).
func showDeleted() ldap.Control {
	return ldap.NewControlString(ldap.ControlTypeMicrosoftShowDeleted, true, "")
}

// A query is a search with all of its pages.
type query struct {
	base   string
	scope  int // ldap.ScopeBaseObject by default
	filter string
	attrs  []string
	page   uint32 // entries in one answer; 0: not paged
	dacl   bool   // of a security descriptor, the part that reading it is enough for

	deleted bool // what was deleted, too
}

// search runs a query and calls each for every entry. DNs come in extended form.
func (d *Domain) search(ctx context.Context, q query, each func(*ldap.Entry) error) error {
	if q.filter == "" {
		q.filter = "(objectClass=*)"
	}
	paging := ldap.NewControlPaging(q.page)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		req := ldap.NewSearchRequest(q.base, q.scope, ldap.NeverDerefAliases, 0, 0, false, q.filter, q.attrs,
			[]ldap.Control{extendedDN(), domainScope()})
		if q.page > 0 {
			req.Controls = append(req.Controls, paging)
		}
		if q.dacl { // MS-ADTS 3.1.1.3.4.1.11
			req.Controls = append(req.Controls, &ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: 4})
		}
		if q.deleted {
			req.Controls = append(req.Controls, showDeleted())
		}
		res, err := d.Conn.Search(req)
		if err != nil {
			return lostOr(err)
		}
		if len(res.Referrals) > 0 {
			return fmt.Errorf("%s is in another domain (%s): connect to a domain controller of that domain", q.base, res.Referrals[0])
		}
		for _, e := range res.Entries {
			if err := each(e); err != nil {
				return err
			}
		}
		next, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(next.Cookie) == 0 {
			return nil
		}
		paging.SetCookie(next.Cookie)
	}
}

// entry reads one object; found is false if there is none.
func (d *Domain) entry(ctx context.Context, q query) (e *ldap.Entry, found bool, err error) {
	err = d.search(ctx, q, func(x *ldap.Entry) error { e = x; return nil })
	if code(err) == ldap.LDAPResultNoSuchObject {
		err = nil
	}
	return e, e != nil, err
}

// code returns the LDAP result code of an answer; 0 for other errors.
func code(err error) int {
	var e *ldap.Error
	if errors.As(err, &e) && e.ResultCode < ldap.ErrorNetwork && !errors.Is(err, ErrConnection) {
		return int(e.ResultCode)
	}
	return 0
}

// lostOr turns an error that is no answer to the request into ErrConnection. A
// domain controller that is shutting down (52) is as good as gone.
func lostOr(err error) error {
	if c := code(err); err == nil || c != 0 && c != ldap.LDAPResultUnavailable {
		return err
	}
	return fmt.Errorf("%w: %w", ErrConnection, err)
}

// valid refuses a configuration that would own nothing, or too much.
func (d *Domain) valid() error {
	if d.Identity.NC == "" {
		return errors.New("nobody has asked which domain this is: call Identify first")
	}
	if d.Instance == "" || strings.ContainsAny(d.Instance, " *") || d.Base == "" {
		return fmt.Errorf("instance %q must be a word, and base %q a DN", d.Instance, d.Base)
	}
	return nil
}

func (d *Domain) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}

func (d *Domain) wait(ctx context.Context, t time.Duration) error {
	if d.Wait != nil {
		return d.Wait(ctx, t)
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// byGUID names an object in a request (MS-ADTS 3.1.1.3.1.2.4). Renames do not matter to it.
func byGUID(g plan.GUID) string { return "<GUID=" + string(g) + ">" }

// bySID names a principal in a request.
func bySID(s directory.SID) string { return "<SID=" + string(s) + ">" }
