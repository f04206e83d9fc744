"""Mistakes that the model cannot see: steps that do not exist or exist twice, conditions that are none."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from playbooks.engine.conditions import FUNCTIONS, ConditionError
from playbooks.engine.graph import conditions_of
from playbooks.engine.model import BranchStep, GotoStep
from playbooks.engine.places import conditions, steps
from supportctl.core.nearest import nearest
from supportctl.reading.problems import Problem
from supportctl.reading.yaml_tree import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from playbooks.engine.conditions import Conditions, Trouble
    from playbooks.engine.model import Playbook
    from playbooks.engine.places import Path
    from supportctl.core.finding import Finding
    from supportctl.reading.yaml_tree import Node

_BUDGET = re.compile(r"budget|too deep|recursion", re.IGNORECASE)
_NO_BOOL = re.compile(r"it gives (\w+) instead of bool")


def step_problems(playbook: Playbook, tree: Node) -> Iterator[Problem]:
    """Yield ids that are given twice, and jumps to steps that do not exist."""
    lines: dict[str, int] = {}
    for path, step in steps(playbook):
        place = tree.place_of((*path, "id"))
        if step.id in lines:
            args = {"found": step.id, "playbook": playbook.name, "first": lines[step.id]}
            yield Problem("playbook.same-id", *place, args)
        lines.setdefault(step.id, place.line)
    for path, goal in _jumps(playbook):
        if goal not in lines:
            args = {"found": goal, "nearest": nearest(goal, lines)}
            yield Problem("playbook.no-such-step", *tree.place_of(path), args)


def _jumps(playbook: Playbook) -> Iterator[tuple[Path, str]]:
    for path, step in steps(playbook):
        if isinstance(step, GotoStep):
            yield (*path, "goto"), step.goto
        elif isinstance(step, BranchStep):
            for number, arm in enumerate(step.branch.arms):
                if arm.goto:
                    yield (*path, "branch", "arms", number, "goto"), arm.goto


def condition_problems(playbook: Playbook, tree: Node, lines: Sequence[str]) -> Iterator[Problem]:
    """Yield conditions that are not CEL, name what does not exist, give no yes or no, or do not end.

    Each is tried once without any findings: that runs nothing and shows which one never ends.
    """
    compiler, nothing = conditions_of(playbook), _Nothing(playbook)
    for path, text, _ in conditions(playbook):
        try:
            compiler.compile(text)
        except ConditionError as error:
            yield _problem(error.trouble, text, _value_place(tree, path), lines, compiler)
            continue
        try:
            compiler.holds(text, nothing)
        except ConditionError as error:  # a fact that is not there yet is no mistake
            if _BUDGET.search(error.trouble.text):
                yield Problem("playbook.endless-condition", *_value_place(tree, path), {"found": text})


def _problem(
    trouble: Trouble, text: str, place: Place, lines: Sequence[str], compiler: Conditions
) -> Problem:
    column = text.find(trouble.name) + 1 if trouble.name and trouble.name in text else trouble.column
    place = _inside(place, text, column, lines)
    args: dict[str, object] = {"condition": text, "found": trouble.name or text, "problem": trouble.text}
    if trouble.name:
        known = [*(name for name in compiler.variables), *FUNCTIONS]
        return Problem("playbook.unknown-value", *place, {**args, "nearest": _near(trouble.name, known)})
    number = _NO_BOOL.search(trouble.text)
    if number:
        return Problem("playbook.not-a-condition", *place, {**args, "gives": number[1].lower()})
    return Problem("playbook.bad-condition", *place, args)


def _near(name: str, known: Sequence[str]) -> str:
    """Return what is like `name`: of its own group where it names one (`answers.`), else of all."""
    group = name.partition(".")[0] + "."
    same = [other for other in known if other.startswith(group)] if "." in name else []
    return nearest(name, same or known)


def _value_place(tree: Node, path: Path) -> Place:
    node = tree
    for part in path:
        inner = node.step(part)
        if inner is None:
            return node.place
        node = inner
    return node.place


def _inside(place: Place, text: str, column: int, lines: Sequence[str]) -> Place:
    """Return the place of a column of a condition; of its beginning where it is folded or has escapes."""
    written = lines[place.line - 1][place.column - 1 :] if place.line <= len(lines) else ""
    for quote in ("", '"', "'"):
        if written.startswith(quote + text):
            return Place(place.line, place.column + len(quote) + max(column, 1) - 1)
    return place


class _Nothing:
    """A situation in which nothing is known yet."""

    findings: tuple[Finding, ...] = ()

    def __init__(self, playbook: Playbook) -> None:
        answers = conditions_of(playbook).variables
        self.values: Mapping[str, object] = {
            name: {} if name == "facts" else math.nan if kind.name() == "DOUBLE" else ""
            for name, kind in answers.items()
        }

    def known(self, role: str) -> bool:  # noqa: ARG002  nothing is
        """No role has a target."""
        return False

    def protocol(self, role: str) -> str:  # noqa: ARG002
        """No target, no protocol."""
        return ""

    def answered(self, step: str) -> bool:  # noqa: ARG002
        """No question was answered."""
        return False
