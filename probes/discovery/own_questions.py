"""Questions of one family each: for the TCP port that belongs to it, or for a line whose protocol was named.

They are not harmless to everybody, as the rows of `identifiers.py` are, so they are never put to an unknown
port or line. Each is the gentlest that its family has: a single byte, or a question that changes nothing even
on a device that is busy with the till. docs/identify.md has the reason for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.discovery.identifiers import Identifier
from probes.protocols import atol2, atol3, atol_answers, cas, massak, shtrih, tremol
from probes.protocols.scale_frames import NEED_MORE, RemoteProtocolError

if TYPE_CHECKING:
    from probes.discovery.identifiers import Verdict

_TREMOL_ALIVE = 0x04
# 09: ready, busy, paper, heat, display; wants a password, serves another, wrong password
_TREMOL_STATES = (0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x48, 0x49, 0x50, 0x60, 0x70)
_ATOL3_STATES = frozenset(atol3.State)
_SCALE_ANSWERS = frozenset({massak.CMD_ACK_NAME, massak.CMD_ERROR, massak.CMD_NACK, 0x22})


def recognise_shtrih(heard: bytes) -> Verdict:
    """NAK: idle. ACK: at work, or an answer waits. Readers of two vendors skip stray FF in front."""
    return _one_of(heard.lstrip(b"\xff"), shtrih.ACK[0], shtrih.NAK[0])


def recognise_enq(heard: bytes) -> Verdict:
    """ACK: ready; NAK: not now (an ATOL register of protocol 2, a CAS scale)."""
    return _one_of(heard, atol2.ACK[0], cas.NAK)


def recognise_atol3(heard: bytes) -> Verdict:
    """Any sound frame: the state of a task, mostly "not found"."""
    reader = atol3.Reader()
    reader.feed(heard)
    try:
        event = reader.next_event()
    except atol_answers.RemoteProtocolError:
        return "no"
    if event == atol3.NEED_MORE:
        return "more"
    return "yes" if event.data[:1] and event.data[0] in _ATOL3_STATES else "no"  # else an echo


def recognise_massak(heard: bytes) -> Verdict:
    """Number and name, or that the scale does not know the question."""
    reader = massak.Reader()
    reader.feed(heard)
    try:
        event = reader.next_event()
    except RemoteProtocolError:
        return "no"
    if event == NEED_MORE:
        return "more"
    return "yes" if event.command in _SCALE_ANSWERS else "no"


def recognise_tremol(heard: bytes) -> Verdict:
    """04 comes back as 04; 09 brings a state, never itself as an echo would."""
    return _one_of(heard, _TREMOL_ALIVE, *_TREMOL_STATES)


def _one_of(heard: bytes, *answers: int) -> Verdict:
    if not heard:
        return "more"
    return "yes" if len(heard) == 1 and heard[0] in answers else "no"


OWN_QUESTIONS: tuple[Identifier, ...] = (
    Identifier("shtrih", "ENQ", shtrih.ENQ, recognise_shtrih, ports=frozenset({7778})),
    Identifier("atol2", "ENQ", atol2.ENQ, recognise_enq),
    Identifier("cas", cas.ENQ.name, cas.encode(cas.ENQ), recognise_enq),
    # a task that nobody has begun: the register looks it up and says that it is not there
    Identifier(
        "atol3",
        "C3",
        atol3.request_result(1, 0),
        recognise_atol3,
        ports=frozenset({5555}),
        answer_bytes=6,
    ),
    Identifier(
        "massak",
        massak.CMD_GET_NAME.name,
        massak.encode(massak.CMD_GET_NAME),
        recognise_massak,
        ports=frozenset({5001}),
        answer_bytes=40,
    ),
    # 04 first: to a printer 09 is a tabulator
    Identifier(
        "tremol",
        "04",
        bytes((_TREMOL_ALIVE,)),
        recognise_tremol,
        confirm=("09", tremol.PING),
        ports=frozenset({8000}),
    ),
)


def own_question(protocol: str | None) -> Identifier | None:
    """Return the question of a protocol, None if it has none that is gentle enough."""
    return next((row for row in OWN_QUESTIONS if row.protocol == protocol), None)
