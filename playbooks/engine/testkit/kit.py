"""Runs the cases of a playbook through executor, planner and journal, and says what is not as expected."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from playbooks.engine.executor import Executor, Since
from playbooks.engine.journal import Journal, replay
from playbooks.engine.records import Header
from playbooks.engine.state import State
from playbooks.engine.testkit.cases import read_tests, tests_of
from playbooks.engine.testkit.script import Miss, MissError, Script
from playbooks.engine.testkit.world import Memory, Shop, TestHands
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.core.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playbooks.engine import records
    from playbooks.engine.events import Event
    from playbooks.engine.graph import Graph
    from playbooks.engine.library import Library
    from playbooks.engine.model import Check
    from playbooks.engine.ports import Looked
    from playbooks.engine.records import Intent
    from playbooks.engine.state import Notice
    from playbooks.engine.testkit.format import Case

_FAST = Path("/dev/shm")  # noqa: S108  journals of tests need no disk; their folder has a name of its own


class KilledError(BaseException):
    """Stands for SIGKILL: nothing that follows is done."""


class Ended(NamedTuple):
    """How one case went: what is not as expected, the last state, when a cause was named first.

    `lines` are the kinds of the records in its journal, after the header.
    """

    case: Case
    misses: tuple[Miss, ...]
    state: State
    named_at: float | None = None
    lines: tuple[str, ...] = ()


class Tested(NamedTuple):
    """All cases of a playbook. `steps` and `ways` are those of its own that no case has reached."""

    playbook: str
    cases: tuple[Ended, ...]
    steps: tuple[str, ...]
    ways: tuple[str, ...]
    all_steps: int
    all_ways: int

    @property
    def good(self) -> bool:
        """Return whether every case went as it should, and every step was reached."""
        return not self.steps and not any(ended.misses for ended in self.cases)


class Kit:
    """The tests of one playbook, inside `with`: its lab runs meanwhile. `check` asks real targets."""

    def __init__(
        self, library: Library, name: str, check: Callable[[Check, tuple[str, ...]], Looked]
    ) -> None:
        self.name = name
        self.test = read_tests(tests_of(library, name))
        self.graph = library.graph(name)
        self._check = check
        self.heard: Callable[[Notice], None] = lambda _notice: None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the lab."""
        devices = tuple(
            DeviceSpec(name, device.protocol, (device.wire,), model=device.model)
            for name, device in self.test.lab.items()
        )
        lab = self._stack.enter_context(Lab(Scenario(f"test-{self.name}", devices))) if devices else None
        self._memory = Memory(lab, self._check)
        place = str(_FAST) if _FAST.is_dir() else None
        self._folder = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="supportctl-test-", dir=place))
        )
        return self

    def __exit__(self, *_failure: object) -> None:
        """Stop the lab."""
        self._stack.close()

    def run(self) -> Tested:
        """Run all cases."""
        return tested(self.name, self.graph, tuple(self.case(case) for case in self.test.cases))

    def case(self, case: Case, *, kill_at: float | None = None) -> Ended:
        """Run one case. `kill_at` 3.0 kills the process after the third record of the journal, 2.5 before it.

        A killed run is resumed in what stands for a new process, from its journal alone.
        """
        clock = FakeClock()
        hands = TestHands(self._memory, self.test, Shop({}).after(case.world))
        hands.roles = case.roles
        script = Script(case.turns, hands, self.graph, clock)
        script.heard = self.heard
        path = self._folder / f"{len(list(self._folder.iterdir()))}.jsonl"
        header = Header(path.stem, self.name, 1, "test", "test", "en", clock.now())
        world = _World(self.graph, hands, script, clock)
        try:
            with Journal.begin(path, header) as journal:
                tap = _Tap(journal, script, kill_at)
                state = world.begin(tap, case)
            lines = tuple(tap.lines)
        except KilledError:
            script.forget()
            state, lines = world.resume(path), ()
        except MissError as error:
            return Ended(case, (error.miss,), State())
        finally:
            path.unlink(missing_ok=True)
        misses = tuple(_misses(case, state, script))
        named = next((at for cause, at in script.causes if cause == state.cause), None)
        return Ended(case, misses, state, named, lines)


