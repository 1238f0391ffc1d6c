#!/bin/bash
# stop.sh DIR - stops the domain that start.sh started in DIR. Its data stay.
set -euo pipefail
DIR=${1:?usage: stop.sh DIR}
[ -f "$DIR/samba.pid" ] || exit 0
PID=$(cat "$DIR/samba.pid")

# The number may belong to another process by now: only our own is stopped.
ours() { tr '\0' ' ' <"/proc/$PID/cmdline" 2>/dev/null | grep -qF -- "$(cd "$DIR" && pwd)/etc/smb.conf"; }
for i in $(seq 200); do
	ours || { rm -f "$DIR/samba.pid"; exit 0; }
	case $i in
	1) kill -TERM "$PID" ;;
	100) kill -KILL "$PID" ;;
	esac
	sleep 0.03
done
echo "stop domain: process $PID does not end" >&2
exit 1
