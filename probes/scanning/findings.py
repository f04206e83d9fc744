"""A diagnosis as findings: what is wrong with the scanner, and which questions were answered well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from probes.scanning.keyboard import is_cyrillic
from probes.scanning.reading import NOTHING, PROVEN
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.scanning.diagnosis import Diagnosis
    from supportctl.core.finding import Evidence, Finding

PROBLEMS = frozenset({
    "scanner.layout-cyrillic", "scanner.caps-lock", "scanner.digits-shifted", "scanner.gs-lost",
    "scanner.prefix", "scanner.suffix-missing", "scanner.check-digit", "scanner.wrong-symbology",
    "scanner.truncated", "scanner.brackets", "scanner.not-understood", "scanner.no-scan",
})  # fmt: skip
QUESTIONS = frozenset({
    "scanner.code", "scanner.layout", "scanner.checksum", "scanner.separators", "scanner.length",
    "scanner.symbol", "scanner.start", "scanner.suffix", "scanner.port",
})  # fmt: skip
CODES = PROBLEMS | QUESTIONS
# A problem, and the questions that it leaves without a good answer.
_SPOILS = {
    "scanner.layout-cyrillic": {"scanner.layout"},
    "scanner.caps-lock": {"scanner.layout"},
    "scanner.digits-shifted": {"scanner.layout"},
    "scanner.gs-lost": {"scanner.separators"},
    "scanner.prefix": {"scanner.start"},
    "scanner.suffix-missing": {"scanner.suffix"},
    "scanner.check-digit": {"scanner.checksum"},
    "scanner.wrong-symbology": {"scanner.symbol"},
    "scanner.truncated": {"scanner.length", "scanner.start"},
    "scanner.not-understood": {"scanner.code"},
}
_SUFFIXES = {"\r": "CR", "\n": "LF", "\r\n": "CR LF", "\t": "TAB", "\x03": "ETX", "\x04": "EOT"}


def findings(
    context: ProbeContext, diagnosis: Diagnosis, *, started: float, suffix_expected: bool = False
) -> Iterator[Finding]:
    """Yield what one scan says.

    `suffix_expected`: the scan came over a wire, where a missing end mark can be seen. Typed on a command
    line it cannot.
    """

    def seen(meaning: str, **args: str) -> Evidence:
        shown: dict[str, Any] = {**args}  # the arguments of a text; none of them is one of the call's own
        return context.evidence("scan", meaning, started=started, got=diagnosis.raw, **shown)

    kind = Meaning(f"scanner.kind-{diagnosis.kind}")
    spoilt: set[str] = set()
    for problem in diagnosis.problems:
        spoilt |= _SPOILS.get(problem.code, set())
        say = {"fault": context.fault, "warning": context.warning}.get(problem.status, context.unknown)
        yield say(problem.code, seen(problem.meaning, **problem.args), kind=kind, **problem.args)
    if suffix_expected and not diagnosis.suffix.strip(" ") and "scanner.suffix" not in spoilt:
        yield context.warning("scanner.suffix-missing", seen("scanner.no-suffix"), kind=kind)
    yield from (ok for ok in _answered(context, diagnosis, started, kind) if ok.code not in spoilt)


def _answered(
    context: ProbeContext, diagnosis: Diagnosis, started: float, kind: Meaning
) -> Iterator[Finding]:
    """Yield every question that this scan can answer well, for those that no problem has spoilt."""
    reading, aim = diagnosis.reading, diagnosis.aim

    def seen(meaning: str, **args: str) -> Evidence:
        shown: dict[str, Any] = {**args}  # the arguments of a text; none of them is one of the call's own
        return context.evidence("scan", meaning, started=started, got=diagnosis.raw, **shown)

    if reading.group:
        group = Meaning(reading.group)
        yield context.ok("scanner.code", seen("scanner.is-marking", kind=kind, group=group), kind=kind)
        yield context.ok("scanner.length", seen("scanner.length-is-right", group=group))
    else:
        yield context.ok("scanner.code", seen("scanner.is-kind", kind=kind), kind=kind)
    if reading.checked:
        yield context.ok("scanner.checksum", seen("scanner.digit-is-right"))
    if reading.separated:
        shown = diagnosis.separator or "GS"
        yield context.ok("scanner.separators", seen("scanner.separator-is-there", shown=shown))
    letters = any(letter.isalpha() for letter in diagnosis.raw)
    if reading.sure > NOTHING and letters and not is_cyrillic(diagnosis.raw):
        yield context.ok("scanner.layout", seen("scanner.letters-are-latin"))
    if aim is not None:
        named = seen("scanner.symbol-is-named", aim=aim.id, symbology=aim.name)
        yield context.ok("scanner.symbol", named, symbology=aim.name, aim=aim.id)
    if reading.sure == PROVEN:
        yield context.ok("scanner.start", seen("scanner.nothing-before"))
    suffix = diagnosis.suffix.strip(" ")
    if suffix:
        yield context.ok("scanner.suffix", seen("scanner.ends-with", suffix=_SUFFIXES.get(suffix, suffix)))
