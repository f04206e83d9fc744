"""What a probe says: a stable code, a status, evidence. The words are in the catalogue."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

Arg = str | int | float
NO_ARGS: Mapping[str, Arg] = {}


class Status(StrEnum):
    """How a question was answered."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


_WORST_FIRST = (Status.FAULT, Status.UNKNOWN, Status.WARNING, Status.OK)


def worst(statuses: Iterable[Status]) -> Status:
    """Return the verdict over `statuses`: fault, unknown, warning, ok; only skipped ones are unknown."""
    seen = set(statuses)
    return next((status for status in _WORST_FIRST if status in seen), Status.UNKNOWN)


def severity(status: Status) -> int:
    """Return the place of `status` in a list sorted from worst to best."""
    return _WORST_FIRST.index(status) if status in _WORST_FIRST else len(_WORST_FIRST)


class Meaning(str):
    """An argument that is itself a key of the evidence texts: told in words, in the report's language."""

    __slots__ = ()


class Evidence(NamedTuple):
    """One question put to a target and what came back.

    `asked` is in the protocol's own terms ("DLE EOT 4"). `sent` and `got` are hex, or clean text for
    protocols that speak text. `meaning` is a key of `catalog/*/evidence.toml`, with `args`.
    """

    asked: str
    at: datetime
    ms: float
    sent: str | None = None
    got: str | None = None
    meaning: str = ""
    args: Mapping[str, Arg] = NO_ARGS


class Finding(NamedTuple):
    """One answer: if it is `ok`, `code` is the question ("printer.paper"), else the problem.

    `stops_sales` and `ours` are set where this finding differs from what the catalogue says of its code.
    """

    code: str
    status: Status
    target: str
    name: str | None = None
    args: Mapping[str, Arg] = NO_ARGS
    evidence: tuple[Evidence, ...] = ()
    because: str | None = None
    stops_sales: bool | None = None
    ours: bool | None = None


def clean_args(args: Mapping[str, object]) -> dict[str, Arg]:
    """Return arguments for a text: numbers and meanings stay, all else becomes safe text."""
    return {
        name: value if isinstance(value, int | float | Meaning) else clean(value)
        for name, value in args.items()
    }
