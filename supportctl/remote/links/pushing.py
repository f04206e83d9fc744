"""What an SSH channel brings, handed on by the thread that decrypted it: an answer wakes one thread less.

paramiko keeps what comes in `Channel.in_buffer` for a thread that reads. Woken for each message, that thread
was a third of a request's time. Here it has only to give bytes back to the channel's window, now and then.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from paramiko.buffered_pipe import BufferedPipe

if TYPE_CHECKING:
    from collections.abc import Callable

    import paramiko

    _Pipe = BufferedPipe[bytes]
else:
    _Pipe = BufferedPipe

_GIVEN_BACK = 64 * 1024  # bytes; far below a tenth of every window that we open, when paramiko tells the peer
_READ = 256 * 1024


class Pushing(_Pipe):
    """The buffer of a channel: keeps what comes until `push_to`, then hands it on at once, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.Lock()
        self._sink: Callable[[bytes], None] | None = None
        self._taken = bytearray()  # handed on already, not given back to the window yet
        self._problem: BaseException | None = None

    def push_to(self, sink: Callable[[bytes], None]) -> None:
        """Hand on what is here, and from now on whatever comes, on the thread that brings it."""
        with self._turn:
            self._sink = sink
            if early := self.empty():
                self._push(early)

    def feed(self, data: bytes) -> None:
        """Take what has come; called by the connection's own thread."""
        with self._turn:
            if self._sink is None:
                super().feed(data)
            else:
                self._push(data)

    def check(self) -> None:
        """Raise what the sink has raised: on the thread of the connection it would end everything."""
        if self._problem is not None:
            raise self._problem

    def _push(self, data: bytes) -> None:
        assert self._sink is not None
        if self._problem is not None:
            return
        try:
            self._sink(data)
        except Exception as error:  # noqa: BLE001  told by `check`
            self._problem = error
        self._taken += data
        if len(self._taken) >= _GIVEN_BACK or self._problem is not None:
            super().feed(bytes(self._taken))
            self._taken.clear()


def pushing(channel: paramiko.Channel) -> paramiko.Channel:
    """Return a channel made ready for `carry`; to be called before anything can come through it."""
    channel.in_buffer = Pushing()
    return channel


def carry(channel: paramiko.Channel, receive: Callable[[int], bytes], sink: Callable[[bytes], None]) -> None:
    """Hand on what comes until the other side ends. `receive` reads the channel.

    Raises:
        Exception: what `receive` and `sink` raise.
    """
    pipe = channel.in_buffer
    if not isinstance(pipe, Pushing):
        while data := receive(_READ):
            sink(data)
        return
    pipe.push_to(sink)
    pipe.check()
    while receive(_READ):
        pipe.check()
    pipe.check()
