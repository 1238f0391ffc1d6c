#!/usr/bin/env python3
"""compare.py - is Active Directory what the cloud says it should be?

Reads the cloud's truth (JSON, as the demo writes it) and asks the directory by
ldapsearch. It shares no code with Groupwriteback and decides for itself what
should be there. Prints every difference; exit code 0: equal, 1: not, 2: could
not compare.

With --mail, Microsoft 365 groups are there too, as distribution groups with mail that Exchange delivers to their members.
With --ruled it decides as the rules of testdata/ruled.yaml have it, with --suffixed as
for groups whose name somebody else has, with --foreign as for members that others put in.

  compare.py --truth truth.json --url ldaps://127.0.0.2 --user U --password-file F --ca ca.pem --base OU=... --domain DC=...
"""
import argparse, base64, json, os, re, subprocess, sys


def ldapsearch(a, base, filt, attrs):
    env = dict(os.environ, LDAPTLS_CACERT=a.ca, LDAPTLS_REQCERT="allow" if a.insecure_name else "demand")
    cmd = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", a.url, "-D", a.user, "-y", a.password_file,
           "-E", "pr=500/noprompt", "-b", base, filt] + attrs
    r = subprocess.run(cmd, env=env, capture_output=True)
    if r.returncode != 0:
        sys.stderr.write(r.stderr.decode())
        sys.exit(2)
    out, entry = [], {}
    for line in r.stdout.decode("utf-8").split("\n") + [""]:
        if line.startswith("#"):
            continue
        if line == "":
            if "dn" in entry:
                out.append(entry)
            entry = {}
            continue
        name, value = line.split(":", 1)
        if value.startswith(": "):
            value = base64.b64decode(value[2:])
            if name != "objectSid":
                value = value.decode("utf-8")
        else:
            value = value[1:] if value.startswith(" ") else value
            if name == "objectSid":
                value = value.encode("latin-1")
        entry.setdefault(name.split(";")[0], []).append(value)
    return out


def sid_text(b):
    parts = [int.from_bytes(b[8 + 4 * i:12 + 4 * i], "little") for i in range(b[1])]
    return "S-%d-%d" % (b[0], int.from_bytes(b[2:8], "big")) + "".join("-%d" % p for p in parts)


def cut(s, units):
    """The first UTF-16 code units of s, whole characters only."""
    n, out = 0, ""
    for c in s:
        n += 2 if ord(c) > 0xFFFF else 1
        if n > units:
            break
        out += c
    return out


def account(cn):
    return re.sub(r'["/\\\[\]:;|=,+*?<>@]', "_", cn)


def unified(p):
    return "Unified" in (p.get("groupTypes") or [])


def expected(truth, strangers, renames=False, mail=False):
    """What AD should hold, by cloud id: attributes and the members' keys. strangers are the account names, in small
    letters, of objects that are not ours; renames, whether names follow the cloud; mail, whether groups with mail are there."""
    groups = {}
    for g in truth["groups"]:
        p = g.get("properties", {})
        mine = ((mail and unified(p) or p.get("securityEnabled") is True and p.get("mailEnabled") is not True)
                and p.get("onPremisesSyncEnabled") is not True and p.get("isAssignableToRole") is not True)
        if mine and not g.get("removed"):
            groups[g["id"]] = (p, g.get("members", []), p["displayName"] if renames else g["first"])
    want = {}
    for gid, (p, members, first) in groups.items():
        cn = cut(first.strip(), 51) + "_" + gid[-12:]  # a new display name changes displayName alone
        if account(cn).lower() in strangers:
            cn = cut(first.strip(), 31).rstrip() + "_" + gid.replace("-", "")
        keys = set()
        for m in members:
            if m.get("sid"):
                keys.add("sid:" + m["sid"])
            elif m["kind"] == "group" and m["id"] in groups:
                keys.add("group:" + m["id"])
        want[gid] = {"cn": cn, "displayName": p["displayName"], "description": cut((p.get("description") or "").strip(), 448),
                     "sAMAccountName": account(cn), "groupType": "-2147483640", "members": keys}
        if mail and unified(p):
            want[gid].update(groupType="8", **addresses(p))
    return want


