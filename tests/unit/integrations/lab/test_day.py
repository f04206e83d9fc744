"""The lab's day: the same each time, within the opening hours, with every kind of gap and a list of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from integrations.lab.day import CALLS, CLOCK_AHEAD, EMPLOYEES, make_day, plant
from integrations.lab.portal import Asked, Said
from integrations.lab.roles import CrmPortal, TelephonyPortal
from supportctl.core.call import HIDDEN, INTERNAL
from supportctl.core.clock import FakeClock

MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=MOSCOW)
EVERY_KIND = {
    "sync.call-missing", "sync.recording-missing", "sync.recording-broken", "sync.duplicate-call",
    "sync.wrong-employee", "sync.no-contact", "sync.delivered-late", "sync.phantom-call",
}  # fmt: skip


class Silent:
    """The parts of a portal that planting does not need."""

    kind = "silent"

    def operation(self, asked: Asked) -> str:
        return asked.path

    def answer(self, asked: Asked, operation: str) -> Said:
        return Said(404)

    def state(self) -> dict:
        return {}

    def account(self, base_url: str) -> dict:
        return {"kind": self.kind, "url": base_url}


class Exchange(Silent, TelephonyPortal):
    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.planted = []

    def plant(self, call, recording="none", employee_name=""):
        self.planted.append((call, recording, employee_name))


class Crm(Silent, CrmPortal):
    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.employees, self.contacts, self.calls = [], {}, []

    def plant_employee(self, employee):
        self.employees.append(employee)

    def plant_contact(self, phone, name):
        self.contacts[phone] = name
        return f"CONTACT:{len(self.contacts)}"

    def plant_call(self, call, **more):
        self.calls.append((call, more))
        return str(len(self.calls))


def test_the_same_moment_gives_the_same_day():
    assert make_day(NOON) == make_day(NOON)
    assert make_day(NOON, seed=5) != make_day(NOON)


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("zone", [UTC, MOSCOW, ZoneInfo("America/St_Johns")])
def test_whenever_it_is_asked_for_the_shop_was_open(hour, zone):
    now = datetime(2026, 11, 22, hour, 7, 31, 5, tzinfo=UTC)
    day = make_day(now, zone)
    assert len(day.happened) == CALLS
    for call, _, _ in day.happened:
        assert time(9) <= call.started_at.astimezone(zone).time() < time(21)
        assert now - timedelta(hours=22) <= call.started_at
        assert call.started_at + timedelta(seconds=call.duration_s) < now - timedelta(minutes=14)
    assert Counter(gap.code for gap in day.planted).keys() == EVERY_KIND


def test_a_day_has_every_kind_of_call():
    calls = [each.call for each in make_day(NOON).happened]
    assert {call.direction for call in calls} == {"in", "out"}
    assert {call.answered for call in calls} == {True, False}
    assert {INTERNAL, "transferred"} <= {tag for call in calls for tag in call.tags}
    phones = Counter(call.contact_phone for call in calls)
    assert min(phones[HIDDEN], phones["0611"], phones["+493023125014"]) > 0
    assert max(count for phone, count in phones.items() if phone.startswith("+7")) > 3, "somebody calls again"
    assert len({call.call_id for call in calls}) == len(calls)
    assert {call.employee for call in calls} >= {employee.extension for employee in EMPLOYEES}


def test_each_call_has_one_gap_at_most():
    planted = Counter(gap.call_id for gap in make_day(NOON).planted)
    assert set(planted.values()) == {1}


def test_a_healthy_day_has_no_gap_and_everything_in_the_crm():
    day, exchange, crm = make_day(NOON, gaps=False), Exchange(), Crm()
    plant(day, exchange, crm)
    assert day.planted == () == day.phantoms
    assert len(exchange.planted) == CALLS
    outside = [each for each in day.happened if INTERNAL not in each.call.tags]
    assert [call.call_id for call, _ in crm.calls] == [each.call.call_id for each in outside]
    for each, (call, more) in zip(outside, crm.calls, strict=True):
        assert more["recording"] == (each.recording == "sound")
        assert timedelta(0) < more["created_at"] - call.started_at < timedelta(minutes=20)
        assert more["started_at"] == call.started_at


def test_what_is_planted_is_in_the_crm_as_it_is_listed():
    day, exchange, crm = make_day(NOON), Exchange(), Crm()
    plant(day, exchange, crm)
    ids = {employee.extension: employee.id for employee in EMPLOYEES}
    assert [employee.active for employee in crm.employees].count(False) == 1
    copies = Counter(call.call_id for call, _ in crm.calls)
    by_id = {call.call_id: (call, more) for call, more in crm.calls}
    recordings = {call.call_id: recording for call, recording, _ in exchange.planted}
    for code, call_id in day.planted:
        assert copies[call_id] == {"sync.call-missing": 0, "sync.duplicate-call": 2}.get(code, 1)
        if code == "sync.phantom-call":
            assert call_id not in recordings
            continue
        if code == "sync.call-missing":
            continue
        call, more = by_id[call_id]
        assert (more["employee"] != ids[call.employee]) is (code == "sync.wrong-employee")
        assert (not more["contact"]) is (code == "sync.no-contact")
        assert (more["recording"] is False) is (code == "sync.recording-missing")
        assert (more["created_at"] - call.started_at > timedelta(hours=2)) is (code == "sync.delivered-late")
        assert (recordings[call_id] != "sound") is (code == "sync.recording-broken")
    assert set(recordings.values()) == {"none", "sound", "broken", "gone"}


def test_recordings_that_are_broken_are_expected_only_of_who_opens_them():
    day = make_day(NOON)
    more = day.expected(verify_recordings=True) - day.expected()
    assert {gap.code for gap in more} == {"sync.recording-broken"}
    assert len(more) == 2


def test_a_wrong_clock_moves_all_that_the_crm_writes_down():
    crm = Crm()
    plant(make_day(NOON, clock_ahead=CLOCK_AHEAD), None, crm)
    assert {more["started_at"] - call.started_at for call, more in crm.calls} == {CLOCK_AHEAD}
