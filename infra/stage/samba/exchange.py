#!/usr/bin/python3
"""exchange.py DIR KIND - puts into the stopped domain in DIR what Exchange's setup leaves
in Active Directory, as far as a writer of groups meets it. KIND is `new` (the numbers of
2019 CU15, upgraded over many years), or `old` (2013 CU3, and its schema lacks OLD_LACKS).

Names, syntaxes, links, property sets, places and version numbers are those that public
documents and published dumps of servers tell: Microsoft's pages on preparing Active
Directory and on address lists, the scripts of github.com/microsoft/CSS-Exchange, Exchange
2003's schema reference. What they do not tell is made up, and nothing relies on it: object
identifiers below ARC, link ids from 30010, all schemaIDGUIDs. It is no Exchange: nothing here
delivers mail.

golden.sh has made DIR; domain.py has filled it.
"""

import json
import os
import sys
import uuid

from samba import sd_utils
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.dcerpc.misc import GUID
from samba.param import LoadParm
from samba.samdb import SamDB
import ldb

BASE = "DC=corp,DC=test"
CONFIG = "CN=Configuration," + BASE
SCHEMA = "CN=Schema," + CONFIG
SERVICE = "CN=Microsoft Exchange,CN=Services," + CONFIG
ORG = "CN=Corp," + SERVICE
ADMIN_GROUP = "CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups," + ORG
LISTS = "CN=Address Lists Container," + ORG
GROUPS_OU = "OU=Cloud Groups," + BASE
GROUP_CLASS = "bf967a9c-0de6-11d0-a285-00aa003049e2"

VERSIONS = {  # schema, organization, domain, the server's build plus 30,000
    "new": (17003, 16763, 13243, "Version 15.2 (Build 31748.10)"),
    "old": (15283, 15763, 13236, "Version 15.0 (Build 30775.38)"),
}
OLD_LACKS = ("msExchCoManagedByLink", "msExchRecipientTypeDetails")

SYNTAX = {  # attributeSyntax, oMSyntax, oMObjectClass
    "str": ("2.5.5.12", "64", None),
    "int": ("2.5.5.9", "2", None),
    "i64": ("2.5.5.16", "65", None),
    "bool": ("2.5.5.8", "1", None),
    "dn": ("2.5.5.1", "127", bytes.fromhex("2b0c0287731c00854a")),
    "or": ("2.5.5.7", "127", bytes.fromhex("56060102050b1d")),
}
MAPI, EXCH, ARC = "1.2.840.113556.1.2.", "1.2.840.113556.1.4.7000.102.", "1.2.840.113556.1.8000.2554.60001."

# cn, LDAP name, OID, syntax, values, link id, searchFlags. Of groups, but for the last.
ATTRIBUTES = [
    ("ms-Exch-Mail-Nickname", "mailNickname", MAPI + "447", "str", 1, None, 5),
    ("ms-Exch-Recipient-Display-Type", "msExchRecipientDisplayType", EXCH + "50730", "int", 1, None, 1),
    ("ms-Exch-Recipient-Type-Details", "msExchRecipientTypeDetails", EXCH + "50855", "i64", 1, None, 1),
    ("ms-Exch-Hide-From-Address-Lists", "msExchHideFromAddressLists", EXCH + "73", "bool", 1, None, 16),
    ("ms-Exch-Version", "msExchVersion", ARC + "1.1", "i64", 1, None, 0),
    ("ms-Exch-RequireAuthToSendTo", "msExchRequireAuthToSendTo", "1.2.840.113556.1.4.5062", "bool", 1, None, 0),
    ("ms-Exch-Report-To-Originator", "reportToOriginator", MAPI + "206", "bool", 1, None, 0),
    ("ms-Exch-Report-To-Owner", "reportToOwner", MAPI + "207", "bool", 1, None, 0),
    ("ms-Exch-OOF-Reply-To-Originator", "oOFReplyToOriginator", MAPI + "438", "bool", 1, None, 0),
    ("ms-Exch-Hide-DL-Membership", "hideDLMembership", MAPI + "297", "bool", 1, None, 0),
    ("ms-Exch-Target-Address", "targetAddress", MAPI + "352", "str", 1, None, 1),
    ("ms-Exch-Internet-Encoding", "internetEncoding", MAPI + "551", "int", 1, None, 0),
    ("ms-Exch-Auth-Orig", "authOrig", MAPI + "129", "or", 0, 110, 16),
    ("ms-Exch-Auth-Orig-BL", "authOrigBL", MAPI + "290", "dn", 0, 111, 0),
    ("ms-Exch-DL-Mem-Submit-Perms", "dLMemSubmitPerms", MAPI + "144", "or", 0, 112, 16),
    ("ms-Exch-DL-Mem-Submit-Perms-BL", "dLMemSubmitPermsBL", MAPI + "291", "dn", 0, 113, 0),
    ("ms-Exch-Unauth-Orig", "unauthOrig", MAPI + "221", "or", 0, 114, 16),
    ("ms-Exch-Unauth-Orig-BL", "unauthOrigBL", MAPI + "292", "dn", 0, 115, 0),
    ("ms-Exch-DL-Mem-Reject-Perms", "dLMemRejectPerms", MAPI + "47", "or", 0, 116, 16),
    ("ms-Exch-DL-Mem-Reject-Perms-BL", "dLMemRejectPermsBL", MAPI + "293", "dn", 0, 117, 0),
    ("ms-Exch-Co-Managed-By-Link", "msExchCoManagedByLink", ARC + "1.2", "dn", 0, 30010, 0),
    ("ms-Exch-Co-Managed-Objects-BL", "msExchCoManagedObjectsBL", EXCH + "50954", "dn", 0, 30011, 0),
    ("ms-Exch-Group-Join-Restriction", "msExchGroupJoinRestriction", ARC + "1.3", "int", 1, None, 0),
    ("ms-Exch-Group-Depart-Restriction", "msExchGroupDepartRestriction", ARC + "1.4", "int", 1, None, 0),
    ("ms-Exch-Policies-Included", "msExchPoliciesIncluded", EXCH + "50050", "str", 0, None, 0),
    ("ms-Exch-Policies-Excluded", "msExchPoliciesExcluded", EXCH + "50051", "str", 0, None, 0),
] + [
    ("ms-Exch-Extension-Attribute-%d" % (n + 1), "extensionAttribute%d" % (n + 1), MAPI + str(oid), "str", 1, None, 16)
    for n, oid in enumerate([*range(423, 433), *range(599, 604)])
]
CONFIGURATION_ATTRIBUTES = [
    ("ms-Exch-Accepted-Domain-Name", "msExchAcceptedDomainName", ARC + "1.5", "str", 1, None, 0),
    ("ms-Exch-Accepted-Domain-Flags", "msExchAcceptedDomainFlags", ARC + "1.6", "int", 1, None, 0),
    ("ms-Exch-Query-Filter", "msExchQueryFilter", ARC + "1.7", "str", 1, None, 0),
]

