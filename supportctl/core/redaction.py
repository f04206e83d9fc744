"""Secrets never leave: known values first, then what looks like one (`secret_patterns`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.secret_patterns import HIDDEN, hidden, secrets_in

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_known: set[str] = set()
_MIN_SECRET = 4
_PASSES = 4  # a quote that was hidden had kept two pieces apart: until nothing changes, as it must stay so


def remember(secret: str) -> None:
    """Take note of a secret's value: from now on it is replaced wherever it would be written."""
    if len(secret) >= _MIN_SECRET:
        _known.add(secret)


def known() -> AbstractSet[str]:
    """Return the secrets that have been taken note of, those of later included."""
    return _known


def redact(text: str, *, prose: bool = False) -> str:
    """Return `text` with every known secret and everything that looks like one replaced by `***`.

    `prose`: for what people or other systems said, where "the password is 30" tells a secret. Our own texts
    say such things too, of a vendor's default password, and must stay as they are.
    """
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for _ in range(_PASSES):
        spans = secrets_in(text, prose=prose)
        shown = hidden(text, spans) if spans else text
        if shown == text:
            break
        text = shown
    return text
