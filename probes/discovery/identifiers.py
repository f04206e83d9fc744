"""The questions by which an unknown device is recognised, in the order in which they are put.

Nobody knows yet what listens, so a question must be harmless to every family, not only to its own: nothing
may be printed, no drawer opened, no payment begun. docs/identify.md says for each row what each family makes
of its bytes, at the right speed and at a wrong one. A further protocol adds a row; the rules for a row:

- no printable byte and no line feed: a receipt printer prints free text;
- never 05 behind a 10: DLE ENQ restarts a printer's job; never 1B 70 or 10 14: the drawer;
- never the beginning of another family's frame (02 of registers, 06 01 of payment terminals on TCP);
- a test hears each request at all wrong speeds and looks for commands in what comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from probes.protocols import escpos, star

if TYPE_CHECKING:
    from collections.abc import Callable

Verdict: TypeAlias = Literal["yes", "more", "no"]

# Upwards, for what a device hears that is faster than we are is NUL and bytes with a broken frame, while a
# slower one hears characters; and the search ends at the device's own speed. The slow ones cost 60 ms in all.
SPEEDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800)
# Tried only after plain 8N1 has failed everywhere.
OTHER_FRAMES: tuple[tuple[str, str], ...] = (("8", "even"), ("8", "odd"), ("7", "even"), ("7", "odd"))
OTHER_FRAME_SPEEDS = (9600, 19200, 38400, 115200)

_STREAM_WIRES = frozenset({"serial", "tcp", "rfc2217", "usb"})


class Identifier(NamedTuple):
    """One row.

    `recognise` is given all bytes that came since the question. `confirm` is asked once more where a single
    byte is the whole answer, for noise can look like one. `ports` are the TCP ports of this family: on others
    the question is put only to a target that the user named.
    """

    protocol: str
    asked: str
    request: bytes
    recognise: Callable[[bytes], Verdict]
    confirm: tuple[str, bytes] | None = None
    ports: frozenset[int] = frozenset()
    wires: frozenset[str] = _STREAM_WIRES
    answer_bytes: int = 1


def recognise_escpos(heard: bytes) -> Verdict:
    """Answer byte of DLE EOT (0xx1xx10), or a status block that the printer pushed."""
    reader = escpos.Reader(escpos.Reply.STATUS)
    reader.feed(heard)
    try:
        event = reader.next_event()
    except escpos.RemoteProtocolError:
        return "no"
    return "more" if event == escpos.NEED_MORE else "yes"


def recognise_star(heard: bytes) -> Verdict:
    """Answer block of ESC ACK SOH."""
    reader = star.Reader()
    reader.feed(heard)
    try:
        event = reader.next_event()
    except star.RemoteProtocolError:
        return "no"
    return "more" if event == star.NEED_MORE else "yes"


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        "escpos",
        # 4 and not 1: of all n its bytes turn into the fewest characters at a wrong speed (none with a sound
        # frame while we go upwards), and every printer answers it as it answers 1
        escpos.DLE_EOT[4].name,
        escpos.encode(escpos.DLE_EOT[4]),
        recognise_escpos,
        confirm=(escpos.DLE_EOT[1].name, escpos.encode(escpos.DLE_EOT[1])),
        ports=frozenset({9100}),
    ),
    # second: a Star printer is silent to DLE EOT, while 1B sets an ESC/POS printer waiting for a command
    Identifier(
        "star",
        star.ASB_REQUEST.name,
        star.encode(star.ASB_REQUEST),
        recognise_star,
        ports=frozenset({9100}),
        answer_bytes=9,
    ),
)

# Here nobody else's questions are ever put: payment terminals, whose bytes can mean money. 20007 gets the
# status enquiry of ZVT (known_ports.py), 22000 not a byte.
NEVER_ASK = frozenset({20007, 22000})


def rows_for(protocol: str | None, wire: str, port: int | None) -> tuple[Identifier, ...]:
    """Return the rows to ask, in order: those of the protocol if it is known, else all that fit the wire.

    A port that belongs to another family (registers, terminals) is asked nothing.
    """
    rows = tuple(row for row in IDENTIFIERS if wire in row.wires)
    if protocol is not None:
        return tuple(row for row in rows if row.protocol == protocol)
    if wire == "tcp" and port in NEVER_ASK:
        return ()
    return rows
