#!/bin/sh
# Checks that what a job needs is on this machine. As root it installs what is missing, with apt;
# otherwise it prints the line that would. Touches no network when nothing is missing.
#
# usage: tools/setup.sh [JOB...]    jobs: build test long bench ci (default: build test)
set -u
here=$(dirname "$0")
# The folders of administrators' programs are not in everybody's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
missing=

need() { # PACKAGE COMMAND...: the package is needed unless the command succeeds
	package=$1
	shift
	"$@" > /dev/null 2>&1 && return
	case " $missing " in
	*" $package "*) ;;
	*) missing="$missing $package" ;;
	esac
}

has() { # PROGRAM...
	for program in "$@"; do
		command -v "$program" || return 1
	done
}

need_python() {
	python=$("$here/python.sh") || python=
	if [ -z "$python" ]; then
		missing="$missing python3 python3-venv python3-dev"
		return
	fi
	need python3-venv "$python" -c 'import ensurepip, venv'
	need python3-dev "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
}

need_debian_keys() {
	# Debian itself has them; on Ubuntu the packages of the test kernel could not be verified.
	[ -e /usr/share/keyrings/debian-archive-keyring.pgp ] ||
		need debian-archive-keyring test -e /usr/share/keyrings/debian-archive-keyring.gpg
}

check() {
	case $1 in
	build)
		need gcc has gcc
		need libc6-dev test -e /usr/include/stdio.h
		need pkg-config has pkg-config
		need libnl-3-dev pkg-config --exists libnl-3.0
		need libnl-genl-3-dev pkg-config --exists libnl-genl-3.0
		need_python
		;;
	test)
		need kmod has modprobe depmod
		need iproute2 has ip
		need ipvsadm has ipvsadm
		need util-linux has setpriv unshare
		need groff-base has groff
		need man-db has man
		need zsh has zsh
		need fish has fish
		need_debian_keys
		;;
	long) need qemu-system-x86 has qemu-system-x86_64 ;;
	bench)
		need keepalived has keepalived
		need linux-libc-dev test -e /usr/include/linux/netlink.h
		;;
	ci)
		need clang has clang
		need git has git
		;;
	*)
		echo "setup: no job is called $1 (there are: build test long bench ci)" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || set -- build test
for job in "$@"; do
	check "$job"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if ! command -v apt-get > /dev/null; then
	echo "setup: missing here, by their Debian names:$missing" >&2
	echo "setup: this machine has no apt-get; install what corresponds to them and try again" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "setup: some packages are missing; install them as root and try again:" >&2
	echo "    apt-get update && $install" >&2
	exit 1
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get update -qq && $install -qq < /dev/null > /dev/null; }; then
	echo "setup: this failed: apt-get update && $install" >&2
	exit 1
fi

missing=
for job in "$@"; do
	check "$job"
done
if [ -n "$missing" ]; then
	echo "setup: installed, and still not found:$missing" >&2
	exit 1
fi
