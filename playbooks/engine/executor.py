"""Carries a run out: event, planner, command, hands or person, event. Every event is in the journal first.

Event times are seconds since the run began, pauses included. Within a process they follow the monotonic
clock: an action may set the clock of this computer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from playbooks.actions.model import Done
from playbooks.engine.events import (
    Acted,
    Answered,
    Begun,
    Checked,
    Consented,
    GaveUp,
    HandOverNow,
    Resumed,
    Shown,
    Ticked,
    Told,
    Undone,
    Waited,
)
from playbooks.engine.planner import deadline_at, move
from playbooks.engine.ports import Key, Late
from playbooks.engine.records import Ended, Intent
from playbooks.engine.state import (
    AskConsent,
    AskPerson,
    DoAction,
    Finish,
    LookAtLane,
    RunCheck,
    RunSync,
    ShowReply,
    State,
    TellPerson,
    UndoAction,
    Wait,
)
from supportctl.core.errors import SupportctlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from playbooks.actions.model import Plan
    from playbooks.engine.events import Event
    from playbooks.engine.graph import Graph
    from playbooks.engine.journal import Journal, Record
    from playbooks.engine.ports import Hands, Person
    from playbooks.engine.state import Command
    from supportctl.core.clock import Clock

DRY_RUN = "action.dry-run"
CRASHED = "action.crashed"
NOT_WHOLE = "action.undo-data-secret"
NEEDLESS = "action.needless"
HAND_OVER, GAVE_UP, PAUSE = "hand-over", "gave-up", "pause"
PAUSED = "paused"


class Since:
    """The clock of one run: seconds since it began. `at` is what it shows now."""

    def __init__(self, clock: Clock, started_at: datetime, at_least: float = 0.0) -> None:
        passed = (clock.now() - started_at).total_seconds()
        self._clock = clock
        self._base = max(passed, at_least, 0.0)  # a clock that was set back meanwhile takes no time away
        self._zero = clock.monotonic()

    def __call__(self) -> float:
        """Return the seconds."""
        return round(self._base + self._clock.monotonic() - self._zero, 3)


class Result(NamedTuple):
    """How far a run came: to its end, or to a pause."""

    state: State
    paused: bool


class _PausedError(Exception):
    """The person puts the run aside."""


class Executor:
    """One run in this process.

    With `dry_run` nothing is done: what an action would do is planned and told, then the run goes on as if it
    had not helped (`action.dry-run`).
    """

    def __init__(
        self,
        graph: Graph,
        hands: Hands,
        person: Person,
        journal: Journal,
        since: Since,
        *,
        dry_run: bool = False,
    ) -> None:
        self._graph = graph
        self._hands = hands
        self._person = person
        self._journal = journal
        self._since = since
        self._dry_run = dry_run
        self._plans: dict[str, tuple[Plan, bool]] = {}  # of steps that were to be done
        self._needless: set[str] = set()
        self._state = State()

    def begin(self, roles: Mapping[str, tuple[str, ...]], params: Mapping[str, str]) -> Result:
        """Run from the beginning."""
        return self._run(Begun(self._since(), roles, params))

    def resume(self, record: Record, state: State, extra_s: float = 0.0) -> Result:
        """Go on with a run; the pause does not count against its budget."""
        self._state = state
        self._plans = record.plans()
        pause = max(self._since() - record.last_at, 0.0)
        return self._run(Resumed(self._since(), round(pause + extra_s, 3)))

    def _run(self, event: Event) -> Result:
        try:
            while True:
                command = self._hear(event)
                if isinstance(command, Finish):
                    return self._finish(command)
                if command is None:  # an ended run that cannot go on, or nothing new: ask again
                    if self._state.finish is not None:
                        return self._finish(self._state.finish)
                    command = self._state.doing
                    assert command is not None, "a run that has not ended waits for something"
                event = self._carry_out(command)
        except (_PausedError, KeyboardInterrupt):
            self._journal.end(Ended(self._since(), PAUSED, step=self._state.at))
            return Result(self._state, paused=True)

    def _hear(self, event: Event) -> Command | None:
        made = move(self._graph, self._state, self._journal.hear(event))
        self._state = made.state
        for notice in made.notices:
            self._person.notice(notice, made.state)
        return made.command

    def _finish(self, finish: Finish) -> Result:
        why = finish.why.value if finish.why else ""
        self._journal.end(Ended(self._since(), finish.outcome.value, why, finish.to, finish.step))
        self._person.finished(finish, self._state, self._graph)
        return Result(self._state, paused=False)

    def _carry_out(self, command: Command) -> Event:
        """Do what the planner asks for; return what came of it."""
        match command:
            case RunCheck() | RunSync() | LookAtLane():
                return self._look(command)
            case AskConsent():
                return self._consent(command)
            case DoAction():
                return self._act(command)
            case UndoAction():
                return self._undo(command)
            case Finish():
                raise AssertionError("an end is not carried out")
            case _:
                return self._meet(command)

    def _meet(self, command: AskPerson | TellPerson | Wait | ShowReply) -> Event:
        """Turn to the person; return what they say."""
        now, until = self._since, deadline_at(self._state)
        if isinstance(command, AskPerson):
            answer = self._person.ask(command, self._state, until)
            return self._wish(answer) if isinstance(answer, Key | Late) else Answered(now(), answer)
        if isinstance(command, TellPerson):
            said = self._person.tell(command, self._state, until)
            return self._wish(said) if isinstance(said, Key | Late) else Told(now(), said)
        if isinstance(command, Wait):
            key = self._person.wait(command, self._state)
            return self._wish(key) if key else Waited(now())
        key = self._person.show(command, self._state)
        return self._wish(key) if key else Shown(now())

    def _wish(self, said: Key | Late) -> HandOverNow | GaveUp | Ticked:
        """Return the event of a key or of silence."""
        if isinstance(said, Late):
            return Ticked(self._since())
        if said.wish == PAUSE:
            raise _PausedError
        return HandOverNow(self._since()) if said.wish == HAND_OVER else GaveUp(self._since())

    # --- looking ------------------------------------------------------------------------------------------

    def _look(self, command: RunCheck | RunSync | LookAtLane) -> Event:
        self._person.looking(command, self._state)
        if isinstance(command, RunCheck):
            looked = self._hands.check(command.check, command.targets)
        elif isinstance(command, RunSync):
            looked = self._hands.sync(command.source, command.crm, command.since)
        else:
            looked = self._hands.lane(command.destination)
        return Checked(self._since(), looked.findings, looked.targets, looked.areas, looked.facts)

    # --- changing -----------------------------------------------------------------------------------------

    def _consent(self, ask: AskConsent) -> Event:
        """Plan, and ask. The intent is in the journal before the consent: who reads the one has the other."""
        try:
            plan = self._hands.plan(ask.action, ask.params)
        except SupportctlError as error:
            self._person.failed(error.key, error.args_by_name)
            return Consented(self._since(), yes=False, code=error.key, words=error.args_by_name)
        if plan.needless:
            self._plans[ask.step] = (plan, True)
            self._needless.add(ask.step)
            self._journal.intend(Intent(self._since(), ask.step, plan))
            return Consented(self._since(), yes=True, code=NEEDLESS)
        said = self._person.consent(ask, plan, self._state, deadline_at(self._state))
        if isinstance(said, Key | Late):
            return self._wish(said)
        if said:
            self._needless.discard(ask.step)
            self._plans[ask.step] = (plan, True)
            if not self._dry_run:
                self._journal.intend(Intent(self._since(), ask.step, plan))
        return Consented(self._since(), yes=said)

    def _act(self, command: DoAction) -> Event:
        plan, _ = self._plans[command.step]
        if command.step in self._needless:
            return Acted(self._since(), ok=True, needless=True)
        if self._dry_run:
            del self._plans[command.step]  # nothing was changed, nothing will have to be brought back
            self._person.failed(DRY_RUN, {})
            return Acted(self._since(), ok=False, code=DRY_RUN)
        self._journal.sync()
        self._person.looking(command, self._state)
        done = self._guarded(lambda: self._hands.act(plan))
        return Acted(self._since(), done.ok, done.code, dict(done.words))

    def _undo(self, command: UndoAction) -> Event:
        plan, whole = self._plans.get(command.step, (None, True))
        if plan is None or plan.needless or self._dry_run:  # nothing was changed
            return Undone(self._since(), ok=True)
        if not whole:
            self._person.failed(NOT_WHOLE, {})
            return Undone(self._since(), ok=False, code=NOT_WHOLE)
        self._journal.sync()
        self._person.looking(command, self._state)
        done = self._guarded(lambda: self._hands.undo(plan))
        return Undone(self._since(), done.ok, done.code)

    def _guarded(self, change: Callable[[], Done]) -> Done:
        """A change that crashes has failed: what it did must be brought back like that of any other."""
        try:
            done = change()
        except SupportctlError as error:
            done = Done(ok=False, code=error.key, words=error.args_by_name)
        except Exception as error:  # noqa: BLE001  whatever it was, the undo comes next
            done = Done(ok=False, code=CRASHED, words={"found": f"{type(error).__name__}: {error}"})
        if not done.ok:
            self._person.failed(done.code, done.words)
        return done
