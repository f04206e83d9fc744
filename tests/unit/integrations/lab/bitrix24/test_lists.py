"""Lists of the portal: filters, order, pages, rights; and that many calls stay fast."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from bitrix24_lab import KNOWN_PHONE, START, Lab, call_at

from integrations.crm.reader import Employee


def ids(rows):
    return [int(row["ID"]) for row in rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [1, 2, 3, 4]),
        ({">ID": 2}, [3, 4]),
        ({">=ID": "2", "<ID": 4}, [2, 3]),
        ({"ID": [1, 4, 99]}, [1, 4]),
        ({"!ID": 1}, [2, 3, 4]),
        ({"><ID": [2, 3]}, [2, 3]),
        ({"!><ID": [2, 3]}, [1, 4]),
        ({"EXTERNAL_CALL_ID": "c1"}, [2]),
        ({"=EXTERNAL_CALL_ID": ["c1", "c3"]}, [2, 4]),
        ({"EXTERNAL_CALL_ID": ""}, []),
        ({"%EXTERNAL_CALL_ID": "C"}, [1, 2, 3, 4]),
        ({"!%EXTERNAL_CALL_ID": "1"}, [1, 3, 4]),
        ({"%PHONE_NUMBER": "9990001133"}, [1, 2, 3, 4]),
        ({"PORTAL_USER_ID": "17"}, [1, 2, 3, 4]),
        ({"PORTAL_USER_ID": 1}, []),
        ({">=CALL_START_DATE": (START - timedelta(seconds=60)).isoformat()}, [3, 4]),
        ({"<CALL_START_DATE": "2026-11-20T11:59:00"}, [1, 2]),  # without an offset: the portal's zone
        ({"CALL_FAILED_CODE": "304"}, []),
        ({"RECORD_FILE_ID": 5}, [1, 2, 3, 4]),  # cannot be filtered by: ignored
        ({"CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": 1}, [1, 2, 3, 4]),
    ],
)
def test_filters(lab, wanted, found):
    lab.plant(4)
    assert ids(lab.statistics(FILTER=wanted)) == found


def test_order(lab):
    lab.plant(3)
    lab.portal.plant_call(call_at("long", START - timedelta(hours=9)), employee="1")
    assert ids(lab.statistics(SORT="CALL_START_DATE", ORDER="ASC")) == [4, 1, 2, 3]
    assert ids(lab.statistics(SORT="ID", ORDER="DESC")) == [4, 3, 2, 1]
    assert ids(lab.statistics(SORT="CRM_ENTITY_ID", FILTER={">ID": 1})) == [4, 2, 3]


def test_pages_of_50_with_total_and_next(lab):
    lab.plant(120)
    _, first = lab.send("voximplant.statistic.get", {})
    assert (len(first["result"]), first["total"], first["next"]) == (50, 120, 50)
    _, last = lab.send("voximplant.statistic.get", {"start": 100})
    assert (len(last["result"]), last["total"], "next" in last) == (20, 120, False)
    _, uncounted = lab.send("voximplant.statistic.get", {"start": -1, "FILTER": {">ID": 50}})
    assert ids(uncounted["result"]) == list(range(51, 101))
    assert "total" not in uncounted
    _, backwards = lab.send("voximplant.statistic.get", {"start": 100, "ORDER": "DESC"})
    assert ids(backwards["result"]) == list(range(20, 0, -1))


def test_values_are_strings_nulls_and_a_whole_number(lab):
    lab.plant(1, recording=True)
    row = lab.statistics()[0]
    assert row["CALL_DURATION"] == "60"
    assert row["CALL_RECORD_URL"] is None
    assert isinstance(row["RECORD_FILE_ID"], int)
    assert row["CALL_START_DATE"] == "2026-11-20T11:59:30+03:00"


def test_a_limited_right_hides_calls_without_a_word_and_none_is_refused(lab):
    lab.plant(2)
    lab.plant(1, employee="1")
    lab.portal.switch("restricted-rights", on=True)
    assert {row["PORTAL_USER_ID"] for row in lab.statistics()} == {"1"}
    assert lab.ask("profile")["ADMIN"] is False
    lab.portal.switch("no-statistics-right", on=True)
    assert lab.refused("voximplant.statistic.get")[:2] == (403, "ACCESS_DENIED")


def test_users_are_paged_and_filtered(lab):
    for number in range(100, 160):
        lab.portal.plant_employee(Employee(str(number), f"User {number}", str(number)))
    _, first = lab.send("user.get", {"sort": "ID", "order": "ASC"})
    assert (len(first["result"]), first["total"], first["next"]) == (50, 63, 50)
    assert ids(lab.ask("user.get", {"FILTER": {"UF_PHONE_INNER": "105"}})) == [17, 105]
    assert ids(lab.ask("user.get", {"FILTER": {"ACTIVE": False}})) == [5]
    assert ids(lab.ask("user.get", {"filter[ACTIVE]": "N"}, form=True)) == [5]


def test_duplicates_by_phone(lab):
    params = {"type": "PHONE", "values": [KNOWN_PHONE, "+7000"], "entity_type": "CONTACT"}
    assert lab.ask("crm.duplicate.findbycomm", params) == {"CONTACT": [1]}
    assert lab.ask("crm.duplicate.findbycomm", {"type": "PHONE", "values": ["+7000"]}) == []
    assert (
        lab.refused("crm.duplicate.findbycomm", {"type": "PHONE"})[2] == "Communication values is not defined"
    )


def test_twenty_hits_of_one_kind_suppress_the_later_kinds(lab):
    for _ in range(20):
        lab.portal.store.add_card("LEAD", "Lead", KNOWN_PHONE)
    assert list(lab.ask("crm.duplicate.findbycomm", {"type": "PHONE", "values": [KNOWN_PHONE]})) == ["LEAD"]


def test_activities_show_what_was_selected(lab):
    lab.plant(60)
    rows = lab.ask("crm.activity.list", {"filter": {"ID": [2, 60]}, "select": ["ID", "CREATED"]})
    assert [set(row) for row in rows] == [{"ID", "CREATED"}] * 2
    whole = lab.ask(
        "crm.activity.list", {"order": {"ID": "DESC"}, "filter": {"PROVIDER_ID": "VOXIMPLANT_CALL"}}
    )
    assert ids(whole)[:2] == [60, 59]
    assert "COMMUNICATIONS" not in whole[0]


def test_many_calls_stay_fast():
    """Work is bounded by the page, not by what is stored: a scan of it all for each request takes minutes."""
    lab = Lab(rate=0)
    lab.plant(20_000)
    window = {">=CALL_START_DATE": (START - timedelta(days=300)).isoformat()}
    started = time.process_time()
    last = 0
    for _ in range(300):
        last = ids(lab.statistics(FILTER={**window, ">ID": last}, SORT="ID"))[-1]
    for number in range(300):
        assert len(lab.statistics(FILTER={"EXTERNAL_CALL_ID": f"c{number}"})) == 1
        lab.finish(lab.register(EXTERNAL_CALL_ID=f"new{number}"))
    assert last == 15_000
    assert time.process_time() - started < 4.0
