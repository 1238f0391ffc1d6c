package exchange_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/ad/adtest"
)

// TestFiltersAsADomain holds the evaluation to a domain controller's own: where it says something of a group, the
// domain finds the group by the filter, or does not.
func TestFiltersAsADomain(t *testing.T) {
	dc := adtest.Start(t, 0)
	conn := administrator(t, dc)
	dn := "CN=Vertrieb," + dc.Base
	attrs := map[string][]string{
		"displayname": {"Sales, München"}, "mail": {"sales@corp.example"}, "info": {"a-1"}, "samaccountname": {"Vertrieb"},
		"proxyaddresses": {"SMTP:sales@corp.example", "smtp:verkauf@corp.example"}, "grouptype": {"-2147483640"},
	}
	add := ldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"group"})
	for name, values := range attrs {
		add.Attribute(name, values)
	}
	if err := conn.Add(add); err != nil {
		t.Fatal(err)
	}
	attrs["cn"], attrs["name"], attrs["description"], attrs["admindescription"] = []string{"Vertrieb"}, []string{"Vertrieb"}, nil, nil

	var filters []string
	for _, item := range []string{
		"objectClass=group", "objectClass=GROUP", "objectClass=top", "objectClass=user", "objectClass=contact", "objectClass=*", "objectCategory=group", "objectCategory=Person", "objectCategory=contact", "objectCategory=*",
		"objectCategory=CN=Group,CN=Schema,CN=Configuration," + dc.Domain, "objectCategory=cn=person,cn=schema,cn=configuration," + dc.Domain,
		"cn=vertrieb", "cn=V*b", "cn=*er*ie*", "cn=*ie*er*", "cn=ver*rtrieb", "cn=*", "name=VERTRIEB", "cn>=vert", "cn<=vert", "cn>=w", `cn=\56ertrieb`, `cn=Vertrieb\2a`,
		"displayName=sales, MÜNCHEN", "displayName=sales, berlin", "displayName=*münch*", "info=A-1", "info=a1", "description=*", "description=x", "adminDescription=Group_*",
		"mail=*@corp.example", "mail=*@other.example", "proxyAddresses=SMTP:verkauf@CORP.example", "proxyAddresses=smtp:*", "proxyAddresses=smtp:verkauf*sales*",
		"groupType=-2147483640", "groupType=8", "groupType>=0", "groupType<=0", "groupType>=-2147483640", "groupType:1.2.840.113556.1.4.803:=2147483648", "groupType:1.2.840.113556.1.4.803:=2147483650",
		"groupType:1.2.840.113556.1.4.804:=2147483650", "groupType:1.2.840.113556.1.4.804:=6", "groupType:1.2.840.113556.1.4.803:=8",
	} {
		filters = append(filters, "("+item+")", "(!("+item+"))", "(&(objectCategory=group)("+item+"))", "(|(cn=x)("+item+"))", "(&("+item+")(!(mail=x)))")
	}
	said := 0
	for _, filter := range filters {
		want := map[bool]string{true: "yes", false: "no"}[finds(t, conn, dn, filter)]
		got := answer(filter, attrs)
		if got == "yes" || got == "no" {
			said++
		}
		if got != want && got != "unknown" {
			t.Errorf("%s: %s, and the domain says %s", filter, got, want)
		}
	}
	t.Logf("of %d filters something is said of %d", len(filters), said)
	if said < len(filters)*9/10 {
		t.Errorf("of %d filters something is said of %d alone", len(filters), said)
	}
}

// finds says whether the domain finds an object by a filter.
func finds(t *testing.T, conn *ldap.Conn, dn, filter string) bool {
	t.Helper()
	found, err := conn.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, filter, []string{"cn"}, nil))
	if err != nil {
		t.Fatal(fmt.Errorf("search %s: %w", filter, err))
	}
	return len(found.Entries) == 1
}

// administrator is a connection of the domain's administrator.
func administrator(t *testing.T, dc *adtest.DC) *ldap.Conn {
	t.Helper()
	pem, err := os.ReadFile(dc.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	conn, err := ldap.DialURL(dc.URL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: pool, ServerName: dc.ServerName}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.Bind(dc.AdminName, dc.AdminPassword); err != nil {
		t.Fatal(err)
	}
	return conn
}
