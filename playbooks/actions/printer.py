"""`printer.test-slip` and `drawer.open`: receipt printers that are no fiscal registers (ESC/POS, Star).

Sources: Epson ESC/POS Command Reference (ESC @, ESC t, ESC d, ESC p, GS V); Star Line Mode Command
Specifications (ESC GS t, ESC a, ESC d, BEL).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from playbooks.actions.connection import link_failed
from playbooks.actions.model import Done, Plan
from playbooks.actions.parts import checked
from probes.links import LinkError
from probes.protocols import escpos, star
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place
    from probes.links import Link
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk
    from supportctl.core.target import Target

_ANSWER_S = 2.0
_ASCII = ("*** TEST / NOT A RECEIPT ***", "0123456789 ABCDEFGHIJ abcdefghij", "{name}")
_RUSSIAN = ("ПРОВЕРКА ПЕЧАТИ. НЕ ЧЕК.", "АБВГДЕЁЖЗ абвгдеёжз")
_RULE = "-" * 32


class Language(NamedTuple):
    """How a printer is told things. `cyrillic` selects code page 866; `kick` opens the drawer on pin 2."""

    begin: bytes
    cyrillic: bytes
    end: bytes
    kick: bytes


# ESC @ · ESC t 17 (page 17: PC866, Cyrillic #2) · ESC d 4, GS V 66 0 (feed and cut; without a cutter: feed)
# ESC p 0: pulse of 25 x 2 ms, then 250 x 2 ms of rest
_ESCPOS = Language(b"\x1b@", b"\x1bt\x11", b"\x1bd\x04\x1dVB\x00", b"\x1bp\x00\x19\xfa")
# ESC @ · ESC GS t 10 (page 10: 866) · ESC a 4, ESC d 3 (feed; feed and partial cut) · BEL (drawer 1)
_STAR = Language(b"\x1b@", b"\x1b\x1dt\x0a", b"\x1ba\x04\x1bd\x03", b"\x07")
_LANGUAGES = {"escpos": _ESCPOS, "star": _STAR}


def slip(protocol: str, name: str) -> bytes:
    """Return a test slip: plain ASCII, then Russian in code page 866. It says that it is no receipt."""
    language = _LANGUAGES[protocol]
    shown = name.encode("ascii", "replace").decode("ascii")[:32]
    first = "\n".join((_RULE, *_ASCII, "")).format(name=shown).encode("ascii")
    second = "\n".join((*_RUSSIAN, _RULE, "")).encode("cp866")
    return language.begin + first + language.cyrillic + second + language.end


class _Printing(ABC):
    """What both have: only printers that are no registers, and only while they are there and online."""

    name: str
    params: Mapping[str, bool] = {"target": True}
    risk: Risk = "none"
    seconds = 5

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:  # noqa: ARG002  the address tells enough
        """Return which printer it is."""
        given = checked(self.name, self.params, params)
        target = place.target(given["target"])
        if target.protocol not in _LANGUAGES:
            raise UsageError("action.not-a-receipt-printer", action=self.name, found=target.url)
        return Plan(self.name, given, {"target": target.name or target.url}, {})

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Look whether a printer of this language answers, then send."""
        target = place.target(plan.params["target"])
        try:
            with place.opener(target, deadline) as link:
                code = _hindrance(link, target, deadline)
                if code:
                    return Done(ok=False, code=code, words=plan.words)
                link.send(self.data(target), deadline)
                _wait_until_taken(link, target, deadline)
        except LinkError as error:
            return link_failed(error)
        return Done(ok=True)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  nothing stays
        """Do nothing: paper is not put back, and a drawer is closed by hand."""
        return Done(ok=True)

    @abstractmethod
    def data(self, target: Target) -> bytes:
        """Return what is sent."""


class TestSlip(_Printing):
    """Prints a slip that says that it is no receipt."""

    __test__ = False  # pytest: no test
    name = "printer.test-slip"

    def data(self, target: Target) -> bytes:
        """Return the slip."""
        return slip(str(target.protocol), target.name or target.endpoint)


class OpenDrawer(_Printing):
    """Opens the cash drawer that is plugged into a receipt printer."""

    name = "drawer.open"

    def data(self, target: Target) -> bytes:
        """Return the pulse."""
        return _LANGUAGES[str(target.protocol)].kick


def _hindrance(link: Link, target: Target, deadline: Deadline) -> str:
    """Return why nothing may be sent: another device answers, or the printer would keep it for later.

    A wire without a way back tells nothing; there it is sent as it is.
    """
    if link.one_way or target.option("one-way") == "1":
        return ""
    return _star_hindrance(link, deadline) if target.protocol == "star" else _escpos_hindrance(link, deadline)


def _star_hindrance(link: Link, deadline: Deadline) -> str:
    link.send(star.encode(star.ASB_REQUEST), deadline)
    until, heard, block = deadline.within(_ANSWER_S), b"", None
    while block is None and (piece := link.receive(until)):
        heard += piece
        block = star.pushed_block(heard)
    if block is None:
        return "action.failed-not-a-printer" if heard else "action.failed-silent"
    return "action.failed-printer-offline" if star.PrinterStatus.OFFLINE in block.printer else ""


def _escpos_hindrance(link: Link, deadline: Deadline) -> str:
    link.send(escpos.encode(escpos.DLE_EOT[1]), deadline)
    until, reader, status = deadline.within(_ANSWER_S), escpos.Reader(), None
    while status is None and (piece := link.receive(until)):
        reader.feed(piece)
        try:
            while (event := reader.next_event()) != escpos.NEED_MORE:
                if isinstance(event, escpos.Byte):  # what the printer reports unasked is longer
                    status = event.value
        except escpos.RemoteProtocolError:
            return "action.failed-not-a-printer"
    if status is None:
        return "action.failed-silent"
    return "action.failed-printer-offline" if status & escpos.PrinterStatus.OFFLINE else ""


def _wait_until_taken(link: Link, target: Target, deadline: Deadline) -> None:
    """Ask once more before the wire is closed: a closed connection can take unread bytes with it."""
    if link.one_way or target.option("one-way") == "1":
        return
    request = star.encode(star.ASB_REQUEST) if target.protocol == "star" else escpos.encode(escpos.DLE_EOT[1])
    link.send(request, deadline)
    link.receive(deadline.within(_ANSWER_S))
