"""Echo requests (RFC 792): over an unprivileged ICMP socket where the system has them, else a raw one.

The packet codec is pure. `echo` is the only part that touches a wire.
"""

from __future__ import annotations

import select
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline

ECHO_REPLY, ECHO_REQUEST = 0, 8
_HEADER = struct.Struct("!BBHHH")
_IPV4_MIN_HEADER = 20
_IDENTIFIER = 0x5C71  # a raw socket sees the replies of every program; ours carry this and our payload
_PAYLOAD = b"supportctl path quality question".ljust(56, b".")  # 56 bytes: what ping sends


class EchoUnavailableError(Exception):
    """This system does not let us send echo requests."""


class Echoes(NamedTuple):
    """Round-trip times in ms by sequence number, None for each request that nobody answered."""

    times_ms: tuple[float | None, ...]

    @property
    def answered(self) -> int:
        """How many were answered."""
        return sum(time is not None for time in self.times_ms)


def echo_request(identifier: int, sequence: int, payload: bytes) -> bytes:
    """Return an ICMP echo request with its checksum (RFC 1071)."""
    blank = _HEADER.pack(ECHO_REQUEST, 0, 0, identifier, sequence)
    return _HEADER.pack(ECHO_REQUEST, 0, checksum(blank + payload), identifier, sequence) + payload


def checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071) of `data`."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(word for (word,) in struct.iter_unpack("!H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def reply_sequence(packet: bytes, payload: bytes) -> int | None:
    """Return the sequence number of an echo reply with our `payload`, None for anything else.

    `packet` may begin with its IPv4 header: raw sockets give it, and datagram ones on macOS.
    """
    if len(packet) >= _IPV4_MIN_HEADER and packet[0] >> 4 == 4:
        packet = packet[(packet[0] & 0x0F) * 4 :]
    if len(packet) < _HEADER.size:
        return None
    kind, code, _sum, _identifier, sequence = _HEADER.unpack_from(packet)
    number: int = sequence
    if kind != ECHO_REPLY or code != 0 or packet[_HEADER.size :] != payload:
        return None
    return number


def echo(address: str, count: int, interval_s: float, wait_s: float, deadline: Deadline) -> Echoes:
    """Return the answers of the IPv4 `address` to `count` echo requests, `interval_s` apart.

    The last one is waited for `wait_s` seconds, never beyond `deadline`.

    Raises:
        EchoUnavailableError: no permission, or no IPv4.
        OSError: the system knows no way to `address`.
    """
    clock = deadline.clock
    times: list[float | None] = [None] * count
    sent: list[float] = []
    with _socket() as wire:
        started = clock.monotonic()
        while None in times and not deadline.expired:
            now = clock.monotonic()
            if len(sent) < count and now >= started + len(sent) * interval_s:
                sent.append(now)
                wire.sendto(echo_request(_IDENTIFIER, len(sent) - 1, _PAYLOAD), (address, 0))
                continue
            until = started + len(sent) * interval_s if len(sent) < count else sent[-1] + wait_s
            if until <= now:
                break
            readable, _, _ = select.select([wire], [], [], min(until - now, deadline.remaining()))
            if readable:
                _note(wire, address, sent, times, clock)
        # what was never sent, because the deadline came first, is not lost
        return Echoes(tuple(times[: len(sent)]))


def _note(
    wire: socket.socket, address: str, sent: list[float], times: list[float | None], clock: Clock
) -> None:
    try:
        packet, source = wire.recvfrom(2048)
    except OSError:  # an ICMP error of the way there: the echo stays unanswered
        return
    sequence = reply_sequence(packet, _PAYLOAD)
    if source[0] == address and sequence is not None and sequence < len(sent) and times[sequence] is None:
        times[sequence] = (clock.monotonic() - sent[sequence]) * 1000


def _socket() -> socket.socket:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            wire = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
        except OSError:  # EACCES on Linux, EPROTONOSUPPORT for datagrams on Windows
            continue
        wire.settimeout(0)
        return wire
    raise EchoUnavailableError
