"""An open serial port as a link: read through pyserial (Windows, RFC 2217), or its descriptor (POSIX)."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import serial

from probes.links.base import CHUNK, Attempt, LinkError
from supportctl.core.target import USUAL_LINE

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

POLL_S = 0.05  # a pyserial port waits in slices: changing its time-out would set up the port anew every time
_LAST_TRY_S = 0.05
_DRAIN_TRIES, _DRAIN_PAUSE_S = 20, 0.01
# TypeError is what pyserial raises when the port is closed under its hands
GONE = (serial.SerialException, OSError, TypeError)
_USUAL = {"baud": "9600", "bytesize": "8", "parity": "none", "stopbits": "1", "flow": "none"}


class Settings(NamedTuple):
    """How the bits go over a serial line."""

    baud: int = 9600
    bytesize: int = 8
    parity: str = "none"
    stopbits: float = 1
    flow: str = "none"

    @classmethod
    def of(cls, target: Target) -> Settings:
        """Return what the URL of a target says, where it is silent the usual setting of its protocol."""
        usual = {**_USUAL, **USUAL_LINE.get(target.protocol or "", {})}
        said = {name: target.option(name) or usual[name] for name in usual}
        return cls(
            int(said["baud"]), int(said["bytesize"]), said["parity"], float(said["stopbits"]), said["flow"]
        )

    def at_eight_bits(self, target: Target) -> Settings:
        """Return these settings with eight bits and no parity, unless the URL itself asks for something else.

        For ports that know nothing else: a pseudo-terminal hands bytes on unchanged, so that a usual setting
        of the protocol is of no consequence there.
        """
        if target.option("bytesize") or target.option("parity"):
            return self
        return self._replace(bytesize=8, parity="none")

    def __str__(self) -> str:
        flow = "" if self.flow == "none" else f" {self.flow}"
        return f"{self.baud} {self.bytesize}{self.parity[0].upper()}{self.stopbits:g}{flow}"

    def for_pyserial(self) -> dict[str, Any]:
        """Return the keyword arguments of `serial.Serial`."""
        return {
            "baudrate": self.baud,
            "bytesize": self.bytesize,
            "parity": self.parity[0].upper(),
            "stopbits": self.stopbits,
            "xonxoff": self.flow == "xonxoff",
            "rtscts": self.flow == "rtscts",
            "dsrdtr": self.flow == "dsrdtr",
        }


class Port(Protocol):
    """What a link needs of a port of pyserial, whatever it is made of."""

    @property
    def in_waiting(self) -> int:
        """Return how many bytes have arrived."""

    def read(self, size: int = 1, /) -> bytes:
        """Return up to `size` bytes, fewer when the port's own time-out passes."""

    def write(self, data: bytes, /) -> int | None:
        """Send."""

    def apply_settings(self, d: dict[str, Any]) -> None:
        """Change speed, parity and the rest."""

    def close(self) -> None:
        """Close."""


class PortLink:
    """A port that is read through pyserial, in slices of `POLL_S`."""

    one_way = False

    def __init__(self, port: Port, target: Target) -> None:
        self.target = target
        self._port = port

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            raise Attempt("send", deadline).failed("link.silent", "link.takes-no-bytes") from None
        except GONE as error:
            raise self._gone(deadline) from error

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived, or `b""` once the deadline has passed."""
        try:
            while True:
                data = self._port.read(min(max(self._port.in_waiting, 1), limit))
                if data or deadline.expired:
                    return data
        except GONE as error:
            raise self._gone(deadline) from error

    def retune(self, target: Target) -> None:
        """Go on with the settings of `target`: another speed or parity on the same open port.

        Raises:
            OSError, ValueError: the port refuses them (`serialport.retune` tells it as a LinkError).
        """
        self._port.apply_settings(Settings.of(target).for_pyserial())
        self.target = target

    def close(self) -> None:
        """Close the port."""
        with contextlib.suppress(*GONE):
            self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _gone(self, deadline: Deadline) -> LinkError:
        return Attempt("receive", deadline).failed("link.closed", "link.port-gone")


class FilePortLink(PortLink):
    """A port that is read through its descriptor: exact deadlines, no slices."""

    _port: serial.Serial

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        left = memoryview(data)
        until = deadline if deadline.remaining() else deadline.within(_LAST_TRY_S)
        try:
            while left:
                if not self._ready(select.POLLOUT, until):
                    raise Attempt("send", deadline).failed("link.silent", "link.takes-no-bytes")
                left = left[os.write(self._port.fileno(), left) :]
        except GONE as error:
            raise self._gone(deadline) from error

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived, or `b""` once the deadline has passed."""
        try:
            if not self._ready(select.POLLIN, deadline):
                return b""
            data = os.read(self._port.fileno(), limit)
        except BlockingIOError:
            return b""
        except GONE as error:
            raise self._gone(deadline) from error
        if not data:
            raise self._gone(deadline)
        return data

    def close(self) -> None:
        """Close the port.

        The kernel waits up to 30 s for unsent bytes when a port is closed: what flow control still holds
        back after a moment is thrown away first.
        """
        with contextlib.suppress(*GONE):
            for _try in range(_DRAIN_TRIES):
                if not self._port.out_waiting:
                    break
                time.sleep(_DRAIN_PAUSE_S)
            else:
                self._port.reset_output_buffer()
        super().close()

    def _ready(self, event: int, deadline: Deadline) -> bool:
        poll = select.poll()
        poll.register(self._port.fileno(), event)
        return bool(poll.poll(deadline.remaining() * 1000))
