"""What decides between possibilities in a test of any order: a seed, or hypothesis."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol, TypeVar

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Chance(Protocol):
    """What decides between possibilities."""

    def pick(self, values: Sequence[T]) -> T:
        """Return one of some values."""


class Seeded:
    """Chance of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, values: Sequence[T]) -> T:
        """Return one of some values."""
        return self._random.choice(values)


class Drawn:
    """What hypothesis decides, and makes simple again."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def pick(self, values: Sequence[T]) -> T:
        """Return one of some values."""
        return self._data.draw(st.sampled_from(values))
