"""Rules about names: what a playbook refers to exists, and what it declares is used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.conditions import identifier
from playbooks.engine.lint.table import Found
from playbooks.engine.model import (
    ActStep,
    AskStep,
    BranchStep,
    IncludeStep,
    ResendStep,
    SolvedStep,
    SyncStep,
)
from playbooks.engine.texts import places
from supportctl.core.nearest import nearest
from supportctl.core.secret_patterns import HIDDEN, is_secret_name
from supportctl.core.secrets import is_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playbooks.engine.lint.table import Subject
    from playbooks.engine.places import Path

COMPUTER = "computer"
_CALL = re.compile(r"""\b(\w+)\(\s*(?:"([^"]*)"|'([^']*)')""")
_COMPARED = re.compile(
    r"""\banswers\.(\w+)\s*[!=]=\s*["']([^"']*)["']|["']([^"']*)["']\s*[!=]=\s*answers\.(\w+)"""
)
_IN_LIST = re.compile(r"""\banswers\.(\w+)\s+in\s+\[([^\]]*)\]""")
_QUOTED = re.compile(r"""["']([^"']*)["']""")
_OF_PROBLEMS = {"found", "fault", "warning", "unknown", "count", "arg", "number"}
_OF_ROLES = {"known", "protocol"}


class _Call(NamedTuple):
    path: Path
    function: str
    word: str


def _calls(subject: Subject) -> Iterator[_Call]:
    for path, text, _ in subject.conditions:
        for function, double, single in _CALL.findall(text):
            yield _Call(path, function, double or single)


def roles_are_declared(subject: Subject) -> Iterator[Found]:
    """What a check, a comparison or a condition asks of is a role, or `computer`."""
    known = [*subject.playbook.roles, COMPUTER]
    for path, name in _roles_named(subject):
        if name not in known:
            yield Found(path, {"found": name, "nearest": nearest(name, known)})


def _roles_named(subject: Subject) -> Iterator[tuple[Path, str]]:
    for path, check, _ in subject.checks:
        for number, name in enumerate(check.targets):
            yield (*path, "targets", number), name
    for call in _calls(subject):
        if call.function in _OF_ROLES:
            yield call.path, call.word
    for path, step in subject.steps:
        if isinstance(step, SyncStep):
            yield (*path, "sync", "source"), step.sync.source
            yield (*path, "sync", "crm"), step.sync.crm
        elif isinstance(step, ResendStep):
            yield (*path, "resend", "destination"), step.resend.destination
        elif isinstance(step, IncludeStep):
            for inner, outer in step.roles.items():
                yield (*path, "roles", inner), outer


def included_roles_exist(subject: Subject) -> Iterator[Found]:
    """The roles that an include maps are roles of the included playbook."""
    if subject.graph is None:
        return
    for path, step in subject.steps:
        if isinstance(step, IncludeStep):
            known = list(subject.library.find(step.include).roles)
            for inner in step.roles:
                if inner not in known:
                    yield Found((*path, "roles", inner), {"found": inner, "nearest": nearest(inner, known)})


def what_is_declared_is_used(subject: Subject) -> Iterator[Found]:
    """A role, a parameter or a cause that nothing refers to is left over, or mistyped elsewhere."""
    if any(isinstance(step, IncludeStep) for _, step in subject.steps):
        return  # what is included may use it
    filled = set(_places(subject))
    in_conditions = " ".join(condition.text for condition in subject.conditions)
    roles = {name for _, name in _roles_named(subject)} | filled
    params = {name.removeprefix("params.") for name in filled if name.startswith("params.")}
    params |= {name for name in subject.playbook.parameters if f"params.{identifier(name)}" in in_conditions}
    causes = {name for _, name in _causes_named(subject)}
    for section, used in (("roles", roles), ("parameters", params), ("causes", causes)):
        for name in getattr(subject.playbook, section):
            if name not in used:
                yield Found((section, name), {"found": name})


def causes_are_declared(subject: Subject) -> Iterator[Found]:
    """A cause that an arm or an end names has its words in the head."""
    known = list(subject.playbook.causes)
    for path, name in _causes_named(subject):
        if name not in known:
            yield Found(path, {"found": name, "nearest": nearest(name, known)})


def _causes_named(subject: Subject) -> Iterator[tuple[Path, str]]:
    for path, step in subject.steps:
        if isinstance(step, SolvedStep) and step.solved.cause:
            yield (*path, "solved", "cause"), step.solved.cause
        if isinstance(step, BranchStep):
            for number, arm in enumerate(step.branch.arms):
                if arm.cause:
                    yield (*path, "branch", "arms", number, "cause"), arm.cause


def places_can_be_filled(subject: Subject) -> Iterator[Found]:
    """A place in a text names a role, an answer, a parameter, a fact, or a value of a finding."""
    book = subject.playbook
    answers = [f"answers.{step.id}" for _, step in subject.steps if isinstance(step, AskStep)]
    known = [*book.roles, *answers, *(f"params.{name}" for name in book.parameters)]
    for path, text in _filled_texts(subject):
        for name in places(text):
            if name not in known and not _is_fact(subject, name):
                yield Found(path, {"found": name, "nearest": nearest(name, [*known, "finding.CODE.NAME"])})


