#!/bin/bash
# stop.sh DIR - stops the domain that start.sh started in DIR. Its data stay.
set -euo pipefail
DIR=${1:?usage: stop.sh DIR}
[ -f "$DIR/samba.pid" ] || exit 0
read -r PID SINCE <"$DIR/samba.pid"

# The number may belong to another process by now, and Samba overwrites its
# command line: when a process began tells them apart.
ours() { [ "$(sed 's/.*) //' "/proc/$PID/stat" 2>/dev/null | cut -d' ' -f20)" = "$SINCE" ]; }
for i in $(seq 300); do
	ours || { rm -f "$DIR/samba.pid"; exit 0; }
	case $i in
	1) kill -TERM "$PID" ;;
	200) kill -KILL "$PID" ;;
	esac
	sleep 0.03
done
echo "stop domain: process $PID does not end" >&2
exit 1
