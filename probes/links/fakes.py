"""Links without a wire, for tests: replayed dialogues, simulated devices, and wires with faults.

A dialogue file (`tests/dialogues/*.txt`) is a recorded exchange, one piece a line:

    # DLE EOT 4, paper out            a comment
    > 100404                          what supportctl sends, in hex (spaces are allowed)
    @ t=0.4                           what follows came 0.4 s after the last line sent
    < 7e                              what the device answers
    ! close                           the device closes the wire

Lines before the first `>` are what the device says on its own when the wire is opened. Time is the test's
clock: with a FakeClock no test waits.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple, Self

from probes.lab.device import HasClock
from probes.links.base import CHUNK, Attempt, Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probes.lab.device import Device
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target


class Step(NamedTuple):
    """One piece of a dialogue. `kind` is `>`, `<` or `!`; `after` is in seconds since the last `>`."""

    kind: str
    data: bytes
    after: float = 0.0


class DialogueError(Exception):
    """A dialogue file that cannot be read, or a probe that asked something else than the dialogue has."""


def parse_dialogue(text: str) -> list[Step]:
    """Return the steps of a dialogue.

    Raises:
        DialogueError: the line that is wrong.
    """
    steps: list[Step] = []
    after = 0.0
    for number, line in enumerate(text.splitlines(), 1):
        kind, _, rest = line.strip().partition(" ")
        rest = rest.partition("#")[0].strip()
        try:
            if kind in {"", "#"} or kind.startswith("#"):
                continue
            if kind == "@" and rest.startswith("t="):
                after = float(rest[2:])
            elif kind in {">", "<"} and rest:
                after = 0.0 if kind == ">" else after
                steps.append(Step(kind, bytes.fromhex(rest), after))
            elif kind == "!" and rest == "close":
                steps.append(Step("!", b"", after))
            else:
                raise ValueError(line)
        except ValueError:
            raise DialogueError(f"line {number}: {line!r}") from None
    return steps


def load_dialogue(path: Path) -> list[Step]:
    """Return the steps of a dialogue file."""
    return parse_dialogue(path.read_text(encoding="utf-8"))


class FakeLink:
    """The parts that all fakes share: a queue of pieces with the moment at which each arrives."""

    one_way = False

    def __init__(self, target: Target, clock: Clock) -> None:
        self.target = target
        self.sent = bytearray()
        self.closed = False
        self._clock = clock
        self._arriving: list[tuple[float, bytes | None]] = []  # None: the other side closes

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Take note of what was sent."""
        del deadline
        self.sent += data

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return the next piece, moving the clock to the moment when it arrives."""
        now = self._clock.monotonic()
        if not self._arriving or self._arriving[0][0] > max(now, deadline.at):
            self._clock.sleep(deadline.remaining())
            return b""
        at, piece = self._arriving[0]
        self._clock.sleep(max(0.0, at - now))
        if piece is None:
            raise Attempt("receive", deadline).failed("link.closed", "link.closed-by-peer")
        self._arriving[0] = (at, piece[limit:])
        if len(piece) <= limit:
            del self._arriving[0]
        return piece[:limit]

    def arrive(self, data: bytes | None, after: float = 0.0) -> None:
        """Let bytes arrive `after` seconds from now; None is the end of the wire."""
        self._arriving.append((self._clock.monotonic() + after, data))

    def close(self) -> None:
        """Take note that it was closed."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class ScriptedLink(FakeLink):
    """Replays a dialogue, and insists on being asked exactly what the dialogue has."""

    def __init__(self, target: Target, clock: Clock, steps: list[Step]) -> None:
        super().__init__(target, clock)
        self._steps = list(steps)
        self._expected = bytearray()
        self._answer()

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Compare with the dialogue; once its question is complete, the answer arrives.

        Raises:
            DialogueError: something else was asked, or the dialogue is over.
        """
        super().send(data, deadline)
        for byte in data:
            if not self._expected:
                raise DialogueError(f"the dialogue is over, but {data.hex()} was sent")
            if byte != self._expected[0]:
                raise DialogueError(f"expected {self._expected.hex()}, but {data.hex()} was sent")
            del self._expected[0]
            if not self._expected:
                self._answer()

    @property
    def finished(self) -> bool:
        """Whether every question of the dialogue was asked."""
        return not self._expected

    def _answer(self) -> None:
        while self._steps and self._steps[0].kind != ">":
            step = self._steps.pop(0)
            self.arrive(step.data if step.kind == "<" else None, step.after)
        if self._steps:
            self._expected += self._steps.pop(0).data


class DeviceLink(FakeLink):
    """A simulated device of the lab at the other end, without a socket."""

    def __init__(self, target: Target, clock: Clock, device: Device, *, answers_after: float = 0.0) -> None:
        super().__init__(target, clock)
        self.device = device
        self._delay = answers_after
        if isinstance(device, HasClock):
            device.set_clock(clock.now(), clock.monotonic())
        self._push(device.connected(clock.monotonic()))

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Hand the bytes to the device; its answer arrives after the delay."""
        super().send(data, deadline)
        self._push(self.device.receive(data, self._clock.monotonic()))

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what the device answered, or sends on its own until the deadline."""
        tick_s: float | None = getattr(self.device, "tick_s", None)
        self._push(self.device.tick(self._clock.monotonic()))
        while tick_s is not None and not self._arriving and not deadline.expired:
            self._clock.sleep(min(tick_s, deadline.remaining()))
            self._push(self.device.tick(self._clock.monotonic()))
        return super().receive(deadline, limit)

    def _push(self, data: bytes) -> None:
        if data:
            self.arrive(data, self._delay)


class Silent(FakeLink):
    """Takes everything and never says a word."""


class Garbled(FakeLink):
    """Answers every question with bytes that make no sense, the same ones for the same seed."""

    def __init__(self, target: Target, clock: Clock, *, seed: int = 0, size: int = 32) -> None:
        super().__init__(target, clock)
        self._random = random.Random(seed)  # noqa: S311  noise for tests, no secret
        self._size = size

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Answer with noise."""
        super().send(data, deadline)
        self.arrive(self._random.randbytes(self._size))


