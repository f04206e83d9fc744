"""What the customer sees of a session: each request in words, and the questions that only they answer.

Lines that scroll, no painted screen: they stay to be read, and an old console shows them, too.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from supportctl.cli.output import echo_wrapped
from supportctl.cli.playbook_keys import BACKSPACE, ENTER, ESCAPE, GONE, latin
from supportctl.cli.share_words import about_request, asked_of, spelled
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supportctl.app.share import Sharing
    from supportctl.catalog import Catalog
    from supportctl.cli.playbook_keys import Keys
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.errors import SupportctlError
    from supportctl.remote.consent import Question
    from supportctl.remote.reverse.staff import Staff

_LOOK_S = 0.1
_UNDER_TIME = 7  # what goes on in the next line stands under the words, not under the time
_YES = {"yes", "lf"}  # "да" on the same keys of a Latin layout: whichever layout is on
_ANSWER_MAX = 10


class _Asked(NamedTuple):
    """A question that waits for the person; `answer` gets True or False."""

    question: Question
    deadline: Deadline
    withdrawn: Callable[[], bool]
    answer: queue.SimpleQueue[bool]


class ShareScreen:
    """Shows one sharing. `keys` are those of the terminal; None where there is none, and nobody can be asked.

    `names` says what the shop calls a target.
    """

    def __init__(
        self, catalog: Catalog, clock: Clock, keys: Keys | None, names: Callable[[str], str], ticket: str
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._keys = keys
        self._names = names
        self._ticket = ticket
        self._lock = threading.RLock()
        self._last: object = None  # what the last line was about, and the line
        self._again = 0
        self._held: list[str] | None = None  # lines that wait while a question is open
        self._asked: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._who = ""
        self._there: Staff | None = None

    @property
    def can_ask(self) -> bool:
        """Whether there is a terminal with a person at it."""
        return self._keys is not None

    # --- what happens, from any thread ----------------------------------------------------------------------

    def told(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        """Show a request."""
        words = about_request(self._catalog, self._names, self._who, (method, params, outcome))
        if words:
            self.say(words, about=(method, *asked_of(params)))

    def step(self, words: str) -> None:
        """Show one step of a request that is at work."""
        self.say(f"  {words}")

    def came(self, staff: Staff) -> None:
        """Show who is connected. Each command of theirs comes by itself: that is no news."""
        if staff == self._there:
            return
        self._who, self._there = staff.name, staff
        self.say(self._catalog.phrase("share.came", name=staff.name), about=staff)

    def left(self, staff: Staff, *, on_purpose: bool) -> None:
        """Show that they are not connected any more."""
        self._there = None
        key = "share.left" if on_purpose else "share.cut"
        self.say(self._catalog.phrase(key, name=staff.name))

    def rested(self) -> None:
        """Show nothing: what a command did stands there already."""

    def refused(self, reason: str, name: str) -> None:
        """Show somebody who may not come in."""
        words = self._catalog.phrase(reason, name=name or "-")
        self.say(self._catalog.phrase("share.refused", reason=words))

    def besieged(self) -> None:
        """Show that the door is shut."""
        self.say(self._catalog.phrase("share.besieged"))

    def lost(self) -> None:
        """Show that the line is gone."""
        self.say(self._catalog.phrase("share.lost"))

    def back(self) -> None:
        """Show that there is a line again."""
        self.say(self._catalog.phrase("share.back"))

    def gone(self, error: SupportctlError) -> None:
        """Show that the line will not come back."""
        self.say(self._catalog.error(error.key, error.args_by_name)["message"])

    def say(self, words: str, about: object = None) -> None:
        """Write a line with the time; the same again and again is counted, not repeated.

        `about` is the request that it tells of: of another one the same words are not the same.
        """
        line = clean(words, 300)
        with self._lock:
            if (about, line) == self._last:
                self._again += 1
                return
            self._count()
            self._last = (about, line)
            self._write(f"{self._clock.now():%H:%M}  {line}")

    def asks(self, question: Question, deadline: Deadline, withdrawn: Callable[[], bool]) -> bool:
        """Return True only for a yes that was typed at this terminal. Called on a request's thread."""
        if self._keys is None:
            return False
        asked = _Asked(question, deadline, withdrawn, queue.SimpleQueue())
        self._asked.put(asked)
        return asked.answer.get()

    # --- the terminal's own thread -------------------------------------------------------------------------

    def begin(self, code: str, sharing: Sharing) -> None:
        """Show the code, what the supporter may do, and how it is ended."""
        phrase = self._catalog.phrase
        may = "share.may-look" if sharing.plan.read_only or not self.can_ask else "share.may-ask"
        click.secho(phrase("share.title", ticket=self._ticket), bold=True)
        echo_wrapped(phrase("share.read-out"))
        click.echo()
        click.secho(f"    {code}", bold=True)
        for line in spelled(self._catalog, code):
            click.echo(f"    {line}")
        click.echo()
        echo_wrapped(phrase(may))
        echo_wrapped(phrase("share.nobody-else"))
        minutes = round(sharing.plan.longest_s / 60)
        ends = phrase("share.how-to-end" if self.can_ask else "share.how-to-stop", minutes=minutes)
        echo_wrapped(ends, bold=True)
        click.echo()

    def show(self, sharing: Sharing) -> None:
        """Show it until it is over."""
        pause = threading.Event()
        try:
            while sharing.tick():
                if self._keys is None:
                    pause.wait(_LOOK_S)
                    continue
                if self._wants_end(self._keys.read(_LOOK_S)) or not self._answered():
                    sharing.end("customer")
        except KeyboardInterrupt:
            sharing.end("customer")
        finally:
            self._refuse_all()
        with self._lock:
            self._count()
            self._held = None
        echo_wrapped(self._catalog.phrase(f"share.over-{sharing.reason}"), bold=True)

    @staticmethod
    def _wants_end(pressed: list[str]) -> bool:
        return any(key == GONE or latin(key) == "q" for key in pressed)

    def _answered(self) -> bool:
        """Put the next question, if there is one; return False if the person ended the session instead."""
        try:
            asked = self._asked.get_nowait()
        except queue.Empty:
            return True
        yes: bool | None = False
        try:
            yes = self._put(asked)
        finally:
            asked.answer.put(yes is True)
        return yes is not None

    def _put(self, asked: _Asked) -> bool | None:
        """Return the answer, None for the end of the session."""
        assert self._keys is not None
        phrase = self._catalog.phrase
        with self._lock:
            self._count()
            self._last = None
            self._held = []
        self._show_question(asked)
        answer = self._typed(asked)
        click.echo()
        words = {True: "share.allowed", False: "share.not-allowed", None: "share.not-allowed"}[answer]
        click.secho(phrase(words), fg="green" if answer else "yellow")
        with self._lock:
            held, self._held = self._held, None
        for line in held or ():
            self._write(line)
        return answer

    def _show_question(self, asked: _Asked) -> None:
        phrase, question = self._catalog.phrase, asked.question
        click.echo()
        click.secho(phrase("share.question", name=self._who), fg="yellow", bold=True)
        rows = [("share.q-what", question.title), *(("share.q-step", step) for step in question.steps)]
        rows += [("share.q-device", question.device), ("share.q-source", question.source)]
        rows += [("share.q-undo", question.undo)]
        for key, text in rows:
            if text:
                echo_wrapped(f"  {phrase(key)} {clean(text, 400)}", 4)
        if self._keys is not None:
            self._keys.forget()  # what was typed before all of it could be read answers nothing
        echo_wrapped(phrase("share.q-how", seconds=round(asked.deadline.remaining())))
        click.echo("> ", nl=False)

    def _typed(self, asked: _Asked) -> bool | None:
        """Return True for yes and Enter, None for q or a terminal that is gone, else False."""
        assert self._keys is not None
        text = ""
        while not asked.deadline.expired and not asked.withdrawn():
            for key in self._keys.read(min(_LOOK_S, asked.deadline.remaining())):
                if key == GONE or (not text and latin(key) == "q"):
                    return None
                if key == ENTER:
                    return "".join(map(latin, text.strip())) in _YES
                if key == ESCAPE:
                    return False
                if key == BACKSPACE:
                    click.echo("\b \b" if text else "", nl=False)
                    text = text[:-1]
                elif key.isprintable() and len(text) < _ANSWER_MAX:
                    text += key
                    click.echo(key, nl=False)
        return False

    def _refuse_all(self) -> None:
        while True:
            try:
                self._asked.get_nowait().answer.put(False)  # noqa: FBT003  the answer itself
            except queue.Empty:
                return

    def _count(self) -> None:
        if self._again:
            self._write(f"       {self._catalog.phrase('share.again', times=self._again)}")
        self._again = 0

    def _write(self, line: str) -> None:
        with self._lock:
            if self._held is not None:
                self._held = [*self._held, line][-200:]
            else:
                echo_wrapped(line, _UNDER_TIME)
