"""Calls by upsert: each once in HubSpot with its recording and on its contact's card."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from delivery_simulation import SEEDS, WIRE_FAULTS, some_calls

from integrations.crm.hubspot.destination import HubSpotDestination
from integrations.crm.reader import Employee
from integrations.lab.hubspot.portal import PROPERTY, HubSpotPortal
from supportctl.core.accounts import HubSpot
from supportctl.core.failure import Failure

FAULTS = (
    *WIRE_FAULTS, "expired-token", "missing-scopes", "rate-limited", "rate-limited-500", "locked",
    "internal-error", "ok-with-error", "search-lag", "daily-limit", "migrating",
)  # fmt: skip


@pytest.fixture
def world(connect, address):
    """Return a function that makes a portal and a destination; `more` is of the account."""

    def make(**more):
        bench, portal = connect(HubSpotPortal)
        portal.plant_employee(Employee("9001", "Anna Ivanova"))
        portal.plant_employee(Employee("9002", "Left Long-Ago", active=False))
        account = HubSpot(**{**portal.account(address), "fallback_employee": 9001, **more})
        return bench, portal, HubSpotDestination(account, bench.around, bench.session)

    return make


def stored(portal):
    """Return the calls by the telephony's id."""
    return {
        row["properties"].get(PROPERTY): row["properties"] for row in portal.store.objects["calls"].values()
    }


@pytest.mark.parametrize("unknown", ["create", None])
@pytest.mark.parametrize("seed", range(1, 1 + SEEDS))
def test_each_call_is_there_once_through_every_fault(world, simulate, seed, unknown):
    bench, portal, destination = world(unknown_phone=unknown)
    chance = random.Random(seed)
    calls = some_calls(300, chance, ["9001", "9002", "101", ""])
    known = {call.contact_phone for call in calls[::2]}
    contacts = {
        phone: portal.plant_contact(phone, "Known Person").partition(":")[2] for phone in sorted(known)
    }
    for call in calls[:20]:  # another integration has brought these
        portal.plant_call(call, employee="9001")
    bench.clock.advance(60)  # a search finds the contacts by now
    simulation = simulate(bench, portal, destination, seed)
    simulation.accept(calls)
    simulation.run(FAULTS)
    there = Counter(row["properties"].get(PROPERTY) for row in portal.store.objects["calls"].values())
    refused = set(simulation.errors())  # a whole batch was "invalid" while its calls went one by one
    assert set(there.values()) == {1}, seed
    assert set(there) | refused == {call.call_id for call in calls}, seed
    assert len(refused) < 30, (seed, simulation.errors())
    found = stored(portal)
    for call in calls:
        if call.call_id in refused:
            continue
        assert found[call.call_id].get("hs_call_recording_url", "") == (call.recording_url or ""), (
            seed,
            call,
        )
    with_card = [
        row for row in portal.store.objects["calls"].values() if row["properties"][PROPERTY] not in refused
    ]
    by_id = {call.call_id: call for call in calls}
    for row in with_card:
        phone = by_id[row["properties"][PROPERTY]].contact_phone
        cards = portal.store.linked("calls", row["id"], "contacts")
        if phone in contacts:
            assert cards == [contacts[phone]], seed
        elif unknown:
            assert len(cards) == 1, seed
    phones = Counter(row["properties"]["phone"] for row in portal.store.objects["contacts"].values())
    assert set(phones.values()) == {1}, seed  # no contact twice
    assert portal.refused == 0, seed


def test_a_recording_that_comes_later_is_put_into_the_same_call(world, simulate):
    bench, portal, destination = world()
    simulation = simulate(bench, portal, destination, 1)
    call = some_calls(1, random.Random(1), ["9001"])[0]._replace(recording_url=None)
    simulation.accept([call])
    simulation.run()
    simulation.accept([call._replace(recording_url="https://rec.example/late.mp3")])
    simulation.run()
    assert simulation.states() == {"delivered": 1}
    assert len(portal.store.objects["calls"]) == 1
    assert stored(portal)[call.call_id]["hs_call_recording_url"] == "https://rec.example/late.mp3"


def test_one_call_that_is_refused_does_not_keep_the_others(world, simulate):
    bench, portal, destination = world(unknown_phone=None)
    simulation = simulate(bench, portal, destination, 1)
    calls = some_calls(40, random.Random(1), ["9001"])
    simulation.accept([*calls[:-1], calls[-1]._replace(duration_s=-5)])
    simulation.run()
    assert simulation.states() == {"delivered": 39, "escalated": 1}
    assert simulation.errors() == {calls[-1].call_id: "INVALID_NUMBER"}


