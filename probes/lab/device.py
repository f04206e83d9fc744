"""What the lab serves: the device side of one protocol, without a wire and without a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from datetime import datetime


class Device(Protocol):
    """A simulated device. Time comes in as an argument (seconds, monotonic); bytes go in and come out.

    `opcodes` lists every command it was ever sent, in order, as hex or as the protocol's own name: the tests
    prove from it that a probe only reads. `writes` lists those among them that would have changed or printed
    something.

    A class may also have `tick_s` (see `tick`) and `url_wire`: what stands for `tcp` in its URLs, for devices
    that are asked by HTTP (`url_wire = "http"`).
    """

    protocol: str
    faults: frozenset[str]  # every fault that this device can be given
    active: set[str]  # the faults that are switched on
    opcodes: list[str]
    writes: list[str]

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:
        """Switch a fault; returns what the device pushes to its client because of it (often nothing).

        Raises:
            KeyError: the device has no such fault.
        """

    def connected(self, now: float) -> bytes:
        """Return what the device sends to a client that has just opened the wire (often nothing)."""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take any piece of the byte stream; return the answer bytes, which may be none yet."""

    def tick(self, now: float) -> bytes:
        """Return what the device sends on its own by now: continuous weights, status pushed on a timer.

        It is called every `tick_s` seconds while a client is there, only for a class that has this attribute.
        """


@runtime_checkable
class HasClock(Protocol):
    """A device that knows the time of day, such as a register."""

    def set_clock(self, wall: datetime, now: float) -> None:
        """Take the time of day (with a zone) that belongs to `now`, before anything else happens."""
