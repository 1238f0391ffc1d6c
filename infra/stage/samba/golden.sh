#!/bin/bash
# golden.sh CACHEDIR [USERS] [EXCHANGE] - provisions the domain CORP.TEST once and prints
# the directory of the golden copy, which start.sh copies and never changes. With EXCHANGE,
# a KIND of exchange.py, it is a copy of that domain to which Exchange has come.
#
# The copy's name holds a hash of these scripts, of Samba's version and of the arguments,
# so a stale copy is never used. It is made under a temporary name and renamed
# when complete; callers that start at once wait for each other.
set -euo pipefail
CACHE=${1:?usage: golden.sh CACHEDIR [USERS] [EXCHANGE]} USERS=${2:-0} EXCHANGE=${3:-}
HERE=$(dirname "$(readlink -f "$0")")
command -v samba >/dev/null || { echo "samba is not installed: run infra/stage/samba/install.sh" >&2; exit 1; }

mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd)
KEY=$({ cat "$HERE"/golden.sh "$HERE"/domain.py "$HERE"/smb.conf.in; samba --version; echo "$USERS"; } | sha256sum | cut -c1-12)
GOLDEN=$CACHE/samba-$USERS-$KEY
if [ -n "$EXCHANGE" ]; then
	PLAIN=$("$HERE/golden.sh" "$CACHE" "$USERS")
	GOLDEN=$PLAIN-$EXCHANGE-$(sha256sum <"$HERE/exchange.py" | cut -c1-12)
fi

exec 9>"$GOLDEN.lock"
flock 9
if [ -d "$GOLDEN" ]; then echo "$GOLDEN"; exit; fi

umask 022
DIR=$GOLDEN.new
rm -rf "$DIR" # what an interrupted run left behind
complete() { # moves what was made to its place
	mv "$DIR" "$GOLDEN"
	echo "$GOLDEN"
	exit
}
run() { # WHAT SCRIPT ARGS... - by the system's own python, to which the Samba bindings belong
	/usr/bin/python3 "${@:2}" >"$DIR/log/provision.log" 2>&1 && return
	tail -20 "$DIR/log/provision.log" >&2
	echo "$1: see $DIR/log/provision.log; are all packages of infra/stage/samba/install.sh there?" >&2
	exit 1
}
if [ -n "$EXCHANGE" ]; then
	cp -a --reflink=auto "$PLAIN" "$DIR"
	sed "s#@DIR@#$DIR#g; s#@ADDR@#127.0.0.1#g" "$HERE/smb.conf.in" >"$DIR/etc/smb.conf"
	run "put Exchange into the domain" "$HERE/exchange.py" "$DIR" "$EXCHANGE"
	complete
fi

mkdir -p "$DIR"/{etc,private,state,cache,lock,run,log,ncalrpc,tls,sysvol,winbindd,ntp_signd,bind-dns}
chmod 700 "$DIR" "$DIR/private"
sed "s#@DIR@#$DIR#g; s#@ADDR@#127.0.0.1#g" "$HERE/smb.conf.in" >"$DIR/etc/smb.conf"

# certificate: a CA of its own and a server certificate for dc1.corp.test.
cd "$DIR/tls"
NEW=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${NEW[@]}" -days 3650 -subj "/CN=CORP.TEST Throw-away CA" \
	-addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.pem 2>/dev/null
openssl req "${NEW[@]}" -subj /CN=dc1.corp.test -keyout key.pem -out csr.pem 2>/dev/null
openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out cert.pem \
	-extfile <(printf 'subjectAltName=DNS:dc1.corp.test,DNS:localhost\nextendedKeyUsage=serverAuth\n') 2>/dev/null
chmod 600 key.pem ca.key # Samba refuses a key that others can read

for who in admin service; do (umask 077; echo "Aa1.$(openssl rand -hex 16)" >"$DIR/$who.password"); done

run "provision domain" "$HERE/domain.py" "$DIR" "$USERS"
complete
