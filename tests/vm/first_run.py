"""python -m tests.vm.first_run [--what DEMO_OR_TEST...] [--user root|ordinary] [SUITE...]

What a newcomer does, on a new machine: for each release of Debian or Ubuntu an empty root, a copy of this checkout below
a home directory that only its owner can enter, and then the commands of the README as they stand there. First they are
root's, who logs in and works in somebody's checkout; then those of an ordinary user, who can install nothing, has
umask 077, and a copy of his own. Each log is build/first-run/SUITE-USER-WHAT.log, and summary.txt has a line for each.

Beside that, a user who comes before the packages, and one in a checkout in which root has built, must be told what helps.
A test that is skipped counts as a failure: what it needs should have been installed. Any other target of make can stand
in the place of demo and test. Needs root, debootstrap and mirrors.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from . import debian_root
from .debian_root import ROOT
from .emulation import own_architecture
from .errors import CannotRunError, VmError
from .programs import ADMIN_PATH
from .suites import RELEASES, SUITES, python_of

LOGS = ROOT / "build/first-run"
WHAT = ("demo", "test")
OWNER, ORDINARY = "ann", "ben"
USERS = ("root", "ordinary")
PACKAGES_THERE = "/var/lib/python-packages"
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
# All that there is of this machine's is the network; users are made as on any machine.
MAKE_USERS = f"""
set -e
for name in {OWNER} {ORDINARY}; do
	useradd --create-home --shell /bin/bash "$name"
	chmod 700 "/home/$name"
	mv "/checkout-$name" "/home/$name/ipvsfast"
	chown -R "$name:$name" "/home/$name/ipvsfast"
done
"""
COLUMNS = "{:<9} {:<5} {:<24} {:>6} {:>8} {:>7} {:>8}"
HEADING = COLUMNS.format("release", "user", "make", "status", "seconds", "passed", "skipped")


@dataclass(frozen=True)
class Ran:
    """One command of one user, and how it ended."""

    suite: str
    user: str
    what: str
    status: int
    seconds: float
    passed: int
    skipped: int

    def line(self) -> str:
        return COLUMNS.format(
            *(self.suite, self.user, self.what, self.status, f"{self.seconds:.0f}"),
            *(self.passed or "-", self.skipped or "-"),
        ).rstrip()


def lines_of_readme(readme: str) -> tuple[str, dict[str, str]]:
    """The line that has to be typed before all others, and those that follow, by the target of make."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    block: list[str] = next((text.splitlines() for text in blocks if re.search("^make demo", text, re.M)), [])
    firsts = [line for line in block if not line.startswith("make ")]
    targets = {line.split()[1]: line for line in block if line.startswith("make ")}
    if len(firsts) != 1 or not {*WHAT} <= targets.keys():
        raise CannotRunError("README.md has no block with one line before `make demo` and `make test`")
    return firsts[0], targets


def counted(log: str, kind: str) -> int:
    """How many tests passed, or whatever else pytest says at the end of each of its runs."""
    return sum(map(int, re.findall(rf"^=+ .*?\b(\d+) {kind}\b.* =+$", log, re.MULTILINE)))


