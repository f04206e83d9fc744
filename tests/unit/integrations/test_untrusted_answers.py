"""Whatever a system answers, each connector ends in time, with sound values, findings or a ServiceError.

The answers are those of the lab's portals, spoilt by chance. A run of many more examples:
SUPPORTCTL_EXAMPLES=5000 pytest tests/unit/integrations/test_untrusted_answers.py
"""

import json
import os
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import A_REQUEST_TAKES_S, Spoilt
from pydantic import TypeAdapter
from told import findings_of

from integrations.checking import Surroundings
from integrations.crm.reader import CrmCall, Employee
from integrations.lab.catalogue import PORTALS
from integrations.lab.day import make_day, plant
from integrations.lab.inprocess import InProcess
from integrations.lab.roles import CrmPortal, ShopPortal, TelephonyPortal
from integrations.registry import (
    CHECKS,
    DESTINATIONS,
    READERS,
    SOURCES,
    check_class,
    destination,
    reader,
    source,
)
from supportctl.core.accounts import Crm, Telephony
from supportctl.core.call import Call, Rejected
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.delivery import Found, Outcome, Parcel
from supportctl.core.errors import SupportctlError
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.finding import Finding
from supportctl.core.shop_accounts import Shop
from supportctl.core.text import clean

EXAMPLES = int(os.environ.get("SUPPORTCTL_EXAMPLES", "25"))
MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 9, 15, 15, 0, tzinfo=UTC)
DAY = make_day(NOW, MOSCOW, count=14)
SINCE, UNTIL = NOW - timedelta(hours=24), NOW
SECONDS = 60.0
MOST_REQUESTS = SECONDS / A_REQUEST_TAKES_S * 1.05  # every request takes its time: the deadline bounds them
WALL_S = 20.0
MODELS = {name: TypeAdapter(kind) for name, kind in (("telephony", Telephony), ("crm", Crm), ("shop", Shop))}
KINDS = [(section, kind) for kind, portal in PORTALS.items() for section in portal.sections]
few = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
chances = st.integers(0, 2**32)


class World:
    """A portal with a day in it, an account that names it, and requests that all end there."""

    def __init__(self, section, kind, seed, monkeypatch):
        self.clock = FakeClock(NOW)
        portal = PORTALS[kind].load()(self.clock)
        if section == "telephony" and isinstance(portal, TelephonyPortal):
            plant(DAY, portal, None)
        if section == "crm" and isinstance(portal, CrmPortal):
            plant(DAY, None, portal)
        if section == "shop" and isinstance(portal, ShopPortal):
            portal.plant_shop(NOW, MOSCOW, troubles=True)
        chance = Random(seed)
        self.spoilt = Spoilt(portal, chance, chance.choice([0.1, 0.5, 1.0]) if seed else 0.0)
        adapter = InProcess(self.spoilt)
        monkeypatch.setattr(requests.Session, "get_adapter", lambda self, url: adapter)
        self.account = MODELS[section].validate_python(portal.entry(section, "https://portal.example"))
        self.around = Surroundings("pbx", self.clock, lambda secret: secret, MOSCOW, "RU")
        self.deadline = Deadline.after(SECONDS, self.clock)
        self._started = perf_counter()

    def ended_in_time(self):
        assert self.spoilt.requests <= MOST_REQUESTS, f"{self.spoilt.requests} requests"
        assert perf_counter() - self._started < WALL_S
        # one that was under way when the time was over may have waited for its own
        assert self.clock.monotonic() <= SECONDS + 35.0, f"{self.clock.monotonic()} s"


def sound_text(text):
    assert isinstance(text, str)
    assert len(text) < 3000, len(text)
    assert clean(text, 10_000) == text, ascii(text)[:200]


def sound_moment(moment):
    assert moment.utcoffset() is not None
    assert 1970 <= moment.year < 2400, moment


def sound(item):
    if isinstance(item, Rejected):
        assert item.line >= 0
        for text in (item.reason, *item.args.values()):
            sound_text(text)
        return
    assert isinstance(item, Call | CrmCall)
    sound_moment(item.started_at)
    seconds = [item.duration_s, *([item.wait_s] if isinstance(item, Call) else [])]
    assert all(value is None or (type(value) is int and 0 <= value < 10**9) for value in seconds), seconds
    if isinstance(item, Call):
        assert item.call_id != ""
        assert item.direction in {"in", "out"}
        assert type(item.answered) is bool
        texts = (item.call_id, item.source, item.contact_phone, item.line, item.employee, *item.tags)
    else:
        assert item.record_id != ""
        assert item.direction in {"in", "out", ""}
        if item.created_at is not None:
            sound_moment(item.created_at)
        texts = (
            item.record_id,
            item.phone,
            item.external_id,
            item.line,
            item.employee,
            item.contact,
            item.link or "",
        )
    for text in (*texts, item.recording_url or ""):
        sound_text(text)
    json.dumps(item.document(), allow_nan=False).encode()


def of(section):
    return [pytest.param(kind, id=kind) for its, kind in KINDS if its == section]


