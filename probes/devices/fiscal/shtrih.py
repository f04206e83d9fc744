"""What is the state of this Shtrih-M register, and what does it need? All that it tells, by reading only.

The order of the questions: who it is, then mode, paper and clock, then the fiscal storage and its queue. The
standard protocol is tried first, protocol 2 where the URL says so (`?protocol=2`) or the first gets no sound
answer. A password is tried once: after a refusal no command that needs one is sent any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.fiscal.judge import CODES, judge
from probes.devices.fiscal.shtrih_dialogue import NumberedDialogue, StandardDialogue
from probes.devices.fiscal.shtrih_state import (
    NOT_SUPPORTED,
    PRINTING,
    STILL_PRINTING,
    WRONG_PASSWORD,
    Reading,
)
from probes.devices.fiscal.shtrih_talk import TroubleError
from probes.links.base import LINK_CODES, LinkError
from probes.protocols import shtrih
from probes.protocols.shtrih_answers import DeviceType
from supportctl.core.finding import Meaning, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.devices.fiscal.shtrih_dialogue import Dialogue
    from probes.devices.fiscal.shtrih_talk import Reply
    from probes.links.base import Link
    from supportctl.core.finding import Evidence, Finding

_STORAGE = (
    shtrih.FN_GET_STATUS,
    shtrih.FN_GET_EXCHANGE,
    shtrih.FN_GET_EXPIRY,
    shtrih.FN_GET_REGISTRATION,
    shtrih.FN_GET_SHIFT,
)
_DETAILS = (shtrih.FN_GET_UNCONFIRMED, shtrih.FN_GET_NUMBER, shtrih.FN_GET_VERSION)
_DETAILS_S = 5.0  # a line on which so little time is left is too slow for what was mostly told already
_PRINTING_S, _PRINTING_POLL_S = 2.0, 0.25  # a receipt is printed within two seconds; else it is told as busy
_SCALES = 1


class ShtrihProbe:
    """Reads the whole state of a register of Shtrih-M (Retail, Nano, Light and their kin)."""

    codes = LINK_CODES | CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the register says about itself, or why it cannot be asked."""
        reading = Reading(context)
        ended: Finding | None = None
        try:
            with context.open_link() as link:
                dialogue = _start(context, link)
                ended = _read(context, dialogue, reading)
        except LinkError as error:
            ended = context.link_failed(error)
        except TroubleError as trouble:
            ended = _finding(context, trouble)
        if reading.anything:
            yield from judge(reading.state(), context)
        if ended is not None:
            yield ended


def _start(context: ProbeContext, link: Link) -> Dialogue:
    """Return the dialogue of the protocol that the register answers.

    Raises:
        TroubleError: it answers none of them; what the first one heard, if it heard anything.
        LinkError: the wire broke.
    """
    if context.target.option("protocol") == "2":
        numbered = NumberedDialogue(context, link)
        numbered.start()
        return numbered
    standard = StandardDialogue(context, link)
    try:
        standard.start()
    except TroubleError as trouble:
        if trouble.kind not in {"silent", "noise"} or _is_another_device(trouble):
            raise
        numbered = NumberedDialogue(context, link)
        try:
            numbered.start()
        except TroubleError as second:
            raise (second if trouble.kind == "silent" and second.kind == "noise" else trouble) from None
        return numbered
    return standard


def _is_another_device(trouble: TroubleError) -> bool:
    """Return whether a web server or the like has answered: it is asked nothing more."""
    if trouble.kind != "noise":
        return False
    from probes.links.garble import WRONG_DEVICE, explain_noise  # only what went wrong pays for its import

    return explain_noise(b"", trouble.got).code == WRONG_DEVICE


def _read(context: ProbeContext, dialogue: Dialogue, reading: Reading) -> Finding | None:
    """Put all questions; returns the finding that ends them early."""
    kind = dialogue.ask(shtrih.GET_DEVICE_TYPE, shtrih.DEFAULT_PASSWORD)  # the one command without it
    reading.take(kind)
    password = _password(context)
    if isinstance(kind.record, DeviceType) and kind.record.type == _SCALES:
        reading.forget()
        seen = _seen(context, kind, "shtrih.is-scales")
        return context.fault("link.wrong-device", seen, protocol="shtrihscale")
    if password is None:
        seen = _seen(context, kind, "shtrih.password-not-digits")
        return context.unknown("fiscal.wrong-password", seen, reason=Meaning("shtrih.password-not-digits"))
    for command in (shtrih.GET_SHORT_STATUS, shtrih.GET_STATUS, *_STORAGE, *_DETAILS):
        if command in _DETAILS and context.deadline.remaining() < _DETAILS_S:
            return None
        reply = _ask_while_printing(context, dialogue, command, password)
        reading.take(reply)
        if reply.error in {WRONG_PASSWORD, STILL_PRINTING}:
            return None  # the next one would be refused as well; a password is tried once
        if command is shtrih.FN_GET_STATUS and reply.error in NOT_SUPPORTED:
            return None  # a register without a fiscal storage
    return None


def _ask_while_printing(
    context: ProbeContext, dialogue: Dialogue, command: shtrih.Command, password: int
) -> Reply:
    """Return the answer; a register in the middle of printing is given the time to end it."""
    patience = context.deadline.within(_PRINTING_S)
    while True:
        reply = dialogue.ask(command, password)
        submode = getattr(reply.record, "submode", None) if command is shtrih.GET_SHORT_STATUS else None
        if (reply.error != STILL_PRINTING and submode not in PRINTING) or patience.expired:
            return reply
        context.clock.sleep(min(_PRINTING_POLL_S, patience.remaining()))


def _password(context: ProbeContext) -> int | None:
    """Return the password of the URL, else the documented one; None where it cannot be one."""
    given = context.target.option("password")
    if not given:
        return shtrih.DEFAULT_PASSWORD
    sound = given.isascii() and given.isdigit() and int(given) <= shtrih.PASSWORD_MAX
    return int(given) if sound else None


def _seen(context: ProbeContext, reply: Reply, meaning: str) -> Evidence:
    return context.evidence(
        reply.command.name, meaning, started=reply.started, sent=reply.sent, got=reply.got
    )


def _finding(context: ProbeContext, trouble: TroubleError) -> Finding:
    """Return why the register cannot be asked, or not any more."""

    def seen(meaning: str, **args: object) -> Evidence:
        sent, got = trouble.sent or None, trouble.got or None
        return context.evidence(trouble.asked, meaning, started=trouble.started, sent=sent, got=got, **args)

    if trouble.kind == "silent":
        waited = round(context.clock.monotonic() - trouble.started, 1)
        at_first = trouble.asked in {"ENQ", "SYNC"}
        said = seen("link.no-answer", seconds=waited) if at_first else seen("shtrih.trouble-silent")
        return context.fault("link.silent", said, seconds=waited)
    if trouble.kind == "time-over":
        error = LinkError("link.silent", status=Status.UNKNOWN, evidence=(seen("link.check-time-over"),))
        return context.link_failed(error)
    if trouble.kind == "busy":
        return context.unknown("fiscal.device-busy", seen("shtrih.busy"), reason=Meaning("shtrih.busy"))
    if trouble.kind != "noise":
        return context.fault("link.garbled", seen(f"shtrih.trouble-{trouble.kind}"))
    from probes.links.garble import WRONG_DEVICE, explain_noise

    noise = explain_noise(trouble.sent if isinstance(trouble.sent, bytes) else b"", trouble.got)
    say = "link.wrong-device" if noise.code == WRONG_DEVICE else "link.garbled"
    return context.fault(say, seen(noise.guess, **noise.args))
