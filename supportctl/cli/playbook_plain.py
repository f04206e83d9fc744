"""A run in plain lines: for replays with a file of answers, and for terminals that can do no more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

import click

from playbooks.engine.answers import understand, yes_or_no
from playbooks.engine.events import Said
from playbooks.engine.ports import Key, Late
from supportctl.core.errors import UsageError

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
    from supportctl.cli.playbook_words import Scene, Words
    from supportctl.core.clock import Clock

T = TypeVar("T")
WISHES = {
    "h": "hand-over", "hand-over": "hand-over", "g": "gave-up", "gave-up": "gave-up",
    "q": "pause", "pause": "pause",
}  # fmt: skip
SAID = {
    "": Said.DONE, "done": Said.DONE, "n": Said.DID_NOT_HELP, "did-not-help": Said.DID_NOT_HELP,
    "s": Said.SKIP, "skip": Said.SKIP,
}  # fmt: skip
SKIP = frozenset({"s", "skip"})


class PlainPerson:
    """Says each thing in a few lines and takes each answer as a line.

    `answer(step, tried)` gives the next line for a step, `refused` what became of the one before it.
    """

    def __init__(
        self,
        words: Words,
        run: str,
        since: Since,
        clock: Clock,
        line: Callable[[str], str],
        *,
        refuse: Callable[[str, UsageError], None],
        quiet: bool = False,
        read_only: bool = False,
    ) -> None:
        self._words = words
        self._run = run
        self._since = since
        self._clock = clock
        self._line = line
        self._refuse = refuse
        self._quiet = quiet
        self._read_only = read_only
        self._echo(words.say("begun", title=words.title, run=run))

    def ask(self, ask: AskPerson, state: State, until: float | None) -> Answer | Key | Late | None:
        """Return the answer."""
        self._show(self._words.ask(ask, state))

        def read(line: str) -> Answer | None:
            return None if line.casefold() in SKIP else understand(ask, line, self._words.catalog.lang)

        return self._answered(ask.step, until, read)

    def tell(self, tell: TellPerson, state: State, until: float | None) -> Said | Key | Late:
        """Return what was said of the instruction."""
        self._show(self._words.tell(tell, state))

        def read(line: str) -> Said:
            said = SAID.get(line.casefold())
            if said is None:
                known = "done, did-not-help, skip, hand-over, gave-up, pause"
                raise UsageError("answer.not-a-choice", found=line, choices=known)
            return said

        return self._answered(tell.step, until, read)

    def consent(self, ask: AskConsent, plan: Plan, state: State, until: float | None) -> bool | Key | Late:  # noqa: ARG002  the plan says it
        """Return whether the action may be done; no unless said."""
        self._show(self._words.consent(ask, plan))
        if self._read_only:
            return False
        return self._answered(ask.step, until, lambda line: bool(line) and yes_or_no(line))

    def show(self, reply: ShowReply, state: State) -> Key | None:
        """Show a ready answer."""
        self._show(self._words.reply(reply, state))
        return None

    def wait(self, wait: Wait, state: State) -> Key | None:
        """Let the time pass."""
        self._echo(self._words.waiting(wait.seconds, wait.step, state).text)
        self._clock.sleep(wait.seconds)
        return None

    def notice(self, notice: Notice, state: State) -> None:  # noqa: ARG002  the notice says it
        """Say a notice."""
        self._echo(self._words.notice(notice))

    def looking(self, command: RunCheck | RunSync | LookAtLane | DoAction | UndoAction, state: State) -> None:  # noqa: ARG002  the command says it
        """Say what is being done."""
        self._echo(self._words.busy(command).text)

    def failed(self, code: str, words: Mapping[str, str]) -> None:
        """Say why something was not done."""
        self._echo(self._words.failed(code, words))

    def finished(self, finish: Finish, state: State, graph: Graph) -> None:  # noqa: ARG002  the words know it
        """Say how it ended."""
        for line in self._words.end(finish, state, self._run):
            self._echo(line)

    def _answered(self, step: str, until: float | None, read: Callable[[str], T]) -> T | Key | Late:
        while True:
            if until is not None and self._since() >= until:
                return Late()
            line = self._line(step).strip()
            wish = WISHES.get(line.casefold())
            if wish is not None:
                return Key(wish)
            try:
                return read(line)
            except UsageError as error:
                self._refuse(step, error)

    def _show(self, scene: Scene) -> None:
        self._echo("")
        self._echo(f"{scene.label}: {scene.text}" if scene.label else scene.text)
        for number, option in enumerate(scene.options, 1):
            self._echo(f"  {number} {option}")
        for note in scene.notes:
            self._echo(f"  ({note})")

    def _echo(self, text: str) -> None:
        if not self._quiet:
            click.echo(text, file=sys.stdout)
