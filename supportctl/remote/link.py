"""What carries a session: bytes there and back. How they get there is nobody's business above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_READ = 64 * 1024


class LinkClosedError(Exception):
    """The line is gone: the other side has ended, or nobody reaches it."""


class SessionLink(Protocol):
    """A byte stream. One thread reads, several may send; `close` ends both at once."""

    def receive(self, limit: int) -> bytes:
        """Return what has come, waiting for the first byte; b"" when the other side has ended.

        Raises:
            LinkClosedError: the line broke.
        """

    def carry(self, sink: Callable[[bytes], None]) -> None:
        """Hand all that comes to `sink`, on whichever thread has it first, until the other side has ended.

        Raises:
            LinkClosedError: the line broke.
            Exception: what `sink` raised.
        """

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            LinkClosedError: the line broke, or took nothing for too long.
        """

    def close(self) -> None:
        """End it; may be called twice, and from any thread."""


class FileLink:
    """A pair of binary files: the standard input and output of a process, or the ends of pipes."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        # `read1` returns what there is; `read` would wait for all of it
        self._read: Callable[[int], bytes] = getattr(source, "read1", source.read)
        self._sink = sink

    def receive(self, limit: int) -> bytes:
        """Return what has come. Raises as the protocol says."""
        try:
            return self._read(limit)
        except (OSError, ValueError) as error:
            raise LinkClosedError(str(error)) from None

    def carry(self, sink: Callable[[bytes], None]) -> None:
        """Hand on what comes, on this thread. Raises as the protocol says."""
        while data := self.receive(_READ):
            sink(data)

    def send(self, data: bytes) -> None:
        """Send all of it. Raises as the protocol says."""
        try:
            self._sink.write(data)
            self._sink.flush()
        except (OSError, ValueError) as error:
            raise LinkClosedError(str(error)) from None

    def close(self) -> None:
        """Close both ends."""
        for end in (self._sink, self._source):
            try:
                end.close()
            except OSError:
                continue
