"""A simulated Star printer in line mode: faults, and the status block that the manual gives for them.

Source: Star Line Thermal / Dot command manuals (HSP7000, BD100, SP700). Status requests are answered whatever
the state of the printer.
"""

from __future__ import annotations

from typing import Final

# What each fault sets: byte of the block (3 to 6, counted from 1), bits.
_BITS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "paper-out": ((3, 0x08), (6, 0x08)),
    "paper-near-end": ((6, 0x06),),
    "cover-open": ((3, 0x28),),
    "offline": ((3, 0x48),),
    "drawer-open": ((3, 0x04),),
    "mechanical-error": ((3, 0x08), (4, 0x04)),
    "cutter-error": ((3, 0x08), (4, 0x08)),
    "unrecoverable-error": ((3, 0x08), (4, 0x20)),
    "overheated": ((3, 0x08), (4, 0x40)),
    "head-up": ((3, 0x08), (5, 0x02)),
    "paper-jam": ((3, 0x08), (5, 0x04)),
    "black-mark-error": ((3, 0x08), (5, 0x08)),
    "command-error": ((5, 0x20),),
    "buffer-overflow": ((5, 0x40),),
}
_HEADER = b"\x23\x06"  # nine bytes in all
_SIZE = 9
# Name, bytes, parameters behind them, whether it only reads.
_COMMANDS: Final = (
    ("ESC ACK SOH", b"\x1b\x06\x01", 0, True),
    ("ESC RS a", b"\x1b\x1ea", 1, False),
    ("ESC @", b"\x1b@", 0, False),
    ("ESC d", b"\x1bd", 1, False),
    ("BEL", b"\x07", 0, False),
    ("LF", b"\x0a", 0, False),
)


class StarPrinter:
    """A printer on one wire."""

    protocol = "star"
    faults = frozenset(_BITS) | {"asb-on"}

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self.printed = bytearray()
        self._pending = bytearray()

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; returns the block that is pushed while Automatic Status Back is on.

        Raises:
            KeyError: the printer has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        before = self._block()
        (self.active.add if on else self.active.discard)(fault)
        changed = self._block() != before or (fault == "asb-on" and on)
        return self._block() if changed and "asb-on" in self.active else b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Start with an empty receive buffer; with Automatic Status Back on, the status comes at once."""
        self._pending.clear()
        return self._block() if "asb-on" in self.active else b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take any piece of the stream; return the answers to what is complete in it."""
        self._pending += data
        answers = bytearray()
        while self._pending:
            step = self._next()
            if step is None:
                break
            answers += step
        return bytes(answers)

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: this device does nothing on a timer."""
        return b""

    def _next(self) -> bytes | None:
        """Carry out the first command; None while it is not complete."""
        if self._pending[0] >= 0x20:
            return self._text()
        for name, opcode, params, reads in _COMMANDS:
            size = len(opcode) + params
            if self._pending.startswith(opcode):
                return (
                    self._command(name, self._take(size), reads=reads) if len(self._pending) >= size else None
                )
            if opcode.startswith(bytes(self._pending)):
                return None
        self.opcodes.append(self._take(2 if self._pending[0] == 0x1B else 1).hex())
        return b""

    def _command(self, name: str, raw: bytes, *, reads: bool) -> bytes:
        self.opcodes.append(name)
        if reads:
            return self._block()
        self.writes.append(name)
        if name == "ESC RS a":
            on = raw[-1] not in {0, 0x30}
            (self.active.add if on else self.active.discard)("asb-on")
            return self._block() if on else b""
        if name == "BEL":
            self.active.add("drawer-open")
            return self._block() if "asb-on" in self.active else b""
        return b""

    def _text(self) -> bytes:
        end = next((i for i, byte in enumerate(self._pending) if byte < 0x20), len(self._pending))
        self.printed += self._take(end)
        for log in (self.opcodes, self.writes):
            if not log or log[-1] != "text":
                log.append("text")
        return b""

    def _block(self) -> bytes:
        block = bytearray(_HEADER + bytes(_SIZE - len(_HEADER)))
        for fault in self.active & _BITS.keys():
            for place, bits in _BITS[fault]:
                block[place - 1] |= bits
        return bytes(block)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken
