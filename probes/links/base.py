"""What a link is, and the ways in which opening or reading one can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from supportctl.core.evidence import evidence as make_evidence
from supportctl.core.finding import Evidence, Status, clean_args

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

CHUNK = 4096
SURE_S = 1.0  # what had this long and did not happen is the other side's fault; with less we cannot tell

# What any probe that opens a link may have to say: `codes = frozenset({...}) | LINK_CODES`.
LINK_CODES = frozenset({
    "link.refused", "link.timeout", "link.no-route", "link.dns", "link.no-such-port", "link.port-busy",
    "link.permission", "link.silent", "link.garbled", "link.wrong-device", "link.closed", "link.bad-settings",
    "link.not-supported",
})  # fmt: skip


class LinkError(Exception):
    """A wire that cannot be used, told as a finding: a `link.*` code, a status, arguments and evidence."""

    def __init__(
        self, code: str, *, status: Status = Status.FAULT, evidence: tuple[Evidence, ...] = (), **args: object
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.evidence = evidence
        self.details = clean_args(args)

    def __str__(self) -> str:
        return f"{self.code} {dict(self.details)}"


class Link(Protocol):
    """An open byte stream to a device. One owner; closed by `with`.

    `one_way` says that this wire has no way back: nothing can ever be received from it.
    """

    target: Target
    one_way: bool

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`.

        Raises:
            LinkError: `link.closed`: the other side closed; `link.silent`: it took no more bytes in time.
        """

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived, at least one byte, as soon as there is one; `b""` when none came in time.

        With a deadline that has passed already it looks once, and returns what is there without waiting.

        Raises:
            LinkError: `link.closed` when the other side closed.
        """

    def close(self) -> None:
        """Close the wire; never raises, may be called twice."""

    def __enter__(self) -> Self:
        """Return the link."""

    def __exit__(self, *exc: object) -> None:
        """Close the link."""


class Attempt:
    """One try to open or to use a wire: knows what was asked and since when, makes the LinkError of it."""

    __slots__ = ("asked", "deadline", "started")

    def __init__(self, asked: str, deadline: Deadline) -> None:
        self.asked = asked
        self.deadline = deadline
        self.started = deadline.clock.monotonic()

    def failed(
        self,
        code: str,
        meaning: str,
        *,
        status: Status = Status.FAULT,
        got: bytes | str | None = None,
        **args: object,
    ) -> LinkError:
        """Return the error to raise; `meaning` is a key of the evidence texts, filled with `args`."""
        clock = self.deadline.clock
        seen = make_evidence(clock, self.asked, meaning, started=self.started, sent=None, got=got, **args)
        return LinkError(code, status=status, evidence=(seen,), **args)

    def sure(self) -> Status:
        """Return fault if this attempt had the time to be sure, unknown if the check cut it short."""
        waited = self.deadline.clock.monotonic() - self.started
        return Status.FAULT if waited >= SURE_S else Status.UNKNOWN