def machine_has_pip_settings() -> bool:
    """Whether packages for Python come from elsewhere than a new machine would look."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    return bool(re.search(r"index|find-links|proxy|cert", listed))


class Machine:
    """A root that was empty, with two users who have a checkout each."""

    def __init__(self, root: Path, suite: str) -> None:
        self._root = root
        self.suite = suite
        for name in (OWNER, ORDINARY):
            debian_root.copy_checkout(root / f"checkout-{name}")
        if machine_has_pip_settings():
            self._bring_packages()
        if self._enter(["sh", "-c", MAKE_USERS]):
            raise CannotRunError(f"users cannot be made in a root of {suite}")

    def _bring_packages(self) -> None:
        """Packages for Python, which pip there then takes instead of asking the index."""
        there = self._root / PACKAGES_THERE.lstrip("/")
        wanted = debian_root.needed_packages(own_architecture())
        debian_root.fetch_packages(python_of(self._root), own_architecture(), wanted, there)
        settings = f"[global]\nno-index = true\nfind-links = {PACKAGES_THERE}\n"
        (self._root / "etc/pip.conf").write_text(settings)

    def _enter(self, command: Sequence[str], log: Path | None = None) -> int:
        words = [f"{name}={value}" for name in PROXIES if (value := os.environ.get(name))]
        with ExitStack() as stack:
            output = stack.enter_context(log.open("ab")) if log else None
            return debian_root.enter(
                self._root, [f"PATH={ADMIN_PATH}", *words], command, cached=False, output=output
            )

    def type(self, user: str, folder: str, umask: str, line: str, log: Path) -> int:
        """The status of a line that the user types after a login; its output is added to the log."""
        with log.open("a") as file:
            file.write(f"{user}@{self.suite}:{folder}$ umask {umask}\n")
            file.write(f"{user}@{self.suite}:{folder}$ {line}\n")
        script = f"umask {umask} && cd {shlex.quote(folder)} || exit\n{line}\n"
        login = ["su", "--login", f"--whitelist-environment={','.join(PROXIES)}", "--command", script, user]
        return self._enter(login, log)


def run(suite: str, what: Sequence[str], users: Sequence[str]) -> Iterator[Ran]:
    """What came of it on one release, one after the other."""
    before, targets = lines_of_readme((ROOT / "README.md").read_text())
    for old in LOGS.glob(f"{suite}-*.log"):
        old.unlink()
    with debian_root.fresh_root(suite) as root:
        machine = Machine(root, suite)
        yield (first := carried_out(machine, "root", OWNER, "before", before))
        if first.status:
            return
        # What is missing is said, with the line that installs it.
        yield refused(machine, ORDINARY, "too-early", targets["demo"], "apt-get update && apt-get install ")
        if "root" in users:
            for word in what:
                yield carried_out(machine, "root", OWNER, word, targets.get(word, f"make {word}"))
            # What root has made there is root's.
            yield refused(machine, OWNER, "after-root", targets["demo"], "take a copy of your own")
        else:
            # An ordinary user cannot install what the tests need.
            yield carried_out(machine, "root", OWNER, "deps-test", "make deps-test")
        if "ordinary" in users:
            for word in what:
                yield carried_out(machine, ORDINARY, ORDINARY, word, targets.get(word, f"make {word}"))


def carried_out(machine: Machine, user: str, home: str, what: str, line: str) -> Ran:
    """The line, typed by the user in the checkout below that home directory."""
    name = "root" if user == "root" else "user"
    log = LOGS / f"{machine.suite}-{name}-{what}.log"
    start = time.monotonic()
    status = machine.type(user, f"/home/{home}/ipvsfast", "022" if user == "root" else "077", line, log)
    text = log.read_text(errors="replace")
    counts = counted(text, "passed"), counted(text, "skipped")
    return Ran(machine.suite, name, what, status, time.monotonic() - start, *counts)


def refused(machine: Machine, user: str, what: str, line: str, sentence: str) -> Ran:
    """The same where it cannot work: status 0 says that it failed, and with the sentence that helps."""
    ran = carried_out(machine, user, user, what, line)
    said = sentence in (LOGS / f"{machine.suite}-user-{what}.log").read_text(errors="replace")
    return replace(ran, status=int(ran.status == 0 or not said))


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.vm.first_run",
        description=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--what", default="demo", help="targets of make, in one word (default: %(default)s)")
    parser.add_argument("--user", choices=USERS, help="only as this one (default: as both)")
    parser.add_argument("suite", nargs="*", help=f"of {', '.join(SUITES)} (default: {' '.join(RELEASES)})")
    options = parser.parse_args(argv)
    unknown = sorted({*options.suite} - {*SUITES})
    if unknown:
        parser.error(f"no release is called {unknown[0]} (there are: {', '.join(SUITES)})")
    # The root goes away with an exception, with a signal it would stay.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    ran: list[Ran] = []
    print(HEADING, flush=True)
    try:
        for suite in options.suite or RELEASES:
            for one in run(suite, options.what.split(), [options.user] if options.user else USERS):
                print(one.line(), flush=True)
                ran.append(one)
    except VmError as error:
        print(f"first_run: {error}", file=sys.stderr)
        return error.status
    finally:
        (LOGS / "summary.txt").write_text("\n".join([HEADING, *[one.line() for one in ran], ""]))
    failed = [one for one in ran if one.status or one.skipped]
    for one in failed:
        trouble = "failed" if one.status else f"skipped {one.skipped} tests"
        print(
            f"first_run: {one.suite}: {one.what} of {one.user} {trouble}; its log is in {LOGS}",
            file=sys.stderr,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
