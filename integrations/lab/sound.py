"""Recordings that the simulated telephony systems serve: sound ones, broken ones, and ones that are gone.

What `Recording` (roles.py) says of a call becomes an answer here. Parts of a file (`Range`) are served as web
servers do, so that a comparison can look at the head alone.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from integrations.lab.portal import Said

if TYPE_CHECKING:
    from integrations.lab.portal import Asked
    from integrations.lab.roles import Recording

_RATE = 8000
_SILENCE = bytes(_RATE // 4)  # an eighth of a second of 16-bit silence
WAV = (
    b"RIFF"
    + struct.pack("<I", 36 + len(_SILENCE))
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, _RATE, 2 * _RATE, 2, 16)
    + b"data"
    + struct.pack("<I", len(_SILENCE))
    + _SILENCE
)
# MPEG-1 layer III, 64 kbit/s, 32 kHz, mono: 288 bytes a frame
_FRAME = bytes.fromhex("fffb58c4") + bytes(284)
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + 8 * _FRAME
BROKEN = b"<!doctype html><title>Temporarily unavailable</title><h1>Service is temporarily unavailable</h1>"
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})", re.ASCII)


def said(recording: Recording, asked: Asked, *, wav: bool = False) -> Said:
    """Return the answer to a request for a recording; `wav`: as WAV, else as MP3."""
    if recording in {"none", "gone"}:
        return Said(404, b"<!doctype html><title>Not found</title><h1>404</h1>", "text/html")
    if recording == "broken":
        return Said(200, BROKEN, "text/html")
    body, kind = (WAV, "audio/wav") if wav else (MP3, "audio/mpeg")
    part = _RANGE.fullmatch(asked.headers.get("range", ""))
    if part is None:
        return Said(200, body, kind, (("Accept-Ranges", "bytes"),))
    first = int(part[1])
    last = min(int(part[2]) if part[2] else len(body), len(body) - 1)
    if first > last:
        return Said(416, b"", kind, (("Content-Range", f"bytes */{len(body)}"),))
    return Said(206, body[first : last + 1], kind, (("Content-Range", f"bytes {first}-{last}/{len(body)}"),))
