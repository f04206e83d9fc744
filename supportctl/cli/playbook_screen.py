"""A run on the terminal's screen: the next sentence large and alone, the clock running, one key an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from playbooks.engine.answers import understand
from playbooks.engine.events import Said
from playbooks.engine.ports import Key, Late
from playbooks.engine.state import State
from supportctl.cli.errors import error_texts
from supportctl.cli.playbook_keys import BACKSPACE, ENTER, ESCAPE, GONE, latin
from supportctl.cli.playbook_picture import Shown, drawn
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Group

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
        TellPerson,
        UndoAction,
        Wait,
    )
    from supportctl.cli.playbook_keys import Keys
    from supportctl.cli.playbook_words import Scene, Words

_TICK_S = 0.5  # the clock on the screen is never older
_NOTICES = 2
_HELP = frozenset("?,")  # the same key under a Russian layout
_LONGEST = 600  # characters of an answer that is typed
_WISHES = {"h": "hand-over", "g": "gave-up", "q": "pause"}


class Screen:
    """A person at a terminal. `stop` gives the terminal back; it may be called twice."""

    def __init__(self, words: Words, keys: Keys, since: Since, run: str, *, read_only: bool = False) -> None:
        self._words = words
        self._keys = keys
        self._since = since
        self._run = run
        self._read_only = read_only
        self._state = State()
        self._scene: Scene | None = None
        self._notices: list[tuple[object, str]] = []
        self._fresh: list[tuple[object, str]] = []  # since the person was asked last
        self._typed: str | None = None
        self._trouble = ""
        self._helping = False
        self._console = Console(highlight=False)
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            screen=True,
            refresh_per_second=1 / _TICK_S,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def stop(self) -> None:
        """Leave the screen."""
        self._live.stop()

    # --- a person, as the engine knows one ----------------------------------------------------------------

    def ask(self, ask: AskPerson, state: State, until: float | None) -> Answer | Key | Late | None:
        """Return the answer, None if nobody knows."""
        scene = self._words.ask(ask, state)
        self._begin(scene, state)
        while True:
            typed = self._line(until) if scene.kind == "line" else self._key(until)
            if isinstance(typed, Key | Late):
                return typed
            if latin(typed) == "s" and scene.kind != "line":
                return None
            if scene.kind == "line" and not typed:
                return None
            if scene.kind == "yes-no":
                answer = _yes_or_no(typed)
                if answer is not None:
                    return "yes" if answer else "no"
            elif scene.kind == "choice":
                if typed.isdecimal() and 0 < int(typed) <= len(scene.answers):
                    return scene.answers[int(typed) - 1]
            else:
                try:
                    return understand(ask, typed, self._words.catalog.lang)
                except UsageError as error:
                    self._complain(error)

    def tell(self, tell: TellPerson, state: State, until: float | None) -> Said | Key | Late:
        """Return what was said of the instruction."""
        self._begin(self._words.tell(tell, state), state)
        said = {ENTER: Said.DONE, "n": Said.DID_NOT_HELP, "s": Said.SKIP}
        while True:
            key = self._key(until)
            if isinstance(key, Key | Late):
                return key
            if latin(key) in said:
                return said[latin(key)]

    def consent(self, ask: AskConsent, plan: Plan, state: State, until: float | None) -> bool | Key | Late:
        """Return whether the action may be done; no unless said."""
        if self._read_only:
            self._hear(self._read_only, self._words.say("not-done-read-only"))
            return False
        self._begin(self._words.consent(ask, plan), state)
        while True:
            key = self._key(until)
            if isinstance(key, Key | Late):
                return key
            if key == ENTER:
                return False
            answer = _yes_or_no(key)
            if answer is not None:
                return answer

    def show(self, reply: ShowReply, state: State) -> Key | None:
        """Show a ready answer until Enter."""
        self._begin(self._words.reply(reply, state), state)
        while True:
            key = self._key(None)
            if isinstance(key, Key):
                return key
            if key == ENTER:
                return None

    def wait(self, wait: Wait, state: State) -> Key | None:
        """Let the time pass."""
        self._begin(self._words.waiting(wait.seconds, wait.step, state), state)
        key = self._key(self._since() + wait.seconds, any_key=False)
        return key if isinstance(key, Key) else None

    def notice(self, notice: Notice, state: State) -> None:
        """Show a notice beside what comes next."""
        self._hear(type(notice), self._words.notice(notice))
        self._state = state

    def failed(self, code: str, words: Mapping[str, str]) -> None:
        """Show beside what comes next why something was not done."""
        self._hear(code, self._words.failed(code, words))

    def looking(self, command: RunCheck | RunSync | LookAtLane | DoAction | UndoAction, state: State) -> None:
        """Show what is being done."""
        self._begin(self._words.busy(command), state, keep=True)

    def finished(self, finish: Finish, state: State, graph: Graph) -> None:  # noqa: ARG002  the words know it
        """Leave the screen, and say how it ended where it stays."""
        self.stop()
        lines = self._words.end(finish, state, self._run)
        console = Console(highlight=False)
        console.print(Text(lines[0], style="bold"))
        for line in lines[1:]:
            console.print(Text(line))

    # --- keys ---------------------------------------------------------------------------------------------

    def _begin(self, scene: Scene, state: State, *, keep: bool = False) -> None:
        self._scene, self._state = scene, state
        self._typed = "" if scene.kind == "line" else None
        self._trouble, self._helping = "", False
        if not keep:
            self._notices, self._fresh = self._fresh, []
            self._keys.forget()  # what was typed for another question answers none
        self._live.refresh()

    def _hear(self, kind: object, words: str) -> None:
        """Keep something to be shown with what comes next; of each kind the latest counts."""
        others = [each for each in self._fresh if each[0] != kind]
        self._fresh = [*others, (kind, words)][-_NOTICES:]

    def _key(self, until: float | None, *, any_key: bool = True) -> str | Key | Late:
        """Return the next key that is none of those that are always there."""
        while True:
            if until is not None and self._since() >= until:
                return Late()
            left = _TICK_S if until is None else max(min(until - self._since(), _TICK_S), 0.0)
            for key in self._keys.read(left):
                wish = self._wish(key)
                if wish is not None:
                    return wish
                if key in _HELP:
                    self._helping = not self._helping
                    self._live.refresh()
                elif any_key:
                    return key

    def _wish(self, key: str) -> Key | None:
        if key == GONE:
            return Key("pause")  # the window was closed
        wish = _WISHES.get(latin(key))
        return Key(wish) if wish else None

    def _line(self, until: float | None) -> str | Key | Late:
        """Return a line that was typed; Escape leads to the keys and back."""
        as_keys = False
        while True:
            if until is not None and self._since() >= until:
                return Late()
            for key in self._keys.read(_TICK_S):
                if key == GONE:
                    return Key("pause")
                if key == ESCAPE:
                    as_keys = not as_keys
                elif as_keys:
                    wish = self._wish(key)
                    if wish is not None:
                        return wish
                    if latin(key) == "s":
                        return ""
                    as_keys = False
                elif key == ENTER and self._typed:
                    return self._typed
                elif key == BACKSPACE:
                    self._typed = (self._typed or "")[:-1]
                elif key.isprintable() and len(self._typed or "") < _LONGEST:
                    self._typed = (self._typed or "") + key
            self._live.refresh()

    def _complain(self, error: UsageError) -> None:
        texts = error_texts(self._words.catalog, error.key, error.args_by_name)
        self._trouble = " ".join(texts[part] for part in ("message", "expected") if texts[part])
        self._typed = ""
        self._live.refresh()

    def _drawn(self) -> Group:
        notices = tuple(words for _, words in (self._fresh or self._notices))
        shown = Shown(self._scene, self._state, notices, self._trouble, self._typed, helping=self._helping)
        return drawn(shown, self._words, now=self._since(), width=self._console.width)


def _yes_or_no(key: str) -> bool | None:
    """д and y are yes, н and n are no; the letters come before the place of the key."""
    return {"y": True, "д": True, "n": False, "н": False, "т": False}.get(key.lower())
