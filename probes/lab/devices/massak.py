"""A simulated Massa-K scale, protocol 100: on a stream, and found by UDP.

Source: the vendor's header of 2016, the capture of "get weight" and clients in the field (docs/devices.md).
What the answer to the UDP poll holds behind its number and whether 20 is answered so is UNVERIFIED.
"""

from __future__ import annotations

from typing import ClassVar, Final

from probes.lab.devices.simulated_scale import SimulatedScale

_HEADER = b"\xf8\x55\xce"
_HEAD, _CRC = 5, 2
_LENGTH_MAX = 255
_READS: Final = frozenset({0x00, 0x20, 0x23, 0x29, 0x2D, 0x33, 0x36, 0x75, 0x90, 0xA0})
_UNKNOWN, _ERROR = b"\xf0", b"\x28"
# Faults that are answered with an error, in the order in which the scale notices them.
_ERRORS: Final = {
    "device-broken": 0x19,
    "cell-silent": 0x17,
    "zero-lost": 0x18,
    "wifi-busy": 0x0F,
    "not-weighing": 0x09,
    "over-capacity": 0x08,
}
_NUMBER, _NAME = 123456, "MK-15 LAB"


class MassaKScale(SimulatedScale):
    """A scale on one or more wires.

    With `no-weight` it answers "no short weight" and knows no long one; `short-only` is a model that knows
    only the short question.
    """

    protocol = "massak"
    faults = frozenset(_ERRORS) | {"in-motion", "under-zero", "no-weight", "short-only"}
    hides: ClassVar[dict[str, frozenset[str]]] = {
        fault: frozenset({*list(_ERRORS)[place + 1 :], "in-motion", "under-zero", "no-weight"})
        for place, fault in enumerate(_ERRORS)
    } | {"no-weight": frozenset({"in-motion", "under-zero"})}

    def _answers(self) -> bytes:
        answers = bytearray()
        while True:
            start = self._pending.find(_HEADER)
            if start < 0:
                del self._pending[: max(0, len(self._pending) - len(_HEADER) + 1)]
                return bytes(answers)
            del self._pending[:start]
            if len(self._pending) < _HEAD:
                return bytes(answers)
            length = int.from_bytes(self._pending[3:_HEAD], "little")
            if not 0 < length <= _LENGTH_MAX:
                self._take(len(_HEADER))
                continue
            if len(self._pending) < _HEAD + length + _CRC:
                return bytes(answers)
            body = self._take(_HEAD + length + _CRC)[_HEAD:]
            if _crc(body[:-_CRC]) == int.from_bytes(body[-_CRC:], "little"):
                answers += _frame(self._reply(body[:-_CRC]))

    def _reply(self, body: bytes) -> bytes:
        command = body[0]
        self._record(f"{command:02x}", reads=command in _READS)
        if command == 0x00:
            return b"\x01" + _NUMBER.to_bytes(4, "little")
        if command == 0x20:
            return b"\x21" + _NUMBER.to_bytes(4, "little") + _NAME.encode("cp1251") + b"\r\n"
        return self._weight(short=command == 0xA0) if command in {0x23, 0xA0} else _UNKNOWN

    def _weight(self, *, short: bool) -> bytes:
        error = next((code for fault, code in _ERRORS.items() if fault in self.active), None)
        if error is not None:
            return _ERROR + bytes((error,))
        if self.active & {"short-only", "no-weight"} and not short:
            return _UNKNOWN
        if "no-weight" in self.active:
            return b"\x14"
        weight = self.load.to_bytes(4, "little", signed=True) + b"\x01"
        stable = bytes(("in-motion" not in self.active,))
        if short:
            return b"\x10" + weight + stable
        return b"\x24" + weight + stable + bytes((0, self.load == 0)) + bytes(4)


def _frame(body: bytes) -> bytes:
    return _HEADER + len(body).to_bytes(2, "little") + body + _crc(body).to_bytes(2, "little")


def _crc(body: bytes) -> int:
    """Return the CRC as the vendor's appendix computes it: bit by bit over the high byte."""
    crc = 0
    for byte in body:
        accumulated, high = 0, crc >> 8 << 8
        for _bit in range(8):
            carry = (high ^ accumulated) & 0x8000
            accumulated = (accumulated << 1) & 0xFFFF
            if carry:
                accumulated ^= 0x1021
            high = (high << 1) & 0xFFFF
        crc = accumulated ^ ((crc << 8) & 0xFFFF) ^ byte
    return crc
