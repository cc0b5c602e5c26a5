"""What an import costs: the modules that it loads."""

from __future__ import annotations

import subprocess
import sys


def modules_of(code: str) -> set[str]:
    """The modules besides our own that a fresh interpreter has loaded after this code and not before."""
    script = (
        f"import sys; before = set(sys.modules)\n{code}\n"
        "print(*[name for name in set(sys.modules) - before if not name.startswith('ipvsfast')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
