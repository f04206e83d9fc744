"""What a connection check is given, and what it is: as a probe, but for an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Evidence, Finding


class CheckContext(Protocol):
    """The surroundings of one question; the context of the probes is one."""

    @property
    def deadline(self) -> Deadline:
        """By when the check has ended."""

    @property
    def clock(self) -> Clock:
        """The time."""

    def ok(self, code: str, /, *evidence: Evidence, **args: object) -> Finding:
        """Say that the answer to a question is fine; `code` names the question."""

    def warning(self, code: str, /, *evidence: Evidence, **args: object) -> Finding:
        """Say that something needs attention soon."""

    def fault(self, code: str, /, *evidence: Evidence, **args: object) -> Finding:
        """Say that something is broken."""

    def unknown(self, code: str, /, *evidence: Evidence, **args: object) -> Finding:
        """Say that the question could not be answered, and why."""

    def skipped(self, code: str, /, because: str, **args: object) -> Finding:
        """Say that the question was not asked, or its answer is a consequence of `because`."""

    def evidence(
        self,
        asked: str,
        meaning: str = "",
        *,
        started: float,
        sent: bytes | str | None = None,
        got: bytes | str | None = None,
        **args: object,
    ) -> Evidence:
        """Return what was asked and what came back; `started` is `clock.monotonic()` before the question."""


class Surroundings(NamedTuple):
    """What a connector needs besides its account.

    `name` is the account's name in the configuration. `timezone` is the site's: what a system without zones
    means. `region` is the country of numbers without `+`. Relative paths are meant from `folder`.
    """

    name: str
    clock: Clock
    resolve: Callable[[str], str]  # a secret or a reference to one -> its value
    timezone: tzinfo | None = None
    region: str | None = None
    folder: Path | None = None


class ConnectionCheck(Protocol):
    """Asks one account whether it is healthy, read-only, within the deadline.

    Made from the account's model and its `Surroundings`. `run` yields each finding as soon as it is known.
    """

    codes: ClassVar[frozenset[str]]  # every code it may yield

    def __init__(self, account: Any, surroundings: Surroundings) -> None:
        """Take the account; `Any`: each kind has its own model."""

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield findings."""
