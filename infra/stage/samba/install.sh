#!/bin/bash
# install.sh - installs the Debian or Ubuntu packages that the throw-away domain
# needs, where they are missing, and keeps Samba's own services from starting:
# they would listen on every interface of this machine.
set -euo pipefail
PACKAGES=(samba samba-dsdb-modules samba-ad-provision ldb-tools ldap-utils openssl)

missing=()
for p in "${PACKAGES[@]}"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

fail() { echo "install samba: $1" >&2; exit 1; }
command -v apt-get >/dev/null || fail "this is no Debian or Ubuntu machine: install Samba's AD DC (4.17 or newer, with its python bindings), ldb-tools and ldap-utils by its own package manager"
AS=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || fail "run as root: apt-get install ${missing[*]}"
	AS=(sudo)
fi

# A policy of this machine's own stays as it is; ours lasts for this run only.
POLICY=/usr/sbin/policy-rc.d
if [ ! -e "$POLICY" ]; then
	printf '#!/bin/sh\nexit 101\n' | "${AS[@]}" tee "$POLICY" >/dev/null
	"${AS[@]}" chmod 755 "$POLICY"
	trap '"${AS[@]}" rm -f "$POLICY"' EXIT
fi
# And at the next boot: units masked before they exist never start. Where Samba
# is already installed, its services are somebody's own business. `systemctl
# unmask` takes it back.
if [ -d /run/systemd/system ] && [[ " ${missing[*]} " == *" samba "* ]]; then
	"${AS[@]}" systemctl mask --quiet smbd nmbd samba-ad-dc winbind || fail "mask the units smbd, nmbd, samba-ad-dc and winbind first"
fi
"${AS[@]}" apt-get update -q
"${AS[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
