"""Words that several renderers share: counts, durations, the verdict, who does what."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supportctl.catalog import Catalog
    from supportctl.core.report import Remedy, Report, ReportedFinding

_COMPUTER = "host:"
_HOURS_FROM = 90  # minutes


def counted(catalog: Catalog, key: str, n: int, **args: str) -> str:
    """Return a phrase in the form that `n` asks for; its forms stand side by side: `one|few|many`."""
    safe = {name: value.replace("|", "/") for name, value in args.items()}
    forms = catalog.phrase(key, n=n, **safe).split("|")
    return forms[min(_form(n, catalog.lang), len(forms) - 1)]


def _form(n: int, lang: str) -> int:
    if lang != "ru":
        return 0 if n == 1 else 1
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if n % 10 in {2, 3, 4} and n % 100 not in {12, 13, 14} else 2


def seconds(catalog: Catalog, value: float) -> str:
    """Return a duration in seconds with one decimal place, as the language writes it."""
    text = f"{value:.1f}"
    return text.replace(".", ",") if catalog.lang == "ru" else text


def verdict(report: Report, catalog: Catalog) -> str:
    """Return the sentences that sum the report up, without the clock."""
    faults = report.with_status(Status.FAULT)
    stops = sum(finding.stops_sales for finding in faults)
    rest = len(faults) - stops
    unknown = report.counts.get("unknown", 0)
    warnings = report.counts.get("warning", 0)
    sentences = []
    if stops:
        sentences.append(counted(catalog, "report.verdict-stops", stops))
    if rest:
        sentences.append(counted(catalog, "report.verdict-more" if stops else "report.verdict-faults", rest))
    if not faults and (unknown or warnings):
        sentences.append(catalog.phrase("report.verdict-no-problem"))
    if unknown:
        sentences.append(counted(catalog, "report.verdict-unknown", unknown))
    if warnings:
        sentences.append(counted(catalog, "report.verdict-warnings", warnings))
    if not sentences:
        passed = report.counts.get("ok", 0)
        sentences.append(catalog.phrase("report.verdict-well" if passed else "report.verdict-nothing"))
    return " ".join(sentences)


def clock(report: Report, catalog: Catalog) -> str:
    """Return the sentence that says how long the check took."""
    key = "report.clock-interrupted" if report.interrupted else "report.clock"
    return catalog.phrase(key, seconds=seconds(catalog, report.duration_s))


def label(finding: ReportedFinding, catalog: Catalog) -> str:
    """Return the short name of a finding's target: its configured name, "this computer", or the URL."""
    if finding.target.startswith(_COMPUTER):
        return finding.name or catalog.phrase("report.this-computer")
    return finding.name or finding.target


def is_computer(finding: ReportedFinding) -> bool:
    """Return whether the finding is about this computer or its network."""
    return finding.target.startswith(_COMPUTER)


def area(finding: ReportedFinding, catalog: Catalog) -> str:
    """Return what was asked about, as a cashier calls it; the area itself if a plug-in brought one."""
    name = finding.code.partition(".")[0]
    try:
        return catalog.phrase(f"report.area-{name}")
    except KeyError:
        return name


def areas(findings: Iterable[ReportedFinding], catalog: Catalog) -> str:
    """Return the areas of `findings`, each once, in their order."""
    return ", ".join(dict.fromkeys(area(finding, catalog) for finding in findings))


def who(name: str, catalog: Catalog, form: str = "who") -> str:
    """Return a person in words: `who` for colleagues, `you` for a cashier, `call` to begin a sentence."""
    return catalog.phrase(f"report.{form}-{name}")


def minutes(remedy: Remedy, catalog: Catalog) -> str:
    """Return how long a remedy takes: less than a minute is said as one, much more in hours."""
    if remedy.minutes >= _HOURS_FROM:
        return counted(catalog, "report.hours", round(remedy.minutes / 60))
    return counted(catalog, "report.minutes", max(remedy.minutes, 1))


def risk(remedy: Remedy, catalog: Catalog) -> str:
    """Return what a remedy risks, in words."""
    return catalog.phrase(f"report.risk-{remedy.risk}")


def moment(iso: str, catalog: Catalog) -> str:
    """Return an ISO 8601 time as people write it; what is no such time is returned as it is."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return at.strftime("%d.%m.%Y %H:%M" if catalog.lang == "ru" else "%Y-%m-%d %H:%M")


def time_of_day(iso: str, *, precise: bool = False) -> str:
    """Return HH:MM of an ISO 8601 time, with `precise` up to milliseconds; "" if it is none."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return ""
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03}" if precise else at.strftime("%H:%M")


def sentence(text: str) -> str:
    """Return `text` with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def continued(text: str) -> str:
    """Return `text` as it continues a sentence: "Open the lid" becomes "open the lid", "USB cable" stays."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2].isspace() else text
