"""The supporter at the other end of a session, as a run here knows them.

What a run does is told in numbered messages, and kept: a side that comes back asks for those it has missed. A
question waits until it is answered, its time is over, or the session ends; then the run is put aside.
"""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from playbooks.engine.events import Said
from playbooks.engine.journal import Journal
from playbooks.engine.ports import Key, Late
from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playbooks.actions.model import Plan
    from playbooks.engine.events import Answer
    from playbooks.engine.executor import Since
    from playbooks.engine.graph import Graph
    from playbooks.engine.state import (
        AskConsent,
        AskPerson,
        DoAction,
        Finish,
        LookAtLane,
        Notice,
        RunCheck,
        RunSync,
        ShowReply,
        State,
        TellPerson,
        UndoAction,
        Wait,
    )
    from supportctl.remote.server import Call

WISHES = frozenset({"hand-over", "gave-up", "pause"})
PAUSE = Key("pause")
MAX_TEXT = 600
MAX_NEWS = 20_000
_MOST = 500  # messages in one answer
_MOST_BYTES = 4 * 1024 * 1024  # a frame has room for 16 MiB, and quotes grow when a line is quoted again
_TICK_S = 0.1  # how soon the end of a session is noticed while a question waits
_YES_NO = {"yes", "no"}
CUSTOMER_ASKED, CUSTOMER_REFUSED = "signing.customer-asked", "signing.customer-refused"


class _Asked(NamedTuple):
    """What is asked now: the number of its message, and how an answer to it is read."""

    number: int
    read: Callable[[str, str], Any]


