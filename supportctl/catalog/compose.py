"""Findings become a report: the one place where codes turn into words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from supportctl.catalog.loader import Catalog, fill
from supportctl.core.finding import Evidence, Finding, Meaning, Status, severity, worst
from supportctl.core.report import SCHEMA, EvidenceItem, Remedy, Report, ReportedFinding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from supportctl.core.report import Who


def compose(
    findings: Iterable[Finding],
    catalog: Catalog,
    *,
    tool_version: str,
    started_at: datetime,
    duration_s: float,
    interrupted: bool = False,
    site: str | None = None,
    site_name: str | None = None,
) -> Report:
    """Return the report of a run: worst findings first, those that stop sales before those that do not."""
    told = [describe(finding, catalog) for finding in findings]
    told.sort(key=lambda f: (severity(f.status), not f.stops_sales))
    counts = {status.value: sum(f.status is status for f in told) for status in Status}
    return Report(
        schema=SCHEMA,
        tool_version=tool_version,
        lang=catalog.lang,
        site=site,
        site_name=site_name,
        started_at=started_at.isoformat(timespec="seconds"),
        duration_s=round(duration_s, 3),
        interrupted=interrupted,
        verdict=worst(f.status for f in told),
        counts=counts,
        findings=tuple(told),
    )


def describe(finding: Finding, catalog: Catalog) -> ReportedFinding:
    """Return a finding in the words of the catalogue's language."""
    evidence = tuple(_evidence(item, catalog) for item in finding.evidence)
    if finding.status is Status.OK and catalog.has_passed(finding.code):
        title = catalog.passed(finding.code, {**_in_words(finding.args, catalog), "target": finding.target})
        return _plain(finding, title, evidence)
    if not catalog.has_problem(finding.code):  # a plug-in without texts
        return _plain(finding, finding.code, evidence)
    facts, words = catalog.facts(finding.code), catalog.words(finding.code)
    told = _in_words(finding.args, catalog)
    args: Mapping[str, object] = {**told, "target": finding.target, "because": finding.because or ""}
    broken = finding.status in {Status.FAULT, Status.WARNING, Status.UNKNOWN}
    stops = facts.stops_sales and finding.status is Status.FAULT
    if finding.stops_sales is not None:
        stops = finding.stops_sales
    remedies = tuple(
        Remedy(
            fill(text, args),
            cast("Who", fill(fact.who, args)),
            fact.minutes,
            fact.risk,
            fact.action,
            fact.verify,
        )
        for fact, text in zip(facts.remedies, words.remedies, strict=True)
    )
    return ReportedFinding(
        code=finding.code,
        status=finding.status,
        target=finding.target,
        name=finding.name,
        stops_sales=stops,
        title=fill(words.title, args),
        summary=fill(words.summary, args),
        how_we_know=fill(words.know, args),
        reassurance=fill(words.safe, args),
        explanation=fill(words.explanation, args),
        because=finding.because,
        evidence=evidence,
        remedies=remedies if broken else (),
        ours=facts.ours if finding.ours is None else finding.ours,
        hand_over_to=facts.hand_over_to if broken else None,
    )


def _plain(finding: Finding, title: str, evidence: tuple[EvidenceItem, ...]) -> ReportedFinding:
    return ReportedFinding(
        code=finding.code,
        status=finding.status,
        target=finding.target,
        name=finding.name,
        stops_sales=bool(finding.stops_sales),
        title=title,
        summary=title,
        how_we_know="",
        reassurance="",
        explanation="",
        because=finding.because,
        evidence=evidence,
        remedies=(),
        ours=True,
        hand_over_to=None,
    )


def _in_words(args: Mapping[str, object], catalog: Catalog) -> Mapping[str, object]:
    return {
        name: catalog.meaning(value, args) if isinstance(value, Meaning) else value
        for name, value in args.items()
    }


def _evidence(item: Evidence, catalog: Catalog) -> EvidenceItem:
    return EvidenceItem(
        item.asked,
        item.sent,
        item.got,
        catalog.meaning(item.meaning, _in_words(item.args, catalog)),
        item.at.isoformat(timespec="milliseconds"),
        item.ms,
    )
