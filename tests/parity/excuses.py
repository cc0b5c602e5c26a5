"""Random lines on which the programs may disagree, because they meet a deliberate difference.

Only asked when they do disagree. Each rule names the line of docs/differences.md.
"""

from __future__ import annotations

import re

_SELECTOR = re.compile(r"-[A-Za-z0-9]*[tuf]|--(tcp|udp|sctp|fwmark)-service")
_SERVER = re.compile(r"-[a-zA-Z0-9]*r|--real-server")
_MASK = re.compile(r"-[a-zA-Z0-9]*M|--netmask")
_SIX = re.compile(r"-[a-zA-Z0-9]*6|--ipv6")


def excuse(lines: list[list[str]], message: str) -> str:
    """The number of the difference that one of these command lines meets, or "". message: what ours says."""
    for words in lines:
        number = _excuse(words, message)
        if number:
            return number
    return ""


def _excuse(words: list[str], message: str) -> str:
    text = " ".join(words)
    if re.search(r"\[[^]:]*\]", text):
        return "26"
    if re.search(r"\[[^]]*\](\s|$)", text):
        return "27"
    if any(re.search(r"\d\s", word) for word in words):
        return "29"
    if any(re.fullmatch(r"(-\S*b)?=?,+", word) for word in words):
        return "13"
    if _later(words, _SELECTOR, _SERVER) or _later(words, _SELECTOR, _MASK):
        return "31"
    if any(_SIX.match(word) for word in words) and _later(words, _SIX, _MASK):
        return "31"
    if "mask specified" in message and any(_MASK.match(word) for word in words):
        return "30"
    if words[:1] and words[0][:1] == "#":
        return "14"
    if "ipvsadm" in words:
        return "18"
    return ""


def _later(words: list[str], wanted: re.Pattern[str], other: re.Pattern[str]) -> bool:
    """Whether an `other` stands before the last `wanted`, or there is none of those."""
    last = max((at for at, word in enumerate(words) if wanted.match(word)), default=len(words))
    return any(other.match(word) for word in words[:last])
