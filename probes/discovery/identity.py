"""What `identify` says about a target: plain values for people and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from supportctl.core.finding import Finding
    from supportctl.core.target import Target

MAKER, MODEL, SERIAL_NUMBER, FIRMWARE = "maker", "model", "serial", "firmware"


class Try(NamedTuple):
    """One question: put with which settings, and what came of it (`answered`, `silent`, `noise`, `refused`).

    `ms` is how long it took.
    """

    asked: str
    settings: str
    outcome: str
    sent: str
    got: str
    ms: float


class Identity(NamedTuple):
    """`found` is the target with protocol and settings filled in, None if nothing was recognised.

    `why` says then why not: `silent`, `noise`, `not-asked`, `time` (it was over), `link`; `problem` is the
    finding of a wire that cannot be used, or of bytes that make no sense.
    """

    target: Target
    found: Target | None = None
    settings: str = ""
    details: dict[str, str] = {}  # noqa: RUF012  a NamedTuple's default, never changed
    tried: tuple[Try, ...] = ()
    why: str = ""
    problem: Finding | None = None

    @property
    def evidence(self) -> tuple[Try, ...]:
        """The questions that were answered."""
        return tuple(item for item in self.tried if item.outcome == "answered")
