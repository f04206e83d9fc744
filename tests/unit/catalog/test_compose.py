"""Findings become a report: order, verdict, words, and what is left when a text is missing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from supportctl.catalog import Catalog
from supportctl.catalog.compose import compose, describe
from supportctl.catalog.loader import _read, add_texts
from supportctl.core.errors import UsageError
from supportctl.core.finding import Evidence, Finding, Status

WHERE = "escpos+tcp://192.168.1.50:9100"
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def finding(code, status, **more):
    return Finding(code, status, WHERE, "receipt-printer", **more)


def report_of(*findings, lang="en", **more):
    return compose(findings, Catalog(lang), tool_version="1", started_at=AT, duration_s=1.23456, **more)


def test_the_worst_comes_first_and_of_those_what_stops_sales():
    report = report_of(
        finding("printer.paper", Status.OK),
        finding("printer.paper-near-end", Status.WARNING),
        finding("check.probe-stuck", Status.UNKNOWN),
        finding("printer.paper-out", Status.FAULT, stops_sales=False),
        finding("printer.cover-open", Status.FAULT),
        finding("check.not-asked", Status.SKIPPED, because="printer.cover-open"),
    )
    assert [f.status.value for f in report.findings] == [
        "fault",
        "fault",
        "unknown",
        "warning",
        "ok",
        "skipped",
    ]
    assert [f.code for f in report.findings[:2]] == ["printer.cover-open", "printer.paper-out"]
    assert report.counts == {"ok": 1, "warning": 1, "fault": 2, "unknown": 1, "skipped": 1}
    assert report.verdict is Status.FAULT


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ("ok", "ok"),
        ("ok skipped", "ok"),
        ("ok warning", "warning"),
        ("warning unknown", "unknown"),
        ("unknown fault", "fault"),
        ("skipped", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_verdict_is_the_worst_status(statuses, verdict):
    findings = [finding("printer.paper", Status(status)) for status in statuses.split()]
    assert report_of(*findings).verdict.value == verdict


def test_times_are_iso_8601_with_a_zone_and_rounded():
    report = report_of(interrupted=True, site="shop-12", site_name="Shop")
    assert report.started_at == "2026-11-22T09:00:00+00:00"
    assert report.duration_s == 1.235
    assert (report.interrupted, report.site, report.site_name) == (True, "shop-12", "Shop")


def test_only_what_is_broken_has_remedies_and_a_hand_over():
    skipped = describe(finding("printer.paper-out", Status.SKIPPED, because="link.refused"), Catalog("en"))
    assert (skipped.remedies, skipped.hand_over_to, skipped.stops_sales) == ((), None, False)
    assert skipped.because == "link.refused"
    broken = describe(finding("printer.paper-out", Status.FAULT), Catalog("en"))
    assert broken.stops_sales
    assert broken.remedies[0].who == "cashier"
    assert broken.remedies[0].verify == "printer.paper"


def test_a_warning_of_a_code_that_stops_sales_does_not_stop_them():
    assert not describe(finding("printer.paper-out", Status.WARNING), Catalog("en")).stops_sales


def test_evidence_keeps_the_protocols_terms_and_gets_its_meaning():
    seen = Evidence("DLE EOT 4", AT, 12.0, "100404", "7e", "printer.paper-absent")
    told = [
        describe(finding("printer.paper-out", Status.FAULT, evidence=(seen,)), Catalog(lang)).evidence[0]
        for lang in ("en", "ru")
    ]
    assert {(item.asked, item.sent, item.got, item.ms) for item in told} == {
        ("DLE EOT 4", "100404", "7e", 12.0)
    }
    assert told[0].at == "2026-11-22T09:00:00.000+00:00"
    assert told[0].meaning != told[1].meaning


def test_an_argument_that_a_probe_forgot_is_a_question_mark_not_a_crash():
    told = describe(finding("check.probe-crashed", Status.UNKNOWN), Catalog("en"))
    assert told.title.endswith(": ?")


def test_an_argument_cannot_bring_fields_of_its_own():
    told = describe(finding("check.probe-crashed", Status.UNKNOWN, args={"probe": "{error}"}), Catalog("en"))
    assert told.title.endswith(": {error}")


def test_a_code_without_texts_is_shown_as_it_is():
    seen = Evidence("question", AT, 1.0, meaning="acme.odd")
    told = describe(finding("acme.broken", Status.FAULT, evidence=(seen,)), Catalog("en"))
    assert (told.title, told.status, told.evidence[0].meaning) == ("acme.broken", Status.FAULT, "acme.odd")


def test_a_plug_in_brings_its_texts(tmp_path, monkeypatch):
    monkeypatch.setattr("supportctl.catalog.loader._FOLDERS", [*_folders()])
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes/acme.toml").write_text('[broken]\nstatuses = ["fault"]\n', encoding="utf-8")
    (tmp_path / "en/problems").mkdir(parents=True)
    (tmp_path / "en/problems/acme.toml").write_text(
        '[broken]\ntitle = "Broken: {part}"\nsummary = "s"\nknow = "k"\nexplanation = "e"\ndetected = "d"\n',
        encoding="utf-8",
    )
    try:
        add_texts(tmp_path)
        told = describe(finding("acme.broken", Status.FAULT, args={"part": "lever"}), Catalog("en"))
        assert told.title == "Broken: lever"
        assert "acme.broken" in Catalog("en").codes()
        assert "printer.paper-out" in Catalog("en").codes()
    finally:
        _read.cache_clear()


def _folders():
    from supportctl.catalog import loader

    return loader._FOLDERS


def test_facts_of_an_unknown_code_name_the_nearest():
    with pytest.raises(UsageError) as raised:
        Catalog("en").facts("printer.paperout")
    assert raised.value.key == "explain.unknown-code"
    assert "printer.paper-out" in raised.value.args_by_name["nearest"]


@pytest.mark.parametrize("code", ["", ".", "..", "../codes/check.interrupted", "check", "/etc/x.y", "a.b.c"])
def test_no_code_reaches_another_file(code):
    with pytest.raises(UsageError):
        Catalog("en").facts(code)


def test_a_finding_may_say_whose_it_is():
    ours, theirs = report_of(
        finding("printer.paper-out", Status.FAULT), finding("printer.paper-out", Status.FAULT, ours=False)
    ).findings
    assert (ours.ours, theirs.ours) == (True, False)
