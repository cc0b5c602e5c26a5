"""Runs the job of a guest on a terminal of its own. argv: the job's folder.

What is shown goes to standard output; what is typed, and the size, come as files that vm/terminal.py numbers.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

POLL_SECONDS = 0.02


def said(folder: str, number: int) -> bytes:
    """The next message from outside; empty while there is none."""
    try:
        with open(f"{folder}/input-{number:08}", "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def main(folder: str) -> int:
    pid, master = pty.fork()
    if pid == 0:
        os.environ.setdefault("TERM", "xterm-256color")
        os.execv("/bin/sh", ["/bin/sh", f"{folder}/command"])
    number = 0
    while True:
        while message := said(folder, number):
            number += 1
            if message[:1] == b"s":
                fcntl.ioctl(
                    master, termios.TIOCSWINSZ, struct.pack("4H", *map(int, message[1:].split()), 0, 0)
                )
            else:
                os.write(master, message[1:])
        if select.select([master], [], [], POLL_SECONDS)[0]:
            try:
                shown = os.read(master, 65536)
            except OSError:  # all that had it open have ended
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF
            os.write(1, shown)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
