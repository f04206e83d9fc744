"""Calls over the Phone API: each once, its recording's address once."""

from __future__ import annotations

import random

import pytest
from delivery_simulation import SEEDS, WIRE_FAULTS, some_calls

from integrations.crm.moysklad_destination import MoySkladDestination
from integrations.crm.reader import Employee
from integrations.lab.moysklad.portal import MoySkladPortal
from supportctl.core.accounts import MoySklad
from supportctl.core.failure import Failure

FAULTS = (
    *WIRE_FAULTS, "expired-token", "rate-limited", "maintenance", "no-api-access",
    "no-phone-solution", "old-host",
)  # fmt: skip
ANNA, LEFT = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"


@pytest.fixture
def world(connect, address):
    """Return a function that makes a portal and a destination; `more` is of the account."""

    def make(**more):
        bench, portal = connect(MoySkladPortal)
        portal.plant_employee(Employee(ANNA, "Anna", "101"))
        portal.plant_employee(Employee(LEFT, "Left", "102", active=False))
        account = MoySklad(**{**portal.account(address), "fallback_employee": "101", **more})
        return bench, portal, MoySkladDestination(account, bench.around, bench.session)

    return make


def stored(portal):
    """Return the addresses of recordings by the telephony's id of each call, which is there once."""
    calls = portal.phone.calls.values()
    found = {call["externalId"]: list(call["recordUrl"]) for call in calls}
    assert len(found) == len(calls)
    return found


def recordings(call):
    return [call.recording_url] if call.recording_url else []


@pytest.mark.parametrize("seed", range(1, 1 + SEEDS))
def test_each_call_is_there_once_through_every_fault(world, simulate, seed):
    bench, portal, destination = world()
    calls = some_calls(300, random.Random(seed), ["101", "102", "999", ""])
    for number, call in enumerate(
        calls[:30]
    ):  # another integration has brought these, some without recording
        portal.plant_call(call, employee=ANNA, recording=bool(call.recording_url) and number % 2 == 0)
    simulation = simulate(bench, portal, destination, seed)
    simulation.accept(calls)
    simulation.run(FAULTS)
    assert simulation.states() == {"delivered": 300}, (seed, simulation.errors())
    assert stored(portal) == {call.call_id: recordings(call) for call in calls}, seed
    assert portal.phone.refused == 0, seed


def test_a_lost_answer_is_found_by_the_telephonys_id(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.switch("lost-answer", on=True, operations="phone.call.create", times=1)
    parcel = make_parcel()
    assert destination.advance([parcel], soon(bench))[0].failure is Failure.AMBIGUOUS
    found = destination.look_up([parcel._replace(attempts=2), make_parcel(2, attempts=2)], soon(bench))
    assert (found[1].step, found[1].whole, found[2]) == ("called", True, None)
    assert stored(portal) == {"pbx-1": ["https://rec.example/1.mp3"]}


@pytest.mark.parametrize("lost", [False, True])
def test_a_recording_that_comes_later_is_added_once(world, simulate, make_parcel, lost):
    bench, portal, destination = world()
    simulation = simulate(bench, portal, destination, 1)
    call = make_parcel(recording_url=None).call
    simulation.accept([call])
    simulation.run()
    simulation.accept([call._replace(recording_url="https://rec.example/late.mp3")])

    def losing(number):
        if lost and number == 0:
            portal.switch("lost-answer", on=True, operations="phone.call.update", times=1)

    simulation.run(each=losing)
    assert simulation.states() == {"delivered": 1}
    assert stored(portal) == {"pbx-1": ["https://rec.example/late.mp3"]}


def test_an_answer_that_does_not_tell_recordings_leaves_it_open(world, make_parcel, soon, monkeypatch):
    bench, portal, destination = world()
    shown = portal.phone._shown

    def hiding(call, base):
        return {name: value for name, value in shown(call, base).items() if name != "recordUrl"}

    monkeypatch.setattr(portal.phone, "_shown", hiding)
    parcel = make_parcel(step="attaching", facts={"id": "1"}, attempts=2)
    portal.phone.create(
        {"externalId": "pbx-1", "number": "+79990001122", "isIncoming": True, "startTime": "x"}
    )
    open_ = destination.look_up([parcel], soon(bench))[1]
    assert (open_.failure, open_.code) == (Failure.AMBIGUOUS, "recording-unclear")
    assert destination.look_up([parcel._replace(step="")], soon(bench))[1].whole  # our own POST had it
    asked = destination.advance([parcel._replace(step="", attempts=1)], soon(bench))[0]
    assert (asked.failure, asked.code) == (Failure.AMBIGUOUS, "recording-unclear")  # never sent twice
    assert stored(portal) == {"pbx-1": []}


@pytest.mark.parametrize(
    ("employee", "fallback", "assigned", "note"),
    [
        ("101", None, ANNA, ""),
        (ANNA, None, ANNA, ""),
        ("102", "101", ANNA, "crm.user-inactive"),
        ("999", ANNA, ANNA, "crm.user-inactive"),
        ("", None, None, ""),
    ],
)
def test_who_gets_a_call(world, make_parcel, soon, employee, fallback, assigned, note):
    bench, portal, destination = world(fallback_employee=fallback)
    outcome = destination.advance([make_parcel(employee=employee)], soon(bench))[0]
    assert (outcome.done, outcome.note) == (True, note)
    call = next(iter(portal.phone.calls.values()))
    assert (call["employee"].id if call.get("employee") else None) == assigned


def test_what_cannot_be_taken(world, make_parcel, soon):
    bench, _, destination = world(fallback_employee=None)
    parcels = [make_parcel(1, employee="102"), make_parcel(2, contact_phone=""), make_parcel(3)]
    held, hidden, fine = destination.advance(parcels, soon(bench))
    assert (held.failure, held.code, held.alone) == (Failure.CONFIGURATION, "employee-unknown", True)
    assert (hidden.failure, hidden.code) == (Failure.DATA, "hidden-caller")
    assert fine.done


def test_a_limit_is_that_of_the_lane(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.switch("rate-limited", on=True, operations="phone.call.*")
    first, second = destination.advance([make_parcel(1), make_parcel(2)], soon(bench))
    assert (first.failure, first.method, second.failure, second.sent) == (
        Failure.WAIT,
        None,
        Failure.WAIT,
        False,
    )


def test_times_are_moscow_time_to_the_millisecond(world, make_parcel, soon):
    bench, portal, destination = world()
    destination.advance([make_parcel(wait_s=5)], soon(bench))
    call = next(iter(portal.phone.calls.values()))
    assert (call["startTime"], call["endTime"], call["duration"]) == (
        "2026-09-15 12:00:00.000", "2026-09-15 12:01:06.000", 61_000,
    )  # fmt: skip