def addresses(p):
    """The mail attributes of a group, but for those that say how Exchange shows it."""
    primary = p["mail"]
    proxies = {"SMTP:" + primary}
    for a in p.get("proxyAddresses") or []:
        kind, address = a.split(":", 1)
        if kind.lower() in ("smtp", "x500") and address.lower() != primary.lower():
            proxies.add(kind.lower() + ":" + address)
    return {"mail": primary, "mailNickname": p["mailNickname"], "proxyAddresses": " | ".join(sorted(proxies)), "msExchRecipientDisplayType": "1"}


def ruled(truth, base, suffixed):
    """The same by the rules of testdata/ruled.yaml."""
    groups = {g["id"]: g for g in truth["groups"] if not g.get("removed")}

    def below(gid, seen):
        """The SIDs of everybody in a group, at any depth."""
        seen.add(gid)
        sids = set()
        for m in groups[gid].get("members", []):
            if m.get("sid"):
                sids.add("sid:" + m["sid"])
            elif m["kind"] == "group" and m["id"] in groups and m["id"] not in seen:
                sids |= below(m["id"], seen)
        return sids

    want = expected(truth, set())
    for gid in [g for g in want if groups[g]["properties"]["displayName"] in ("Empty", "Nowhere")]:
        del want[gid]  # out of scope; in a container that is not there
    for gid, w in want.items():
        name = groups[gid]["properties"]["displayName"]
        w["cn"] = cut(name.strip(), 64)
        account = "cloud-" + re.sub(r'["/\\\[\]:;|=,+*?<>@]', "_", name.replace(" ", "-"))
        if gid in suffixed:
            w["cn"] = cut(w["cn"], 51) + "_" + gid[-12:]
            account = cut(account, 51) + "_" + gid[-12:]
        w["sAMAccountName"] = cut(account, 64)
        w["displayName"] = name + " (cloud)"
        w["description"] = w["description"] or "No description"
        w["wWWHomePage"] = "https://groups.example/" + gid
        w["groupType"] = "-2147483644"
        w["parent"] = ("OU=Departments," if name.startswith("Department") else "OU=Others,") + base
        w["members"] = below(gid, set())
    return want


def suspended(group_type):
    """The groupType of the same scope by which members have nothing."""
    return str(int(group_type) & 0x7FFFFFFF)


def left(entry, group, quarantine, key):
    """What is wrong with the AD group of a group that the cloud has no more."""
    note = entry.get("info", [""])[0]
    if not note.startswith("In quarantine" if quarantine else ("No longer managed", "In quarantine")):
        return ["it is not marked as no longer managed or in quarantine: %r" % note[:20]]
    if not quarantine:
        return []
    wrong, group_type = [], entry.get("groupType", ["0"])[0]
    if group_type != suspended(group_type):
        wrong.append("it is in quarantine, and groupType is %r" % group_type)
    members = {key.get(m.lower()) for m in entry.get("member", [])}
    return wrong + ["member %s is missing" % m["sid"] for m in group.get("members", []) if m.get("sid") and "sid:" + m["sid"] not in members]


