#!/bin/sh
# Checks that a tag names the version of this checkout: release_version.sh vVERSION
set -eu
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
if [ "${1:-}" != "v$version" ]; then
	echo "release_version.sh: the tag is '${1:-}', and the version in pyproject.toml is $version" >&2
	exit 1
fi
if ! grep -q "^## $version\b" CHANGELOG.md; then
	echo "release_version.sh: CHANGELOG.md has no section '## $version'" >&2
	exit 1
fi
echo "release_version.sh: $version"
