"""The renderers of a comparison: nothing is claimed that is not known, and remote text stays text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sync_reports import NOW, report

from integrations.sync.model import ClockReading, ClockStep, SyncResult, Window
from supportctl.catalog import Catalog
from supportctl.core.call import Rejected
from supportctl.core.finding import Status
from supportctl.core.report import ReportedFinding
from supportctl.report.sync.as_html import render_html
from supportctl.report.sync.as_json import document
from supportctl.report.sync.as_text import render_text
from supportctl.report.sync.model import exit_code
from supportctl.report.sync.words import grouped, talk_time, web_link

LANGUAGES = ["en", "ru"]
EMPTY = SyncResult(Window(NOW - timedelta(hours=24), NOW), 0, 0, 0, (), {}, 0, ())
PROBLEM = ReportedFinding(
    "crm.blocked", Status.FAULT, "https://acme.example", "acme", False, "Blocked", "it is blocked.",
    "", "", "", None, (), (), False, None,
)  # fmt: skip


def broken():
    """Return a report of a comparison that could not be made."""
    found, _ = report()
    return found._replace(result=EMPTY, complete=False, problems=(PROBLEM,), settled=())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_could_not_be_read_shows_no_numbers(lang):
    page = render_html(broken(), Catalog(lang))
    assert 'class="tile' not in page
    assert "<script" not in page
    assert "it is blocked." in page.lower()
    text = render_text(broken(), Catalog(lang), command="supportctl sync check")
    assert "crm.blocked" in text
    assert "resend" not in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_is_well(lang):
    found, _ = report(gaps=False)
    catalog = Catalog(lang)
    assert exit_code(found, catalog) == 0
    assert 'class="banner ok"' in render_html(found, catalog)
    assert len(render_text(found, catalog).splitlines()) < 6


@pytest.mark.parametrize("lang", LANGUAGES)
def test_few_lines_of_each_kind_and_how_to_see_more(lang):
    found, day = report()
    short, long = (render_text(found, Catalog(lang), limit=limit) for limit in (1, 50))
    assert len(short.splitlines()) < len(long.splitlines())
    assert "--limit 6" in short
    assert "--limit" not in long
    assert sum(gap.call_id in long for gap in day.planted) == len(day.planted)


def test_lines_that_could_not_be_read_are_listed_and_cost_the_exit_code():
    found, _ = report(gaps=False)
    lines = (Rejected(7, "telephony.not-understood", {}),)
    result = found.result._replace(rejected=tuple(line._replace(reason="sync.bad-time") for line in lines))
    found = found._replace(result=result)
    assert exit_code(found, Catalog("en")) == 4
    assert "line 7: " in render_text(found, Catalog("en"))
    assert document(found, Catalog("en"))["rejected"][0]["line"] == 7


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", ["constant", "changed", "drift"])
def test_clocks_are_told_in_a_sentence(lang, kind):
    found, _ = report(gaps=False)
    steps = (ClockStep(NOW - timedelta(hours=20), -5400), ClockStep(NOW, 3600))
    clock = ClockReading(kind, steps[:1] if kind == "constant" else steps, 90, 100)
    found = found._replace(result=found.result._replace(clock=clock, clock_offset_s=-5400))
    catalog = Catalog(lang)
    assert exit_code(found, catalog) == 4
    text = render_text(found, catalog)
    assert "?" not in text
    if kind == "constant":
        assert {"en": "1 hour 30 minutes behind", "ru": "отстают от часов UIS на 1 час 30 минут"}[
            lang
        ] in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_with_a_word_of_the_data_that_would_end_its_script(lang):
    found, _ = report(name="</script><!--\u2028")
    page = render_html(found, Catalog(lang))
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert "</script><!--\\u2028" in json.loads(data)["employees"][0]
    assert page.count("</script>") == 2


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("http://a.example", "http://a.example"),
        ("javascript:alert(1)", ""),
        ("https://user:pass@a.example/", ""),
        ("//a.example", ""),
        ("https://[", ""),
        (None, ""),
    ],
)
def test_only_addresses_of_the_web_become_links(address, link):
    assert web_link(address) == link


def test_phones_and_times_as_people_read_them():
    assert grouped("+79110000000") == "+7 911 000-00-00"
    assert grouped("+493023125014") == "+493023125014"
    assert grouped("0611") == "0611"
    assert [talk_time(s) for s in (None, 0, 61, 3600)] == ["", "", "1:01", "60:00"]


def test_a_problem_is_told_with_who_must_act():
    told = replace(PROBLEM, title="Blocked \x1b[31m")
    text = render_text(broken()._replace(problems=(told,)), Catalog("en"))
    assert "\x1b" not in text
