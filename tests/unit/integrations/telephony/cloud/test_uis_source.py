"""Calls from the lab's UIS: what was planted comes back, once, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from integrations.checking import Surroundings
from integrations.lab.day import make_day, plant
from integrations.lab.inprocess import InProcess
from integrations.lab.portal import Said
from integrations.lab.uis.portal import TOKEN, UisPortal
from integrations.telephony.uis import window
from integrations.telephony.uis.client import UisClient
from integrations.telephony.uis.records import Setting, parse
from integrations.telephony.uis.source import UisSource
from supportctl.core.accounts import Uis
from supportctl.core.call import Call, Rejected
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure, ServiceError

ADDRESS = "https://portal.example"
MOSCOW = ZoneInfo("Europe/Moscow")
START = datetime(2026, 9, 15, 3, 0, tzinfo=UTC)
END = START + timedelta(hours=12)


def account(**more):
    return Uis(kind="uis", url=ADDRESS, token=TOKEN, **more)


def a_call(number: int, at: datetime = START, **more) -> Call:
    call = Call(
        str(900_000_000 + number), "pbx", "in", at, 60, f"+7916{number:07}", answered=True, wait_s=5,
        line="+78120000001", employee="101",
    )  # fmt: skip
    return call._replace(**more)


@pytest.fixture
def portal(clock) -> UisPortal:
    return UisPortal(clock)


@pytest.fixture
def source(portal, around, session_to):
    return lambda **more: UisSource(account(**more), around, session_to(portal))


def test_the_lab_s_day_comes_back_as_it_was_planted(portal, source, deadline, clock):
    day = make_day(clock.now(), MOSCOW)
    plant(day, portal, None)
    found = list(source().calls(clock.now() - timedelta(hours=24), clock.now(), deadline))
    assert not [each for each in found if isinstance(each, Rejected)]
    planted = [happened.call for happened in day.happened]
    for got, want in zip(found, planted, strict=True):
        seen = got._replace(raw=None, recording_url=None, tags=tuple(sorted(got.tags)))
        assert seen == want._replace(recording_url=None, tags=tuple(sorted(want.tags)))
        assert got.started_at.utcoffset() == timedelta(hours=3)
    recorded = {h.call.call_id for h in day.happened if h.recording != "none"}
    assert {call.call_id for call in found if call.recording_url} == recorded


def test_the_responsible_employee_is_asked_of_the_legs_and_is_no_coach(portal, source, deadline):
    portal.plant(a_call(1, tags=("transferred",), employee="103"), "sound", "Олег Панов")
    coach = portal.store.employee("109", "Наставник")
    row = next(portal.store.calls.rows(0, 1))
    leg = portal.store.legs_of[row["id"]][-1] | {
        "employee_id": coach["id"], "is_coach": True, "start_time": "2026-09-15 06:59:00",
    }  # fmt: skip
    portal.store.legs_of[row["id"]].append(leg)
    row["employees"].append({"employee_id": coach["id"], "is_answered": True, "is_talked": True})
    assert [call.employee for call in source().calls(START, END, deadline)] == ["103"]
    assert portal.operations.count("get.call_legs_report") == 1


def test_without_the_right_to_legs_the_last_who_talked_is_taken(portal, source, deadline):
    portal.plant(a_call(1, tags=("transferred",), employee="103"))
    portal.switch("forbidden", on=True, operations="get.call_legs_report")
    assert [call.employee for call in source().calls(START, END, deadline)] == ["103"]


def test_without_the_right_to_employees_ids_are_given(portal, source, deadline):
    portal.plant(a_call(1))
    portal.switch("forbidden", on=True, operations="get.employees")
    assert [call.employee for call in source().calls(START, END, deadline)] == ["2001"]


@pytest.mark.parametrize("page", [1, 2, 3, 7, 100])
def test_pages_lose_nothing_among_calls_of_one_second(portal, source, deadline, monkeypatch, page):
    """The order within a second changes with each request of the portal."""
    monkeypatch.setattr(window, "PAGE", max(page, 3))
    for number in range(40):
        portal.plant(a_call(number, START + timedelta(seconds=number // 3)))
    found = [call.call_id for call in source().calls(START, END, deadline)]
    assert found == [str(900_000_000 + number) for number in range(40)]


def test_calls_that_come_in_while_we_read_are_neither_lost_nor_twice(portal, source, deadline, monkeypatch):
    monkeypatch.setattr(window, "PAGE", 10)
    for number in range(100):
        portal.plant(a_call(number, START + timedelta(seconds=10 * number)))
    found, fresh = [], 1000
    for call in source().calls(START, END, deadline):
        found.append(call.call_id)
        if fresh < 1030:  # a long call has ended that began before our place, and a new one
            portal.plant(a_call(fresh, START + timedelta(seconds=fresh - 1000)))
            portal.plant(a_call(fresh + 1, START + timedelta(hours=2, seconds=fresh)))
            fresh += 2
    assert len(found) == len(set(found)) == 130


def test_a_window_is_half_open_and_windows_join(portal, source, deadline):
    for number in range(10):
        portal.plant(a_call(number, START + timedelta(seconds=number)))
    middle = START + timedelta(seconds=5)
    first = list(source().calls(START, middle, deadline))
    second = list(source().calls(middle, END, deadline))
    assert [len(first), len(second)] == [5, 5]


def test_a_year_is_asked_in_parts_of_less_than_three_months(portal, source, deadline):
    for month in range(1, 13):
        portal.plant(a_call(month, datetime(2025, month, 28, 12, tzinfo=UTC)))
    year = list(source().calls(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), deadline))
    assert len(year) == 12
    assert portal.operations.count("get.calls_report") == 5


def test_points_of_others_are_left_alone(portal, source, deadline):
    portal.plant(a_call(1))
    portal.points.spend_day(598)
    with pytest.raises(ServiceError) as stopped:
        list(source().calls(START, END, deadline))
    error = stopped.value
    assert (error.failure, error.code, error.sent) == (Failure.WAIT, "points-kept", False)
    assert error.retry_at is not None
    assert portal.points.document()["day_remaining"] == 150  # 20 % of 750
    assert len(list(source(keep_points=0).calls(START, END, deadline))) == 1


def test_the_minute_s_limit_is_never_run_into(portal, source, deadline, clock, monkeypatch):
    monkeypatch.setattr(window, "PAGE", 1)
    portal.points.minute_limit, portal.points.day_limit = 30, 100_000
    for number in range(100):
        portal.plant(a_call(number, START + timedelta(seconds=number)))
    started = clock.monotonic()
    refused = []
    respond = portal.respond
    portal.respond = lambda asked: (said := respond(asked), refused.append(b"limit_exceeded" in said.body))[0]
    assert len(list(source().calls(START, END, deadline))) == 100
    assert not any(refused)
    asked = len(refused)
    assert asked / (clock.monotonic() - started + 60) >= 0.95 * 30 / 61


def test_a_minute_that_others_have_used_up_is_waited_for(portal, source, deadline):
    portal.plant(a_call(1))
    portal.points.charge(150)
    assert len(list(source().calls(START, END, deadline))) == 1


def test_recordings_are_where_the_account_says(portal, source, deadline):
    portal.plant(a_call(1), "sound")
    late = START + timedelta(seconds=1)
    portal.plant(a_call(2, late, tags=("voice-mail",), answered=False, duration_s=0), "sound")
    elsewhere = source(recordings="https://media.example/")
    there = [call.recording_url for call in elsewhere.calls(START, END, deadline)]
    assert there[0].startswith("https://media.example/system/media/talk/900000002/")
    assert there[1].startswith("https://media.example/system/media/voice_mail/900000003/")
    public = next(iter(source().calls(START, END, deadline))).recording_url
    assert public.startswith("https://media.uiscom.ru/900000002/")


def test_the_public_host_of_recordings_follows_the_brand(around):
    def media(url):
        return UisClient(Uis(kind="uis", url=url, token="t"), around).media

    assert media("https://dataapi.comagic.ru") == "https://app.comagic.ru"
    assert media("https://dataapi.callgear.com/v2.0") == "https://app.callgear.com"
    assert UisClient(Uis(kind="uis", token="t"), around).media == "https://app.uiscom.ru"


def test_hidden_callers_tags_and_lost_calls(portal, source, deadline):
    lost = a_call(1, contact_phone="", answered=False, duration_s=0, employee="", wait_s=31, tags=("VIP",))
    portal.plant(lost)
    assert [call._replace(raw=None) for call in source().calls(START, END, deadline)] == [lost]


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("expired-token", Failure.SIGN_IN),
        ("blocked-token", Failure.CONFIGURATION),
        ("ip-not-whitelisted", Failure.CONFIGURATION),
        ("account-inactive", Failure.BLOCKED),
        ("day-limit", Failure.WAIT),
        ("internal-error", Failure.RETRY),
        ("ok-with-error", Failure.DATA),
        ("not-json", Failure.RETRY),
        ("unavailable", Failure.RETRY),
        ("reset", Failure.RETRY),
        ("never-ending", Failure.RETRY),
    ],
)
def test_each_fault_has_its_class(portal, source, deadline, fault, failure):
    portal.switch(fault, on=True)
    with pytest.raises(ServiceError) as failed:
        list(source().calls(START, END, deadline))
    assert failed.value.failure is failure
    assert TOKEN not in str(failed.value)


@pytest.mark.parametrize(
    "fault", ["reset", "lost-answer", "unavailable", "not-json", "torn", "internal-error"]
)
def test_a_fault_that_passes_is_not_noticed(portal, source, deadline, fault):
    portal.plant(a_call(1))
    portal.switch(fault, on=True, times=2)
    assert len(list(source().calls(START, END, deadline))) == 1


class Answers(UisPortal):
    """Answers each request with what a function makes of it: a status and a document."""

    def __init__(self, clock, says) -> None:
        super().__init__(clock)
        self.says = says

    def answer(self, asked, operation):
        status, value = self.says(asked.json())
        return Said(status, json.dumps(value).encode())


def more_for_ever(rows):
    def says(body):
        found = {"get.account": [{"timezone": "Europe/Moscow"}], "get.employees": []}
        data = found[body["method"]] if body["method"] in found else rows(body)
        return 200, {"result": {"data": data, "metadata": {"total_items": 10**6}}}

    return says


@pytest.mark.parametrize(
    "rows",
    [
        lambda _: [],
        lambda _: [{"id": 1, "start_time": "2026-09-15 06:00:00", "direction": "in"}],
        lambda _: [{"id": 1}],
        lambda body: [{"start_time": "2026-09-15 07:00:00"}, {"start_time": "2026-09-15 06:00:00"}],
    ],
)
def test_a_server_that_always_has_more_ends_with_an_error(around, deadline, clock, session_to, rows):
    portal = Answers(clock, more_for_ever(rows))
    with pytest.raises(ServiceError) as ended:
        list(UisSource(account(), around, session_to(portal)).calls(START, END, deadline))
    assert ended.value.failure is Failure.DATA
    assert len(portal.operations) < 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SETTING = Setting("pbx", MOSCOW, "RU", "https://app.example", rewrites=False, extensions={1: "101"})
SOUND = {
    "id": 1, "start_time": "2026-09-15 06:00:00", "direction": "in", "is_lost": False, "talk_duration": 5,
    "contact_phone_number": "79161234567", "virtual_phone_number": "78120000001", "communication_id": 2,
    "wait_duration": 1, "total_wait_duration": 1, "call_records": ["ab"], "tags": [{"tag_name": "x"}],
    "employees": [{"employee_id": 1, "is_talked": True}], "full_record_file_link": None, "is_transfer": False,
}  # fmt: skip


@given(st.one_of(JSON, st.tuples(st.sampled_from(sorted(SOUND)), JSON)))
def test_any_record_is_a_call_or_rejected(value):
    row = SOUND | {value[0]: value[1]} if isinstance(value, tuple) else value
    found = parse(row, 7, (), SETTING)
    if isinstance(found, Rejected):
        assert found.line == 7
        assert found.reason in {"record.not-a-record", "record.bad-field"}
    else:
        assert found.started_at.tzinfo is not None


@given(JSON, st.integers(200, 599))
def test_any_answer_is_an_answer_or_a_service_error(value, status):
    clock = FakeClock()
    session = requests.Session()
    session.mount(ADDRESS, InProcess(Answers(clock, lambda _: (status, value))))
    client = UisClient(account(), Surroundings("pbx", clock, lambda secret: secret), session)
    with contextlib.suppress(ServiceError):
        client.ask("get.account", Deadline.after(60, clock))


def test_many_calls_stream(portal, source, deadline):
    portal.points.minute_limit = 10_000
    for number in range(20_000):
        portal.plant(a_call(number, START + timedelta(seconds=number // 3)))
    told = []
    count = sum(1 for _ in source().calls(START, END, deadline, told.append))
    assert count == 20_000
    assert told[-1].done == told[-1].total == 20_000
