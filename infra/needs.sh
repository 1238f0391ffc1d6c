#!/bin/bash
# needs.sh - installs what the tests need besides Go and git, where it is missing: a C
# compiler for the race detector, curl, jq, Samba, and the storage servers, which need npm.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")

missing=()
command -v "$(go env CC)" >/dev/null || missing+=(gcc libc6-dev)
command -v curl >/dev/null || missing+=(curl)
command -v jq >/dev/null || missing+=(jq)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
	command -v apt-get >/dev/null || { echo "install ${missing[*]} by this machine's own package manager" >&2; exit 1; }
	AS=()
	[ "$(id -u)" = 0 ] || AS=(sudo)
	"${AS[@]}" apt-get update -q
	"${AS[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi
"$HERE/stage/samba/install.sh"
"$HERE/stage/storage/install.sh"
