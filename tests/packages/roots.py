"""python -m tests.packages.roots [SUITE...]: Debian's packages in roots of releases, on the real kernel. Needs root.

For each release the packages are built there, and a root is made that has ipvsadm, ldirectord and keepalived; it is
kept beside the kernels. tests/packages/test_roots*.py then run in user-mode Linux, which sees the same files, and
take a fresh copy of that root for each test: an overlay, which is gone afterwards. Others of them have ours installed
already, and are booted by systemd.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.vm import cache, debian_root
from tests.vm.emulation import own_architecture
from tests.vm.errors import CannotRunError, VmError
from tests.vm.programs import need
from tests.vm.suites import SUITES, kept

THERE = debian_root.CACHE_THERE
# As many as there are tests, and some more.
COPIES = 20
BUILD = """
tools/setup.sh deb && DEBEMAIL=ipvsfast@example.org tools/deb.sh || exit
# In machine code anything can be read.
found=$(lintian --allow-root --suppress-tags spelling-error-in-binary --display-info --pedantic --display-experimental --fail-on none dist/deb/*.deb) || exit
[ -z "$found" ] || {{ echo "$found"; exit 1; }}
rm -rf {there}/deb-{suite}.new && cp -r dist/deb {there}/deb-{suite}.new &&
rm -rf {there}/deb-{suite} && mv {there}/deb-{suite}.new {there}/deb-{suite}
"""
# What ours need is there, so that no test needs a network; ipvsadm's package can be installed again, and what some
# commands can use.
PREPARE = """
set -e
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
	python3 python3-cffi-backend libnl-3-200 libnl-genl-3-200 kmod ipvsadm ldirectord keepalived systemd-sysv
apt-get clean
apt-get install -y -qq --download-only --reinstall ipvsadm
apt-get install -y -qq --no-install-recommends --download-only \
	python3-yaml python3-textual python3-prometheus-client
rm /usr/sbin/policy-rc.d
"""
# A root that was kept is not taken for one with other packages.
CONTENT = hashlib.sha256(PREPARE.encode()).hexdigest()[:8]
OVERLAYS = """
set -e
base=$1 place=$2 copies=$3 packages=$4 install=$5
shift 5
mount -t tmpfs tmpfs "$place"
copy() { # NAME LOWER
	mkdir "$place/upper-$1" "$place/work-$1" "$place/$1"
	mount -t overlay overlay -o "lowerdir=$2,upperdir=$place/upper-$1,workdir=$place/work-$1" "$place/$1"
}
for n in $(seq "$copies"); do
	copy "root$n" "$base"
done
copy ours "$base"
mkdir "$place/ours/packages"
cp "$packages"/*.deb "$place/ours/packages"
mount -t proc proc "$place/ours/proc"
mount --rbind /dev "$place/ours/dev"
chroot "$place/ours" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "$install" > "$place/log" 2>&1 || { cat "$place/log"; exit 1; }
umount -l "$place/ours/dev" "$place/ours/proc" "$place/ours"
for n in $(seq "$copies"); do
	copy "installed$n" "$place/upper-ours:$base"
done
exec "$@"
"""
# Starting nothing, as when a machine is installed.
INSTALL = """
set -e
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
apt-get -y --no-install-recommends -o APT::Sandbox::User=root install \
	/packages/python3-ipvsfast_*.deb /packages/ipvsfast_*.deb /packages/ipvsfast-ipvsadm_*.deb
rm /usr/sbin/policy-rc.d
"""


def prepare(suite: str, base: Path, folder: Path) -> None:
    """A root with ipvsadm and its friends, in `folder`, out of a plain one."""
    subprocess.run(["cp", "-a", f"{base}/.", str(folder)], check=True)
    debian_root.settle(folder)
    if debian_root.enter(folder, debian_root.environment("/"), ["sh", "-c", PREPARE]):
        raise CannotRunError(f"ipvsadm, ldirectord and keepalived cannot be installed in a root of {suite}")


def test(suite: str) -> int:
    """The status of the tests on one release."""
    build = ["sh", "-c", BUILD.format(suite=suite, there=THERE)]
    status = debian_root.run(suite, own_architecture(), build, fetching=False)
    if status:
        return status
    # That root comes first: while one is being filled no other can be.
    with debian_root.kept_root(suite, own_architecture()) as plain:
        base = kept("packages", suite, lambda folder: prepare(suite, plain, folder), CONTENT)
    packages = cache.path(f"deb-{suite}")
    with tempfile.TemporaryDirectory(prefix="ipvsfast-packages-") as place:
        argv = [
            *(need("unshare", "util-linux", "to mount copies of a root"), "--mount"),
            *("sh", "-c", OVERLAYS, "sh", str(base), place, str(COPIES), str(packages), INSTALL),
            *(sys.executable, "-m", "tests.vm", "--timeout", "3600", "--"),
            *(
                sys.executable,
                "-m",
                "pytest",
                *map(str, sorted(Path(__file__).parent.glob("test_roots*.py"))),
                *shlex.split(os.environ.get("PYTEST_ARGS", "")),
            ),
        ]
        environment = {
            **os.environ,
            "IPVSFAST_PACKAGE_ROOTS": place,
            "IPVSFAST_PACKAGES": str(packages),
            "IPVSFAST_SUITE": suite,
        }
        return subprocess.run(argv, env=environment, check=False).returncode


def main(suites: list[str]) -> int:
    """The worst status of all."""
    try:
        return max([test(suite) for suite in suites or SUITES])
    except VmError as error:
        print(f"roots: {error}", file=sys.stderr)
        return error.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
