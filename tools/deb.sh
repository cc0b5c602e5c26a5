#!/bin/sh
# Builds the Debian packages of what is committed, for the release of this machine, into dist/deb. The version is
# that of pyproject.toml; what is built for a later release counts as newer. DEBFULLNAME and DEBEMAIL are who makes
# them, as for Debian's own tools.
set -eu
cd "$(dirname "$0")/.."
# Python's own packages build it, whatever environment we were called in.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
release=$(. /etc/os-release && echo "$ID${VERSION_ID:-}" | sed 's/^debian/deb/')
case $release in *[0-9]) ;; *) release=${release}99 ;; esac # testing has no number
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
tree=$place/ipvsfast-$version
mkdir "$tree"
ours() { # git's, in a checkout that may be somebody else's where root builds
	git -c safe.directory="$(pwd -P)" "$@"
}
if ours rev-parse -q --verify HEAD > /dev/null 2>&1; then
	ours archive HEAD | tar x -C "$tree"
	when=$(ours log -1 --format=%cD)
else # unpacked from the source archive
	tar c --exclude=./.venv --exclude=./dist --exclude=./build . | tar x -C "$tree"
	when=$(date -R -r pyproject.toml)
fi
cp -r "$tree/contrib/packaging/debian" "$tree/debian"
if [ -n "${DEBEMAIL:-}" ]; then
	who="${DEBFULLNAME:-The ipvsfast authors} <$DEBEMAIL>"
	sed -i "s/^Maintainer: .*/Maintainer: $who/" "$tree/debian/control"
else
	who=$(sed -n 's/^Maintainer: //p' "$tree/debian/control")
fi
cat > "$tree/debian/changelog" << END
ipvsfast ($version-1~$release) unstable; urgency=medium

  * What is new in version $version is in the changelog of ipvsfast itself.

 -- $who  $when
END
log=$place/log
if ! (cd "$tree" && dpkg-buildpackage -b -us -uc) > "$log" 2>&1; then
	tail -40 "$log" >&2
	exit 1
fi
rm -rf dist/deb
mkdir -p dist/deb
cp "$place"/*.deb "$place"/*.buildinfo "$place"/*.changes dist/deb
ls dist/deb/*.deb
