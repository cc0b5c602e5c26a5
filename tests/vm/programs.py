"""Programs of this machine, found also where an ordinary user's PATH does not look."""

from __future__ import annotations

import os
import shutil

from .errors import CannotRunError

ADMIN_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def search_path() -> str:
    return f"{os.environ.get('PATH', '')}:{ADMIN_PATH}".lstrip(":")


def need(program: str, package: str, purpose: str) -> str:
    """The full path of a program, or a sentence that says how to get it."""
    found = shutil.which(program, path=search_path())
    if found is None:
        raise CannotRunError(
            f"{program} is needed {purpose} and was not found in {search_path()}; "
            f"install it: apt-get install {package}"
        )
    return found
