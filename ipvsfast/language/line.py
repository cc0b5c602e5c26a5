"""The text that -S prints and -R reads, one line at a time.

listing/rules.py writes it, changes/rule_reader.py reads it.

One line is one command line: words separated by blanks, tabs or carriage returns, without quoting or
escapes. Lines that start with `#` are comments; a leading `ipvsadm` or `ipvsfast`, also as a path, is
skipped. Text that is not UTF-8 passes through unchanged (surrogateescape).
"""

from __future__ import annotations

_PROGRAMS = ("ipvsadm", "ipvsfast")


def split_line(line: str | bytes) -> list[str]:
    """The words of one line, without the program's name; empty for blank lines and comments."""
    if isinstance(line, bytes):
        line = line.decode("utf-8", "surrogateescape")
    line = line.rstrip("\n")
    if line.isprintable():  # then the space is the only blank in it
        words = line.split()
    else:
        words = [word for word in line.replace("\t", " ").replace("\r", " ").split(" ") if word]
        if "\0" in line:  # which ends a C string
            words = [word.partition("\0")[0] for word in words]
    if words:
        first = words[0]
        if first[:1] == "#":
            return []
        if first in _PROGRAMS or _is_path(first):
            del words[0]
    return words


def _is_path(word: str) -> bool:
    """Whether the word is a path of our program: no option, and nothing like IPVSADM=/sbin/ipvsadm, which
    a shell would not run either."""
    folder, slash, name = word.rpartition("/")
    return name in _PROGRAMS and slash != "" and (word[0] in "/." or (word[0] != "-" and "=" not in folder))
