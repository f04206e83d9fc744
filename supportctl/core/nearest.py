"""Did you mean …? The known words that a mistyped one looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_MOST = 12  # words that somebody reads


def close_to(word: str, known: Iterable[str], cutoff: float = 0.5) -> list[str]:
    """Return up to three of the known words, the most similar first; none if nothing is similar."""
    import difflib  # only a mistake pays for it

    return difflib.get_close_matches(word, list(known), 3, cutoff)


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the similar words, or the first that are known, as one line; `-` if none is known."""
    words = list(dict.fromkeys(known))
    told = close_to(word, words, cutoff) or words
    return ", ".join(told[:_MOST] + ["…"] * (len(told) > _MOST)) or "-"
