#!/bin/sh
# Checks that what a job needs is on this machine. As root it installs what is missing, with apt;
# otherwise it prints the line that would. Touches no network when nothing is missing.
#
# usage: tools/setup.sh [JOB...]    jobs: build test live long packages bench ci fuzz deb rpm alpine (default: build test)
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

installed() { # PACKAGE: what dpkg-buildpackage asks too
	dpkg-query -W -f '${db:Status-Status}\n' "$1" | grep -qx installed
}

imports() { # MODULE: the system's own Python finds it, apart from any folder of ours with that name
	/usr/bin/python3 -Ic "import $1"
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

need_fuzzer() {
	# The package with the sanitizers is called after clang's version, which is known once clang is there.
	# Older releases have them in a package that clang depends on.
	has clang > /dev/null || return 0
	clang=$(clang -dumpversion)
	need "libclang-rt-${clang%%.*}-dev" links_fuzzer
}

links_fuzzer() {
	program=$(mktemp) || return
	echo 'int LLVMFuzzerTestOneInput(const char *s, unsigned long n) { return s && n > 1 && *s == 1; }' |
		clang -fsanitize=fuzzer,address,undefined -x c - -o "$program"
	linked=$?
	rm -f "$program"
	return "$linked"
}

check() {
	case $1 in
	build)
		need make has make
		need gcc has gcc
		need libc6-dev test -e /usr/include/stdio.h
		need pkg-config has pkg-config
		need libnl-3-dev pkg-config --exists libnl-3.0
		need libnl-genl-3-dev pkg-config --exists libnl-genl-3.0
		need_python
		;;
	test)
		need git has git
		need systemd has systemd-analyze
		need curl has curl
		need openssl has openssl
		need kmod has modprobe depmod
		need iproute2 has ip
		need ipvsadm has ipvsadm
		need ldirectord has ldirectord
		need keepalived has keepalived
		need prometheus has promtool
		need prometheus-node-exporter has prometheus-node-exporter
		need util-linux has setpriv unshare
		need groff-base has groff
		need man-db has man
		need zsh has zsh
		need fish has fish
		need bash-completion test -e /usr/share/bash-completion/bash_completion
		need_debian_keys
		# It names a mirror of Debian, where kernels come from, to Ubuntu too.
		need debootstrap has debootstrap
		;;
	live)
		need qemu-system-x86 has qemu-system-x86_64
		;;
	long)
		need qemu-system-x86 has qemu-system-x86_64
		need debootstrap has debootstrap
		need qemu-user-static test -e /usr/lib/binfmt.d/qemu-s390x.conf
		;;
	packages)
		need debootstrap has debootstrap
		need git has git
		need curl has curl
		need_debian_keys
		;;
	bench)
		need keepalived has keepalived
		need prometheus-node-exporter has prometheus-node-exporter
		need linux-libc-dev test -e /usr/include/linux/netlink.h
		;;
	ci)
		need clang has clang
		need debootstrap has debootstrap
		;;
	fuzz)
		need clang has clang
		need_fuzzer
		;;
	deb)
		need make has make
		need git has git
		# What debian/control names, as dpkg-buildpackage looks for it.
		for package in build-essential debhelper dh-python libnl-3-dev libnl-genl-3-dev pybuild-plugin-pyproject \
			python3-cffi python3-dev python3-setuptools; do
			need "$package" installed "$package"
		done
		need pkg-config has pkg-config
		need dpkg-dev has dpkg-buildpackage
		need fakeroot has fakeroot
		need lintian has lintian
		;;
	alpine)
		need busybox has busybox
		need dash has dash
		need shellcheck has shellcheck
		need openrc has openrc-run
		need python3-installer imports installer
		;;
	rpm)
		need make has make
		need gcc has gcc
		need git has git
		need rpm has rpmbuild rpmspec
		need rpm2cpio has rpm2cpio
		need cpio has cpio
		need file has file
		need rpmlint has rpmlint
		need python3-rpm imports rpm
		need libnl-3-dev pkg-config --exists libnl-3.0
		need libnl-genl-3-dev pkg-config --exists libnl-genl-3.0
		need pkg-config has pkg-config
		need python3-build imports build
		need python3-installer imports installer
		need python3-cffi imports cffi
		need python3-setuptools imports setuptools
		need python3-wheel imports wheel
		need python3-dev test -e /usr/share/doc/python3-dev
		;;
	*)
		echo "setup: no job is called $1 (there are: build test long packages bench ci fuzz deb rpm alpine)" >&2
		exit 2
		;;
	esac
}

check_all() { # JOB...
	missing=
	for job; do
		check "$job"
	done
}

install_missing() {
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
}

check_place() { # What root has made an ordinary user can neither change nor remove.
	for made in . build .venv; do
		made=$here/../$made
		[ -e "$made" ] && [ ! -w "$made" ] || continue
		echo "setup: $(realpath "$made") is $(stat -c %U "$made")'s, and $(id -un) cannot write there:" >&2
		echo "    take a copy of your own, or let $(stat -c %U "$made") run make clean and use this one" >&2
		exit 1
	done
}

[ $# -gt 0 ] || set -- build test
check_place
check_all "$@"
# Twice: what some packages are called is known only once others are there.
for _ in 1 2; do
	[ -n "$missing" ] || exit 0
	before=$missing
	install_missing
	check_all "$@"
	[ "$missing" != "$before" ] || break
done
if [ -n "$missing" ]; then
	echo "setup: installed, and still not found:$missing" >&2
	exit 1
fi