@pytest.mark.parametrize("kind", [kind for kind in of("telephony") if kind.id in SOURCES])
@few
@given(seed=chances)
def test_a_source_of_calls(kind, seed):
    with pytest.MonkeyPatch.context() as patch:
        world = World("telephony", kind, seed, patch)
        count = 0
        try:
            for item in source(world.account, world.around).calls(SINCE, UNTIL, world.deadline):
                sound(item)
                count += 1
        except ServiceError as error:
            sound_text(str(error))
        assert count or seed, "a sound portal gives calls"
        world.ended_in_time()


@pytest.mark.parametrize("kind", [kind for kind in of("crm") if kind.id in READERS])
@few
@given(seed=chances)
def test_a_reader_of_a_crm(kind, seed):
    with pytest.MonkeyPatch.context() as patch:
        world = World("crm", kind, seed, patch)
        reading = reader(world.account, world.around)
        try:
            for item in reading.records(SINCE, UNTIL, world.deadline):
                sound(item)
        except (ServiceError, SupportctlError) as error:  # the second: its interface lists no calls
            sound_text(str(error))
        try:
            for employee in reading.employees(world.deadline):
                assert isinstance(employee, Employee)
                for text in employee[:3]:
                    sound_text(text)
        except ServiceError as error:
            sound_text(str(error))
        try:
            calls = [happened.call for happened in DAY.happened]
            found = reading.find(calls, world.deadline)
            assert set(found) <= {call.call_id for call in calls}
            for record in (record for records in found.values() for record in records):
                sound(record)
        except (ServiceError, SupportctlError) as error:
            sound_text(str(error))
        world.ended_in_time()


@pytest.mark.parametrize(("section", "kind"), [each for each in KINDS if ".".join(each) in CHECKS])
@few
@given(seed=chances)
def test_a_connection_check(section, kind, seed):
    with pytest.MonkeyPatch.context() as patch:
        world = World(section, kind, seed, patch)
        check = check_class(f"{section}.{kind}")(world.account, world.around)
        for finding in findings_of(check, world.clock, SECONDS).all:
            assert isinstance(finding, Finding)
            for text in (value for value in finding.args.values() if isinstance(value, str)):
                sound_text(text)
            for evidence in finding.evidence:
                sound_text((evidence.got or "")[:200])
        world.ended_in_time()


STEPS = 6


@pytest.mark.parametrize("kind", [kind for kind in of("crm") if kind.id in DESTINATIONS])
@few
@given(seed=chances)
def test_a_destination(kind, seed):
    """Neither method raises: what failed is in the outcomes, one for each parcel."""
    with pytest.MonkeyPatch.context() as patch:
        world = World("crm", kind, seed, patch)
        bringing = destination(world.account, world.around)
        calls = [happened.call for happened in DAY.happened[:3]]
        taken = 0
        parcels = [Parcel(number, call, "", {}, 1) for number, call in enumerate(calls)]
        for attempt in range(1, STEPS):
            fit = parcels[: bringing.fits(parcels)]
            outcomes = bringing.advance(fit, world.deadline)
            assert sorted(each.delivery_id for each in outcomes) == [each.delivery_id for each in fit]
            for outcome in outcomes:
                sound_outcome(outcome)
                taken += outcome.done
            found = bringing.look_up(parcels, world.deadline)
            assert set(found) == {each.delivery_id for each in parcels}
            for each in found.values():
                assert each is None or isinstance(each, Found | Outcome)
                if isinstance(each, Outcome):
                    assert each.failure is not None
                    sound_outcome(each)
                if isinstance(each, Found):
                    sound_facts(each.facts)
                    sound_text(each.remote_id)
            so_far = {each.delivery_id: each for each in outcomes}
            parcels = [
                Parcel(each.delivery_id, each.call, now.step, now.facts, attempt + 1)
                for each in parcels
                if (now := so_far.get(each.delivery_id, Outcome(each.delivery_id, each.step, each.facts)))
                and not now.done
            ]
            if not parcels:
                break
        assert taken or seed, "a sound portal takes calls"
        world.ended_in_time()


def sound_outcome(outcome):
    assert isinstance(outcome, Outcome)
    assert outcome.failure is None or isinstance(outcome.failure, Failure)
    assert not (outcome.done and outcome.failure)
    assert outcome.retry_at is None or isinstance(outcome.retry_at, float | int)
    for text in (
        outcome.step,
        outcome.remote_id,
        outcome.code,
        outcome.text,
        outcome.note,
        outcome.method or "",
    ):
        sound_text(text)
    sound_facts(outcome.facts)


def sound_facts(facts):
    """The ledger keeps them as JSON."""
    for name, value in facts.items():
        sound_text(name)
        sound_text(value)


def test_everything_that_speaks_to_a_system_is_here():
    """A new kind of account comes with a portal of the lab; files and databases have tests of their own."""
    here = {f"{section}.{kind}" for section, kind in KINDS}
    there = {*CHECKS, *(f"telephony.{kind}" for kind in SOURCES), *(f"crm.{kind}" for kind in READERS)}
    assert there - here == {"telephony.asterisk", "telephony.csv"}