class Talk:
    """The conversation about one run: what was told, what is asked."""

    def __init__(self, call: Call) -> None:
        self.id = secrets.token_hex(16)
        self.call = call
        self._news: list[dict[str, Any]] = []
        self._asked: _Asked | None = None
        self._answers: list[Any] = []
        self._changed = threading.Condition()

    @property
    def over(self) -> bool:
        """Whether the session, or its time, is over: nothing new is begun."""
        return self.call.cancelled.is_set() or self.call.deadline.expired

    @property
    def count(self) -> int:
        """How many messages there were."""
        with self._changed:
            return len(self._news)

    def tell(self, **value: object) -> int:
        """Send a message, and keep it; return its number."""
        with self._changed:
            if len(self._news) >= MAX_NEWS:
                raise SupportctlError("remote.failed", method="playbook.run", reason=f"{MAX_NEWS} messages")
            message = {"run": self.id, "number": len(self._news) + 1, **value}
            self._news.append(message)
        self.call.progress(message)
        return len(self._news)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return messages after this one: so many as an answer can hold, at least one if there is one."""
        with self._changed:
            found, size = self._news[number : number + _MOST], 0
        for count, message in enumerate(found):
            size += len(str(message.get("line", "")).encode("utf-8", "replace"))
            if size > _MOST_BYTES:
                return found[: max(count, 1)]
        return found

    def ask(
        self, step: str, read: Callable[[str, str], Any], expired: Callable[[], bool], **more: object
    ) -> Any:  # noqa: ANN401  what `read` returns, a Key, or Late
        """Ask, and return the answer; Late when `expired`, the wish to pause when the session is over."""
        with self._changed:
            self._answers.clear()
            self._asked = _Asked(len(self._news) + 1, read)
        self.tell(asks=step, **more)
        try:
            with self._changed:
                while not self._answers:
                    if self.over:
                        return PAUSE
                    if expired():
                        return Late()
                    self._changed.wait(_TICK_S)
                return self._answers[0]
        finally:
            with self._changed:
                self._asked = None

    def answer(self, number: int, kind: str, value: str) -> None:
        """Take the supporter's answer to the message `number`.

        Raises:
            SupportctlError: `signing.not-asked`, `signing.bad-answer`.
        """
        with self._changed:
            if self._asked is None or self._asked.number != number or self._answers:
                raise SupportctlError("signing.not-asked", found=number)
            if kind == "key":
                if value not in WISHES:
                    raise SupportctlError("signing.bad-answer", found=value)
                said: Any = Key(value)
            else:
                try:
                    said = self._asked.read(kind, value)
                except (ValueError, KeyError):
                    raise SupportctlError("signing.bad-answer", found=f"{kind}: {value}") from None
            self._answers.append(said)
            self._changed.notify_all()


class ToldJournal(Journal):
    """A journal whose lines are told, too."""

    told: Callable[[str], object] | None = None

    def _write(self, line: str) -> None:
        super()._write(line)
        if self.told is not None:
            self.told(line)


class FarPerson:
    """The supporter, over the line. `consents` is asked for each action that the supporter wishes for."""

    def __init__(self, talk: Talk, since: Since, consents: Callable[[AskConsent, Plan, State], bool]) -> None:
        self._talk = talk
        self._since = since
        self._consents = consents

    def ask(self, ask: AskPerson, state: State, until: float | None) -> Answer | Key | Late | None:  # noqa: ARG002
        """Return the answer."""
        said: Answer | Key | Late | None = self._talk.ask(
            ask.step, lambda kind, value: _answer(ask, kind, value), self._late(until)
        )
        return said

    def tell(self, tell: TellPerson, state: State, until: float | None) -> Said | Key | Late:  # noqa: ARG002
        """Return what was said of the instruction."""
        said: Said | Key | Late = self._talk.ask(tell.step, _said, self._late(until))
        return said

    def consent(self, ask: AskConsent, plan: Plan, state: State, until: float | None) -> bool | Key | Late:
        """Ask the supporter whether they want it, then whoever may allow it."""
        shown = {"action": plan.action, "params": dict(plan.params), "words": dict(plan.words)}
        wish: bool | Key | Late = self._talk.ask(ask.step, _wish, self._late(until), plan=shown)
        if wish is not True:
            return wish
        self.failed(CUSTOMER_ASKED, {})
        if self._consents(ask, plan, state):
            return True
        if self._talk.over:
            return PAUSE
        self.failed(CUSTOMER_REFUSED, {})
        return False

    def show(self, reply: ShowReply, state: State) -> Key | None:  # noqa: ARG002
        """Return when the ready answer was seen."""
        said: Key | None = self._talk.ask(reply.step, _seen, lambda: False)
        return said

    def wait(self, wait: Wait, state: State) -> Key | None:  # noqa: ARG002
        """Let the time pass."""
        said = self._talk.ask(wait.step, _seen, self._late(self._since() + wait.seconds))
        return said if isinstance(said, Key) else None

    def notice(self, notice: Notice, state: State) -> None:
        """Say nothing: the other side knows it from the events."""

    def looking(self, command: RunCheck | RunSync | LookAtLane | DoAction | UndoAction, state: State) -> None:
        """Say nothing: the other side knows it from the events."""

    def failed(self, code: str, words: Mapping[str, str]) -> None:
        """Tell why something was not done."""
        self._talk.tell(failed=code, words={name: clean(value, 300) for name, value in words.items()})

    def finished(self, finish: Finish, state: State, graph: Graph) -> None:
        """Say nothing: the journal's last line says it."""

    def _late(self, until: float | None) -> Callable[[], bool]:
        return lambda: until is not None and self._since() >= until


def _answer(ask: AskPerson, kind: str, value: str) -> Answer | None:
    """Return an answer as the question takes it."""
    if kind == "none":
        return None
    question = ask.question
    if kind == "number" and question is not None and question.kind == "number":
        number = float(value)
        low, high = question.at_least, question.at_most
        inside = (low is None or number >= low) and (high is None or number <= high)
        if not inside or number != number or abs(number) == float("inf"):  # noqa: PLR0124  not a number
            raise ValueError(value)
        return number
    if kind != "text" or len(value) > MAX_TEXT:
        raise ValueError(kind)
    if question is None:
        fits = value in ask.options
    elif question.kind == "choice":
        fits = value in question.choices
    else:
        fits = value in _YES_NO if question.kind == "yes-no" else question.kind in {"text", "photo"}
    if not fits:
        raise ValueError(value)
    return clean(value, MAX_TEXT)


def _said(kind: str, value: str) -> Said:
    if kind != "said":
        raise ValueError(kind)
    return Said(value)


def _wish(kind: str, value: str) -> bool:
    """Return what the supporter wants; it is no consent."""
    if kind != "wish" or value not in _YES_NO:
        raise ValueError(kind)
    return value == "yes"


def _seen(kind: str, value: str) -> None:
    if kind != "seen" or value:
        raise ValueError(kind)
