"""The documentation as a site, in build/site: docs/*.md, the reference made of docstrings, and the changelog.

usage: tools/site/build.py [FOLDER]

What Sphinx reads is put together in FOLDER.source first, so that docs/ has nothing but text whose links lead
somewhere wherever it is read. Any warning of Sphinx is an error: dead links and anchors, pages that the menu
does not have.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import get_args

from pages import MENU, REFERENCE, reference_of

import ipvsfast
from ipvsfast.model import types

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# What comes from elsewhere as soon as somebody looks at a page.
FOREIGN = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=["'](?:https?:)?//[^>]*>""")
LINK = re.compile(r"(\]\()(\.\./[^)#\s]+)")
# What has a page of the site though it lies outside of docs/.
OUTSIDE = {"CHANGELOG.md": "changelog.md", "README.md": "index.md"}
ORPHAN = "---\norphan: true\n---\n"
# Where docs/index.md has the beginning of README.md.
README = "<!-- the beginning of README.md -->"


def names_of(page: str) -> list[str]:
    """The exported names on a page of the reference."""
    return sorted(name for name, home in ipvsfast._HOME.items() if reference_of(home) == page)


def class_or_function(name: str) -> str:
    """What tells Sphinx to write it out."""
    value = getattr(ipvsfast, name)
    if not isinstance(value, type):
        return f".. autofunction:: ipvsfast.{name}\n"
    # What a class has from tuple, list or OSError is not told.
    options = "   :inherited-members: tuple, list, BaseException, OSError, ValueError, Sequence\n"
    if issubclass(value, BaseException):
        options += "   :show-inheritance:\n"
    return f".. autoclass:: ipvsfast.{name}\n{options}"


def meanings() -> dict[str, str]:
    """The texts behind the assignments of ipvsfast/model/types.py."""
    found, body = {}, ast.parse(Path(types.__file__).read_text()).body
    for node, text in pairwise(body):
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            target = node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])[0]
            if isinstance(target, ast.Name):
                found[target.id] = str(text.value.value)
    return found


def words_in(value: object) -> list[str]:
    """The words of a Literal, or of a union of them."""
    words: list[str] = []
    for one in get_args(value):
        words += [one] if isinstance(one, str) else words_in(one)
    return words


def word(name: str) -> str:
    """An annotation: what it stands for."""
    value, meaning = getattr(types, name), meanings().get(name, "")
    if isinstance(value, type):
        kinds = {
            field: getattr(kind, "__forward_arg__", kind) for field, kind in value.__annotations__.items()
        }
        text = value.__doc__ or ""
        stands = "".join(f"\n      {field}: {kind}" for field, kind in kinds.items())
        return f".. py:data:: ipvsfast.{name}\n\n   {text}\n\n   .. code-block:: python\n{stands}\n"
    words = words_in(value)
    if words:
        stands = ", ".join(f'``"{one}"``' for one in words)
    else:
        stands = f"``{value.__forward_arg__ if hasattr(value, '__forward_arg__') else value}``"
        stands = re.sub(r"\b(?:ipaddress|os|collections\.abc|typing)\.", "", stands)
    return f".. py:data:: ipvsfast.{name}\n\n   {meaning}\n\n   {stands}\n"


def reference(source: Path) -> None:
    """Writes the pages that are made of docstrings."""
    for page, (title, _) in REFERENCE.items():
        entry = word if page == "words" else class_or_function
        text = [f"{title}\n{'=' * len(title)}\n", ".. py:currentmodule:: ipvsfast\n"]
        text += [entry(name) for name in names_of(page)]
        path = source / "reference" / f"{page}.rst"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(text))


def linked_names(text: str) -> str:
    """The tables of docs/api.md lead to the reference."""

    def row(line: re.Match[str]) -> str:
        first, rest = line[1], line[2]
        for name in ipvsfast._HOME:
            first = re.sub(rf"`{name}(\([^`]*\))?`", rf"{{py:obj}}`{name}\1 <ipvsfast.{name}>`", first)
        return first + rest

    return re.sub(r"^(\|[^|]*\|)(.*)$", row, text, flags=re.MULTILINE)