def test_a_batch_that_is_refused_as_a_whole_is_sent_call_by_call(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.switch("validation-error", on=True, operations="*upsert", times=1)
    outcomes = destination.advance([make_parcel(1), make_parcel(2)], soon(bench))
    assert [(outcome.failure, outcome.facts["alone"]) for outcome in outcomes] == [(None, "1")] * 2
    parcels = [make_parcel(number, facts={"alone": "1"}) for number in (1, 2)]
    assert destination.fits(parcels) == 1
    portal.switch("validation-error", on=True, operations="*upsert", times=1)
    assert destination.advance(parcels[:1], soon(bench))[0].failure is Failure.DATA
    after = destination.advance(parcels[1:], soon(bench))[0]
    assert (after.step, after.facts["id"] != "") == ("called", True)
    assert "alone" not in after.facts


def test_what_the_portal_has_is_told(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.switch("lost-answer", on=True, operations="*upsert", times=1)
    parcel = make_parcel()
    lost = destination.advance([parcel], soon(bench))[0]
    assert lost.failure is Failure.AMBIGUOUS
    other = make_parcel(2, attempts=2)
    parcel = parcel._replace(attempts=2, facts=lost.facts)
    found = destination.look_up([parcel, other], soon(bench))
    assert found[2] is None
    there = found[1]
    assert (there.step, there.whole, there.facts["recording"]) == (
        "called",
        False,
        "https://rec.example/1.mp3",
    )
    done = destination.advance([parcel._replace(step=there.step, facts=there.facts)], soon(bench))[0]
    assert (done.done, done.note, done.facts["card"]) == (True, "crm.user-inactive", "-")


def test_a_call_that_came_by_another_way_is_not_sent(world, make_parcel, soon):
    bench, portal, destination = world()
    parcel = make_parcel()
    number = portal.plant_call(parcel.call, employee="9001", external_id=False)
    found = destination.look_up([parcel], soon(bench))[1]
    assert (found.whole, found.remote_id) == (True, number)
    assert destination.look_up([parcel._replace(attempts=2)], soon(bench)) == {
        1: None
    }  # it was sent with an id


@pytest.mark.parametrize(
    ("employee", "fallback", "owner"),
    [
        ("9001", None, "9001"),
        ("9002", 9001, "9001"),
        ("101", 9001, "9001"),
        ("", None, None),
        ("", 9001, "9001"),
    ],
)
def test_who_gets_a_call(world, make_parcel, soon, employee, fallback, owner):
    bench, portal, destination = world(fallback_employee=fallback)
    outcome = destination.advance([make_parcel(employee=employee)], soon(bench))[0]
    assert outcome.failure is None
    assert stored(portal)["pbx-1"].get("hubspot_owner_id") == owner


def test_a_call_of_an_unknown_employee_without_a_fallback_is_held(world, make_parcel, soon):
    bench, _, destination = world(fallback_employee=None)
    mine, other = destination.advance([make_parcel(1), make_parcel(2, employee="9001")], soon(bench))
    assert (mine.failure, mine.code, mine.alone) == (Failure.CONFIGURATION, "employee-unknown", True)
    assert (other.failure, other.step) == (None, "called")


def test_a_property_that_is_not_there_is_a_matter_of_settings(world, make_parcel, soon):
    bench, _, destination = world(external_id_property="nope")
    outcome = destination.advance([make_parcel()], soon(bench))[0]
    assert (outcome.failure, outcome.code) == (Failure.CONFIGURATION, "property")
    asked = destination.look_up([make_parcel()], soon(bench))[1]
    assert (asked.failure, asked.code) == (Failure.CONFIGURATION, "property")


def test_a_hidden_caller_has_no_card(world, make_parcel, soon):
    bench, portal, destination = world()
    outcome = destination.advance([make_parcel(contact_phone="")], soon(bench))[0]
    assert outcome.done
    assert not any("contacts" in operation for operation in portal.operations)


def test_a_contact_is_known_however_its_phone_is_written(world, make_parcel, soon):
    bench, portal, destination = world(unknown_phone="create")
    contact = portal.plant_contact("8 (999) 000-11-22", "Pyotr").partition(":")[2]
    first = destination.advance([make_parcel()], soon(bench))[0]
    done = destination.advance([make_parcel(step=first.step, facts=first.facts)], soon(bench))[0]
    assert (done.done, done.facts["card"]) == (True, contact)
    assert len(portal.store.objects["contacts"]) == 1


def test_a_recording_without_https_stands_in_the_text(world, make_parcel, soon):
    bench, portal, destination = world()
    parcel = make_parcel(recording_url="http://rec.example/1.mp3")
    destination.advance([parcel], soon(bench))
    assert stored(portal)["pbx-1"]["hs_call_body"] == "http://rec.example/1.mp3"
    assert destination.look_up([parcel], soon(bench))[1].facts["recording"] == "http://rec.example/1.mp3"


def test_a_question_beside_a_call_that_fails_is_no_word_about_the_call(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.switch("ok-with-error", on=True, operations="GET owners", times=1)
    outcome = destination.advance([make_parcel()], soon(bench))[0]
    assert (outcome.failure, outcome.sent) == (Failure.RETRY, False)
    first = destination.advance([make_parcel()], soon(bench))[0]
    portal.switch("ok-with-error", on=True, operations="POST objects/contacts/search", times=1)
    outcome = destination.advance([make_parcel(step=first.step, facts=first.facts)], soon(bench))[0]
    assert (outcome.failure, outcome.step) == (Failure.RETRY, "called")


def test_calls_that_somebody_else_has_brought_are_left_alone(world, simulate):
    bench, portal, destination = world()
    calls = some_calls(60, random.Random(7), ["9001"])
    for call in calls[:25]:
        portal.plant_call(call, employee="9001", external_id=False)
    simulation = simulate(bench, portal, destination, 7)
    simulation.accept(calls, ask_first=True)
    simulation.run()
    assert simulation.states() == {"delivered": 60}
    assert len(portal.store.objects["calls"]) == 60
