"""The table of printer states, and one cause, one finding."""

from __future__ import annotations

from probes.services.conditions import PRINTER_CODES, QUESTION_CODES, Condition, from_row, settle, table
from supportctl.catalog import Catalog
from supportctl.core.finding import Status

OUT = Condition("printer.paper-out", Status.FAULT, "noPaper", "state")
LOW = Condition("printer.paper-near-end", Status.WARNING, "lowPaper", "state")
OPEN = Condition("printer.cover-open", Status.FAULT, "doorOpen", "state")
OFFLINE = Condition("printer.offline", Status.FAULT, "offline", "state", consequence=True)
PAUSED = Condition("printer.paused", Status.FAULT, "paused", "state", consequence=True)


def rows():
    yield from table()["error_state"]
    yield from table()["alert"]
    yield from table()["reason"].values()


def codes(conditions):
    return [condition.code for condition in settle(conditions)]


def test_every_row_has_texts_and_a_status_that_its_code_can_have():
    catalog = Catalog("en")
    for row in rows():
        assert row["code"] in PRINTER_CODES
        assert row["status"] in catalog.facts(row["code"]).statuses, row
        mild = from_row(row, "", "", mild=True)
        assert mild.consequence or mild.status is Status.WARNING
        assert mild.status in catalog.facts(mild.code).statuses, row


def test_every_code_comes_from_a_row_or_the_probes_themselves():
    assert {row["code"] for row in rows()} >= PRINTER_CODES


def test_every_question_has_its_line():
    for language in ("en", "ru"):
        assert all(Catalog(language).has_passed(code) for code in QUESTION_CODES)


def test_offline_beside_a_cause_is_no_finding():
    assert codes([OFFLINE, OUT]) == ["printer.paper-out"]


def test_offline_alone_is_one():
    assert codes([OFFLINE]) == ["printer.offline"]


def test_offline_beside_a_warning_stays():
    assert codes([LOW, OFFLINE]) == ["printer.offline", "printer.paper-near-end"]


def test_two_ways_to_say_stopped_are_one_finding():
    assert len(codes([OFFLINE, PAUSED])) == 1


def test_several_causes_are_all_found():
    assert set(codes([OUT, OPEN, OFFLINE])) == {"printer.paper-out", "printer.cover-open"}


def test_near_end_is_no_news_once_the_paper_is_out():
    assert codes([LOW, OUT]) == ["printer.paper-out"]


def test_the_worst_of_one_code_counts():
    mild = OPEN._replace(status=Status.WARNING)
    assert [c.status for c in settle([mild, OPEN])] == [Status.FAULT]
