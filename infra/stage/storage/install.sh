#!/bin/bash
# install.sh - puts the storage servers that the tests run against into the
# project's cache folder, where they are missing: Azurite, which plays Azure Blob
# Storage, and versitygw, which plays S3. storage.go finds them by the links in
# bin. Nothing is installed globally.
set -euo pipefail
AZURITE=3.35.0
VERSITYGW=v1.8.0
CACHE=${GROUPWRITEBACK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/groupwriteback}

fail() { echo "install storage servers: $1" >&2; exit 1; }

# into NAME COMMAND... runs the command with a folder to fill, which becomes NAME
# only when it is whole. Of two that run at once, the first wins.
into() {
	local to=$CACHE/$1 tmp
	[ ! -d "$to" ] || return 0
	mkdir -p "$CACHE"
	tmp=$(mktemp -d "$CACHE/.install-XXXXXX")
	"${@:2}" "$tmp" || { rm -rf "$tmp"; fail "$1: see above"; }
	mv -T "$tmp" "$to" 2>/dev/null || rm -rf "$tmp"
	[ -d "$to" ] || fail "$1: cannot write to $CACHE"
}

azurite() {
	command -v npm >/dev/null || fail "npm is missing: install Node.js 20 or newer by the system's package manager"
	npm install --prefix "$1" --silent --no-audit --no-fund --ignore-scripts "azurite@$AZURITE" >&2
}

# About two minutes of processor time, once.
versitygw() {
	command -v go >/dev/null || fail "go is missing: install it from https://go.dev/dl"
	(cd / && GOBIN=$1 CGO_ENABLED=0 go install -trimpath "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW") >&2
}

into "azurite-$AZURITE" azurite
into "versitygw-$VERSITYGW" versitygw
mkdir -p "$CACHE/bin"
ln -sfn "../azurite-$AZURITE/node_modules/.bin/azurite-blob" "$CACHE/bin/azurite-blob"
ln -sfn "../versitygw-$VERSITYGW/versitygw" "$CACHE/bin/versitygw"
