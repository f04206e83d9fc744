"""A serial line that has a speed, in pretended time: no test waits, and every run takes the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probes.lab.catalogue import make_device
from probes.lab.uart import heard
from probes.links.base import CHUNK, LinkError
from probes.links.fakes import FakeLink
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from probes.lab.device import Device
    from supportctl.core.clock import Clock
    from supportctl.core.target import Target

_BITS = 10


class SpeedLine(FakeLink):
    """`device` at `baud` 8N1; what either side says at another speed is heard as a real line would have it.

    The device begins to answer `answers_after` seconds behind the last bit of a question. `swallows`: an
    adapter that drops bytes with a broken frame, so that late answers leave no noise.
    """

    def __init__(
        self,
        clock: Clock,
        device: Device,
        baud: int,
        *,
        answers_after: float = 0.0,
        swallows: bool = False,
        parity: str = "none",
    ) -> None:
        super().__init__(parse_target("serial:///dev/ttyFAKE"), clock)
        self.device = device
        self.asked: list[tuple[str, bytes]] = []
        self._baud, self._delay, self._swallows, self._parity = baud, answers_after, swallows, parity

    def send(self, data: bytes, deadline: Deadline) -> None:
        super().send(data, deadline)
        speed = self._speed
        self.asked.append((self.target.url, data))
        if self.target.option("parity", "none") != self._parity:
            return  # every byte has a wrong parity bit
        answer = self.device.receive(heard(data, speed, self._baud), self._clock.monotonic())
        if answer:
            line_s = len(data) * _BITS / speed + len(answer) * _BITS / self._baud
            self.arrive(answer, line_s + self._delay)

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        while data := super().receive(deadline, limit):
            if self._speed == self._baud:
                return data
            noise = b"" if self._swallows else heard(data, self._baud, self._speed)
            if noise:
                return noise
        return b""

    @property
    def _speed(self) -> int:
        return int(self.target.option("baud", "9600"))


def retune(link: FakeLink, target: Target, deadline: Deadline) -> None:
    del deadline
    if target.option("baud") == "460800" and getattr(link, "refuses_460800", False):
        raise LinkError("link.bad-settings")
    link.target = target


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def line(clock):
    """Return a maker of speed lines: `line("escpos", 19200, answers_after=0.02)`."""
    return lambda protocol, baud, **how: SpeedLine(clock, make_device(protocol), baud, **how)


@pytest.fixture
def deadline(clock):
    return Deadline.after(60, clock)


@pytest.fixture
def tune():
    return retune
