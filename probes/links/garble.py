"""Guesses from the bytes that came why they make no sense. Pure: bytes in, a guess out.

The heuristics are those of the reference for devices, section 0: many 00, FF and 80+ bytes mean another
speed; text whose top bit is set on about half of the characters is 7E1 read as 8N1; steady text without a
question is a device that sends on its own; one's own bytes are an echo. A sound answer of another protocol
(a web server, SSH) is recognised by how it greets.
"""

from __future__ import annotations

from typing import NamedTuple

from supportctl.core.text import clean

GARBLED, WRONG_DEVICE = "link.garbled", "link.wrong-device"

_SHOWN = 60  # characters of a greeting or of text that are shown
_LOOKED_AT = 512  # bytes that are judged: more of the same noise says no more
_ENOUGH = 4  # fewer bytes fit any parity by chance
_ENOUGH_FOR_SPEED = 8
_NAK, _IAC = 0x15, 0xFF
_TELNET_VERBS = range(0xFB, 0xFF)  # WILL, WONT, DO, DONT (RFC 854)
_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n\x02\x03\x04\x05\x06\x0c")

# How a server greets, or answers a line that it does not understand. The longest beginnings stand first.
_GREETINGS: tuple[tuple[bytes, str], ...] = (
    (b"HTTP/", "link.web-server"),
    (b"<!DOCTYPE", "link.web-server"),
    (b"<html", "link.web-server"),
    (b"SSH-", "link.ssh-server"),
    (b"RFB 0", "link.vnc-server"),
    (b"+OK", "link.mail-server"),
    (b"* OK", "link.mail-server"),
    (b"\x16\x03", "link.tls-server"),
    (b"\x15\x03", "link.tls-server"),
    (b"\x03\x00\x00", "link.rdp-server"),
    (b"$GP", "link.gps-receiver"),
    (b"$GN", "link.gps-receiver"),
)


class Noise(NamedTuple):
    """What bytes that are no answer look like.

    `code` is `link.garbled` or `link.wrong-device`; `guess` is a key of the evidence texts with `args`.
    """

    code: str
    guess: str
    args: dict[str, str]


def explain_noise(sent: bytes, got: bytes) -> Noise:
    """Return the best guess why `got` is no answer to `sent`; `link.unreadable` if there is none."""
    seen = got[:_LOOKED_AT]
    return (
        _echo(sent, seen)
        or _greeting(seen)
        or _refusal(seen)
        or _stream(seen)
        or _text(seen)
        or _parity(seen)
        or _speed(seen)
        or Noise(GARBLED, "link.unreadable", {"count": str(len(got))})
    )


def _echo(sent: bytes, got: bytes) -> Noise | None:
    if sent and got.startswith(sent):
        return Noise(GARBLED, "link.echo", {})
    return None


def _greeting(got: bytes) -> Noise | None:
    start = got.lstrip(b"\r\n")
    for beginning, guess in _GREETINGS:
        if start[: len(beginning)].lower() == beginning.lower():
            return Noise(WRONG_DEVICE, guess, {"text": _first_line(start)})
    if len(got) > 1 and got[0] == _IAC and got[1] in _TELNET_VERBS:
        return Noise(WRONG_DEVICE, "link.telnet-server", {"text": got[:12].hex(" ")})
    if start[:3].isdigit() and start[3:4] in {b" ", b"-"}:
        mail = b"SMTP" in start or b"mail" in start.lower()
        guess = "link.mail-server" if mail else "link.ftp-server"
        return Noise(WRONG_DEVICE, guess, {"text": _first_line(start)})
    if b"login:" in start or b"Password:" in start:
        return Noise(WRONG_DEVICE, "link.login-prompt", {"text": _first_line(start)})
    if start.strip() in {b"ERROR", b"OK", b"NO CARRIER"}:
        return Noise(WRONG_DEVICE, "link.modem", {"text": _first_line(start)})
    return None


def _refusal(got: bytes) -> Noise | None:
    """Frames with NAK belong to registers, terminals and scales that did not understand the question."""
    if got and all(byte == _NAK for byte in got):
        return Noise(WRONG_DEVICE, "link.refuses-question", {})
    return None


def _stream(got: bytes) -> Noise | None:
    if not _is_text(got):
        return None
    lines = [line for line in got.replace(b"\r", b"\n").replace(b"\x03", b"\n").split(b"\n") if line.strip()]
    whole = lines[1:-1] if len(lines) > 3 else lines  # the first and the last one may have been cut
    if len(lines) >= 3 and len({len(line) for line in whole}) == 1:
        return Noise(WRONG_DEVICE, "link.stream", {"text": _shown(whole[0])})
    return None


def _text(got: bytes) -> Noise | None:
    if len(got) >= _ENOUGH and _is_text(got):
        return Noise(WRONG_DEVICE, "link.other-text", {"text": _first_line(got)})
    return None


def _parity(got: bytes) -> Noise | None:
    """A seven-bit device read with eight bits: the top bit is the parity, so every byte has the same one."""
    stripped = bytes(byte & 0x7F for byte in got)
    flipped = sum(byte > 0x7F for byte in got)
    if len(got) < _ENOUGH or not flipped or not _is_text(stripped):
        return None
    odd = sum(byte.bit_count() & 1 for byte in got)
    if odd == 0:
        parity = "even"
    elif odd == len(got):
        parity = "odd"
    elif flipped == len(got):
        parity = "mark"
    else:
        return None
    return Noise(GARBLED, "link.wrong-parity", {"parity": parity, "text": _first_line(stripped)})


def _speed(got: bytes) -> Noise | None:
    """Bits sampled at another speed.

    A port that listens twice as fast as the device speaks, or faster still, sees each bit at least twice, so
    that no bit stands alone between two different ones. One that listens too slowly skips bits, which leaves
    no such mark; only the many high bytes tell.
    """
    if len(got) >= _ENOUGH_FOR_SPEED and len(set(got)) > 2:
        lonely = sum(_has_lonely_bit(byte) for byte in got)
        if lonely * 10 <= len(got):  # clocks differ a little, and a line is never clean
            return Noise(GARBLED, "link.speed-too-high", {})
    strange = sum(byte == 0 or byte > 0x7F for byte in got)
    if got and strange * 10 >= len(got) * 4:
        return Noise(GARBLED, "link.wrong-speed", {})
    return None


def _has_lonely_bit(byte: int) -> bool:
    """Return whether one of the inner six bits differs from both its neighbours."""
    return bool((byte >> 2 ^ byte >> 1) & (byte >> 1 ^ byte) & 0x3F)


def _is_text(data: bytes) -> bool:
    return bool(data) and all(byte in _TEXT for byte in data)


def _first_line(data: bytes) -> str:
    lines = data.strip(b"\r\n\x02\x03 ").splitlines()
    return _shown(lines[0]) if lines else ""


def _shown(data: bytes) -> str:
    return clean(data.strip(b"\r\n\x02\x03 ").decode("ascii", "replace"), _SHOWN)