class Wrapped:
    """A link around a link, with a fault in what it receives."""

    def __init__(self, inner: Link) -> None:
        self.inner = inner
        self.target = inner.target
        self.one_way = inner.one_way

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send through the inner link."""
        self.inner.send(data, deadline)

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Receive through the inner link."""
        return self.inner.receive(deadline, limit)

    def close(self) -> None:
        """Close the inner link."""
        self.inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class OneByteAtATime(Wrapped):
    """Never gives more than one byte."""

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return one byte."""
        return self.inner.receive(deadline, min(limit, 1))


class Slow(Wrapped):
    """Lets `delay` seconds pass before every piece."""

    def __init__(self, inner: Link, clock: Clock, delay: float) -> None:
        super().__init__(inner)
        self._clock, self._delay = clock, delay

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Wait, then receive; nothing comes when the deadline is sooner."""
        if 0 < deadline.remaining() < self._delay:
            self._clock.sleep(deadline.remaining())
            return b""
        if not deadline.expired:
            self._clock.sleep(self._delay)
        return self.inner.receive(deadline, limit)


class Lossy(Wrapped):
    """Loses each byte with the chance `share`, the same ones for the same seed."""

    def __init__(self, inner: Link, *, seed: int, share: float) -> None:
        super().__init__(inner)
        self._random = random.Random(seed)  # noqa: S311  losses for tests, no secret
        self._share = share

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what was not lost, at least one byte; `b""` when none is left by the deadline."""
        while True:
            piece = self.inner.receive(deadline, limit)
            kept = bytes(byte for byte in piece if self._random.random() >= self._share)
            if kept or not piece:
                return kept


class Changed(Wrapped):
    """Changes every byte, as a wrong parity does: `Changed(link, lambda byte: byte ^ 0x80)`."""

    def __init__(self, inner: Link, change: Callable[[int], int]) -> None:
        super().__init__(inner)
        self._change = change

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return the changed bytes."""
        return bytes(self._change(byte) & 0xFF for byte in self.inner.receive(deadline, limit))


class ClosesInMidAnswer(Wrapped):
    """Closes after `after` bytes have been received."""

    def __init__(self, inner: Link, *, after: int) -> None:
        super().__init__(inner)
        self._left = after

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return bytes while there are some left.

        Raises:
            LinkError: `link.closed` from then on.
        """
        if not self._left:
            raise Attempt("receive", deadline).failed("link.closed", "link.closed-by-peer")
        piece = self.inner.receive(deadline, min(limit, self._left))
        self._left -= len(piece)
        return piece
