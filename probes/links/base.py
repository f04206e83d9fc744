"""What a link is, and the ways in which opening or reading one can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from supportctl.core.finding import Evidence, Status, clean_args

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

CHUNK = 4096


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
    """An open byte stream to a device. One owner; closed by `with`."""

    target: Target

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`.

        Raises:
            LinkError: `link.closed` or `link.timeout`.
        """

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived, at least one byte, as soon as there is one; `b""` when the deadline passes first.

        Raises:
            LinkError: `link.closed` when the other side closed.
        """

    def close(self) -> None:
        """Close the wire; never raises, may be called twice."""

    def __enter__(self) -> Self:
        """Return the link."""

    def __exit__(self, *exc: object) -> None:
        """Close the link."""