class _World(NamedTuple):
    graph: Graph
    hands: TestHands
    script: Script
    clock: FakeClock

    def begin(self, tap: _Tap, case: Case) -> State:
        roles = {name: self.hands.candidates(name, role, None) for name, role in self.graph.roles.items()}
        since = Since(self.clock, self.clock.now())
        executor = Executor(self.graph, self.hands, self.script, tap, since)  # type: ignore[arg-type]
        return executor.begin(roles, case.params).state

    def resume(self, path: Path) -> State:
        journal, record = Journal.reopen(path)
        with journal:
            if not record.events:
                raise KilledError  # there is nothing yet to go on with
            state = replay(self.graph, record)
            if state.finish is not None:
                return state
            since = Since(self.clock, record.header.started_at, record.last_at)
            tap = _Tap(journal, self.script, None)
            executor = Executor(self.graph, self.hands, self.script, tap, since)  # type: ignore[arg-type]
            return executor.resume(record, state).state


class _Tap:
    """The journal, with a place where the process dies."""

    def __init__(self, journal: Journal, script: Script, kill_at: float | None) -> None:
        self._journal = journal
        self._script = script
        self._kill_at = kill_at
        self.lines: list[str] = []

    def hear(self, event: Event) -> Event:
        self._dies(0.5)
        heard = self._journal.hear(event)
        self._script.write_down()
        self._has(event)
        return heard

    def intend(self, intent: Intent) -> None:
        self._dies(0.5)
        self._journal.intend(intent)
        self._has(intent)

    def end(self, ended: records.Ended) -> None:
        self._dies(0.5)
        self._journal.end(ended)
        self._has(ended)

    def sync(self) -> None:
        self._journal.sync()

    def _has(self, record: object) -> None:
        self.lines.append(type(record).__name__)
        self._dies(0.0)

    def _dies(self, share: float) -> None:
        if self._kill_at == len(self.lines) + share:
            raise KilledError


def tested(name: str, graph: Graph, cases: tuple[Ended, ...]) -> Tested:
    """Return what cases have reached of a playbook's own steps and arms."""
    own = {node for node in graph.nodes if "/" not in node}
    ways = {way.id for found in graph.ways.values() for way in found if "/" not in way.id}
    reached = {step for ended in cases for step in ended.state.visits}
    taken = {way for ended in cases for way in ended.state.taken}
    return Tested(name, cases, tuple(sorted(own - reached)), tuple(sorted(ways - taken)), len(own), len(ways))


def _misses(case: Case, state: State, script: Script) -> Iterator[Miss]:
    finish, expected = state.finish, case.expect
    if finish is None:
        yield Miss("outcome", expected.outcome, "the run has not ended")
        return
    if finish.outcome.value != expected.outcome:
        yield Miss("outcome", expected.outcome, f"{finish.outcome.value} at {finish.step}")
    if expected.why is not None and (finish.why is None or finish.why.value != expected.why):
        yield Miss("why", expected.why, finish.why.value if finish.why else "-")
    pairs = (
        ("cause", expected.cause, state.cause),
        ("to", expected.to, finish.to),
        ("at", expected.at, finish.step),
    )
    for what, wanted, found in pairs:
        if wanted is not None and wanted != found:
            yield Miss(what, wanted, found or "-")
    if state.now > expected.within:
        yield Miss("time", f"at most {expected.within:g} s", f"{state.now:g} s")
    undone = tuple(tried.step for tried in state.tried if tried.result == "undone")
    if undone != expected.undone:
        yield Miss("undone", ", ".join(expected.undone) or "-", ", ".join(undone) or "-")
    if expected.reply is not None and not any(expected.reply in reply for reply in script.replies):
        yield Miss("reply", expected.reply, " | ".join(script.replies) or "-")
    if script.left:
        yield Miss("turns", "all to be asked for", f"left: {', '.join(turn.at for turn in script.left)}")
