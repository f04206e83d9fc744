"""Finds the speed and the protocol of a device on a serial line, within about twice the time that it needs.

The first pass over all speeds waits hardly longer than the bytes take on the line, the next ones longer, the
last one long enough for any device. Between them the line itself helps: a device that was asked at its own
speed and answers when we have moved on is heard as noise, and noise points back at the speeds that were asked
a moment ago. They are asked again first, the one whose answer would have taken as long as an adapter usually
keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.discovery.identifiers import OTHER_FRAME_SPEEDS, OTHER_FRAMES, SPEEDS, Identifier
from probes.discovery.identity import Try
from probes.links.base import CHUNK, LinkError
from supportctl.core.target import USUAL_LINE
from supportctl.core.text import hexed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from probes.links.base import Link
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

    Retune = Callable[[Link, Target, Deadline], None]

# What each pass waits beyond the time of the bytes.
HASTY_S = 0.002
SHORT_S = 0.03  # an adapter's 16 ms, and a printer that answers at once
PATIENT_S = 0.15  # a printer that is busy
LAST_S = 0.5
OTHER_FRAME_S = 0.06
LINGER_S = 0.03  # after a hasty pass, at its highest speed: there the late answers of all others are heard
_ADAPTER_S = 0.018  # USB adapters keep a byte for 16 ms before they hand it on
_LATE_S = 0.5  # noise is blamed on questions of this last while
_BACK_MAX = 24  # so often we go back at most: a device that sends by itself makes noise all the time
_NOISE_MAX = 4096
_LINE = {"baud": "9600", "bytesize": "8", "parity": "none", "stopbits": "1"}
_FRAME_BITS = 10  # start, 8 data, stop


class _Asked(NamedTuple):
    row: Identifier
    target: Target
    at: float

    @property
    def key(self) -> str:
        return f"{self.row.protocol} {settings_text(self.target)}"


class Search:
    """One search on one open link. `tried` and `noise` tell afterwards what came of it."""

    def __init__(self, link: Link, deadline: Deadline, retune: Retune) -> None:
        self._link = link
        self._deadline = deadline
        self._clock = deadline.clock
        self._retune = retune
        self._asked: list[_Asked] = []
        self._heard_noise = False
        self._back = 0
        self.tried: list[Try] = []
        self.noise = b""
        self.noisy: Target | None = None

    def run(self, target: Target, rows: Iterable[Identifier]) -> tuple[Identifier, Target] | None:
        """Return the row that was answered and the target with the settings; None if none was.

        Options of `target` are kept: a speed that it names is the only one that is tried.

        Raises:
            LinkError: the wire broke.
        """
        for row, allowance, settings in _plan(target, tuple(rows)):
            for candidate in settings:
                if self._deadline.expired:
                    return None
                found = self._ask(row, candidate, allowance) or self._go_back()
                if found:
                    return found
            found = self._linger() if allowance == HASTY_S else None
            if found:
                return found
        return None

    def _linger(self) -> tuple[Identifier, Target] | None:
        heard = self._listen(self._deadline.within(LINGER_S))
        if heard:
            self._note_noise(heard)
        return self._go_back()

    def _go_back(self) -> tuple[Identifier, Target] | None:
        """Ask those again whose late answer the noise may have been."""
        while self._heard_noise and self._back < _BACK_MAX:
            self._heard_noise = False
            now = self._clock.monotonic()
            recent = {a.key: (a, now - a.at) for a in self._asked if now - a.at < _LATE_S}
            for asked, late in sorted(recent.values(), key=lambda item: abs(item[1] - _ADAPTER_S)):
                self._back += 1
                found = None if self._deadline.expired else self._ask(asked.row, asked.target, late + HASTY_S)
                if found or self._back >= _BACK_MAX:
                    return found
        self._heard_noise = False
        return None

    def _ask(self, row: Identifier, candidate: Target, allowance: float) -> tuple[Identifier, Target] | None:
        try:
            self._retune(self._link, candidate, self._deadline)
        except LinkError as error:
            if error.code != "link.bad-settings":
                raise
            self.tried.append(Try(row.asked, settings_text(candidate), "refused", "", "", 0.0))
            return None
        if not self._answered(row, candidate, row.asked, row.request, allowance):
            return None
        if row.confirm and not self._answered(row, candidate, *row.confirm, max(allowance, PATIENT_S)):
            return None
        return row, candidate

    def _answered(
        self, row: Identifier, candidate: Target, asked: str, request: bytes, allowance: float
    ) -> bool:
        self._link.target = candidate
        stale = self._listen(self._deadline.within(0))
        if stale:
            self._note_noise(stale)
        started = self._clock.monotonic()
        byte_s = _byte_time(candidate)
        self._link.send(request, self._deadline)
        self._asked.append(_Asked(row, candidate, started))
        until = self._deadline.within((len(request) + 1) * byte_s + allowance)
        heard, outcome = b"", "silent"
        while piece := self._link.receive(until, CHUNK):
            heard += piece
            echo = len(request) > 1 and heard.startswith(request)  # one byte may be its own answer
            verdict = "no" if echo else row.recognise(heard)
            outcome = "answered" if verdict == "yes" else "noise"
            if verdict != "more" or len(heard) > _NOISE_MAX:
                break
            until = self._deadline.within(row.answer_bytes * byte_s + PATIENT_S)
        ms = round((self._clock.monotonic() - started) * 1000, 1)
        self.tried.append(Try(asked, settings_text(candidate), outcome, hexed(request), hexed(heard), ms))
        if outcome == "noise":
            self._note_noise(heard)
            self.noisy = candidate
        return outcome == "answered"

    def _note_noise(self, heard: bytes) -> None:
        self._heard_noise = True
        self.noise = (self.noise + heard)[:_NOISE_MAX]

    def _listen(self, until: Deadline) -> bytes:
        return self._link.receive(until, CHUNK)


def _plan(target: Target, rows: tuple[Identifier, ...]) -> Iterator[tuple[Identifier, float, list[Target]]]:
    """Yield the passes: what is asked, how long it waits beyond the bytes, and the settings that it tries."""
    speeds = [target.option("baud")] if target.option("baud") else [str(speed) for speed in SPEEDS]
    plain = [target.speaking(target.protocol, baud=speed) for speed in speeds]
    if len(speeds) > 1:
        for row in rows:
            yield row, HASTY_S, plain
            yield row, SHORT_S, plain
    for row in rows:
        yield row, PATIENT_S, plain
    if not target.option("parity") and not target.option("bytesize"):
        usual = [speed for speed in speeds if int(speed) in OTHER_FRAME_SPEEDS] or speeds
        for row in rows:
            yield (
                row,
                OTHER_FRAME_S,
                [
                    target.speaking(target.protocol, baud=speed, bytesize=size, parity=parity)
                    for size, parity in OTHER_FRAMES
                    for speed in usual
                ],
            )
    for row in rows:
        yield row, LAST_S, plain


def _byte_time(target: Target) -> float:
    baud = target.option("baud")
    return _FRAME_BITS / int(baud) if baud else 0.0


def settings_text(target: Target) -> str:
    """Return the settings of a serial line as people write them, `9600 8N1`; empty for other wires."""
    if target.wire not in {"serial", "rfc2217"}:
        return ""
    line = {**_LINE, **USUAL_LINE.get(target.protocol or "", {}), **target.options}
    return f"{line['baud']} {line['bytesize']}{line['parity'][0].upper()}{line['stopbits']}"
