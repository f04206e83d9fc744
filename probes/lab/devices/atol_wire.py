"""The wires of a simulated ATOL register: protocol 2 with its hand-shakes, protocol 3 with its tasks.

Source: devices.md section 4b. Faults of the conversation itself: `lost-ack` (the first ACK, or the first
answer frame of protocol 3, never arrives), `damaged-answer` (the first frame has a wrong checksum),
`damaged-answers` (all have), `repeated-answer` (every frame comes twice), `collides` (for a second it wants
to speak itself), `restarts` (in the middle of the third answer it starts anew), `hangs` (it takes commands
and never answers them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.lab.devices.atol_register import FAULTS, WIRE_ONLY, Register
from probes.protocols import atol2, atol3
from probes.protocols.atol2 import Control
from probes.protocols.atol_answers import ChecksumError, RemoteProtocolError

if TYPE_CHECKING:
    from datetime import datetime

_ASKED_PASSWORD = "0030"  # noqa: S105  what the fault `wrong-password` sets
_TALK_FAULTS = frozenset(
    {"lost-ack", "damaged-answer", "damaged-answers", "repeated-answer", "collides", "restarts", "hangs"}
)
_COLLIDES_S = 1.0
_RESTART_S = 2.0


class _OnAWire:
    """What both protocols share."""

    protocol = ""
    tick_s = 0.1
    faults = FAULTS | WIRE_ONLY | _TALK_FAULTS

    def __init__(self) -> None:
        self.register = Register()
        self.active = self.register.active
        self.opcodes = self.register.opcodes
        self.writes = self.register.writes
        self._once: set[str] = set()  # faults that happen once, and have happened
        self._answers = 0
        self._away_until = 0.0
        self._collides_until = 0.0

    def set_clock(self, wall: datetime, now: float) -> None:
        """Take the time of day."""
        self.register.set_clock(wall, now)

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:
        """Switch a fault. Raises: KeyError."""
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        self._once.discard(fault)
        self._answers = 0
        if fault == "wrong-password":
            self.register.password = _ASKED_PASSWORD if on else "0000"
        if fault == "collides":
            self._collides_until = now + _COLLIDES_S if on else 0.0
        return b""

    def _happens_once(self, fault: str) -> bool:
        if fault not in self.active or fault in self._once:
            return False
        self._once.add(fault)
        return True

    def _restarts(self, now: float) -> bool:
        self._answers += 1
        if self._answers < 3 or not self._happens_once("restarts"):
            return False
        self._away_until = now + _RESTART_S
        return True

    def _framed(self, frame: bytes) -> bytes:
        if "damaged-answers" in self.active or self._happens_once("damaged-answer"):
            return frame[:-1] + bytes((frame[-1] ^ 0x01,))
        return frame


class Atol2Register(_OnAWire):
    """A register on protocol 2."""

    protocol = "atol2"

    def __init__(self) -> None:
        super().__init__()
        self._start()

    def _start(self) -> None:
        self._reader = atol2.Reader()
        self._state = "idle"
        self._command = self._frame = b""
        self._since = 0.0
        self._tries = 0

    def connected(self, now: float) -> bytes:  # noqa: ARG002  the interface has it
        """Start idle."""
        self._start()
        return b""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take any piece of the stream."""
        if now < self._away_until:
            return b""
        self._reader.feed(data)
        out = b""
        while True:
            try:
                event = self._reader.next_event()
            except ChecksumError:
                out += atol2.NAK
            except RemoteProtocolError:
                continue
            else:
                if isinstance(event, str):
                    return out
                out += self._frame_came(event) if isinstance(event, atol2.Frame) else self._said(event, now)

    def tick(self, now: float) -> bytes:
        """Repeat what was not acknowledged: every half a second, a few times."""
        if self._state in {"asks", "answers"} and now - self._since >= atol2.T1_READY:
            self._since, self._tries = now, self._tries + 1
            if self._tries > (atol2.ENQ_TRIES if self._state == "asks" else atol2.FRAME_TRIES):
                self._state = "idle"
            else:
                return atol2.ENQ if self._state == "asks" else self._frame
        return b""

    def _frame_came(self, frame: atol2.Frame) -> bytes:
        if self._state not in {"ready", "has command"}:
            return b""
        self._state, self._command = "has command", frame.data
        return b"" if self._happens_once("lost-ack") else atol2.ACK

    def _said(self, control: Control, now: float) -> bytes:
        if control is Control.ENQ:
            return self._asked_for_ready(now)
        if control is Control.EOT:
            if self._state == "has command":
                return self._carry_out(now)
            self._state = "idle"
        elif self._state == "asks" and control is Control.ACK:
            return self._send_frame(now)
        elif self._state == "answers":
            if control is Control.NAK:
                return self._framed(self._frame)
            self._state = "idle"
            return atol2.EOT
        return b""

    def _asked_for_ready(self, now: float) -> bytes:
        if "device-busy" in self.active:
            return atol2.NAK
        if now < self._collides_until:
            return atol2.ENQ
        self._state = "ready"
        return atol2.ACK

    def _carry_out(self, now: float) -> bytes:
        self._frame = atol2.frame(self.register.answer(self._command[:2], self._command[2:], now))
        if "hangs" in self.active:
            self._state = "idle"
            return b""
        self._state, self._since, self._tries = "asks", now, 0
        return atol2.ENQ

    def _send_frame(self, now: float) -> bytes:
        if self._restarts(now):
            half = self._frame[: len(self._frame) // 2]
            self._start()
            return half
        self._state, self._since, self._tries = "answers", now, 0
        return self._framed(self._frame) * (2 if "repeated-answer" in self.active else 1)


class _Task(NamedTuple):
    flags: int
    answer: bytes
    ready_at: float


class Atol3Register(_OnAWire):
    """A register on protocol 3. A command takes `work_s`; `pushes` makes it tell results by itself."""

    protocol = "atol3"
    faults = (_OnAWire.faults - {"collides"}) | {"pushes", "queue-stopped", "queue-taken"}
    work_s = 0.01

    def __init__(self) -> None:
        super().__init__()
        self._reader = atol3.Reader()
        self._tasks: dict[int, _Task] = {}
        self._stopped = False

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:
        """Switch a fault. Raises: KeyError."""
        if fault == "queue-stopped":
            self._stopped = on
        return super().switch(fault, on=on, now=now)

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Start with an empty buffer; the tasks stay."""
        self._reader = atol3.Reader()
        return b""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take any piece of the stream."""
        if now < self._away_until:
            return b""
        self._reader.feed(data)
        out = b""
        while True:
            try:
                event = self._reader.next_event()
            except RemoteProtocolError:
                continue
            if isinstance(event, str):
                return out
            out += self._exchange(event, now)

    def tick(self, now: float) -> bytes:
        """Push results, if it does that."""
        if "pushes" not in self.active or now < self._away_until:
            return b""
        out = b""
        for number, task in self._tasks.items():
            if 0 <= task.ready_at <= now:
                kind = 0xA7 if _is_error(task.answer) else 0xA6
                out += atol3.frame(atol3.ASYNC_ID, bytes((kind, number)) + task.answer)
                self._tasks[number] = task._replace(ready_at=-1.0)
        return out

    def _exchange(self, frame: atol3.Frame, now: float) -> bytes:
        answer = self._carry_out(frame.data, now)
        if self._happens_once("lost-ack"):
            return b""
        whole = atol3.frame(frame.id, answer)
        if self._restarts(now):
            self._tasks.clear()
            return whole[: len(whole) // 2]
        return self._framed(whole) * (2 if "repeated-answer" in self.active else 1)

    def _carry_out(self, data: bytes, now: float) -> bytes:
        command, rest = data[:1], data[1:]
        if command == b"\xc1" and len(rest) >= 5:
            return self._add(rest, now)
        if command in {b"\xc2", b"\xc3"} and rest:
            task = self._tasks.get(rest[0])
            if task is None:
                return b"\xb3"
            if command == b"\xc2":
                del self._tasks[rest[0]]
                return b""
            return self._told(task, now)
        self.opcodes.append(data[:1].hex().upper())
        if command in {b"\xc4", b"\xc5"}:
            self.writes.append(data[:1].hex().upper())
            self._tasks.clear()
            self._stopped = False
            return b""
        return b"\xb4\x00"

    def _add(self, rest: bytes, now: float) -> bytes:
        flags, number = rest[0], rest[1]
        if "device-busy" in self.active:
            return b"\xb1"
        if number in self._tasks or ("queue-taken" in self.active and number < 5):
            return b"\xb2"
        if self._stopped:
            self.opcodes.append(rest[4:].hex(" ").upper())
            return b"\xa5"
        answer = self.register.answer(rest[2:4], rest[4:], now)
        if _is_error(answer) and not flags & atol3.TaskFlag.IGNORE_ERROR:
            self._stopped = True
        ready = now + (1e9 if "hangs" in self.active else self.work_s)
        self._tasks[number] = _Task(flags, answer, ready)
        return b"\xa1"

    def _told(self, task: _Task, now: float) -> bytes:
        if task.ready_at > now:
            return b"\xa2"
        return (b"\xa4" if _is_error(task.answer) else b"\xa3") + task.answer


def _is_error(answer: bytes) -> bool:
    return len(answer) == 3 and answer[0] == 0x55 and answer[2] == 0 and answer[1] > 0x21
