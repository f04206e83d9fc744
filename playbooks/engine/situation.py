"""What conditions and texts see of a run: values by their names, made from the planner's state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from playbooks.engine.conditions import PROBLEMS, identifier
from playbooks.engine.graph import steps_of
from playbooks.engine.model import AskStep
from supportctl.core.errors import UsageError
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from playbooks.engine.events import Answer, Checked
    from playbooks.engine.graph import Scope
    from playbooks.engine.state import State
    from supportctl.core.finding import Finding

_ACCOUNT = ":"  # an account in a role is KIND:NAME, a target is its URL


class View:
    """A state as the conditions of one scope see it."""

    def __init__(self, state: State, scope: Scope) -> None:
        self._state = state
        self._scope = scope

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The latest findings."""
        return self._state.findings

    @property
    def values(self) -> Mapping[str, object]:
        """The variables."""
        given = self._scope.playbook.parameters
        return {
            **dict(self._answers()),
            **{
                f"params.{identifier(name)}": self._state.params.get(name, parameter.default)
                for name, parameter in given.items()
            },
            "facts": dict(self._state.facts),
        }

    def known(self, role: str) -> bool:
        """Return whether the role has a target."""
        return bool(self._state.roles.get(self._scope.role(role)))

    def protocol(self, role: str) -> str:
        """Return the protocol of the role's first target, "" if there is none."""
        return protocol_of(next(iter(self._state.roles.get(self._scope.role(role), ())), ""))

    def answered(self, step: str) -> bool:
        """Return whether the question of this step has an answer; both spellings of its name will do."""
        names = (step, step.replace("_", "-"))
        return any(self._state.answers.get(self._scope.prefix + name) is not None for name in names)

    def _answers(self) -> Iterable[tuple[str, Answer]]:
        for step in steps_of(self._scope.playbook.steps):
            if isinstance(step, AskStep):
                nothing: Answer = math.nan if step.ask.kind == "number" else ""
                value = self._state.answers.get(self._scope.prefix + step.id)
                yield f"answers.{identifier(step.id)}", nothing if value is None else value


def facts_of(state: State, scope: Scope) -> dict[str, str]:
    """Return what texts and parameters of actions can have filled in.

    Roles by their names, `answers.ID`, `params.NAME`, `facts.NAME`, and for each finding that is a problem
    `finding.CODE.ARGUMENT`; `count.CODE` is how many there are.
    """
    facts = {name: ", ".join(targets) for name, targets in state.roles.items()}
    for inner, outer in scope.roles.items():
        facts[inner] = facts.get(outer, "")
    for node, answer in state.answers.items():
        if answer is not None and node.startswith(scope.prefix):
            facts[f"answers.{node.removeprefix(scope.prefix)}"] = told(answer)
    for name, parameter in scope.playbook.parameters.items():
        facts[f"params.{name}"] = state.params.get(name, parameter.default)
    facts.update({f"facts.{name}": told(value) for name, value in state.facts.items()})
    for finding in state.findings:
        if finding.status in PROBLEMS:
            for name, value in finding.args.items():
                facts.setdefault(f"finding.{finding.code}.{name}", told(value))
            count = f"count.{finding.code}"
            facts[count] = told(float(facts.get(count, "0")) + float(finding.args.get("count", 1)))
    return facts


def told(value: Answer) -> str:
    """Return a value as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def protocol_of(target: str) -> str:
    """Return the protocol of a target's URL, or the kind of an account (`bitrix24:acme`)."""
    if "://" not in target:
        return target.partition(_ACCOUNT)[0]
    try:
        parsed = parse_target(target)
    except UsageError:
        return ""
    return parsed.protocol or ""


def merged(known: tuple[Finding, ...], event: Checked) -> tuple[Finding, ...]:
    """Return the findings after a check: what it asked about replaces what was known of the same.

    A check with filters replaces only the areas that it asked about, and the wire's (`link.`).
    """
    asked = {finding.target for finding in event.findings} | set(event.targets)

    def stays(finding: Finding) -> bool:
        area = finding.code.partition(".")[0]
        return finding.target not in asked or bool(
            event.areas and area not in {*event.areas, "link", "check"}
        )

    return (*filter(stays, known), *event.findings)


def changes(before: tuple[Finding, ...], after: tuple[Finding, ...]) -> tuple[str, ...]:
    """Return which problems went (`-code`) and came (`+code`)."""
    old = {(finding.target, finding.code) for finding in before if finding.status in PROBLEMS}
    new = {(finding.target, finding.code) for finding in after if finding.status in PROBLEMS}
    went = [f"-{code}" for _, code in sorted(old - new)]
    return (*dict.fromkeys(went), *dict.fromkeys(f"+{code}" for _, code in sorted(new - old)))
