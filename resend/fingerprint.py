"""What makes two failures one problem: the same cause has the same fingerprint, whoever it hits."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

_LONGEST = 1000  # characters of a message that are looked at
_KEPT = 200
_LETTER = "#"  # stands for whatever differs from call to call
_MARKS = '"“”„«»`‘’'
_REPLACED = (
    re.compile(r"[a-z][a-z0-9+.-]{0,20}://\S{1,500}"),  # an address
    re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}"),
    re.compile(
        r"\"[^\"]{0,300}\"|“[^“”]{0,300}”|„[^„“”]{0,300}[“”]|«[^«»]{0,300}»|`[^`]{0,300}`|‘[^‘’]{0,300}’"
    ),
    re.compile(r"(?<![\w#])'[^']{0,300}'(?![\w#])"),  # not the one in "isn't"
    re.compile(r"(?<![\w-])\+?\d[\d\s().-]{5,24}\d(?![\w-])"),  # a telephone number, a date
    re.compile(r"[\w-]{0,64}\d[\w-]{0,64}"),  # a number, an id; what touches a digit belongs to it
    re.compile(r"#[\s#,.:;/_+-]*#"),  # several of them
)
_LONG_IN_CODE = re.compile(r"[0-9a-f]{8,}|\d{5,}", re.IGNORECASE)


class Cause(NamedTuple):
    """Why calls do not arrive. `system` is the kind of the CRM, `failure` a class, or one of our own words.

    `late` (the horizon is near or over and nothing failed), `held` (a person holds it) and `not-configured`.
    `message` is normalised.
    """

    system: str
    failure: str
    code: str = ""
    message: str = ""
    step: str = ""

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits."""
        text = "\x1f".join(self)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def cause(system: str, failure: str, code: str, text: str, step: str = "") -> Cause:
    """Return the cause of a failure that was told with these words."""
    return Cause(system, failure, normalise_code(code), normalise(text), step)


def normalise(text: str) -> str:
    """Return a message without what differs from call to call: numbers, ids, phones, addresses, quoted parts.

    The same again gives the same.
    """
    text = text[:_LONGEST]
    before = None
    while text != before:  # each round leaves less that is not `#`, so it ends
        before = text
        text = _once(text)
    return text


def normalise_code(code: str) -> str:
    """Return an error code without ids in it; `http-503` stays as it is."""
    return _LONG_IN_CODE.sub(_LETTER, code.strip()[:100])


def _once(text: str) -> str:
    text = " ".join(text.lower().split())
    for pattern in _REPLACED:
        text = pattern.sub(_LETTER, text)
    return text[:_KEPT].strip()
