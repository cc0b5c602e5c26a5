"""What somebody at a terminal sees."""

from __future__ import annotations

import os
import pty
import re
import subprocess

from support.command import program


def on_terminal(*argv: str, stdin: str = "", status: int = 0, **environment: str) -> str:
    """What the command writes to a terminal that is its standard error."""
    main, other = pty.openpty()
    with subprocess.Popen(
        [program(), *argv], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=other,
        env={**os.environ, **environment},
    ) as command:  # fmt: skip
        os.close(other)
        assert command.stdin is not None
        command.stdin.write(stdin.encode())
        command.stdin.close()
        shown = b""
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
        assert command.wait(60) == status
    os.close(main)
    return shown.decode()


def screen(shown: str) -> str:
    """What is left on the screen: carriage return and `erase to the end of the line` obeyed."""
    lines = [""]
    for part in re.split(r"(\r\n|\r|\x1b\[K)", shown):
        if part == "\r\n":
            lines.append("")
        elif part in ("\r", "\x1b[K"):
            lines[-1] = ""
        else:
            lines[-1] += part
    return "\n".join(lines)
