"""Asks a Shtrih-M register over either protocol: no waits on a good line, the vendor's repeats on a bad one.

On the standard protocol ENQ is sent at the start and after trouble only: a register that was told that its
answer arrived (06) is ready for the next command; one that is deaf without ENQ gets it before each command
from then on. A command is put at most three times: all of them only read, so one whose answer was lost is
simply put again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from probes.devices.fiscal.shtrih_talk import AgainError, Talk, TroubleError, masked
from probes.protocols import shtrih, shtrih2
from probes.protocols.shtrih import ACK, ENQ, NAK, Control, Frame, RemoteProtocolError

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.devices.fiscal.shtrih_talk import Reader, Reply
    from probes.links.base import Link
    from probes.protocols.shtrih import Command
    from probes.protocols.shtrih2 import Frame2

TRIES = 3
ENQ_S = (0.7, 0.4, 0.4)  # an idle register answers at once; the first time a network has to wake up, too
SYNC_S = (0.7, 0.4)
CONFIRM_S = 0.7
WORKING_S = 1.0  # for the answer that 06 promises; then it is asked again
ANSWER_S = 5.0  # behind 06, for a command; the vendor's own software waits 3 s
ANSWER2_S = 3.0


class Dialogue(Protocol):
    """What both protocols offer."""

    def start(self) -> None:
        """Find the register ready for a command.

        Raises:
            TroubleError: it is not.
            LinkError: the wire broke.
        """

    def ask(self, command: Command, password: int) -> Reply:
        """Return the answer to `command`.

        Raises:
            TroubleError: there is no sound one.
            LinkError: the wire broke.
        """


class StandardDialogue:
    """ENQ, ACK, NAK and frames with an LRC."""

    def __init__(self, context: ProbeContext, link: Link) -> None:
        self._talk = Talk(context, link)
        self._reader: Reader[shtrih.Event] = shtrih.Reader()
        self._last = b""
        self._wants_enq = False

    def start(self) -> None:
        """Send ENQ until the register is idle; what it had left to say is fetched and dropped."""
        self._talk.drain()
        self._make_idle()

    def ask(self, command: Command, password: int) -> Reply:
        """Return the answer to `command`, after up to three tries."""
        request = shtrih.encode(command, password)
        failed: TroubleError | None = None
        if self._wants_enq:
            self._make_idle()
        for _ in range(TRIES):
            if failed is not None:
                self._make_idle_after(failed)
            self._talk.begin(command.name, request, secret=masked(command, password))
            try:
                reply = self._exchange(command)
            except AgainError as again:
                failed = self._talk.trouble(again.kind)
                continue
            self._last = reply.got
            if failed is not None and failed.kind == "silent":
                self._wants_enq = True  # this model hears a command behind ENQ only
            return reply
        assert failed is not None
        raise failed

    def _make_idle_after(self, failed: TroubleError) -> None:
        try:
            self._make_idle()
        except TroubleError as trouble:
            # what spoils the answer spoils what follows ENQ as well; the answer's fault tells more
            raise (failed if trouble.kind == "noise" else trouble) from None

    def _exchange(self, command: Command) -> Reply:
        """Take the confirmation and the answer; a register may have answered although its 06 got lost."""
        wait, damaged = CONFIRM_S, 0
        while True:
            try:
                event: shtrih.Event | None = self._talk.next(self._reader, wait)
            except AgainError as again:
                damaged += 1
                if again.kind != "checksum" or damaged == TRIES:
                    raise
                self._talk.say(NAK + ENQ)  # a damaged answer is asked for once more
                wait = CONFIRM_S
                continue
            if isinstance(event, Frame):
                reply = self._reply(command, event)
                if reply is not None:
                    return reply
            elif event is Control.ACK:
                wait = ANSWER_S
            else:
                raise AgainError("silent" if event is None else "refused")

    def _reply(self, command: Command, event: Frame) -> Reply | None:
        try:
            answer = shtrih.parse_answer(event.body)
        except RemoteProtocolError:
            raise AgainError("length") from None
        if answer.code != command.code:
            if event.raw == self._last:  # sent twice: our 06 had not reached it
                return None
            raise AgainError("foreign")
        reply = self._talk.reply(command, answer, event.raw)
        self._talk.say(ACK)
        return reply

    def _make_idle(self) -> None:
        kind, noise = "silent", None
        for wait in ENQ_S:
            self._talk.begin("ENQ", ENQ)
            try:
                found = self._ask_idle(wait)
            except AgainError:
                found = "noise"
            if found == "idle":
                return
            if found == "noise":
                noise = noise or self._talk.trouble(found)
            elif found != "silent":
                kind = found
        raise noise or self._talk.trouble(kind)

    def _ask_idle(self, wait: float) -> str:
        event = self._talk.next(self._reader, wait)
        if event is Control.ACK and not self._talk.noisy:
            event = self._talk.next(self._reader, WORKING_S)
            if event is None:
                return "busy"
        if self._talk.noisy or (event is Control.NAK and self._reader.drop()):
            return "noise"  # among noise, neither 06 nor 15 means anything
        if isinstance(event, Frame):  # an answer that nobody fetched: ours, or another program's
            self._talk.say(ACK)
            return "busy"
        if event is Control.NAK:
            return "idle"
        return "silent" if event is None else "noise"


class NumberedDialogue:
    """Protocol 2: a question with the number of the last one makes the register repeat its answer."""

    def __init__(self, context: ProbeContext, link: Link) -> None:
        self._talk = Talk(context, link)
        self._reader: Reader[Frame2] = shtrih2.Reader()
        self._num = 0

    def start(self) -> None:
        """Ask for the register's number, up to twice."""
        self._talk.drain()
        self._synchronise()

    def ask(self, command: Command, password: int) -> Reply:
        """Return the answer to `command`, after up to three tries."""
        kind = ""
        for _ in range(TRIES):
            if kind == "foreign":
                self._synchronise()
            request = shtrih2.encode(self._num, command, password)
            self._talk.begin(command.name, request, secret=masked(command, password))
            try:
                reply = self._exchange(command)
            except AgainError as again:
                kind = again.kind
                continue
            self._num = shtrih2.step(self._num)
            return reply
        raise self._talk.trouble(kind)

    def _exchange(self, command: Command) -> Reply:
        while True:
            event = self._talk.next(self._reader, ANSWER2_S)
            if event is None:
                raise AgainError("silent")
            if event.num != self._num:
                if shtrih2.step(event.num or 0) == self._num:  # the answer before this one, sent twice
                    continue
                raise AgainError("foreign")
            try:
                answer = shtrih.parse_answer(event.body)
            except RemoteProtocolError:
                raise AgainError("length") from None
            if answer.code != command.code:
                raise AgainError("foreign")
            return self._talk.reply(command, answer, event.raw)

    def _synchronise(self) -> None:
        noise = None
        for wait in SYNC_S:
            self._talk.begin("SYNC", shtrih2.SYNC)
            try:
                event: Frame2 | None = self._talk.next(self._reader, wait)
            except AgainError:
                event = None
                noise = noise or self._talk.trouble("noise")
            if event is not None and not event.body and event.num is not None:
                self._num = shtrih2.step(event.num)
                return
            if self._talk.noisy or event is not None:
                noise = noise or self._talk.trouble("noise")
        raise noise or self._talk.trouble("silent")
