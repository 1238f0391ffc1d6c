#!/bin/bash
# modify.sh DIR ADDR FILE - does in the running domain in DIR, as its administrator, what FILE
# says in LDIF, such as a `changetype: delete` with a `control:`.
set -euo pipefail
USAGE='usage: modify.sh DIR ADDR FILE'
DIR=${1:?$USAGE} ADDR=${2:?$USAGE} FILE=${3:?$USAGE}
export LDAPTLS_CACERT=$DIR/tls/ca.pem LDAPTLS_REQCERT=allow # the certificate is for a name
ldapmodify -x -H "ldaps://$ADDR" -D Administrator@corp.test -y <(tr -d '\n' <"$DIR/admin.password") -f "$FILE" >&2
