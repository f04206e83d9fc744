"""What a text for a customer or a cashier may not hold, and how long its sentences are.

Held by tests for the catalogue and by `playbook lint` for playbooks.
"""

from __future__ import annotations

import re

MAX_WORDS = 15  # of a sentence

FORBIDDEN = {
    "port": (
        r"\bCOM ?\d|\bLPT\d|/dev/|\btty|://|\b\d{1,3}(\.\d{1,3}){3}|\b(9100|2217|порт(а|у|ом|е|ы)?|port)\b"
    ),
    "bytes": (
        r"\b0x|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{2,}\b"
        r"|\bhex\b|\bDLE\b|\bEOT\b|\bENQ\b|\bбит(?!рикс)\w*|\bбайт\w*"
    ),
    "code": r"\b[a-z]+\.[a-z]+-[a-z-]+\b|`|--\w|\btime-?out\b|\bтайм-?аут\w*",
    "error": r"\berrors?\b|\bошиб(?:к|оч)\w*|\billegal\b|\binvalid\b|\bнедопустим\w*",
    "blame": (
        r"\byou (?:forgot|broke|failed|did not|should have)\b"
        r"|\bвы (?:забыли|сломали|не \w+ли)\b|\bпо вашей вине\b"
    ),
}
_COMPILED = {what: re.compile(pattern, re.IGNORECASE) for what, pattern in FORBIDDEN.items()}
_END = re.compile(r"(?<=[.?!:…])\s+")
_WORD = re.compile(r"[\w{]")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [part for part in _END.split(text) if part]


def words_of(sentence: str) -> list[str]:
    """Return the words, not the dashes: "Это не значит — сломано" has four."""
    return [word for word in sentence.split() if _WORD.search(word)]


def forbidden(text: str) -> tuple[str, str] | None:
    """Return what a text holds that a customer cannot use: its kind and the words; None if nothing."""
    for what, pattern in _COMPILED.items():
        found = pattern.search(text)
        if found:
            return what, found[0]
    return None