def _is_fact(subject: Subject, name: str) -> bool:
    kind, _, rest = name.partition(".")
    if kind == "finding":
        return rest.rpartition(".")[0] in subject.known.codes
    return (kind == "facts" and bool(rest)) or (kind == "count" and rest in subject.known.codes)


def _filled_texts(subject: Subject) -> Iterator[tuple[Path, str]]:
    for path, text, _, _ in subject.texts:
        for lang, words in text.items():
            yield (*path, lang), words
    for path, step in subject.steps:
        if isinstance(step, ActStep):
            for name, value in step.act.params.items():
                yield (*path, "act", "params", name), value
        elif isinstance(step, SyncStep):
            yield (*path, "sync", "since"), step.sync.since
        elif isinstance(step, ResendStep):
            yield (*path, "resend", "since"), step.resend.since


def _places(subject: Subject) -> Iterator[str]:
    for _, text in _filled_texts(subject):
        yield from places(text)


def codes_exist(subject: Subject) -> Iterator[Found]:
    """A pattern of codes in a condition or a check matches something that can be found."""
    known = subject.known
    for call in _calls(subject):
        matches = known.matches_code(call.word) or known.matches_good(call.word)
        if call.function in {*_OF_PROBLEMS, "ok"} and not matches:
            yield Found(call.path, {"found": call.word, "nearest": known.nearest_code(call.word)})
    for path, check, _ in subject.checks:
        for part in ("only", "skip"):
            for number, glob in enumerate(getattr(check, part)):
                if not known.matches_question(glob):
                    args = {"found": glob, "nearest": known.nearest_code(glob)}
                    yield Found((*path, part, number), args)


def codes_are_asked_the_right_way(subject: Subject) -> Iterator[Found]:
    """`ok` is asked about a question (`printer.paper`), the others about a problem (`printer.paper-out`)."""
    known = subject.known
    for call in _calls(subject):
        is_code, is_good = known.matches_code(call.word), known.matches_good(call.word)
        if (call.function == "ok" and is_code and not is_good) or (
            call.function in _OF_PROBLEMS - {"count", "arg", "number"} and is_good and not is_code
        ):
            nearest_ = known.nearest_code(call.word)
            yield Found(call.path, {"function": call.function, "found": call.word, "nearest": nearest_})


def actions_exist(subject: Subject) -> Iterator[Found]:
    """An action is registered."""
    for path, step in subject.steps:
        if isinstance(step, ActStep) and subject.known.params(step.act.action) is None:
            close = nearest(step.act.action, subject.known.actions)
            yield Found((*path, "act", "action"), {"found": step.act.action, "nearest": close})


def actions_get_their_parameters(subject: Subject) -> Iterator[Found]:
    """An action gets what it needs, and nothing that it does not know."""
    for path, step in subject.steps:
        params = subject.known.params(step.act.action) if isinstance(step, ActStep) else None
        if params is None or not isinstance(step, ActStep):
            continue
        action, known = step.act.action, ", ".join(params) or "-"
        for name in step.act.params:
            if name not in params:
                yield Found((*path, "act", "params", name), {"action": action, "found": name, "known": known})
        for name, needed in params.items():
            if needed and name not in step.act.params:
                yield Found((*path, "act", "action"), {"action": action, "found": name, "known": known})


def answers_are_choices(subject: Subject) -> Iterator[Found]:
    """A condition compares an answer with one of its choices."""
    questions = {identifier(s.id): s.ask for _, s in subject.steps if isinstance(s, AskStep)}
    for path, text, _ in subject.conditions:
        for name, value in _comparisons(text):
            ask = questions.get(name)
            if ask is None or ask.kind not in {"choice", "yes-no"} or not value:
                continue
            known = list(ask.choices) if ask.kind == "choice" else ["yes", "no"]
            if value not in known:
                yield Found(path, {"question": name, "found": value, "nearest": nearest(value, known)})


def _comparisons(text: str) -> Iterator[tuple[str, str]]:
    for name, value, other_value, other_name in _COMPARED.findall(text):
        yield name or other_name, value or other_value
    for name, inside in _IN_LIST.findall(text):
        for value in _QUOTED.findall(inside):
            yield name, value


def questions_exist(subject: Subject) -> Iterator[Found]:
    """`answered` is asked about a question."""
    known = [step.id for _, step in subject.steps if isinstance(step, AskStep)]
    for call in _calls(subject):
        if call.function == "answered" and call.word.replace("_", "-") not in known:
            yield Found(call.path, {"found": call.word, "nearest": nearest(call.word, known)})


def questions_can_be_answered(subject: Subject) -> Iterator[Found]:
    """A choice has at least two answers; only a choice has any; limits leave something between them."""
    for path, step in subject.steps:
        if not isinstance(step, AskStep):
            continue
        ask = step.ask
        low, high = ask.at_least, ask.at_most
        wrong = len(ask.choices) < 2 if ask.kind == "choice" else bool(ask.choices)
        if wrong or (low is not None and high is not None and low > high):
            yield Found((*path, "ask"), {"step": step.id, "count": len(ask.choices), "kind": ask.kind})


def parameters_are_no_secrets(subject: Subject) -> Iterator[Found]:
    """A parameter that is called like a secret has no value in a run: `***` stands in its place."""
    for name, parameter in subject.playbook.parameters.items():
        if is_secret_name(name) and not is_reference(parameter.default):
            yield Found(("parameters", name), {"found": name, "hidden": HIDDEN})
