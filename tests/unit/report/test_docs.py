"""docs/report.md shows what the renderers really write. UPDATE_GOLDEN=1 writes its samples anew."""

import os
import re
from pathlib import Path

from supportctl.catalog import Catalog
from supportctl.core.finding import Status
from supportctl.report import render, render_changes

PAGE = Path(__file__).parents[3] / "docs/report.md"
SAMPLE = re.compile(r"<!-- sample: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


def test_samples_are_current(build):
    def sample(match):
        kind = "json" if match[1].endswith("json") else "text"
        return f"<!-- sample: {match[1]} -->\n```{kind}\n{rendered(match[1], build)}```\n<!-- end -->"

    page = PAGE.read_text(encoding="utf-8")
    current = SAMPLE.sub(sample, page)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(current, encoding="utf-8")
        page = current
    assert page == current, (
        "docs/report.md is old: UPDATE_GOLDEN=1 pytest tests/unit/report, then read the diff"
    )
    assert len(SAMPLE.findall(page)) >= 8


def rendered(name, build):
    """`paper-out.slip.ru` is a report, `changes.text` and `changes.json` are what --watch says."""
    if name.startswith("changes."):
        return changes(name.partition(".")[2], build)
    which, form, lang = name.split(".")
    report, catalog = build.make(which, lang), Catalog(lang)
    if form == "shop":
        return render(report, "text", catalog=catalog, audience="shop")
    return render(report, form, catalog=catalog)


def changes(form, build):
    out, well = build.make("paper-out", "en"), build.make("healthy", "en")
    paper = build.finding("printer.paper", Status.OK, "Paper is in.", name="receipt-printer")
    later = build.report("en", paper, *build.passed("en"), started_at="2026-11-22T14:04:30+03:00")
    mended = render_changes(out, later, form, catalog=Catalog("en"))
    return mended if form == "json" else render_changes(well, out, form, catalog=Catalog("en")) + mended
