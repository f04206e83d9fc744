"""A simulated ESC/POS receipt printer: state, faults, and the answers that the manual gives for them.

Source: Epson ESC/POS Command Reference for TM printers. Real-time commands are carried out as they come; all
others wait while the printer is offline, and so do their answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from probes.lab.devices.escpos_stream import TEXT, UNKNOWN, Token, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable

# What each fault does to the status: the bits of DLE EOT 1 to 4 (index 0 to 3), then of ASB bytes 1 to 3.
_BITS: Final[dict[str, tuple[tuple[int, int, int, int], tuple[int, int, int]]]] = {
    "paper-out": ((0x08, 0x20, 0, 0x6C), (0x08, 0, 0x0F)),
    "paper-near-end": ((0, 0, 0, 0x0C), (0, 0, 0x03)),
    "cover-open": ((0x08, 0x04, 0, 0), (0x28, 0, 0)),
    "offline": ((0x08, 0, 0, 0), (0x08, 0, 0)),
    "mechanical-error": ((0x08, 0x40, 0x04, 0), (0x08, 0x04, 0)),
    "cutter-error": ((0x08, 0x40, 0x08, 0), (0x08, 0x08, 0)),
    "unrecoverable-error": ((0x08, 0x40, 0x20, 0), (0x08, 0x20, 0)),
    "overheated": ((0x08, 0x40, 0x40, 0), (0x08, 0x40, 0)),
    "waiting-for-recovery": ((0x28, 0, 0, 0), (0x08, 0x01, 0)),
    "feed-button": ((0x48, 0x08, 0, 0), (0x48, 0x02, 0)),
    "drawer-open": ((0x04, 0, 0, 0), (0x04, 0, 0)),
}
# What a model may lack (a clone without a name, or without status) or have left on.
_ABILITIES: Final = frozenset({"no-gs-i", "status-not-supported", "asb-on"})
# The categories of GS a n, and the bits of ASB bytes 1 to 3 that belong to each.
_ASB_CATEGORIES: Final = {
    0x01: (0x04, 0, 0),
    0x02: (0x68, 0x01, 0),
    0x04: (0, 0x6C, 0),
    0x08: (0, 0, 0x0F),
    0x40: (0, 0x02, 0),
}
_MODEL_IDS: Final = {"TM-T20III": 0x63, "TM-U220": 0x0D, "TM-T88V": 0x20, "TM-U295": 0x02}
_READS: Final = frozenset({"DLE EOT", "GS I", "GS r", "ESC u", "ESC v"})
_ASB_ALL = 0xFF
_HELD_MAX = 100_000


class EscposPrinter:
    """A printer on one wire. The drawer's sensor line is HIGH while the drawer is open."""

    protocol = "escpos"
    faults = frozenset(_BITS) | _ABILITIES

    def __init__(
        self, model: str = "TM-T20III", maker: str = "EPSON", firmware: str = "1.05 ESC/POS"
    ) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self.printed = bytearray()
        self.asb = 0
        self._texts = {0x41: firmware, 0x42: maker, 0x43: model, 0x44: "SIM0000001", 0x45: ""}
        self._model_id = _MODEL_IDS.get(model, 0x20)
        self._tokenizer = Tokenizer()
        self._held: list[Token] = []

    @property
    def offline(self) -> bool:
        """Whether the printer takes no print data now."""
        return bool(self._eot(1) & 0x08)

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; returns what is pushed because of it, and the answers that had to wait.

        Raises:
            KeyError: the printer has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        before = self._asb_block()
        (self.active.add if on else self.active.discard)(fault)
        if fault == "asb-on":
            self.asb = _ASB_ALL if on else 0
            return self._push() if on else b""
        pushed = self._push_change(before)
        if self.offline:
            return pushed
        held, self._held = self._held, []
        return pushed + self._carry_out(held)

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Start with an empty receive buffer; a printer with ASB switched on tells its status at once."""
        self._tokenizer = Tokenizer()
        return self._push() if self.asb else b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take any piece of the stream; return the answers to what is complete in it."""
        return self._carry_out(self._tokenizer.feed(data))

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: this device does nothing on a timer."""
        return b""

    def _carry_out(self, tokens: Iterable[Token]) -> bytes:
        answers = bytearray()
        for token in tokens:
            if token.name.startswith("DLE "):
                self._record(token)
                answers += self._realtime(token)
            elif self.offline:
                self._hold(token)
            else:
                self._record(token)
                answers += self._buffered(token)
        return bytes(answers)

    def _hold(self, token: Token) -> None:
        self._record(token)  # now: it was sent, even if the printer never comes to it
        if len(self._held) < _HELD_MAX:
            self._held.append(token)

    def _record(self, token: Token) -> None:
        if token.name == UNKNOWN:
            self.opcodes.append(token.params.hex())
            return
        is_read = token.name in _READS
        name = f"{token.name} {token.params[0]}" if is_read and token.params else token.name
        for log in (self.opcodes,) if is_read else (self.opcodes, self.writes):
            if not (name == TEXT and log and log[-1] == TEXT):  # one run of text, however it was cut up
                log.append(name)

    def _realtime(self, token: Token) -> bytes:
        n = token.params[0]
        if token.name == "DLE DC4" and n == 1:
            return self._kick()
        if token.name != "DLE EOT" or n not in {1, 2, 3, 4} or self._mute():
            return b""
        return bytes((self._eot(n),))

    def _buffered(self, token: Token) -> bytes:
        if token.name == TEXT:
            self.printed += token.params
        elif token.name == "ESC p":
            return self._kick()
        elif token.name == "ESC @":
            self._set_asb(0)
        elif token.name == "GS a":
            self._set_asb(token.params[0])
            return self._push() if self.asb else b""
        elif token.name == "GS r":
            return self._gs_r(token.params[0])
        elif token.name == "GS I" and "no-gs-i" not in self.active:
            return self._gs_i(token.params[0])
        return b""

    def _gs_r(self, n: int) -> bytes:
        if n not in {1, 2, 0x31, 0x32} or self._mute():
            return b""
        block = self._asb_block()
        return bytes((block[2] if n in {1, 0x31} else (block[0] & 0x04) >> 2,))

    def _gs_i(self, n: int) -> bytes:
        if n in {1, 0x31}:
            return bytes((self._model_id,))
        if n in {2, 0x32}:
            return b"\x02"  # has a cutter
        if n in {3, 0x33}:
            return b"\x01"
        return b"\x5f" + self._texts[n].encode("ascii") + b"\x00" if n in self._texts else b""

    def _kick(self) -> bytes:
        before = self._asb_block()
        self.active.add("drawer-open")
        return self._push_change(before)

    def _set_asb(self, categories: int) -> None:
        self.asb = categories
        if not categories:
            self.active.discard("asb-on")

    def _push(self) -> bytes:
        return b"" if self._mute() else self._asb_block()

    def _push_change(self, before: bytes) -> bytes:
        after = self._asb_block()
        for category, masks in _ASB_CATEGORIES.items():
            if self.asb & category and any(
                (old ^ new) & mask for old, new, mask in zip(before, after, masks, strict=False)
            ):
                return self._push()
        return b""

    def _mute(self) -> bool:
        return "status-not-supported" in self.active

    def _eot(self, n: int) -> int:
        bits = 0x12
        for fault in self.active & _BITS.keys():
            bits |= _BITS[fault][0][n - 1]
        return bits

    def _asb_block(self) -> bytes:
        block = [0x10, 0, 0, 0]
        for fault in self.active & _BITS.keys():
            for place, bits in enumerate(_BITS[fault][1]):
                block[place] |= bits
        return bytes(block)
