"""Did you mean …? The known words that a mistyped one looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def close_to(word: str, known: Iterable[str], cutoff: float = 0.5) -> list[str]:
    """Return up to three of the known words, the most similar first; none if nothing is similar."""
    import difflib  # only a mistake pays for it

    return difflib.get_close_matches(word, list(known), 3, cutoff)


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the similar words, or all that are known, as one line; `-` if none is known."""
    words = list(known)
    return ", ".join(close_to(word, words, cutoff) or words) or "-"
