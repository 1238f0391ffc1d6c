package ad

import (
	"errors"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// searchesOnly is a connection that answers searches with nothing.
type searchesOnly struct{ searches int }

func (c *searchesOnly) Search(*ldap.SearchRequest) (*ldap.SearchResult, error) {
	c.searches++
	return &ldap.SearchResult{}, nil
}

// TestReaderRefusesToWrite: whatever asks for a write over a reader's connection is refused before
// anything is sent.
func TestReaderRefusesToWrite(t *testing.T) {
	conn := &searchesOnly{}
	d := NewReader(conn, "OU=x,DC=y", "corp", nil).domain
	for name, err := range map[string]error{
		"add":    d.Conn.Add(ldap.NewAddRequest("CN=a,OU=x,DC=y", nil)),
		"modify": d.Conn.Modify(ldap.NewModifyRequest("CN=a,OU=x,DC=y", nil)),
		"rename": d.Conn.ModifyDN(ldap.NewModifyDNRequest("CN=a,OU=x,DC=y", "CN=b", true, "")),
		"delete": d.Conn.Del(ldap.NewDelRequest("CN=a,OU=x,DC=y", nil)),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if conn.searches != 0 {
		t.Errorf("%d requests were sent", conn.searches)
	}
}
