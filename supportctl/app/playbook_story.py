"""What happened in a run, in order: its events are replayed, each thing is kept as it was then."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.conditions import PROBLEMS
from playbooks.engine.events import Answered, Begun, Checked, Consented, Shown
from playbooks.engine.planner import move
from playbooks.engine.state import AskConsent, AskPerson, DoAction, ShowReply, State, Tried, UndoAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from playbooks.engine.events import Event
    from playbooks.engine.graph import Graph
    from playbooks.engine.state import Move
    from supportctl.core.finding import Finding

_CHANGING = frozenset({"act", "resend"})
_Key = tuple[str, str]  # target and code


class Taken(NamedTuple):
    """A step, and the state in which it ended: texts are filled with what was known then."""

    tried: Tried
    state: State


class Acting(NamedTuple):
    """A change that was allowed, or refused. An empty `result`: nobody saw its end."""

    step: str
    action: str
    params: Mapping[str, str]
    at: float
    result: str = ""
    undone: bool | None = None
    changed: tuple[str, ...] = ()


class Asked(NamedTuple):
    """A question and its answer."""

    ask: AskPerson
    value: str | float | None
    at: float
    state: State


class Replied(NamedTuple):
    """A ready answer that was shown."""

    reply: ShowReply
    at: float
    state: State


class Seen(NamedTuple):
    """A problem, as it was seen last. `gone` is when it was not found any more."""

    finding: Finding
    first: float
    last: float
    gone: float | None = None


class Story(NamedTuple):
    """A run. `roles` are the targets that fitted each role at its begin; `seen` the problems."""

    state: State
    roles: Mapping[str, tuple[str, ...]]
    taken: tuple[Taken, ...]
    acted: tuple[Acting, ...]
    asked: tuple[Asked, ...]
    shown: tuple[Replied, ...]
    seen: tuple[Seen, ...]


def story(graph: Graph, events: Iterable[Event]) -> Story:
    """Return what happened."""
    telling = _Telling(graph)
    for event in events:
        telling.hear(event)
    return telling.end()


class _Telling:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._state = State()
        self._roles: Mapping[str, tuple[str, ...]] = {}
        self._taken: list[Taken] = []
        self._acted: list[Acting] = []
        self._asked: list[Asked] = []
        self._shown: list[Replied] = []
        self._seen: dict[_Key, Seen] = {}

    def hear(self, event: Event) -> None:
        before = self._state
        moved = move(self._graph, before, event)
        self._state = moved.state
        if isinstance(event, Begun):
            self._roles = dict(event.roles)
        if moved.state is before:
            return
        self._person(event, before)
        self._changes(event, before, moved)
        for tried in moved.state.tried[len(before.tried) :]:
            self._took(tried, before, moved.state)
        if isinstance(event, Checked) and before.findings is not moved.state.findings:
            self._look(event.at)

    def _person(self, event: Event, before: State) -> None:
        doing = before.doing
        if isinstance(event, Answered) and isinstance(doing, AskPerson):
            self._asked.append(Asked(doing, event.value, event.at, before))
        elif isinstance(event, Shown) and isinstance(doing, ShowReply):
            self._shown.append(Replied(doing, event.at, before))

    def _changes(self, event: Event, before: State, moved: Move) -> None:
        doing, command = before.doing, moved.command
        if isinstance(event, Consented) and not event.yes and isinstance(doing, AskConsent):
            self._acted.append(Acting(doing.step, doing.action, dict(doing.params), event.at, "refused"))
        if isinstance(event, Consented) and isinstance(command, DoAction):
            self._acted.append(Acting(command.step, command.action, dict(command.params), event.at))

    def _took(self, tried: Tried, before: State, after: State) -> None:
        self._taken.append(Taken(tried, after if tried.kind == "check" else before))
        if tried.kind not in _CHANGING or tried.result == "refused":
            return
        place = next(
            (n for n in reversed(range(len(self._acted))) if self._acted[n].step == tried.step), None
        )
        if place is None:
            return
        old = self._acted[place]
        if tried.result == "undone" or tried.result.startswith("undo-failed"):
            self._acted[place] = old._replace(
                undone=tried.result == "undone", result=old.result or tried.result
            )
        else:
            self._acted[place] = old._replace(result=tried.result, changed=(*old.changed, *tried.changed))

    def _look(self, at: float) -> None:
        now = {(f.target, f.code): f for f in self._state.findings if f.status in PROBLEMS}
        cut_off = {f.target for f in now.values() if f.code.startswith("link.")}
        for key, finding in now.items():
            old = self._seen.get(key)
            self._seen[key] = Seen(finding, old.first if old else at, at)
        for key, old in self._seen.items():
            # what cannot be asked any more has not been mended by that
            if key not in now and old.gone is None and key[0] not in cut_off:
                self._seen[key] = old._replace(gone=at)

    def end(self) -> Story:
        """Return it all; an action that is being done or undone now has no end that anybody saw."""
        if isinstance(self._state.doing, UndoAction) and self._acted and not self._acted[-1].result:
            self._acted[-1] = self._acted[-1]._replace(result="unclear")
        return Story(
            self._state,
            self._roles,
            tuple(self._taken),
            tuple(self._acted),
            tuple(self._asked),
            tuple(self._shown),
            tuple(self._seen.values()),
        )
