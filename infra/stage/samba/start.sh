#!/bin/bash
# start.sh DIR ADDR [GOLDEN] - starts the domain in DIR on ADDR, a free 127.x.y.z, and
# returns when it answers. With GOLDEN, DIR must not hold anything yet, and becomes a
# copy of that domain first. Ports below 1024 need root, or
# net.ipv4.ip_unprivileged_port_start=0.
set -euo pipefail
USAGE='usage: start.sh DIR ADDR [GOLDEN]'
DIR=${1:?$USAGE} ADDR=${2:?$USAGE} GOLDEN=${3:-}
HERE=$(dirname "$(readlink -f "$0")")

mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
if [ -n "$GOLDEN" ]; then
	[ -z "$(ls -A "$DIR")" ] || { echo "start domain: $DIR is not empty; stop.sh and remove it first" >&2; exit 1; }
	cp -a --reflink=auto "$GOLDEN/." "$DIR/"
	sed "s#@DIR@#$DIR#g; s#@ADDR@#$ADDR#g" "$HERE/smb.conf.in" >"$DIR/etc/smb.conf"
fi

# One process instead of 33: a throw-away domain serves one client.
setsid samba -F --no-process-group --model=single -s "$DIR/etc/smb.conf" --debug-stdout \
	>"$DIR/log/samba.out" 2>&1 </dev/null &
PID=$!
# With the time at which it began (proc(5), field 22): see stop.sh.
echo "$PID $(sed 's/.*) //' "/proc/$PID/stat" | cut -d' ' -f20)" >"$DIR/samba.pid"

answers() { # its root DSE over LDAPS, which comes up last
	LDAPTLS_CACERT=$DIR/tls/ca.pem LDAPTLS_REQCERT=allow \
		ldapsearch -x -H "ldaps://$ADDR" -o nettimeout=2 -s base -b '' defaultNamingContext 2>/dev/null |
		grep -q '^defaultNamingContext'
}
for _ in $(seq 1000); do
	if (exec 3<>"/dev/tcp/$ADDR/636") 2>/dev/null && answers; then exit 0; fi
	if ! kill -0 "$PID" 2>/dev/null; then
		tail -20 "$DIR/log/samba.out" >&2
		echo "start domain: samba ended; is $ADDR free, and may this user open port 389?" >&2
		exit 1
	fi
	sleep 0.03
done
kill "$PID"
echo "start domain: no answer on $ADDR; see $DIR/log/samba.out" >&2
exit 1