def listing(folder: str, source: Path) -> str:
    """A page that lists the files of a folder outside of docs/; its name."""
    files = sorted(one for one in (ROOT / folder).rglob("*") if one.is_file())
    rows = [f"- [{one.relative_to(ROOT / folder)}]({one.relative_to(ROOT / folder)})" for one in files]
    for one in files:
        along(str(one.relative_to(ROOT)), source)
    page = source / folder / "index.md"
    page.write_text(f"{ORPHAN}# {folder}\n\n" + "\n".join(rows) + "\n")
    return f"{folder}/index.md"


def along(name: str, source: Path) -> str:
    """A file outside of docs/ comes along; its name."""
    (source / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / name, source / name)
    if name.endswith(".md"):  # a page that the menu does not have
        (source / name).write_text(ORPHAN + (ROOT / name).read_text())
    return name


def beside(text: str, source: Path) -> str:
    """A page with its links to what lies outside of docs/."""

    def link(found: re.Match[str]) -> str:
        name = found[2].removeprefix("../").removesuffix("/")
        if name in OUTSIDE:
            return found[1] + OUTSIDE[name]
        return found[1] + (listing(name, source) if (ROOT / name).is_dir() else along(name, source))

    return LINK.sub(link, text)


def titled(text: str) -> str:
    """A link that is called by its file has the menu's words for that page."""
    titles = {f"{page}.md": title for pages in MENU.values() for page, title in pages.items()}

    def link(found: re.Match[str]) -> str:
        title = titles.get(found[1]) if found[1] == found[2] else None
        return f"[{title}]({found[2]}{found[3]})" if title else found[0]

    return re.sub(r"\[(?:docs/)?([\w-]+\.md)\]\((?:docs/)?([\w-]+\.md)((?:#[\w-]+)?)\)", link, text)


def one_title(text: str) -> str:
    """A page with one head of the first rank, so that it is one line of the menu."""
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    seen = False
    for at in range(0, len(parts), 2):
        lines = parts[at].split("\n")
        for n, line in enumerate(lines):
            if line.startswith("# "):
                lines[n] = f"#{line}" if seen else line
                seen = True
        parts[at] = "\n".join(lines)
    return "".join(parts)


def menu() -> str:
    """What index.md has behind its text: the menu."""
    parts = []
    for head, pages in MENU.items():
        lines = [f"{title} <{page}>" for page, title in pages.items()]
        parts.append(f"```{{toctree}}\n:hidden:\n:caption: {head}\n\n" + "\n".join(lines) + "\n```\n")
    return "\n" + "\n".join(parts)


def front() -> str:
    """The beginning of README.md, which is that of the site too."""
    text = (ROOT / "README.md").read_text()
    return titled(text[: text.index("\n## ")]).replace("](docs/", "](")


def put_together(source: Path) -> None:
    """All that Sphinx reads."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source)
    for path in source.glob("*.md"):
        text = beside(one_title(titled(path.read_text())), source)
        path.write_text(linked_names(text) if path.name == "api.md" else text)
    index = source / "index.md"
    index.write_text(index.read_text().replace(README, front()) + menu())
    changes = titled((ROOT / "CHANGELOG.md").read_text()).replace("](docs/", "](")
    (source / "changelog.md").write_text(changes)
    reference(source)


def look(site: Path) -> None:
    """Refuses pages that load anything from elsewhere."""
    for page in site.rglob("*.html"):
        for found in FOREIGN.findall(page.read_text()):
            raise SystemExit(f"{page}: {found} is not from here")


def main() -> None:
    site = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/site")
    source = site.with_name(f"{site.name}.source")
    put_together(source)
    shutil.rmtree(site, ignore_errors=True)
    words = [
        "-b",
        "html",
        "-W",
        "--keep-going",
        "-q",
        "-j",
        "auto",
        "-c",
        str(HERE),
        "-d",
        f"{site}.doctrees",
    ]
    # In this folder, as the root of the checkout has a package that was not built.
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, str(source), str(site)], cwd=HERE, check=False
    )
    if done.returncode:
        raise SystemExit("the site has faults")
    look(site)
    print(f"{site}/index.html")


if __name__ == "__main__":
    main()
