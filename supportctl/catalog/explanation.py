"""The long text of a code, from its facts and words: what `supportctl explain` and docs/findings.md show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from supportctl.catalog.templates import with_names

if TYPE_CHECKING:
    from supportctl.catalog.loader import Catalog
    from supportctl.core.report import Risk, Who

SCHEMA = "supportctl.explanation/1"


class Step(NamedTuple):
    """A remedy as the long text tells it; `verify` is the question that proves it helped.

    `who` is "depends" where each finding of the code names its own.
    """

    text: str
    who: Who | Literal["depends"]
    minutes: int
    risk: Risk
    action: str | None
    verify: str | None


class Explanation(NamedTuple):
    """A problem code explained. `summary`, `know` and `safe` are what the cashier is told."""

    code: str
    statuses: tuple[str, ...]
    stops_sales: bool
    title: str
    summary: str
    know: str
    safe: str
    meaning: str
    detected: str
    remedies: tuple[Step, ...]
    ours: bool
    hand_over_to: str | None


class Question(NamedTuple):
    """A code that a passed check carries: what it says, and the problems (code, title) that it can find."""

    code: str
    title: str
    problems: tuple[tuple[str, str], ...]


def explain(code: str, catalog: Catalog) -> Explanation | Question:
    """Return the explanation of a problem code or of a question.

    Raises:
        UsageError: there is no such code; the nearest ones are named.
    """
    if code not in catalog.codes() and code in catalog.questions():
        return Question(code, with_names(catalog.question(code)), _problems_of(code, catalog))
    return explain_problem(code, catalog)


def explain_problem(code: str, catalog: Catalog) -> Explanation:
    """Return the explanation of a problem code.

    Raises:
        UsageError: there is no such code.
    """
    facts, words = catalog.facts(code), catalog.words(code)
    steps = tuple(
        Step(with_names(text), _doer(fact.who), fact.minutes, fact.risk, fact.action, fact.verify)
        for fact, text in zip(facts.remedies, words.remedies, strict=True)
    )
    return Explanation(
        code=code,
        statuses=facts.statuses,
        stops_sales=facts.stops_sales,
        title=with_names(words.title),
        summary=with_names(words.summary),
        know=with_names(words.know),
        safe=with_names(words.safe),
        meaning=with_names(words.explanation),
        detected=with_names(words.detected),
        remedies=steps,
        ours=facts.ours,
        hand_over_to=facts.hand_over_to,
    )


def _doer(who: Who) -> Who | Literal["depends"]:
    return "depends" if "{" in who else who


def _problems_of(question: str, catalog: Catalog) -> tuple[tuple[str, str], ...]:
    """Return the problems whose mending this question proves, and those that carry its name."""
    return tuple(
        (code, with_names(catalog.words(code).title))
        for code in catalog.codes()
        if code.startswith(f"{question}-") or any(r.verify == question for r in catalog.facts(code).remedies)
    )
