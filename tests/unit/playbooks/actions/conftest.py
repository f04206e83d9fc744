"""Places for actions: one that plays recorded answers, and this computer itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from playbooks.actions.model import Place, Ran
from playbooks.actions.registry import action
from playbooks.actions.system import this_computer
from probes.links import open_link
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Sequence


class Recorded:
    """Answers programs with what was recorded: the words' beginning -> answers, the last one for ever.

    Every command is kept in `ran`, its standard input as JSON in `given`.
    """

    def __init__(self, system: str = "linux", **more: object) -> None:
        self.answers: dict[str, list[Ran]] = {}
        self.ran: list[str] = []
        self.given: list[dict[str, object]] = []
        self.clock = FakeClock()
        self.place = Place(system, self.clock, self._run, parse_target, open_link, **more)
        self.deadline = Deadline.after(30, self.clock)

    def on(self, words: str, *answers: Ran) -> Recorded:
        self.answers[words] = list(answers)
        return self

    def windows(self, *answers: dict[str, object]) -> Recorded:
        return self.on("powershell.exe", *(Ran(0, json.dumps(answer)) for answer in answers))

    def _run(self, words: Sequence[str], deadline: Deadline, given: str = "") -> Ran:
        line = " ".join(words)
        self.ran.append(words[0] if words[0] == "powershell.exe" else line)
        if given:
            self.given.append(json.loads(given))
        key = max((known for known in self.answers if line.startswith(known)), key=len, default=None)
        if key is None:
            return Ran(127)
        row = self.answers[key]
        return row.pop(0) if len(row) > 1 else row[0]

    def plan(self, name: str, **params: str):
        return action(name).plan(params, self.place, self.deadline)

    def run(self, plan):
        return action(plan.action).run(plan, self.place, self.deadline)

    def undo(self, plan):
        return action(plan.action).undo(plan, self.place, self.deadline)


class Here(Recorded):
    """This computer, really."""

    def __init__(self, **more: object) -> None:
        self.clock = SystemClock()
        self.place = this_computer(self.clock, parse_target, **more)
        self.deadline = Deadline.after(30, self.clock)


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def windows() -> Recorded:
    return Recorded("windows")


@pytest.fixture
def here() -> Here:
    return Here()


@pytest.fixture
def settings(tmp_path) -> Here:
    """This computer, where settings in `tmp_path` may be changed."""
    return Here(folders=[str(tmp_path)])