# cn, LDAP name, superior class, possible parents, attributes.
CLASSES = [
    ("ms-Exch-Organization-Container", "msExchOrganizationContainer", "container", ["msExchConfigurationContainer"], ["objectVersion", "legacyExchangeDN"]),
    ("ms-Exch-Container", "msExchContainer", "container", ["msExchConfigurationContainer"], []),
    ("ms-Exch-Admin-Group-Container", "msExchAdminGroupContainer", "container", ["container"], []),
    ("ms-Exch-Admin-Group", "msExchAdminGroup", "container", ["container"], ["legacyExchangeDN"]),
    ("ms-Exch-Exchange-Server", "msExchExchangeServer", "top", ["container"], ["serialNumber"]),
    ("ms-Exch-Accepted-Domain", "msExchAcceptedDomain", "top", ["container"], ["msExchAcceptedDomainName", "msExchAcceptedDomainFlags"]),
    ("ms-Exch-System-Objects-Container", "msExchSystemObjectsContainer", "container", ["domainDNS"], ["objectVersion"]),
]

EXCHANGE_INFORMATION = "1f298a89-de98-47b8-b5cd-572ad53d267e"
PUBLIC_INFORMATION = "e48d0154-bcf8-11d1-8702-00c04fb96050"
PUBLIC = {"E-mail-Addresses": "mail", "Proxy-Addresses": "proxyAddresses", "Legacy-Exchange-DN": "legacyExchangeDN",
          "Show-In-Address-Book": "showInAddressBook", "Text-Encoded-OR-Address": "textEncodedORAddress"}

# Name below Address Lists Container, and purportedSearch. Upgraded: the list of groups is
# there under its old and its new name, and one has a filter in the spelling of 2003.
ADDRESS_LISTS = [
    ("CN=All Address Lists", None),
    ("CN=All Users,CN=All Address Lists", "(&(mailNickname=*)(objectCategory=person)(objectClass=user))"),
    ("CN=All Contacts,CN=All Address Lists", "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=contact)) ))"),
    ("CN=All Groups,CN=All Address Lists", "(& (mailnickname=*) (| (objectCategory=group) ))"),
    ("CN=All Distribution Lists,CN=All Address Lists", "(&(mailNickname=*)(objectCategory=group))"),
    ("CN=Alle Verteiler,CN=All Address Lists", "(&(mailNickname=*)(objectCategory=group)(displayName=Verteiler *))"),
    ("CN=M\u00fcnchen\\, S\u00fcd,CN=Alle Verteiler,CN=All Address Lists", "(&(mailNickname=*)(objectCategory=group)(extensionAttribute1=M\u00fcnchen))"),
    ("CN=All Global Address Lists", None),
    ("CN=Default Global Address List,CN=All Global Address Lists",
     "(&(mailNickname=*)(|(objectClass=user)(objectClass=contact)(objectClass=group)))"),
    ("CN=All System Address Lists", None),
    ("CN=All Groups(VLV),CN=All System Address Lists", None),
    ("CN=All Recipients(VLV),CN=All System Address Lists", None),
]
ACCEPTED_DOMAINS = [("corp.test", "4"), ("groups.corp.test", "2"), ("*.lists.corp.test", "0"), ("partner.example", "1")]

