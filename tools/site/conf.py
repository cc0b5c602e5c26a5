"""Settings of Sphinx for the site; tools/site/build.py calls it."""

from __future__ import annotations

import re
from typing import Any

import ipvsfast

project = "ipvsfast"
release = version = ipvsfast.__version__
html_title = f"ipvsfast {release}"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False

# Links to heads, checked as all others are.
myst_heading_anchors = 4
# Straight quotes and two hyphens are what is typed.
smartquotes = False

autodoc_default_options = {"members": True, "member-order": "bysource"}
autoclass_content = "both"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"
# What an object of Python has in its text differs from run to run.
autodoc_preserve_defaults = True


def _inline(line: str) -> str:
    """A line of a docstring, where nothing but backquotes means anything."""
    parts = line.split("`")
    for n, part in enumerate(parts):
        parts[n] = (
            f"``{part}``" if n % 2 and part.strip() == part != "" else re.sub(r"([\\*_|])", r"\\\1", part)
        )
    return "".join(parts)


def _text(app: Any, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: code in backquotes, examples by their indentation."""
    made: list[str] = []
    block = False
    for line in lines:
        indented = line.startswith("    ")
        if indented and not block:
            made += ["", "::", ""]
        if not indented and line:
            if re.fullmatch(r"\w+(\.\w+)*\(.*\)(, \w+(\.\w+)*\(.*\))*", line):
                line = f"``{line}``"
            else:
                line = _inline(line)
        block = indented or (block and not line)
        made.append(line)
    lines[:] = made


def _plain_annotations() -> None:
    """`Field[str]` is for checkers; who reads wants to know that it is a str."""
    for name in ipvsfast.__all__:
        for kind in getattr(getattr(ipvsfast, name), "__mro__", ()):
            kinds = vars(kind).get("__annotations__", {})
            if kind.__module__.startswith("ipvsfast."):
                for field, text in kinds.items():
                    if isinstance(text, str) and text.startswith("Field["):
                        kinds[field] = text[len("Field[") : -1]


def setup(app: Any) -> None:
    """Called by Sphinx."""
    _plain_annotations()
    app.connect("autodoc-process-docstring", _text)
