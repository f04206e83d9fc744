"""A simulated scanner: one scan once a client has opened the line, and one at each switch of a fault.

Source: reference for devices, section 7: the forms of marking codes, the AIM identifiers, and what goes wrong
between the label and the till. A scanner takes no questions; whatever it is sent could change its settings.
"""

from __future__ import annotations

from typing import Final

_GS: Final = "\x1d"
_START: Final = (
    "0104601234567893215G+mgs"  # 01 + a GTIN with its right check digit + 21 + the first six of a serial
)
SAMPLES: Final = {
    "milk": f"{_START}{_GS}93dGVz",
    "water": f"{_START}Hw<DiLN{_GS}93dGVz",
    "clothes": f"{_START}Hw<DiLN{_GS}91EE05{_GS}92" + "kT7/aQ+" * 6 + "0=",
    "shoes": f"{_START}Hw<DiLN{_GS}91EE05{_GS}92" + "kT7/aQ+" * 12 + "Yz0=",
    "tobacco": "04601234567893K6cN4-NAAAAdG7g",
    "ean-13": "4601234567893",
}
_USUAL: Final = "clothes"
_SCAN_AFTER_S: Final = 0.1
_FIELD: Final = 64  # characters that a short input field takes
# The same keys on a US and on a Russian keyboard (Windows).
_KEYS_US: Final = "qwertyuiop[]asdfghjkl;'zxcvbnm,./QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?@#$^&|`~"
_KEYS_RU: Final = 'йцукенгшщзхъфывапролджэячсмитьбю.ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"№;:?/ёЁ'
_RUSSIAN: Final = str.maketrans(_KEYS_US, _KEYS_RU)


class Scanner:
    """A scanner with one code before its window."""

    protocol = "scanner"
    tick_s = 0.05
    faults = frozenset({
        "layout-cyrillic", "caps-lock", "gs-lost", "prefix", "no-suffix", "codes-glued", "truncated",
        "check-digit", "wrong-symbology", "aim-id", "nobody-scans",
    })  # fmt: skip

    def __init__(self, model: str = _USUAL) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self.sample = SAMPLES.get(model, SAMPLES[_USUAL])
        self._scan_at: float | None = None

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; returns the next scan.

        Raises:
            KeyError: the scanner has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        return self._scan()

    def connected(self, now: float) -> bytes:
        """Take note that somebody scans the code that lies there in a moment.

        A client empties its port when it opens it: a scan sent at once would often be thrown away.
        """
        self._scan_at = now + _SCAN_AFTER_S
        return b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take note of what a client sent; a scanner answers nothing."""
        self.opcodes.append(data.hex())
        self.writes.append(data.hex())
        return b""

    def tick(self, now: float) -> bytes:
        """Return the scan of the code that lies there, once for each client."""
        if self._scan_at is None or now < self._scan_at:
            return b""
        self._scan_at = None
        return self._scan()

    def _scan(self) -> bytes:
        if "nobody-scans" in self.active:
            return b""
        text = self._identifier() + self._symbol()
        if "prefix" in self.active:
            text = f"A{text}"
        if "codes-glued" in self.active:
            text += text
        if "layout-cyrillic" in self.active:
            text = text.translate(_RUSSIAN)
        if "caps-lock" in self.active:
            text = text.swapcase()
        return (text + ("" if "no-suffix" in self.active else "\r\n")).encode()

    def _symbol(self) -> str:
        """Return the text of the symbol as it reaches the line."""
        code = self.sample
        if "check-digit" in self.active:
            at = 15 if code.startswith("01") else min(len(code), 14) - 1
            code = code[:at] + str((int(code[at]) + 1) % 10) + code[at + 1 :]
        if "gs-lost" in self.active:
            code = code.replace(_GS, "")
        if "truncated" in self.active:
            code = code[: min(_FIELD, len(code) - 3)]
        return code

    def _identifier(self) -> str:
        if "wrong-symbology" in self.active:
            return "]C0" if self.sample == SAMPLES["tobacco"] else "]d1"  # ]d1: DataMatrix without FNC1
        if "aim-id" not in self.active:
            return ""
        return {SAMPLES["ean-13"]: "]E0", SAMPLES["tobacco"]: "]d1"}.get(self.sample, "]d2")