# Exchange's own groups, by the well-known GUIDs that setup gives them.
WELL_KNOWN = [
    ("Organization Management", "C262A929D691B74A9E068728F8F842EA"),
    ("Recipient Management", "DB72C41D49580A4DB304FE6981E56297"),
    ("Exchange Servers", "A7D2016C83F003458132789EEB127B84"),
    ("Exchange Trusted Subsystem", "EA876A58DB6DD04C9006939818F800EB"),
    ("Exchange Windows Permissions", "4C17D0117EBE6642AFAEE03BC66D381F"),
]


def guid_bytes(text):
    return ndr_pack(GUID(text))


def attribute(row, exchange_set, range_upper=None):
    cn, name, oid, syntax, single, link, flags = row
    kind, om, om_class = SYNTAX[syntax]
    a = {
        "dn": "CN=%s,%s" % (cn, SCHEMA), "objectClass": "attributeSchema", "lDAPDisplayName": name,
        "attributeID": oid, "attributeSyntax": kind, "oMSyntax": om, "isSingleValued": "TRUE" if single else "FALSE",
        "schemaIDGUID": guid_bytes(str(uuid.uuid5(uuid.NAMESPACE_OID, oid))), "searchFlags": str(flags),
        "isMemberOfPartialAttributeSet": "TRUE", "systemOnly": "FALSE",
    }
    if om_class:
        a["oMObjectClass"] = om_class
    if link:
        a["linkID"] = str(link)
    if range_upper:
        a["rangeUpper"] = str(range_upper)
    if exchange_set:
        a["attributeSecurityGUID"] = guid_bytes(EXCHANGE_INFORMATION)
    return a


def schema_class(n, row):
    cn, name, superior, parents, may = row
    oid = ARC + "2.%d" % n
    return {
        "dn": "CN=%s,%s" % (cn, SCHEMA), "objectClass": "classSchema", "lDAPDisplayName": name, "governsID": oid,
        "subClassOf": superior, "objectClassCategory": "1", "rDNAttID": "cn", "systemOnly": "FALSE",
        "schemaIDGUID": guid_bytes(str(uuid.uuid5(uuid.NAMESPACE_OID, oid))),
        "defaultSecurityDescriptor": "D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)(A;;RPLCLORC;;;AU)",
        "defaultObjectCategory": "CN=%s,%s" % (cn, SCHEMA), "possSuperiors": parents,
        **({"mayContain": may} if may else {}),
    }


def change(db, dn, op, name, values):
    m = ldb.Message(ldb.Dn(db, dn))
    m[name] = ldb.MessageElement(values, op, name)
    db.modify(m)


def extend(stage, kind):
    """The schema, in stages: what one adds the next can name."""
    schema_version = VERSIONS[kind][0]
    of_groups = [a for a in ATTRIBUTES if kind != "old" or a[1] not in OLD_LACKS]
    with stage() as db:
        version = ("ms-Exch-Schema-Version-Pt", "msExchSchemaVersionPt", ARC + "1.8", "str", 1, None, 0)
        db.add(attribute(version, False, schema_version))
        for row in of_groups:
            db.add(attribute(row, not row[1].endswith("BL")))
        for row in CONFIGURATION_ATTRIBUTES:
            db.add(attribute(row, False))
        for cn in PUBLIC:
            change(db, "CN=%s,%s" % (cn, SCHEMA), ldb.FLAG_MOD_REPLACE, "attributeSecurityGUID", [guid_bytes(PUBLIC_INFORMATION)])
    with stage() as db:
        for n, row in enumerate(CLASSES):
            db.add(schema_class(n, row))
    with stage() as db:
        names = [a[1] for a in of_groups]
        add = lambda cn, name, values: change(db, "CN=%s,%s" % (cn, SCHEMA), ldb.FLAG_MOD_ADD, name, values)
        add("Top", "mayContain", [n for n in names if n.endswith("BL")])  # back links, on every class
        add("Mail-Recipient", "mayContain", [n for n in names if not n.endswith("BL")])
        add("Address-Book-Container", "possSuperiors", ["container"])
        add("Address-Book-Container", "mayContain", ["msExchQueryFilter"])


