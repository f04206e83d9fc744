"""Rows of the statistics, strictly; never a crash."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.crm.bitrix24.rows import activity_id, crm_call, employee, row_id
from integrations.crm.strict import UnreadableError

MOSCOW = timezone(timedelta(hours=3))
ROW = {
    "ID": "88", "CALL_ID": "externalCall.5f", "EXTERNAL_CALL_ID": "uis-900100200", "PORTAL_USER_ID": "17",
    "PORTAL_NUMBER": "78120000001", "PHONE_NUMBER": "79990001122", "CALL_DURATION": "61",
    "CALL_START_DATE": "2026-09-01T10:02:03+03:00", "CALL_RECORD_URL": None, "RECORD_FILE_ID": 5511,
    "CRM_ACTIVITY_ID": "9100", "CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": "4021",
    "CALL_FAILED_CODE": "200", "CALL_TYPE": "2",
}  # fmt: skip


def read(**changed):
    return crm_call({**ROW, **changed}, "https://acme.example", "RU", MOSCOW)


def test_a_whole_row():
    record = read()
    assert record.record_id == "88"
    assert record.started_at == datetime(2026, 9, 1, 7, 2, 3, tzinfo=UTC)
    assert (record.phone, record.line, record.direction) == ("+79990001122", "+78120000001", "in")
    assert (record.external_id, record.employee, record.duration_s) == ("uis-900100200", "17", 61)
    assert record.contact == "CONTACT:4021"
    assert record.link == "https://acme.example/crm/contact/details/4021/"
    assert (record.recording, record.recording_url) == (True, None)


@pytest.mark.parametrize("written", ["79990001122", "+79990001122", "8 (999) 000-11-22", "9990001122"])
def test_a_phone_in_every_spelling(written):
    assert read(PHONE_NUMBER=written).phone == "+79990001122"


@pytest.mark.parametrize(
    ("kind", "direction"), [("1", "out"), (2, "in"), ("3", "in"), ("4", ""), ("5", "out"), (None, "")]
)
def test_directions(kind, direction):
    assert read(CALL_TYPE=kind).direction == direction


@pytest.mark.parametrize(
    ("url", "file", "recording", "told"),
    [
        (None, None, False, None),
        ("", "", False, None),
        (None, "0", False, None),
        ("https://acme.example/r.mp3", None, True, "https://acme.example/r.mp3"),
        ("javascript:alert(1)", None, True, None),
        (None, "7", True, None),
    ],
)
def test_a_recording_is_an_address_or_a_file(url, file, recording, told):
    record = read(CALL_RECORD_URL=url, RECORD_FILE_ID=file)
    assert (record.recording, record.recording_url) == (recording, told)


def test_a_row_of_nulls_has_only_what_must_be_there():
    record = crm_call(
        {"ID": 5, "CALL_START_DATE": "2026-09-01T10:02:03+03:00"}, "https://a.example", None, None
    )
    assert (record.phone, record.external_id, record.contact, record.link, record.employee) == (
        "",
        "",
        "",
        None,
        "",
    )


def test_a_line_that_is_a_connection_stays_as_it_is():
    assert read(PORTAL_NUMBER="reg12345").line == "reg12345"


def test_a_moment_without_an_offset_is_the_portals():
    assert read(CALL_START_DATE="2026-09-01T10:02:03").started_at == datetime(2026, 9, 1, 7, 2, 3, tzinfo=UTC)
    with pytest.raises(UnreadableError, match="CALL_START_DATE"):
        crm_call({**ROW, "CALL_START_DATE": "2026-09-01T10:02:03"}, "https://a.example", "RU", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ID", None), ("ID", "x"), ("ID", True), ("ID", -1), ("CALL_START_DATE", None),
        ("CALL_START_DATE", {}), ("PORTAL_USER_ID", "me"),
        ("CALL_START_DATE", "0001-01-01T00:00:00+03:00"), ("CALL_DURATION", "1e3"), ("CALL_DURATION", []),
        ("PHONE_NUMBER", 1.5), ("EXTERNAL_CALL_ID", {"a": 1}), ("RECORD_FILE_ID", "abc"),
    ],
)  # fmt: skip
def test_another_type_is_told_with_its_field(field, value):
    with pytest.raises(UnreadableError, match=field):
        read(**{field: value})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(JSON | st.dictionaries(st.sampled_from([*ROW, "NAME", "ACTIVE", "UF_PHONE_INNER"]), JSON, max_size=8))
def test_nothing_breaks_the_reading_of_a_row(row):
    row_id(row), activity_id(row), employee(row)
    with contextlib.suppress(UnreadableError):
        crm_call(row, "https://a.example", "RU", MOSCOW)


@given(st.sampled_from(list(ROW)), JSON)
def test_nothing_in_one_field_breaks_the_reading_of_a_row(field, value):
    with contextlib.suppress(UnreadableError):
        read(**{field: value})


def test_an_employee():
    user = {"ID": "17", "NAME": "Denis", "LAST_NAME": "Li", "UF_PHONE_INNER": "105", "ACTIVE": True}
    assert employee(user) == ("17", "Denis Li", "105", True)
    assert employee({"ID": 5, "ACTIVE": False, "EMAIL": "a@b.example"}) == ("5", "a@b.example", "", False)
    assert employee({"NAME": "x"}) is None
