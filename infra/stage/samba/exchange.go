package samba

import "strings"

// Exchange is what a domain has of on-premises Exchange: what setup leaves in Active
// Directory, and nothing that would deliver mail. See exchange.py for what it is made from.
type Exchange string

// The kinds of domain. All but the first two are AllOfExchange with one thing changed.
const (
	NoExchange    Exchange = ""
	OldExchange   Exchange = "old"            // 2013 CU3, and two attributes of groups are not in its schema
	AllOfExchange Exchange = "all"            // 2019 CU15, upgraded from older ones, with lists in German too
	SchemaAlone   Exchange = "schema"         // the schema is extended, and there is no organization
	NoServer      Exchange = "no-server"      // the last server was removed
	Unprepared    Exchange = "unprepared"     // the domain was never prepared
	PreparedTwice Exchange = "prepared-twice" // it has two containers of Exchange's system objects
	OddList       Exchange = "odd-list"       // there is an address list whose filter we cannot evaluate
)

// Where things are in a domain with Exchange.
const (
	ExchangeService = "CN=Microsoft Exchange,CN=Services,CN=Configuration," + Domain
	Organization    = "CN=Corp," + ExchangeService
	AddressLists    = "CN=Address Lists Container," + Organization
	ExchangeServer  = "CN=EX1,CN=Servers,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups," + Organization
	SystemObjects   = "CN=Microsoft Exchange System Objects," + Domain
)

// kind is the one that a golden copy is made of.
func (e Exchange) kind() string {
	switch e {
	case NoExchange, OldExchange:
		return string(e)
	}
	return "new"
}

// LDIF is what DC.Modify makes of a running domain with AllOfExchange such a one; "" for
// the first three kinds.
func (e Exchange) LDIF() string {
	switch e {
	case SchemaAlone:
		return remove(ExchangeService)
	case NoServer:
		return remove(ExchangeServer)
	case Unprepared:
		return remove(SystemObjects)
	case PreparedTwice:
		return add("CN=Microsoft Exchange System Objects old,"+Domain, "objectClass: msExchSystemObjectsContainer", "objectVersion: 12639")
	case OddList:
		return add("CN=Odd,CN=All Address Lists,"+AddressLists, "objectClass: addressBookContainer", "displayName: Odd",
			"purportedSearch: (&(mailNickname=*)(whenCreated>=20260101000000.0Z)(memberOf:1.2.840.113556.1.4.1941:=CN=All,"+Domain+"))")
	}
	return ""
}

// remove deletes an object with all that is below it (MS-ADTS 3.1.1.3.4.1.15).
func remove(dn string) string {
	return "dn: " + dn + "\ncontrol: 1.2.840.113556.1.4.805 true\nchangetype: delete\n\n"
}

func add(dn string, lines ...string) string {
	return "dn: " + dn + "\nchangetype: add\n" + strings.Join(lines, "\n") + "\n\n"
}
