#!/bin/bash
# needs.sh - installs what tests and demo need besides Go, where it is missing: a
# C compiler, for the race detector, and Samba.
set -euo pipefail

if ! command -v "$(go env CC)" >/dev/null; then
	command -v apt-get >/dev/null || { echo "install a C compiler: go test -race needs one" >&2; exit 1; }
	AS=()
	[ "$(id -u)" = 0 ] || AS=(sudo)
	"${AS[@]}" apt-get update -q
	"${AS[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends gcc libc6-dev
fi
exec "$(dirname "$(readlink -f "$0")")/demo/samba/install.sh"
