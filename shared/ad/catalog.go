package ad

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// catalogTimeout is how long a global catalog may take to answer: where a firewall keeps the
// agent from it, changes wait for that.
const catalogTimeout = 10 * time.Second

// DialCatalog connects to the global catalog on the same server, with the same security:
// its ports are 3269 for LDAPS and 3268 for StartTLS (MS-ADTS 3.1.1.3.1.10). A domain
// controller that is no global catalog does not listen there.
func DialCatalog(ctx context.Context, c Config) (*ldap.Conn, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("connect to the global catalog: %w", err)
	}
	u.Host = net.JoinHostPort(u.Hostname(), map[string]string{"ldaps": "3269", "ldap": "3268"}[u.Scheme])
	c.URL = u.String()
	if c.Timeout == 0 || c.Timeout > catalogTimeout {
		c.Timeout = catalogTimeout
	}
	return Dial(ctx, c)
}

// A catalog is the connection to the global catalog, made when it is first needed. It is
// idle for long, and servers end idle connections.
type catalog struct {
	conn  Conn
	again time.Time // it was not reached: when it is tried again
}

// catalogRest is how long a global catalog that was not reached is left alone.
const catalogRest = time.Hour

// searchForest is search in all domains of the forest, as far as that goes: the domain by the
// connection that writes, which knows what was written a moment ago, and the others by the
// global catalog. Where that is not reached the domain alone is searched, and the log says so.
func (d *Domain) searchForest(ctx context.Context, q query, each func(*Domain, *ldap.Entry) error) error {
	in := func(d *Domain) error {
		return d.search(ctx, q, func(e *ldap.Entry) error { return each(d, e) })
	}
	q.base, q.scope = d.Identity.NC, ldap.ScopeWholeSubtree
	if err := in(d); err != nil || d.Catalog == nil || time.Now().Before(d.catalog.again) {
		return err
	}
	q.base = "" // of a global catalog, all there is
	err := d.inCatalog(ctx, in)
	if errors.Is(err, ErrConnection) { // it may have been idle for too long
		err = d.inCatalog(ctx, in)
	}
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	d.catalog.again = time.Now().Add(catalogRest)
	d.log().WarnContext(ctx, "the global catalog cannot be searched: of addresses that others have only those in this domain are found; it is tried again in an hour", "why", err)
	return nil
}

// inCatalog does something by the connection to the global catalog, which is ended where
// that goes wrong.
func (d *Domain) inCatalog(ctx context.Context, do func(*Domain) error) (err error) {
	if d.catalog.conn == nil {
		if d.catalog.conn, err = d.Catalog(ctx); err != nil {
			d.catalog.conn = nil
			return err
		}
	}
	if err = do(&Domain{Conn: d.catalog.conn}); err != nil {
		d.Close()
	}
	return err
}

// Close ends the connection to the global catalog, if there is one. Conn is the caller's.
func (d *Domain) Close() {
	if c, is := d.catalog.conn.(io.Closer); is {
		_ = c.Close() // nothing was written by it
	}
	d.catalog.conn = nil
}
