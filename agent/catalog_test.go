package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// TestCatalog: the global catalog is reached as the domain controller is, and hung up with it. A
// password that was refused meanwhile is not shown to it again.
func TestCatalog(t *testing.T) {
	dc := shared.DC(t)
	password := filepath.Join(t.TempDir(), "password")
	ok(t, os.WriteFile(password, []byte(dc.Password), 0o600))
	c := config{Target: "corp", State: t.TempDir(), Directory: directoryConfig{URL: dc.URL, ServerName: dc.ServerName, CAFile: dc.CAFile, User: dc.BindName, PasswordFile: password, Base: dc.Base}}
	d, hangUp, err := c.connect(t.Context(), c.directoryCaution())
	ok(t, err)
	conn, err := d.Catalog(t.Context())
	ok(t, err)
	defer conn.(*ldap.Conn).Close()
	res, err := conn.Search(ldap.NewSearchRequest("", ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(sAMAccountName=svc-groupwriteback)", []string{"1.1"}, nil))
	if err != nil || len(res.Entries) != 1 {
		t.Errorf("the global catalog finds %v, %v", res, err)
	}
	ok(t, os.WriteFile(password, []byte("another one"), 0o600))
	if _, err := d.Catalog(t.Context()); err == nil || !strings.Contains(err.Error(), "the user name or the password is wrong") {
		t.Errorf("with another password: %v", err)
	}
	if _, err := d.Catalog(t.Context()); err == nil || !strings.Contains(err.Error(), "not tried again with the same secret") {
		t.Errorf("once more: %v", err)
	}
	hangUp()
	if _, err := d.Identify(t.Context()); err == nil {
		t.Error("it has hung up, and is answered")
	}
}
