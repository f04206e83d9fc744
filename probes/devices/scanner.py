"""A serial scanner: does its port open, and what arrives? It is silent until somebody scans: never a fault.

Nothing is ever sent: what a scanner takes for a command depends on its maker and can change its settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.links.base import CHUNK, LINK_CODES, LinkError
from probes.scanning.findings import CODES
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.links.base import Link
    from probes.scanning.diagnosis import Diagnosis
    from supportctl.core.finding import Finding

LISTEN_S = 0.5  # a check waits no longer for a scan that may never come
_QUIET_S = 0.3  # a scan is over when nothing came for so long
_AFTER_END_S = 0.12  # CR may be followed by LF, and a text of several lines by its next one
_LIMIT = 16 * 1024
_ENDS = (b"\r", b"\n", b"\x03")
_CONTROLS = b"\x02\x03\x04\t\r\n\x1c\x1d\x1e\x1f"  # those that codes and their surroundings have
_TOO_MANY = 5  # one of so many bytes is a strange one: this is no text
_PLAIN_TEXT = {"link.other-text", "link.stream", "link.unreadable", "link.modem"}


class Scan(NamedTuple):
    """What came: `data` as it was sent, and when we began to listen."""

    data: bytes
    started: float


class ScannerProbe:
    """Opens the port of a scanner, and tells what arrives if something does."""

    codes = LINK_CODES | CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield whether the port opens, and what is wrong with a scan that came meanwhile."""
        try:
            with context.open_link() as link:
                started = context.clock.monotonic()
                yield context.ok(
                    "scanner.port", context.evidence("open", "scanner.port-is-open", started=started)
                )
                scan = listen(context, link, LISTEN_S)
        except LinkError as error:
            yield context.link_failed(error)
            return
        if scan.data:
            yield from told(context, scan)[0]


def listen(context: ProbeContext, link: Link, wait: float) -> Scan:
    """Return the first scan within `wait` seconds; its data are empty if nobody scanned.

    Raises:
        LinkError: `link.closed`; `link.silent`, unknown, if the deadline came in the middle of a scan.
    """
    started = context.clock.monotonic()
    data = bytearray(link.receive(context.deadline.within(wait), CHUNK))
    while data and len(data) < _LIMIT:
        pause = _AFTER_END_S if bytes(data[-1:]) in _ENDS else _QUIET_S
        piece = link.receive(context.deadline.within(pause), CHUNK)
        if not piece and context.deadline.expired:
            seen = context.evidence("scan", "link.check-time-over", started=started, got=bytes(data))
            raise LinkError("link.silent", status=Status.UNKNOWN, evidence=(seen,))
        if not piece:
            break
        data += piece
    return Scan(bytes(data[:_LIMIT]), started)


def told(context: ProbeContext, scan: Scan) -> tuple[list[Finding], Diagnosis | None]:
    """Return the findings of a scan, and its diagnosis unless the bytes were no text."""
    from probes.scanning.diagnosis import diagnose
    from probes.scanning.findings import findings

    text = decoded(scan.data)
    diagnosis = diagnose(text) if text is not None else None
    if diagnosis is None or diagnosis.kind == "text":
        noise = _noise(context, scan, certain=diagnosis is None)
        if noise is not None:
            return [noise], None
    assert diagnosis is not None
    return list(findings(context, diagnosis, started=scan.started, suffix_expected=True)), diagnosis


def decoded(data: bytes) -> str | None:
    """Return the text of a scan; None where the bytes are none: another speed or parity, another device."""
    if data[:1] == b"\xe8" and data[1:].isascii():  # FNC1 as its code word
        return data.decode("latin-1")
    strange = sum((byte < 0x20 and byte not in _CONTROLS) or byte == 0x7F for byte in data)
    if strange * _TOO_MANY > len(data):
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # ST00011 is the payment code whose text is in Windows-1251 (GOST R 56042)
        return data.decode("cp1251", "replace") if data.lstrip(b"]Q0123456").startswith(b"ST00011") else None


def _noise(context: ProbeContext, scan: Scan, *, certain: bool) -> Finding | None:
    from probes.links.garble import explain_noise

    noise = explain_noise(b"", scan.data)
    if not certain and noise.guess in _PLAIN_TEXT:
        return None
    seen = context.evidence("scan", noise.guess, started=scan.started, got=scan.data, **noise.args)
    if noise.code == "link.wrong-device" and noise.guess not in _PLAIN_TEXT:
        return context.fault("link.wrong-device", seen)
    return context.fault("link.garbled", seen)
