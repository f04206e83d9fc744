"""Secrets never leave: known values first, then patterns with bounded cost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_known: set[str] = set()
_MIN_SECRET = 4
_NAMES = r"password|passwd|token|api_?key|community|secret(?!://)"  # a reference is no secret
_PATTERNS = (
    (re.compile(r"(?i)\b(authorization\s{0,8}[=:]\s{0,8}(?:[a-z]{1,16}\s{1,8})?)[^\s,;]{1,512}"), r"\1***"),
    (re.compile(rf"(?i)\b({_NAMES})(\s{{0,8}}[=:]\s{{0,8}})(?!secret://)"
        r"(?:\"[^\"\r\n]{1,256}\"|'[^'\r\n]{1,256}'|[^\s&,;]{1,256})"), r"\1\2***"),
    (re.compile(r"(?i)([?&](?:key|pin|salt)=)[^\s&]{1,256}"), r"\1***"),
    (re.compile(r"(?i)\bbearer\s{1,8}[a-z0-9._~+/-]{8,512}"), "Bearer ***"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://[^\s/@:]{1,64}):[^\s/@]{1,256}@"), r"\1:***@"),
    (re.compile(r"(?i)(/rest/\d{1,9}/)[a-z0-9]{8,64}(/|\b)"), r"\1***\2"),
)  # fmt: skip


def remember(secret: str) -> None:
    """Take note of a secret's value: from now on it is replaced wherever it would be written."""
    if len(secret) >= _MIN_SECRET:
        _known.add(secret)


def known() -> AbstractSet[str]:
    """Return the secrets that have been taken note of, those of later included."""
    return _known


def redact(text: str) -> str:
    """Return `text` with every known secret and everything that looks like one replaced by `***`."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, "***")
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
