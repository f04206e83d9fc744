"""Ringostat: the capped log read whole, and every fault its own finding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.lab import ringostat as lab
from integrations.lab.day import make_day, plant
from integrations.lab.portal import Asked
from integrations.lab.ringostat import PROJECT, TOKEN, RingostatPortal
from integrations.telephony import ringostat
from integrations.telephony.ringostat import RingostatSource, Setting, parse
from integrations.telephony.ringostat_check import RingostatCheck
from supportctl.catalog import Catalog
from supportctl.core.accounts import Ringostat
from supportctl.core.call import Call, Rejected
from supportctl.core.failure import Failure, ServiceError

ADDRESS = "https://portal.example"
MOSCOW = ZoneInfo("Europe/Moscow")
START = datetime(2026, 9, 15, 3, 0, tzinfo=UTC)
END = START + timedelta(hours=12)
ACCOUNT = Ringostat(kind="ringostat", url=ADDRESS, token=TOKEN, project=PROJECT)
FAULTS = {
    "wrong-key": ("telephony.auth-failed", "second-line"),
    "no-access": ("telephony.auth-failed", "second-line"),
    "too-many-requests": ("telephony.rate-limited", "first-line"),
    "ok-with-error": ("telephony.refused", "second-line"),
    "recordings-late": ("telephony.recordings-late", "administrator"),
    "reset": ("telephony.unreachable", "first-line"),
    "lost-answer": ("telephony.unreachable", "first-line"),
    "never-ending": ("telephony.unreachable", "first-line"),
    "torn": ("telephony.unreachable", "first-line"),
    "not-json": ("telephony.not-understood", "second-line"),
    "unavailable": ("telephony.system-error", "first-line"),
    "server-error": ("telephony.system-error", "first-line"),
}


def a_call(number: int, at: datetime) -> Call:
    return Call(
        f"ua-{number}", "pbx", "in", at, 60, "+79161234567", answered=True, wait_s=5,
        line="+78120000001", employee="101",
    )  # fmt: skip


@pytest.fixture
def portal(clock) -> RingostatPortal:
    return RingostatPortal(clock)


@pytest.fixture
def source(portal, around, session_to):
    return RingostatSource(ACCOUNT, around, session_to(portal))


@pytest.fixture
def findings(portal, around, session_to, findings_of):
    return lambda: findings_of(RingostatCheck(ACCOUNT, around, session_to(portal)))


def test_the_lab_s_day_comes_back_as_it_was_planted(portal, source, deadline, clock):
    day = make_day(clock.now(), MOSCOW)
    plant(day, portal, None)
    found = list(source.calls(clock.now() - timedelta(hours=24), clock.now(), deadline))
    want = [
        h.call._replace(tags=tuple(tag for tag in h.call.tags if tag == "internal")) for h in day.happened
    ]
    assert [call._replace(recording_url=None) for call in found] == want
    assert {c.call_id for c in found if c.recording_url} == {
        h.call.call_id for h in day.happened if h.recording != "none"
    }


@pytest.mark.parametrize("cap", [2, 3, 7, 50])
def test_a_full_answer_is_asked_again_in_halves(portal, source, deadline, monkeypatch, cap):
    monkeypatch.setattr(lab, "CAP", cap)
    monkeypatch.setattr(ringostat, "CAP", cap)
    for number in range(200):  # dense at noon, thin around it
        portal.plant(a_call(number, START + timedelta(seconds=3 * number if number < 150 else 60 * number)))
    found = [call.call_id for call in source.calls(START, END, deadline)]
    assert found == [f"ua-{number}" for number in range(200)]


def test_more_in_a_second_than_an_answer_holds_is_said(portal, source, deadline, monkeypatch):
    monkeypatch.setattr(lab, "CAP", 3)
    monkeypatch.setattr(ringostat, "CAP", 3)
    for number in range(5):
        portal.plant(a_call(number, START))
    with pytest.raises(ServiceError, match="too-many-in-a-second"):
        list(source.calls(START, END, deadline))


def test_windows_join_without_gap_or_copy(portal, source, deadline):
    for number in range(10):
        portal.plant(a_call(number, START + timedelta(seconds=number)))
    middle = START + timedelta(seconds=5)
    parts = [list(source.calls(START, middle, deadline)), list(source.calls(middle, END, deadline))]
    assert [len(part) for part in parts] == [5, 5]


def test_csv_has_the_fields_in_their_order(portal):
    portal.plant(a_call(1, START))
    query = (("export_type", "csv"), ("from", "2026-09-15 00:00:00"), ("fields", "uniqueid,billsec,calldate"))
    said = portal.respond(Asked("GET", "/calls/list", query, {"auth-key": TOKEN}))
    assert said.body.decode().splitlines() == ["uniqueid;billsec;calldate", "ua-1;60;2026-09-15 06:00:00"]


def test_a_healthy_project(portal, findings, clock):
    plant(make_day(clock.now()), portal, None)
    assert findings().codes == [
        "telephony.reachable", "telephony.signed-in", "telephony.calls", "telephony.recordings",
    ]  # fmt: skip


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_has_its_own_finding(portal, findings, clock, fault):
    plant(make_day(clock.now()), portal, None)
    portal.switch(fault, on=True)
    code, who = FAULTS[fault]
    found = findings()
    assert found.problems == [code]
    assert Catalog("en").facts(code).remedies[0].who == who
    assert TOKEN not in repr(found.all)


def test_every_fault_of_the_portal_is_looked_at(portal):
    assert set(portal.faults) - set(FAULTS) == {"slow"}


def test_a_project_without_calls(findings):
    assert findings().problems == ["telephony.no-recent-calls"]


def test_an_error_with_status_200_is_no_empty_log(portal, source, deadline):
    portal.switch("ok-with-error", on=True)
    with pytest.raises(ServiceError) as failed:
        list(source.calls(START, END, deadline))
    assert failed.value.failure is Failure.DATA
    assert "temporarily" in failed.value.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SOUND = {
    "uniqueid": "ua-1", "calldate": "2026-09-15 06:00:00", "call_type": "in", "caller": "79161234567",
    "dst": "78120000001", "billsec": "60", "waittime": 5, "additional_number": "101", "recording": None,
}  # fmt: skip


@given(st.one_of(JSON, st.tuples(st.sampled_from(sorted(SOUND)), JSON)))
def test_any_row_is_a_call_or_rejected(value):
    row = SOUND | {value[0]: value[1]} if isinstance(value, tuple) else value
    found = parse(row, 3, Setting("pbx", MOSCOW, "RU"))
    assert found.line == 3 if isinstance(found, Rejected) else found.started_at.tzinfo is not None
