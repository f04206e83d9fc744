"""docs/findings.md, written from the catalogue: what every code means, in one page to search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.catalog.explanation import explain_problem
from supportctl.catalog.loader import Catalog
from supportctl.catalog.templates import with_names

if TYPE_CHECKING:
    from supportctl.catalog.explanation import Explanation, Step

_INTRO = """\
# Findings

Every code that a report can show. `supportctl explain CODE` tells the same on the spot, in English and
Russian. This page is written from the catalogue by `make docs`; a test keeps it current.

A value that a report fills in is shown by its name, like ‹port›. Behind each step stands who does it, for how
many minutes, at what risk, and which question a new check must answer well to prove that it helped.
"""


def findings_page() -> str:
    """Return the page as Markdown: an overview by area, then every code, then the questions."""
    english, russian = Catalog("en"), Catalog("ru")
    codes, questions = english.codes(), english.questions()
    areas = sorted({key.partition(".")[0] for key in (*codes, *questions)})
    lines = [_INTRO]
    for area in areas:
        lines += [f"- [{area}](#{area}): {', '.join(f'`{c}`' for c in _of(area, codes)) or 'questions only'}"]
    for area in areas:
        lines += ["", f"## {area}"]
        for code in _of(area, codes):
            lines += [
                "",
                *_section(explain_problem(code, english), explain_problem(code, russian).title, english),
            ]
        asked = _of(area, questions)
        if asked:
            lines += ["", f"### Questions of {area}", "", "Where the answer is good, the report says:", ""]
            lines += [
                f"- `{code}`: {with_names(english.question(code))} / {with_names(russian.question(code))}"
                for code in asked
            ]
    return "\n".join(lines) + "\n"


def _of(area: str, keys: tuple[str, ...]) -> list[str]:
    return [key for key in keys if key.startswith(f"{area}.")]


def _section(found: Explanation, russian_title: str, catalog: Catalog) -> list[str]:
    facts = [" or ".join(found.statuses)]
    facts += ["**stops sales**"] * found.stops_sales
    facts += ["another company's system"] * (not found.ours)
    if found.hand_over_to:
        facts.append(f"hand over to: {catalog.phrase(f'report.who-{found.hand_over_to}')}")
    lines = [f"### `{found.code}`", "", f"{found.title} / {russian_title}", "", "; ".join(facts)]
    lines += ["", found.meaning, "", f"Detected: {found.detected}"]
    if found.remedies:
        lines.append("")
        lines += [f"{number}. {_step(step, catalog)}" for number, step in enumerate(found.remedies, 1)]
    return lines


def _step(step: Step, catalog: Catalog) -> str:
    who, risk = catalog.phrase(f"report.who-{step.who}"), catalog.phrase(f"report.risk-{step.risk}")
    proof = f", proved by `{step.verify}`" if step.verify else ""
    return f"{step.text} _({who}, {step.minutes} min, {risk}{proof})_"
