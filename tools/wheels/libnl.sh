#!/bin/sh
# Installs what a wheel is compiled with and the image may lack: libnl's development files, pkg-config and the
# kernel's headers. For the images of manylinux (dnf), musllinux (apk), and Debian and Ubuntu (apt). As root.
set -eu
if command -v dnf > /dev/null; then
	dnf install -y libnl3-devel pkgconf-pkg-config kernel-headers
elif command -v apk > /dev/null; then
	apk add --no-cache libnl3-dev pkgconf linux-headers
elif command -v apt-get > /dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends libnl-3-dev libnl-genl-3-dev pkg-config linux-libc-dev
else
	echo "libnl.sh: this system has none of dnf, apk and apt-get: install libnl's development files by hand" >&2
	exit 1
fi
echo "libnl $(pkg-config --modversion libnl-3.0 libnl-genl-3.0 | sort -u)"
