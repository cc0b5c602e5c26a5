#!/bin/sh
# Tries an installed wheel where there is no IPVS, as in a container: the module, the native command, what it hands
# over to Python, and that mistakes are found. Its commands and its Python are those of PATH.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"

wrong() {
	echo "smoke.sh: $*" >&2
	exit 1
}

status() { # WANTED COMMAND...: its output is kept in the file said
	wanted=$1
	shift
	got=0
	"$@" > said 2>&1 || got=$?
	[ "$got" = "$wanted" ] || wrong "$*: exit status $got instead of $wanted: $(cat said)"
}

says() { # TEXT: was in it
	grep -qF -- "$1" said || wrong "no \"$1\" in: $(cat said)"
}

# Of the module and of all that it loads.
status 0 python -c 'import ipvsfast, ipvsfast._native, ipvsfast.client; print(ipvsfast.__version__)'
version=$(cat said)
for name in ipvsfast ipvsfast-save ipvsfast-restore; do
	path=$(command -v "$name") || wrong "$name is not in PATH"
	[ "$(head -c 4 "$path" | tail -c 3)" = ELF ] || wrong "$path is no executable"
	status 0 "$name" -h
	says Usage:
done
status 0 ipvsfast --version
says "ipvsfast v$version "
says ", libnl 3."

printf '%s\n' '-A -t 192.0.2.1:80 -s wlc' '-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m -w 1' > one
printf '%s\n' '-A -t 192.0.2.1:80 -s wlc' '-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m -w 5' > other
printf '%s\n' '-A -t 192.0.2.1:80 -s wlc' '-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m -w five' > mistaken
status 0 ipvsfast restore --check one
says '2 rules, no mistakes'
status 1 ipvsfast restore --check mistaken
says 'mistaken:2: '
status 0 ipvsfast diff one one
[ ! -s said ] || wrong "a difference of one and the same: $(cat said)"
status 1 ipvsfast diff one other
says 'weight 1 -> 5'
status 2 ipvsfast diff one missing
says missing
echo "smoke.sh: ipvsfast $version works"