def main():
    ap = argparse.ArgumentParser()
    for name in ("truth", "url", "user", "password-file", "ca", "base", "domain"):
        ap.add_argument("--" + name, required=True)
    ap.add_argument("--insecure-name", action="store_true", help="do not hold the certificate's name against the URL")
    ap.add_argument("--mail", action="store_true", help="Microsoft 365 groups are distribution groups with mail")
    ap.add_argument("--renames", action="store_true", help="names follow the cloud")
    ap.add_argument("--ruled", action="store_true")
    ap.add_argument("--quarantine", action="store_true", help="so ends a group that is not in the cloud any more")
    ap.add_argument("--distribution", action="store_true", help="the rules make distribution groups")
    ap.add_argument("--suffixed", default="", help="object ids, with commas between them")
    ap.add_argument("--foreign", default="", help="SIDs of members that stay wherever they are, with commas between them")
    a = ap.parse_args()
    truth = json.load(open(a.truth))
    foreign = {"sid:" + s for s in a.foreign.split(",")}
    key, strangers = {}, set()  # lower-case DN -> key of a member
    for e in ldapsearch(a, a.domain, "(|(objectClass=user)(objectClass=computer)(objectClass=group))", ["objectSid", "sAMAccountName", "adminDescription"]):
        if not e.get("adminDescription", [""])[0].startswith("Group_"):
            strangers.update(name.lower() for name in e.get("sAMAccountName", []))
        if "objectSid" in e:
            key[e["dn"][0].lower()] = "sid:" + sid_text(e["objectSid"][0])
    want = ruled(truth, a.base, a.suffixed.split(",")) if a.ruled else expected(truth, strangers, a.renames, a.mail)
    have = ldapsearch(a, a.base, "(objectClass=group)",
                      ["cn", "displayName", "description", "sAMAccountName", "groupType", "info", "wWWHomePage", "mail", "mailNickname", "proxyAddresses", "targetAddress", "msExchRecipientDisplayType", "adminDescription", "msDS-ExternalDirectoryObjectId", "member"])
    gone = {g["id"]: g for g in truth["groups"] if g.get("removed")}
    differences, kept, found = [], 0, {}
    for e in have:
        mark = e.get("adminDescription", [""])[0]
        if not mark.startswith("Group_"):
            differences.append("%s bears no mark" % e["dn"][0])
            continue
        if mark[6:] in found:
            differences.append("two groups bear the mark %s" % mark)
        found[mark[6:]] = e
        key[e["dn"][0].lower()] = "group:" + mark[6:]
    for gid, e in sorted(found.items()):
        if gid not in want:
            kept += 1
            differences += ["%s is not in the cloud: %s" % (e["dn"][0], text) for text in left(e, gone.get(gid, {}), a.quarantine, key)]
            continue
        w = want[gid]
        if a.distribution:
            w["groupType"] = suspended(w["groupType"])
        for attr in ("cn", "displayName", "description", "sAMAccountName", "groupType", "wWWHomePage", "mail", "mailNickname", "proxyAddresses", "targetAddress", "msExchRecipientDisplayType"):
            is_, should = " | ".join(sorted(e.get(attr, []))), w.get(attr, "")
            if is_ != should:
                differences.append("%s: %s is %r, should be %r" % (e["dn"][0], attr, is_, should))
        if "parent" in w and not e["dn"][0].lower().endswith("," + w["parent"].lower()):
            differences.append("%s should be in %s" % (e["dn"][0], w["parent"]))
        if e.get("msDS-ExternalDirectoryObjectId", [""])[0] != "Group_" + gid:
            differences.append("%s: msDS-ExternalDirectoryObjectId is not its mark" % e["dn"][0])
        if "info" in e:
            differences.append("%s: has a note (info) that it should not have: %s" % (e["dn"][0], e["info"][0]))
        members = {key.get(m.lower(), "dn:" + m) for m in e.get("member", [])}
        for m in sorted(w["members"] - members):
            differences.append("%s: member %s is missing" % (e["dn"][0], m))
        for m in sorted(members - w["members"] - foreign):
            differences.append("%s: member %s should not be there" % (e["dn"][0], m))
    for gid in sorted(set(want) - set(found)):
        differences.append("group %s (%s) is missing" % (want[gid]["cn"], gid))
    for d in differences:
        print(d)
    members = sum(len(w["members"]) for w in want.values())
    print("%d groups, %d memberships, %d kept: %s" % (len(want), members, kept, "equal" if not differences else "%d difference%s" % (len(differences), "" if len(differences) == 1 else "s")))
    return 1 if differences else 0


sys.exit(main())
