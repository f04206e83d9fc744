"""Faults of the wire between a client and any simulated device: what becomes of its answers, without a wire.

The part that needs a wire (a port that refuses, a backlog that is full) is done by the endpoints in
`probes/lab/serve`; they ask `WireFaults` what to do.
"""

from __future__ import annotations

from hashlib import shake_128
from typing import TYPE_CHECKING, NamedTuple

from probes.lab.uart import garble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TCP, SERIAL, UDP = "tcp", "serial", "udp"
WIRES = (TCP, SERIAL, UDP)
_STREAMS = frozenset({TCP, SERIAL})  # what is cut up or interrupted is a stream of bytes, no datagram

SLOW = "wire-slow"
SILENT = "wire-silent"
ONE_BYTE = "wire-one-byte"
GARBLED = "wire-garbled"
REFUSED = "wire-refused"
DROPPED = "wire-dropped"
NOISE = "wire-noise"
BANNER = "wire-banner"
SINGLE_CLIENT = "wire-single-client"
TIMEOUT = "wire-timeout"
HELD = "wire-held"

WIRE_FAULTS: Mapping[str, frozenset[str]] = {
    SLOW: _STREAMS,
    SILENT: frozenset(WIRES),
    ONE_BYTE: _STREAMS,
    GARBLED: frozenset(WIRES),
    REFUSED: frozenset(WIRES),
    DROPPED: _STREAMS,
    NOISE: _STREAMS,
    BANNER: _STREAMS,
    SINGLE_CLIENT: frozenset({TCP}),
    TIMEOUT: frozenset({TCP}),
    HELD: frozenset({SERIAL}),
}
"""Every wire fault, and the wires that can have it."""

SLOW_BYTE_S = 0.1
ONE_BYTE_GAP_S = 0.002  # long enough for the client to be woken by each byte alone
NOISE_BYTES = 4 * 1024 * 1024
_NOISE_CHUNK = 64 * 1024
_SHORTEST_PAUSE_S = 0.005  # a line's own pace is kept by groups of bytes: timers are not finer than this

_PAGE = b"<html><body><h1>400 Bad Request</h1></body></html>"
BANNER_BYTES = (
    b"HTTP/1.1 400 Bad Request\r\nServer: lab\r\nContent-Type: text/html\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n%s" % (len(_PAGE), _PAGE)
)


class Piece(NamedTuple):
    """Bytes that leave `after_s` seconds after the piece before; with `close` the device then hangs up."""

    after_s: float
    data: bytes
    close: bool = False


def wire_faults(wires: frozenset[str]) -> tuple[str, ...]:
    """Return the faults that a device on these wires can be given, in the order of the table."""
    return tuple(name for name, on in WIRE_FAULTS.items() if on & wires)


class WireFaults:
    """The faults of one device's wires that are switched on, and what they do."""

    def __init__(self) -> None:
        self.active: set[str] = set()

    @property
    def deaf(self) -> bool:
        """Whether what a client sends does not reach the device."""
        return bool(self.active & {SILENT, NOISE, BANNER})

    def on_open(self) -> Iterator[Piece]:
        """Return what a client is sent that has just opened the wire, before the device says anything."""
        if NOISE in self.active:
            return noise()
        return iter(())

    def instead(self, wire: str) -> tuple[Piece, ...]:
        """Return what a client is sent whose bytes did not reach the device."""
        if BANNER in self.active and SILENT not in self.active and NOISE not in self.active:
            return (Piece(0.0, BANNER_BYTES, close=wire == TCP),)
        return ()

    def on_answer(self, answer: bytes, byte_s: float = 0.0) -> tuple[Piece, ...]:
        """Return how the device's answer arrives; `byte_s` is what a byte takes on the line itself."""
        if self.deaf or not answer:
            return ()
        data = garble(answer) if GARBLED in self.active else answer
        dropped = DROPPED in self.active
        if dropped:
            data = data[: len(data) // 2]  # of a single byte nothing arrives
        pieces = self._paced(data, byte_s)
        return (*pieces, Piece(0.0, b"", close=True)) if dropped else pieces

    def _paced(self, data: bytes, byte_s: float) -> tuple[Piece, ...]:
        if SLOW in self.active:
            return tuple(Piece(SLOW_BYTE_S, data[i : i + 1]) for i in range(len(data)))
        if ONE_BYTE in self.active:
            return tuple(Piece(max(byte_s, ONE_BYTE_GAP_S), data[i : i + 1]) for i in range(len(data)))
        if not byte_s:
            return (Piece(0.0, data),) if data else ()
        group = max(1, round(_SHORTEST_PAUSE_S / byte_s))
        parts = (data[i : i + group] for i in range(0, len(data), group))
        return tuple(Piece(len(part) * byte_s, part) for part in parts)


def noise(total: int = NOISE_BYTES) -> Iterator[Piece]:
    """Yield `total` bytes of noise, the same in every run."""
    for start in range(0, total, _NOISE_CHUNK):
        size = min(_NOISE_CHUNK, total - start)
        yield Piece(0.0, shake_128(b"noise %d" % start).digest(size))
