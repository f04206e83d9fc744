"""A question over UDP, sent again until it is answered. Connected, so that a closed port is heard."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, NamedTuple, Self

from probes.links.base import Attempt, LinkError
from probes.links.tcp import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supportctl.core.deadline import Deadline

_LARGEST = 65_535
_MAX_STRAYS = 32  # answers to older questions, and noise, that are overlooked
_NO_ROUTE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, 10051, 10065})


class Heard(NamedTuple):
    """The datagram that answered, or None and the last one that did not."""

    answer: bytes | None
    noise: bytes = b""


class Datagrams:
    """A UDP socket. It keeps its own port when it turns to another server: NAT shows by that."""

    def __init__(self, host: str, port: int, deadline: Deadline) -> None:
        self._attempt = Attempt(f"UDP {host}:{port}", deadline)
        self._host, self._port = host, port
        address = resolve(host, port, deadline)[0]
        self._socket = socket.socket(address.family, socket.SOCK_DGRAM)
        try:
            self._connect(address.sockaddr)
        except LinkError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    @property
    def own_address(self) -> tuple[str, int]:
        """The address and the port that we send from."""
        address, port = self._socket.getsockname()[:2]
        return str(address), int(port)

    @property
    def their_address(self) -> str:
        """The address that the name stands for."""
        return str(self._socket.getpeername()[0])

    def turn_to(self, host: str, port: int, deadline: Deadline) -> None:
        """Send to another server from the same port.

        Raises:
            LinkError: `link.dns`, `link.no-route`; an address of the other family is no route.
        """
        self._attempt, self._host, self._port = Attempt(f"UDP {host}:{port}", deadline), host, port
        for address in resolve(host, port, deadline):
            if address.family == self._socket.family:
                self._connect(address.sockaddr)
                return
        raise self._attempt.failed("link.no-route", "link.no-way", host=host, port=port)

    def ask(
        self, request: bytes, is_answer: Callable[[bytes], bool], waits: Sequence[float], deadline: Deadline
    ) -> Heard:
        """Return the answer to `request`, which is sent once for each of `waits` (seconds) at most.

        Raises:
            LinkError: `link.refused`: nobody listens there; `link.no-route`.
        """
        noise = b""
        for wait in waits:
            until = deadline.within(wait)
            try:
                self._socket.send(request)
                for _ in range(_MAX_STRAYS):
                    self._socket.settimeout(max(until.remaining(), 0.001))
                    heard = self._socket.recv(_LARGEST)
                    if is_answer(heard):
                        return Heard(heard)
                    noise = heard
            except TimeoutError:
                pass
            except OSError as error:
                raise self._failed(error) from error
            if deadline.expired:
                break
        return Heard(None, noise)

    def _connect(self, sockaddr: tuple[object, ...]) -> None:
        try:
            self._socket.connect(sockaddr)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> LinkError:
        # Windows says "reset" for a closed port
        if isinstance(error, ConnectionRefusedError | ConnectionResetError):
            code, meaning = "link.refused", "link.port-refused"
        elif error.errno in _NO_ROUTE:
            code, meaning = "link.no-route", "link.no-way"
        else:
            code, meaning = "link.no-route", "link.blocked-here"
        return self._attempt.failed(code, meaning, host=self._host, port=self._port)
