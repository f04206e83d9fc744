"""A simulated Shtrih-M scale, protocol POS2.

Source: "Протокол работы с весами POS2" 1.2: dialogue, errors and the state of the weighing channel.
"""

from __future__ import annotations

from typing import ClassVar, Final

from probes.lab.devices.simulated_scale import SimulatedScale

_STX, _ENQ, _ACK, _NAK = 0x02, 0x05, 0x06, 0x15
_FIXED, _CHANNEL_ON, _STABLE = 0x0001, 0x0004, 0x0010
_BITS: Final = {
    "zero-lost": 0x0020,
    "over-capacity": 0x0040,
    "measuring-error": 0x0080,
    "under-zero": 0x0100,
    "converter-silent": 0x0200,
}
_ERRORS: Final = {"memory-error": 166, "channel-error": 184}
_UNKNOWN_COMMAND, _WRONG_PASSWORD, _TRIES_EXHAUSTED = 120, 122, 170
_TRIES = 3
_PASSWORD = "0030"  # noqa: S105  a simulated scale's
_READS: Final = frozenset({0x3A, 0xFC})


class ShtrihScale(SimulatedScale):
    """A scale on one wire. After three wrong passwords it takes none any more, the right one included."""

    protocol = "shtrihscale"
    faults = (
        frozenset(_BITS)
        | frozenset(_ERRORS)
        | {"in-motion", "no-weight", "wrong-password", "damaged-answers"}
    )
    hides: ClassVar[dict[str, frozenset[str]]] = {
        "wrong-password": frozenset({*_BITS, *_ERRORS, "in-motion", "no-weight"}),
        "memory-error": frozenset({*_BITS, "channel-error", "in-motion", "no-weight"}),
        "channel-error": frozenset({*_BITS, "in-motion", "no-weight"}),
        "damaged-answers": frozenset({*_BITS, *_ERRORS, "in-motion", "no-weight", "wrong-password"}),
        "measuring-error": frozenset({"in-motion", "no-weight"}),
        "converter-silent": frozenset({"measuring-error", "in-motion", "no-weight"}),
        "no-weight": frozenset({"in-motion"}),
        "over-capacity": frozenset({"no-weight", "under-zero"}),
        "under-zero": frozenset({"no-weight"}),
        "zero-lost": frozenset({"no-weight"}),
    }

    def __init__(self, grams: int = 1250, password: str = _PASSWORD) -> None:
        super().__init__(grams)
        self.password = password
        self.wrong_passwords = 0
        self._answer = b""  # the frame that has not been acknowledged

    def _answers(self) -> bytes:
        answers = bytearray()
        while self._pending:
            first = self._pending[0]
            if first == _STX:
                if len(self._pending) < 2 or len(self._pending) < self._pending[1] + 3:
                    break
                answers += self._frame(self._take(self._pending[1] + 3))
                continue
            self._take(1)
            if first == _ENQ:
                self.opcodes.append("ENQ")
                answers += bytes((_ACK,)) + self._answer if self._answer else bytes((_NAK,))
            elif first == _ACK:
                self._answer = b""
        return bytes(answers)

    def _frame(self, raw: bytes) -> bytes:
        if _lrc(raw[1:-1]) != raw[-1] or raw[1] == 0:
            return bytes((_NAK,))
        body = raw[2:-1]
        reply = body[:1] + self._reply(body)
        counted = bytes((len(reply),)) + reply
        check = _lrc(counted) ^ ("damaged-answers" in self.active)
        self._answer = bytes((_STX,)) + counted + bytes((check,))
        return bytes((_ACK,)) + self._answer

    def _reply(self, body: bytes) -> bytes:
        command = body[0]
        self._record(f"{command:02x}", reads=command in _READS)
        if command == 0xFC:
            return b"\x00\x01\x00\x01\x02\x05\x00" + "ШТРИХ-СЛИМ 300М".encode("cp1251")
        if command != 0x3A:
            return bytes((_UNKNOWN_COMMAND,))
        if self.wrong_passwords >= _TRIES:
            return bytes((_TRIES_EXHAUSTED,))
        if body[1:5] != self.password.encode("ascii") or "wrong-password" in self.active:
            self.wrong_passwords += 1
            return bytes((_WRONG_PASSWORD,))
        error = next((code for fault, code in _ERRORS.items() if fault in self.active), None)
        return bytes((error,)) if error is not None else b"\x00" + self._state()

    def _state(self) -> bytes:
        state = 0 if "no-weight" in self.active else _CHANNEL_ON
        if state and "in-motion" not in self.active:
            state |= _STABLE | _FIXED
        for fault in self.active & _BITS.keys():
            state |= _BITS[fault]
        return state.to_bytes(2, "little") + self.load.to_bytes(4, "little", signed=True) + bytes(3)


def _lrc(data: bytes) -> int:
    check = 0
    for byte in data:
        check ^= byte
    return check
