"""What a network printer says of itself becomes findings: the table, and "one cause, one finding"."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.data import beside
from supportctl.core.finding import Finding, Status, severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence

# Every problem that the table can name.
PRINTER_CODES = frozenset({
    "printer.paper-out", "printer.paper-near-end", "printer.paper-jam", "printer.cover-open",
    "printer.offline", "printer.toner-low", "printer.toner-out", "printer.tray-missing",
    "printer.output-full", "printer.service-needed",
    "printer.overheated", "printer.cutter-error", "printer.mechanical-error", "printer.unrecoverable-error",
    "printer.paused", "printer.attention",
})  # fmt: skip
# Every question that is answered well when none of its problems is there.
_QUESTIONS = {
    "printer.online": {"printer.offline", "printer.paused", "printer.unrecoverable-error"},
    "printer.paper": {"printer.paper-out", "printer.paper-near-end", "printer.tray-missing"},
    "printer.cover": {"printer.cover-open"},
    "printer.mechanism": {"printer.paper-jam", "printer.mechanical-error", "printer.unrecoverable-error"},
    "printer.complaints": {
        "printer.toner-low", "printer.toner-out", "printer.output-full", "printer.service-needed",
        "printer.attention",
    },
}  # fmt: skip
QUESTION_CODES = frozenset({
    "printer.online", "printer.paper", "printer.cover", "printer.mechanism", "printer.complaints",
})  # fmt: skip


class Condition(NamedTuple):
    """One thing that a printer says: the finding it is, in the printer's own word `said`, from which answer.

    `consequence`: it says only that printing stopped ("offline"); beside a cause it is no finding of its own.
    """

    code: str
    status: Status
    said: str
    source: str
    consequence: bool = False


@cache
def table() -> dict[str, Any]:
    """Return `printer_states.toml`."""
    return tomllib.loads(beside(__name__, "printer_states.toml").decode("utf-8"))


def from_row(row: dict[str, Any], said: str, source: str, *, mild: bool = False) -> Condition:
    """Return the condition of a row of the table.

    `mild`: the printer goes on printing all the same. One empty tray of several is a paper that runs out, and
    any other fault is only something to look at.
    """
    code, status = row["code"], Status(row["status"])
    if mild and status is Status.FAULT:
        code = "printer.paper-near-end" if code == "printer.paper-out" else "printer.attention"
        status = Status.WARNING
    return Condition(code, status, said, source, row.get("consequence", False))


def settle(conditions: Iterable[Condition]) -> list[Condition]:
    """Return one condition a code, worst first, without the consequences of a fault that is there too."""
    ranked = sorted(conditions, key=lambda c: (severity(c.status), c.consequence))
    caused = any(c.status is Status.FAULT and not c.consequence for c in ranked)
    kept: dict[str, Condition] = {}
    said_offline = False
    for condition in ranked:
        if condition.consequence and (caused or said_offline):
            continue
        said_offline = said_offline or (condition.consequence and condition.status is Status.FAULT)
        kept.setdefault(condition.code, condition)
    if "printer.paper-out" in kept:
        kept.pop("printer.paper-near-end", None)
    if "printer.toner-out" in kept:
        kept.pop("printer.toner-low", None)
    return list(kept.values())


def told(
    context: ProbeContext, conditions: Iterable[Condition], answers: dict[str, Evidence], meaning: str
) -> Iterator[Finding]:
    """Yield the findings of settled conditions and an `ok` for each question without a problem.

    `answers` are the answers by `Condition.source`, as evidence without a meaning yet; `meaning` is the
    key of the evidence text, which gets the printer's own word as `{said}`.
    """
    from supportctl.core.text import clean

    raised = settle(conditions)
    for condition in raised:
        said = clean(condition.said)
        seen = answers[condition.source]._replace(meaning=meaning, args={"said": said})
        say = context.fault if condition.status is Status.FAULT else context.warning
        yield say(condition.code, seen, said=said)
    problems = {condition.code for condition in raised}
    stopped = any(c.status is Status.FAULT for c in raised)
    for question, ways in _QUESTIONS.items():
        if not ways & problems and not (stopped and question == "printer.online"):
            yield context.ok(question, *list(answers.values())[:1])
