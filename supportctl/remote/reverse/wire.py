"""The bytes of a session in an SSH channel that itself runs through another SSH connection."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, cast

import paramiko

from supportctl.remote.link import LinkClosedError
from supportctl.remote.links.pushing import carry
from supportctl.remote.links.transport import StrongTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket  # noqa: TID251  the type alone: paramiko asks for one

STEP_S = 10.0  # each of: banner, key exchange, sign-in, a channel
_SEND_S = 30.0  # a peer that takes nothing for so long is gone
_WINDOW = 8 * 1024 * 1024  # bytes under way: with paramiko's 2 MiB a big answer waits for the line's length


class _Wire:
    """A channel as the wire of another connection: it closes without complaint, as a socket does.

    paramiko's own thread closes it, and what a dead line says to that would be a traceback on the screen.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._closed = False  # paramiko looks at this name
        self.settimeout = channel.settimeout
        self.gettimeout = channel.gettimeout
        self.getpeername = channel.getpeername
        self.recv = channel.recv
        self.send = channel.send

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()


def inside(channel: paramiko.Channel) -> StrongTransport:
    """Return an SSH connection of its own inside a channel, with a limit for every wait."""
    transport = StrongTransport(cast("socket", _Wire(channel)), default_window_size=_WINDOW)
    transport.banner_timeout = STEP_S
    transport.handshake_timeout = STEP_S
    transport.auth_timeout = STEP_S
    transport.channel_timeout = STEP_S
    return transport


def hang_up(transport: paramiko.Transport) -> None:
    """End a connection. What it runs through may be gone already, which `close` alone complains of."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        transport.close()


class ChannelLink:
    """A `SessionLink`. `end` is called once when it is closed: what lies below goes with it."""

    def __init__(self, channel: paramiko.Channel, end: Callable[[], None]) -> None:
        self._channel = channel
        self._end = end
        self._closed = threading.Event()
        self._sending = threading.Lock()
        channel.settimeout(_SEND_S)

    @property
    def said_goodbye(self) -> bool:
        """Whether the other side ended it on purpose; a line that is cut says nothing."""
        return bool(self._channel.eof_received)

    def receive(self, limit: int) -> bytes:
        """Return what has come. Raises as the protocol says."""
        while True:
            try:
                return self._channel.recv(limit)
            except TimeoutError:
                if self._closed.is_set():
                    raise LinkClosedError("closed here") from None
            except (OSError, EOFError) as error:
                raise LinkClosedError(str(error)) from None

    def carry(self, sink: Callable[[bytes], None]) -> None:
        """Hand on what comes. Raises as the protocol says."""
        carry(self._channel, self.receive, sink)

    def send(self, data: bytes) -> None:
        """Send all of it. Raises as the protocol says."""
        with self._sending:
            try:
                self._channel.sendall(data)
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise LinkClosedError(str(error)) from None

    def close(self) -> None:
        """Close the channel and what lies below it."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()
        self._end()
