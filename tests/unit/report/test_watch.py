"""Changes between two reports: what came, what went, what is only not seen any more."""

import json
from dataclasses import replace

import pytest

from supportctl.catalog import Catalog
from supportctl.core.finding import Status
from supportctl.report import render_changes
from supportctl.report.watch import changes


@pytest.fixture
def ok_paper(build):
    return build.finding("printer.paper", Status.OK, "Paper is in.", name="receipt-printer")


def test_nothing_changed_says_nothing(sample, catalog):
    report = sample[1]
    later = replace(report, started_at="2026-11-22T15:00:00+03:00", duration_s=9.9)
    assert not changes(report, later)
    assert render_changes(report, later, "text", catalog=catalog) == ""
    assert render_changes(report, later, "json", catalog=catalog) == ""


def test_appeared_and_mended(build, ok_paper):
    well, out = build.report("en", ok_paper), build.report("en", build.paper_out("en"))
    came = changes(well, out)
    assert [finding.code for finding in came.appeared] == ["printer.paper-out"]
    assert not came.disappeared
    went = changes(out, well)
    assert [(gone.finding.code, gone.mended) for gone in went.disappeared] == [("printer.paper-out", True)]
    assert render_changes(out, well, "text", catalog=Catalog("en")).splitlines() == [
        "14:02 MENDED     printer.paper-out [receipt-printer] The receipt printer is out of paper",
        "14:02 now: All is well.",
    ]


def test_a_problem_that_cannot_be_seen_now_is_not_called_mended(build):
    unplugged = build.finding("link.no-route", Status.FAULT, "No route.", name="receipt-printer")
    found = changes(build.report("en", build.paper_out("en")), build.report("en", unplugged))
    assert [gone.mended for gone in found.disappeared] == [False]
    gone = changes(build.report("en", build.paper_out("en")), build.report("en"))
    assert [gone.mended for gone in gone.disappeared] == [False]
    text = render_changes(
        build.report("en", build.paper_out("en")),
        build.report("en", unplugged),
        "text",
        catalog=Catalog("en"),
    )
    assert "NOT SEEN" in text
    assert "does not mean that it is mended" in text


def test_changed_words_and_status(build):
    before = build.disk_low("en")
    after = replace(before, status=Status.FAULT, title="No room is left on disk C: 3 MB")
    found = changes(build.report("en", before), build.report("en", after))
    assert [(one.before.title, one.after.title) for one in found.changed] == [(before.title, after.title)]
    assert not found.appeared
    text = render_changes(
        build.report("en", before), build.report("en", after), "text", catalog=Catalog("en")
    )
    assert "was WARNING: Little room is left on disk C: 812 MB" in text


def test_two_problems_with_one_code_are_kept_apart(build):
    c, d = build.disk_low("en"), replace(build.disk_low("en"), title="Little room is left on disk D: 5 MB")
    found = changes(build.report("en", c, d), build.report("en", d))
    assert [gone.finding.title for gone in found.disappeared] == [c.title]
    assert not found.changed


def test_json_is_one_line_a_document(build, ok_paper):
    out, well = build.report("ru", build.paper_out("ru")), build.report("ru", ok_paper)
    text = render_changes(out, well, "json", catalog=Catalog("ru"))
    assert text.count("\n") == 1
    document = json.loads(text)
    assert document["schema"] == "supportctl.changes/1"
    assert document["verdict_before"] == "fault"
    assert document["verdict"] == "ok"
    assert document["appeared"] == []
    assert document["disappeared"] == [
        {
            "code": "printer.paper-out",
            "target": "escpos+tcp://192.168.1.50:9100",
            "name": "receipt-printer",
            "status_before": "fault",
            "title": "В чековом принтере закончилась бумага",
            "mended": True,
        }
    ]


def test_hostile_text_is_harmless(build):
    empty = build.report("en")
    for form in ("text", "json"):
        text = render_changes(empty, build.hostile(), form, catalog=Catalog("en"))
        assert all(character.isprintable() for character in text.replace("\n", ""))
