"""Text that came from a device, a file or the network, made safe to show.

A device name can hold escape sequences that repaint a terminal, or bidirectional controls that reorder
a line. Everything that we did not write passes through `clean` before it enters a finding.
"""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
DEFAULT_LIMIT = 200
HEX_LIMIT = 64


def clean(value: object, limit: int = DEFAULT_LIMIT) -> str:
    r"""Return `value` as one line in which nothing is invisible and nothing acts.

    Control, format (bidirectional marks included), surrogate and private characters are shown as `\x1b` or
    `\u202e`; the result has at most `limit` characters and ends with `…` where it was cut.
    """
    text = str(value)
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text  # nearly always
    cut = text[: limit + 1]
    safe = "".join(_visible(character) for character in cut)
    return safe if len(text) <= limit and len(safe) <= limit else safe[: max(limit - 1, 0)] + "…"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def hexed(data: bytes, limit: int = HEX_LIMIT) -> str:
    """Return bytes as lower-case hex without spaces; past `limit` bytes only the beginning and the count."""
    if len(data) <= limit:
        return data.hex()
    return f"{data[:limit].hex()}… ({len(data)} bytes)"
