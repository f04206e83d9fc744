"""UDP as a link: one datagram a question, one an answer. There is no connection that could open or close."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Self

from probes.links.base import CHUNK, Attempt, LinkError
from probes.links.tcp import RESOLVE_S, resolve

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

_LARGEST = 65_535
_LAST_TRY_S = 0.05


class UdpLink:
    """A socket that talks to one address only."""

    one_way = False

    def __init__(self, connected: socket.socket, target: Target) -> None:
        self.target = target
        self._socket = connected
        self._left = b""

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send `data` as one datagram."""
        self._socket.settimeout(deadline.remaining() or _LAST_TRY_S)
        try:
            self._socket.send(data)
        except OSError as error:
            raise self._lost(deadline, error) from error

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return the next datagram, or `b""` when none came in time; what exceeds `limit` comes next."""
        if not self._left:
            self._socket.settimeout(deadline.remaining())
            try:
                self._left = self._socket.recv(_LARGEST)
            except (TimeoutError, BlockingIOError):
                return b""
            except OSError as error:
                raise self._lost(deadline, error) from error
        piece, self._left = self._left[:limit], self._left[limit:]
        return piece

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _lost(self, deadline: Deadline, error: OSError) -> LinkError:
        """Return why; "port unreachable" comes back as a refusal, to the next call after the datagram."""
        host, port = self.target.host, self.target.port or 0
        attempt = Attempt(f"UDP {host}:{port}", deadline)
        if isinstance(error, ConnectionRefusedError | ConnectionResetError):
            return attempt.failed("link.refused", "link.port-refused", host=host, port=port)
        return attempt.failed("link.no-route", "link.no-way", host=host, port=port)


def open(target: Target, deadline: Deadline) -> UdpLink:  # noqa: A001  the name that open_link calls
    """Return a socket for the target; nothing is sent yet.

    Raises:
        LinkError: `link.dns` or `link.no-route`.
    """
    host, port = target.host, target.port or 0
    address = resolve(host, port, deadline.within(RESOLVE_S))[0]
    attempt = Attempt(f"UDP {host}:{port}", deadline)
    connected = socket.socket(address.family, socket.SOCK_DGRAM)
    try:
        connected.connect(address.sockaddr)
    except OSError as error:
        connected.close()
        raise attempt.failed("link.no-route", "link.no-way", host=host, port=port) from error
    return UdpLink(connected, target)
