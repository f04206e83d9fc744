"""Telium (Ingenico, Concert): whether a terminal listens on the line, and nothing else.

Source: devices.md section 6. The protocol has no status command: each of its frames
(`02`, 34 characters, `03`, LRC) starts a payment. Only the enquiry (ENQ), which the terminal answers with
ACK, and the end of the conversation (EOT) are harmless, and only those two can be encoded.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class TeliumError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(TeliumError):
    """We tried to send what may not be sent."""


class Request(Enum):
    """What may be sent."""

    ENQ = b"\x05"
    EOT = b"\x04"


class Reply(Enum):
    """What a terminal answers to ENQ."""

    ACK = 0x06
    NAK = 0x15


ANSWER_S: Final = 3.0  # the terminal answers within; else EOT, a second of silence, and ENQ once more
PAUSE_S: Final = 1.0
_REPLIES: Final = {reply.value: reply for reply in Reply}


def encode(request: Request) -> bytes:
    """Return the byte to send.

    Raises:
        LocalProtocolError: it is not one of `Request`.
    """
    if not isinstance(request, Request):
        raise LocalProtocolError(f"not a read request: {request!r}")
    return request.value


def read_reply(data: bytes) -> Reply | None:
    """Return the answer to ENQ; None if `data` is none: without a checksum, only a byte alone is believed."""
    return _REPLIES.get(data[0]) if len(data) == 1 else None
