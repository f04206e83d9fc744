"""Where the parts of a playbook stand in its file: its steps, conditions, checks and texts, by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.model import (
    ActStep,
    AskStep,
    BranchStep,
    CheckStep,
    HandOverStep,
    OutOfScopeStep,
    ReplyStep,
    ResendStep,
    SolvedStep,
    SyncStep,
    TellStep,
    WaitStep,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from playbooks.engine.model import Check, Playbook, Step

Path = tuple[int | str, ...]


class PlacedStep(NamedTuple):
    """A step and its path in the file."""

    path: Path
    step: Step


class PlacedCondition(NamedTuple):
    """A condition, its path, and the step it belongs to."""

    path: Path
    text: str
    step: Step


class PlacedCheck(NamedTuple):
    """A check, its path, and the step it belongs to."""

    path: Path
    check: Check
    step: Step


class PlacedText(NamedTuple):
    """A text in its languages. `kind`: `tell`, `question`, `why`, `reply`, `title` ... `to`: who reads it."""

    path: Path
    text: Mapping[str, str]
    kind: str
    to: str


def steps(playbook: Playbook) -> Iterator[PlacedStep]:
    """Yield all steps in the order of the file, with those inside branches."""
    yield from _steps(playbook.steps, ("steps",))


def _steps(block: Sequence[Step], path: Path) -> Iterator[PlacedStep]:
    for number, step in enumerate(block):
        here = (*path, number)
        yield PlacedStep(here, step)
        if isinstance(step, BranchStep):
            for arm_number, arm in enumerate(step.branch.arms):
                yield from _steps(arm.steps, (*here, "branch", "arms", arm_number, "steps"))
            yield from _steps(step.branch.otherwise, (*here, "branch", "otherwise"))


def conditions(playbook: Playbook) -> Iterator[PlacedCondition]:
    """Yield all conditions in the order of the steps."""
    for path, step in steps(playbook):
        for inner, text in _conditions(step):
            if text is not None:
                yield PlacedCondition((*path, *inner), text, step)


def _conditions(step: Step) -> Iterator[tuple[Path, str | None]]:
    yield ("when",), step.when
    if isinstance(step, CheckStep | SyncStep):
        yield ("solved_if",), step.solved_if
    if isinstance(step, TellStep | ActStep | ResendStep) and step.verify:
        yield ("verify", "expect"), step.verify.expect
    if isinstance(step, WaitStep):
        yield ("wait", "until"), step.wait.until
    if isinstance(step, BranchStep):
        for number, arm in enumerate(step.branch.arms):
            yield ("branch", "arms", number, "when"), arm.when


def checks(playbook: Playbook) -> Iterator[PlacedCheck]:
    """Yield all checks, those that verify or wait included."""
    for path, step in steps(playbook):
        if isinstance(step, CheckStep):
            yield PlacedCheck((*path, "check"), step.check, step)
        if isinstance(step, TellStep | ActStep | ResendStep) and step.verify:
            yield PlacedCheck((*path, "verify", "check"), step.verify.check, step)
        if isinstance(step, WaitStep) and step.wait.check:
            yield PlacedCheck((*path, "wait", "check"), step.wait.check, step)


def texts(playbook: Playbook) -> Iterator[PlacedText]:
    """Yield all texts of a playbook, those of its head first."""
    yield PlacedText(("title",), playbook.title, "title", "supporter")
    yield PlacedText(("about",), playbook.about, "about", "supporter")
    for section in ("roles", "parameters"):
        for name, part in getattr(playbook, section).items():
            yield PlacedText((section, name, "title"), part.title, "title", "supporter")
    for name, cause in playbook.causes.items():
        yield PlacedText(("causes", name), cause, "cause", "supporter")
    for path, step in steps(playbook):
        for inner, text, kind, to in _texts(step):
            yield PlacedText((*path, *inner), text, kind, to)


def _texts(step: Step) -> Iterator[tuple[Path, Mapping[str, str], str, str]]:
    if isinstance(step, AskStep):
        yield ("ask", "question"), step.ask.question, "question", step.ask.of
        yield ("ask", "why"), step.ask.why, "why", step.ask.of
        for name, choice in step.ask.choices.items():
            yield ("ask", "choices", name), choice, "choice", step.ask.of
    elif isinstance(step, TellStep):
        yield ("tell", "say"), step.tell.say, "tell", step.tell.to
    elif isinstance(step, WaitStep) and step.wait.say:
        yield ("wait", "say"), step.wait.say, "wait", "customer"
    elif isinstance(step, ReplyStep):
        yield ("reply", "text"), step.reply.text, "reply", "customer"
    elif isinstance(step, HandOverStep):
        yield ("hand_over", "reason"), step.hand_over.reason, "reason", "supporter"
    elif isinstance(step, OutOfScopeStep):
        yield ("out_of_scope", "say"), step.out_of_scope.say, "say", "customer"
        yield ("out_of_scope", "whom"), step.out_of_scope.whom, "whom", "customer"
    elif isinstance(step, SolvedStep):
        yield ("solved", "say"), step.solved.say, "say", "customer"