def configure(db, kind):
    """What the forest's configuration has."""
    _, organization, _, build = VERSIONS[kind]
    legacy = "/o=Corp"
    db.add({"dn": SERVICE, "objectClass": "msExchConfigurationContainer"})
    db.add({"dn": ORG, "objectClass": "msExchOrganizationContainer", "objectVersion": str(organization), "legacyExchangeDN": legacy})
    db.add({"dn": LISTS, "objectClass": "msExchContainer"})
    for name, search in ADDRESS_LISTS:
        dn = "%s,%s" % (name, LISTS)
        shown = ldb.Dn(db, dn).get_rdn_value()
        db.add({"dn": dn, "objectClass": "addressBookContainer", "displayName": shown, **({"purportedSearch": search} if search else {})})
    db.add({"dn": "CN=Administrative Groups," + ORG, "objectClass": "msExchAdminGroupContainer"})
    # The group of Exchange 2003, which upgrades leave behind.
    db.add({"dn": "CN=Erste administrative Gruppe,CN=Administrative Groups," + ORG, "objectClass": "msExchAdminGroup",
            "legacyExchangeDN": legacy + "/ou=Erste administrative Gruppe"})
    db.add({"dn": ADMIN_GROUP, "objectClass": "msExchAdminGroup",
            "legacyExchangeDN": legacy + "/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"})
    db.add({"dn": "CN=Servers," + ADMIN_GROUP, "objectClass": "msExchContainer"})
    db.add({"dn": "CN=EX1,CN=Servers," + ADMIN_GROUP, "objectClass": "msExchExchangeServer", "serialNumber": build})
    db.add({"dn": "CN=Transport Settings," + ORG, "objectClass": "msExchContainer"})
    db.add({"dn": "CN=Accepted Domains,CN=Transport Settings," + ORG, "objectClass": "msExchContainer"})
    for name, flags in ACCEPTED_DOMAINS:
        db.add({"dn": "CN=%s,CN=Accepted Domains,CN=Transport Settings,%s" % (name, ORG), "objectClass": "msExchAcceptedDomain",
                "msExchAcceptedDomainName": name, "msExchAcceptedDomainFlags": flags})
    db.add({"dn": "CN=Exchange-Information,CN=Extended-Rights," + CONFIG, "objectClass": "controlAccessRight",
            "rightsGuid": EXCHANGE_INFORMATION, "validAccesses": "48", "appliesTo": GROUP_CLASS})


def prepare(db, kind):
    """What the domain has: Exchange's container, its groups, and the account's rights on the
    property sets that mail needs, which docs/agent.md tells an administrator to set."""
    db.add({"dn": "CN=Microsoft Exchange System Objects," + BASE, "objectClass": "msExchSystemObjectsContainer",
            "objectVersion": str(VERSIONS[kind][2])})
    ou = "OU=Microsoft Exchange Security Groups," + BASE
    db.add({"dn": ou, "objectClass": "organizationalUnit"})
    for name, _ in WELL_KNOWN:
        db.add({"dn": "CN=%s,%s" % (name, ou), "objectClass": "group", "sAMAccountName": name, "groupType": str(-2147483640)})
    change(db, SERVICE, ldb.FLAG_MOD_ADD, "otherWellKnownObjects", ["B:32:%s:CN=%s,%s" % (guid, name, ou) for name, guid in WELL_KNOWN])


def delegate(db, sid):
    acl = sd_utils.SDUtils(db)
    for rights in EXCHANGE_INFORMATION, PUBLIC_INFORMATION:
        acl.dacl_add_ace(GROUPS_OU, "(OA;CIIO;RPWP;%s;%s;%s)" % (rights, GROUP_CLASS, sid))


def main(directory, kind):
    lp = LoadParm()
    lp.load(os.path.join(directory, "etc", "smb.conf"))
    lp.set("dsdb:schema update allowed", "yes")

    class stage:
        """One transaction, by a database that has read the schema anew."""
        def __enter__(self):
            self.db = SamDB(url=lp.private_path("sam.ldb"), session_info=system_session(), lp=lp)
            self.db.transaction_start()
            return self.db

        def __exit__(self, failed, *_):
            self.db.transaction_cancel() if failed else self.db.transaction_commit()

    extend(stage, kind)
    known = os.path.join(directory, "principals.json")
    with open(known) as f:
        principals = json.load(f)
    with stage() as db:
        configure(db, kind)
        prepare(db, kind)
        delegate(db, principals["svc-groupwriteback"])
        for name, _ in WELL_KNOWN:
            found = db.search(BASE, expression="(sAMAccountName=%s)" % name, attrs=["objectSid"])
            principals[name] = str(ndr_unpack(security.dom_sid, found[0]["objectSid"][0]))
    with open(known, "w") as f:
        json.dump(principals, f, indent=1, sort_keys=True)


main(sys.argv[1], sys.argv[2])
