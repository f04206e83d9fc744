"""Conditions in CEL, by its authors' runtime: typed, checked when a playbook is loaded, bounded.

A condition sees values only; no code can be reached from it. Its variables are `answers.ID`, `params.NAME`
(`-` becomes `_`) and `facts`; its functions are those of `FUNCTIONS`.
"""

from __future__ import annotations

import math
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cel_expr_python import cel

from supportctl.core.finding import Finding, Status
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROBLEMS = frozenset({Status.FAULT, Status.WARNING, Status.UNKNOWN})

# name -> what it takes and gives, for documents and for the did-you-mean of a mistyped one
FUNCTIONS: Mapping[str, str] = {
    "found": "found(glob) bool: a problem with such a code is there now: fault, warning or unknown",
    "fault": "fault(glob) bool: a fault with such a code is there now",
    "warning": "warning(glob) bool: a warning with such a code is there now",
    "unknown": "unknown(glob) bool: an answer with such a code could not be had",
    "ok": "ok(glob) bool: a question with such a name was answered, and all is well",
    "answered": "answered(id) bool: the person has answered this question",
    "known": "known(role) bool: a target of this role is known",
    "protocol": "protocol(role) string: the protocol of the role's target, or the kind of the account",
    "count": "count(glob) int: how many such problems there are; for gaps of a comparison, how many calls",
    "arg": "arg(glob, name) string: a value of such a finding, as text; empty if there is none",
    "number": "number(glob, name) double: a value of such a finding; NaN if there is none",
}

_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_NAME = re.compile(r"'([\w.]+)'")


class Situation(Protocol):
    """What a condition is asked about."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The latest findings."""

    @property
    def values(self) -> Mapping[str, object]:
        """The variables, by their dotted names."""

    def known(self, role: str) -> bool:
        """Return whether the role has a target."""

    def protocol(self, role: str) -> str:
        """Return the protocol of the role's target."""

    def answered(self, step: str) -> bool:
        """Return whether the question has an answer."""


class Trouble(NamedTuple):
    """What is wrong with a condition: where in it (from 1), CEL's words, and a name that is not known."""

    column: int
    text: str
    name: str = ""


class ConditionError(Exception):
    """A condition cannot be compiled, or has no answer."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


class Conditions:
    """The conditions of one playbook. `questions` are the kinds of its questions, `params` its parameters."""

    def __init__(self, questions: Mapping[str, str], params: Mapping[str, object]) -> None:
        kind = cel.Type
        self.variables = {
            **{
                f"answers.{identifier(step)}": kind.DOUBLE if of == "number" else kind.STRING
                for step, of in questions.items()
            },
            **{f"params.{identifier(name)}": kind.STRING for name in params},
            "facts": kind.Map(kind.STRING, kind.DYN),
        }
        self._situation: Situation | None = None
        self._env = cel.NewEnv(variables=self.variables, functions=self._functions())
        self._compiled: dict[str, Any] = {}

    def compile(self, condition: str) -> None:
        """Check a condition.

        Raises:
            ConditionError: it is not CEL, names what does not exist, mixes types, or is no yes or no.
        """
        self._expression(condition)

    def holds(self, condition: str, situation: Situation) -> bool:
        """Return the answer.

        Raises:
            ConditionError: there is none: a fact that is not there, a division by zero, too much work.
        """
        expression = self._expression(condition)
        self._situation = situation
        try:
            value = expression.eval(data=dict(situation.values))
            answer = value.value() if value.type() == cel.Type.BOOL else None
        except RuntimeError as error:
            raise ConditionError(Trouble(1, clean(str(error), 300))) from None
        finally:
            self._situation = None
        if answer is None:
            raise ConditionError(Trouble(1, clean(str(value.value()), 300)))
        return bool(answer)

    def _expression(self, condition: str) -> Any:  # noqa: ANN401  a compiled expression of a typeless library
        if condition not in self._compiled:
            try:
                expression = self._env.compile(condition)
            except RuntimeError as error:
                raise ConditionError(_trouble(str(error))) from None
            if expression.return_type() != cel.Type.BOOL:
                found = expression.return_type().name()
                raise ConditionError(Trouble(1, f"it gives {found} instead of bool"))
            self._compiled[condition] = expression
        return self._compiled[condition]

    def _functions(self) -> list[Any]:
        kind = cel.Type
        glob = [kind.STRING]

        def declared(name: str, gives: object, takes: list[Any], does: Callable[..., Any]) -> object:
            overload = cel.Overload(f"{name}_{len(takes)}", gives, takes, impl=does)
            return cel.FunctionDecl(name, [overload])

        return [
            declared("found", kind.BOOL, glob, lambda code: self._any(code, PROBLEMS)),
            declared("fault", kind.BOOL, glob, lambda code: self._any(code, {Status.FAULT})),
            declared("warning", kind.BOOL, glob, lambda code: self._any(code, {Status.WARNING})),
            declared("unknown", kind.BOOL, glob, lambda code: self._any(code, {Status.UNKNOWN})),
            declared("ok", kind.BOOL, glob, lambda code: self._any(code, {Status.OK})),
            declared("answered", kind.BOOL, glob, self._answered),
            declared("known", kind.BOOL, glob, self._known),
            declared("protocol", kind.STRING, glob, self._protocol),
            declared("count", kind.INT, glob, self._count),
            declared("arg", kind.STRING, [kind.STRING, kind.STRING], self._arg),
            declared("number", kind.DOUBLE, [kind.STRING, kind.STRING], self._number),
        ]

    @property
    def _now(self) -> Situation:
        assert self._situation is not None, "functions are called while a condition is evaluated"
        return self._situation

    def _answered(self, step: str) -> bool:
        return self._now.answered(step)

    def _known(self, role: str) -> bool:
        return self._now.known(role)

    def _protocol(self, role: str) -> str:
        return self._now.protocol(role)

    def _matching(self, glob: str) -> Iterator[Finding]:
        return (finding for finding in self._now.findings if fnmatchcase(finding.code, glob))

    def _any(self, glob: str, statuses: frozenset[Status] | set[Status]) -> bool:
        return any(finding.status in statuses for finding in self._matching(glob))

    def _count(self, glob: str) -> int:
        problems = [finding for finding in self._matching(glob) if finding.status in PROBLEMS]
        return sum(_whole(finding.args.get("count", 1)) for finding in problems)

    def _arg(self, glob: str, name: str) -> str:
        values = (finding.args.get(name) for finding in self._matching(glob))
        return next((str(value) for value in values if value is not None), "")

    def _number(self, glob: str, name: str) -> float:
        try:
            return float(self._arg(glob, name))
        except ValueError:
            return math.nan


def identifier(name: str) -> str:
    """Return a name as conditions write it."""
    return name.replace("-", "_")


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 1


def _trouble(message: str) -> Trouble:
    first = message.split("\n", maxsplit=1)[0]
    place = _PLACE.search(first)
    words = clean(place[3] if place else first, 300)
    name = _NAME.search(words) if "undeclared" in words else None
    words = words.removesuffix(" (in container '')")
    return Trouble(int(place[2]) if place else 1, words, name[1] if name else "")
