#!/bin/sh
# Builds the RPM packages of what is committed into dist/rpm, by rpmbuild and the macros of this machine. Where it knows
# neither Fedora's, RHEL's nor openSUSE's, as on Debian, contrib/packaging/rpm/macros.debian takes their place, and the
# build needs what tools/setup.sh rpm installs. Options go to rpmbuild.
set -eu
cd "$(dirname "$0")/.."
# The system's own Python builds it, whatever environment we were called in.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
folder=$PWD/contrib/packaging/rpm
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/SOURCES" "$place/SPECS"
archive=$place/SOURCES/ipvsfast-$version.tar.gz
if git rev-parse -q --verify HEAD > /dev/null 2>&1; then
	git archive --prefix="ipvsfast-$version/" -o "$archive" HEAD
else # unpacked from the source archive
	tar cz --exclude=./.venv --exclude=./dist --exclude=./build --transform="s|^\.|ipvsfast-$version|" -f "$archive" .
fi
sed "s/^Version: .*/Version:        $version/" "$folder/ipvsfast.spec" > "$place/SPECS/ipvsfast.spec"
if [ -z "$(rpm --eval '%{?fedora}%{?rhel}%{?suse_version}')" ]; then
	# What is installed here is not in rpm's database.
	set -- --nodeps --load="$folder/macros.debian" "$@"
fi
log=$place/log
if ! rpmbuild -ba --define "_topdir $place" "$@" "$place/SPECS/ipvsfast.spec" > "$log" 2>&1; then
	tail -40 "$log" >&2
	exit 1
fi
rm -rf dist/rpm
mkdir -p dist/rpm
cp "$place"/RPMS/*/*.rpm "$place"/SRPMS/*.rpm dist/rpm
ls dist/rpm/*.rpm
