#!/usr/bin/python3
"""domain.py DIR USERS - fills DIR with the throw-away domain CORP.TEST.

Differs from `samba-tool domain provision` in two things: it sets no sysvol ACLs,
so that no file system with ACLs is needed, and it uses the Windows Server 2016
schema, which Debian's Samba ships but does not offer, because it is the first
one with msDS-ExternalDirectoryObjectId.

golden.sh has made DIR, its certificates, passwords and smb.conf.
"""

import json
import logging
import os
import sys

import samba.schema
from samba import sd_utils
from samba.auth import system_session
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
from samba.ndr import ndr_unpack
from samba.dcerpc import security
from samba.param import LoadParm
from samba.provision import FILL_FULL, provision
from samba.samdb import SamDB

BASE = "DC=corp,DC=test"
GROUPS = "OU=Cloud Groups," + BASE
DELETED = "CN=Deleted Objects," + BASE
SERVICE = "svc-groupwriteback"
GROUP_CLASS = "bf967a9c-0de6-11d0-a285-00aa003049e2"  # schemaIDGUID of class group
UNIT = 1000  # users in one container and one transaction: more is slower


def create(conf, lp, password):
    samba.schema.Schema.base_schemas["2016"] = (
        "AD_DS_Attributes__Windows_Server_2016.ldf",
        "AD_DS_Classes__Windows_Server_2016.ldf",
        87,
    )
    provision(
        logging.getLogger(), system_session(), smbconf=conf, lp=lp, samdb_fill=FILL_FULL,
        realm="CORP.TEST", domain="CORP", hostname="dc1", hostip="127.0.0.1",
        adminpass=password, serverrole="domain controller",
        dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2,  # the highest of Samba 4.17
        dns_backend="NONE", use_rfc2307=True, skip_sysvolacl=True, base_schema="2016",
    )


def container(db, dn):
    db.add({"dn": dn, "objectClass": "organizationalUnit"})


def people(db, count):
    container(db, "OU=People," + BASE)
    for first in range(1, count + 1, UNIT):
        db.transaction_start()
        ou = "OU=p%03d,OU=People,%s" % (first // UNIT, BASE)
        container(db, ou)
        for n in range(first, min(first + UNIT, count + 1)):
            name = "user%05d" % n
            db.add({
                "dn": "CN=%s,%s" % (name, ou), "objectClass": "user",
                "sAMAccountName": name, "displayName": "User %05d" % n,
                "userPrincipalName": name + "@corp.test", "mail": name + "@corp.test",
            })
        db.transaction_commit()


def machines(db):
    container(db, "OU=Machines," + BASE)
    for n in range(1, 6):
        name = "dev%d" % n
        db.add({
            "dn": "CN=%s,OU=Machines,%s" % (name, BASE), "objectClass": "computer",
            "sAMAccountName": name + "$", "userAccountControl": "4096",
        })


def delegate(db, password):
    """The least rights that the agent needs, as docs tell an administrator to set
    them: create and delete groups below one OU, full control of those groups."""
    container(db, GROUPS)
    db.newuser(SERVICE, password)
    db.setexpiry("(sAMAccountName=%s)" % SERVICE, 0, no_expiry_req=True)
    sid = principals(db)[SERVICE]
    acl = sd_utils.SDUtils(db)
    acl.dacl_add_ace(GROUPS, "(OA;CI;CCDC;%s;;%s)" % (GROUP_CLASS, sid))
    acl.dacl_add_ace(GROUPS, "(OA;CIIO;GA;;%s;%s)" % (GROUP_CLASS, sid))
    # What an administrator takes the ownership for: to let others see what was deleted.
    acl.dacl_add_ace(DELETED, "(A;;RCWD;;;BA)")


def principals(db):
    """Maps the names of users, computers (without their $) and groups to SIDs."""
    found = db.search(
        BASE, expression="(&(sAMAccountName=*)(objectSid=*))",
        attrs=["sAMAccountName", "objectSid"],
    )
    return {
        str(m["sAMAccountName"]).rstrip("$"): str(ndr_unpack(security.dom_sid, m["objectSid"][0]))
        for m in found
    }


def main(directory, users):
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d ms %(message)s")
    conf = os.path.join(directory, "etc", "smb.conf")
    lp = LoadParm()
    lp.load(conf)
    read = lambda name: open(os.path.join(directory, name + ".password")).read().strip()

    create(conf, lp, read("admin"))
    # batch_mode: one index update a transaction, four times as fast.
    db = SamDB(url=lp.private_path("sam.ldb"), session_info=system_session(), lp=lp,
               options=["batch_mode:1"])
    people(db, users)
    machines(db)
    delegate(db, read("service"))
    with open(os.path.join(directory, "principals.json"), "w") as f:
        json.dump(principals(db), f, indent=1, sort_keys=True)


main(sys.argv[1], int(sys.argv[2]))
