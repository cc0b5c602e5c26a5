"""python -m tests.vm [-k KERNEL] -- COMMAND..."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import textwrap
from types import FrameType
from typing import NoReturn

from . import DEFAULT_MEMORY, DEFAULT_TIMEOUT, cache, fetch, run_in_vm
from .errors import VmError
from .kernels import KERNELS

ENVIRONMENT = """\
environment:
  IPVSFAST_KERNEL          the kernel when -k is not given
  IPVSFAST_VM_MODULES      modules loaded before the command (default: ip_vs; empty: none)
  IPVSFAST_VM_ACCELERATOR  kvm, tcg or icount (tcg whose time counts instructions) for the stock
                           kernels (default: kvm where it works)
  IPVSFAST_DEBIAN_MIRROR   where kernels are fetched from (default: as in the machine's apt sources)
  XDG_CACHE_HOME           fetched kernels are kept in its ipvsfast/vm (default: ~/.cache)
"""


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.vm",
        description="Run a command as root on a real kernel with IPVS. The exit status is the\n"
        "command's; 125 if the VM was lost, 126 if the kernel cannot be booted here.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-k", "--kernel", default=os.environ.get("IPVSFAST_KERNEL", "uml"))
    parser.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT, metavar="SECONDS")
    parser.add_argument("--memory", type=int, default=DEFAULT_MEMORY, metavar="MIB")
    parser.add_argument("-t", "--terminal", action="store_true", help="the command has this terminal")
    parser.add_argument("--list", action="store_true", help="show the kernels there are")
    parser.add_argument("--fetch", action="store_true", help="only fetch the kernel")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND")
    # Split by hand: what argparse makes of a second "--" differs between Python versions.
    at = argv.index("--") if "--" in argv else len(argv)
    options = parser.parse_args(argv[:at])
    options.command += argv[at + 1 :]
    if not (options.list or options.fetch or options.command):
        parser.error("a COMMAND is needed (or --list, --fetch)")
    return options


def show_kernels() -> None:
    for kernel in KERNELS:
        print(f"{kernel.name:9}{kernel.package or 'the running kernel'}", end="")
        print(f" of {kernel.suite}" if kernel.suite else "")
        print(textwrap.indent(textwrap.fill(kernel.reason, 80), " " * 9))
        versions = cache.path(f"{kernel.name}-{kernel.suite}") / "versions"
        if versions.exists():
            print(f"{'':9}in {versions.parent}: {', '.join(versions.read_text().splitlines())}")


def main(argv: list[str]) -> int:
    options = parse(argv)
    if options.list:
        show_kernels()
        return 0
    try:
        if options.fetch:
            fetch(options.kernel)
            return 0
        return run_in_vm(
            options.command,
            options.kernel,
            timeout=options.timeout,
            memory=options.memory,
            terminal=options.terminal,
        )
    except VmError as error:
        print(f"tests.vm: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has left. Python would complain again on closing it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    sys.exit(main(sys.argv[1:]))
