"""A connection check run and put into words: every argument of every text is there, in both languages."""

from __future__ import annotations

import re
from types import SimpleNamespace

from probes.context import ProbeContext
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.deadline import Deadline
from supportctl.core.language import LANGUAGES
from supportctl.core.target import Target

_OF_PATTERNS = {"year", "month", "day", "file", "uniqueid"}  # what settings may hold, shown as it is
_CATALOGS = {lang: Catalog(lang) for lang in LANGUAGES}


def findings_of(check, clock, seconds=25.0):
    """Return the findings of a check: all, by code, and the codes of what is not ok."""
    context = ProbeContext(
        Target("account", "https", "system.example", name="pbx"),
        Deadline.after(seconds, clock),
        clock,
        lambda *_: None,
    )
    found = list(check.run(context))
    assert {finding.code for finding in found} <= check.codes
    for finding in found:
        for catalog in _CATALOGS.values():
            told = describe(finding, catalog)
            for text in (told.title, told.explanation, *(remedy.text for remedy in told.remedies)):
                unfilled = set(re.findall(r"\{([a-z_]+)\}", text)) - _OF_PATTERNS
                assert not unfilled, text
                assert "‹" not in text, text
    by_code = {finding.code: finding for finding in found}
    bad = [finding.code for finding in found if finding.status not in {"ok", "skipped"}]
    return SimpleNamespace(all=found, by_code=by_code, bad=bad)
