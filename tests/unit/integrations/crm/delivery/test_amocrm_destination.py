"""Calls as notes and in the unsorted: each once in amoCRM, never repeated before it was looked for."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from delivery_simulation import SEEDS, WIRE_FAULTS, some_calls

from integrations.crm.amocrm.destination import AmoCrmDestination
from integrations.crm.reader import Employee
from integrations.lab.amocrm.portal import AmoCrmPortal
from supportctl.core.accounts import AmoCrm
from supportctl.core.failure import Failure

FAULTS = (
    *WIRE_FAULTS, "expired-token", "rate-limited", "ok-with-error", "validation-error", "forbidden", "unpaid",
    "ip-blocked", "user-off",
)  # fmt: skip
PHONE = "+79990001122"


@pytest.fixture
def world(connect, address):
    """Return a function that makes a portal and a destination; `more` is of the account."""

    def make(**more):
        bench, portal = connect(AmoCrmPortal)
        portal.plant_employee(Employee("601", "Anna Ivanova", "101"))
        portal.plant_employee(Employee("602", "Left Long-Ago", "102", active=False))
        account = AmoCrm(**{**portal.account(address), "fallback_employee": 601, **more})
        return bench, portal, AmoCrmDestination(account, bench.around, bench.session)

    return make


def on_cards(portal):
    """Return the notes of calls that lie on cards; the lead of a call in the unsorted is that call itself."""
    own = {item["_embedded"]["leads"][0]["id"] for item in portal.store.unsorted}
    notes = [note for some in portal.store.notes.values() for note in some]
    return [
        note
        for note in notes
        if note["note_type"] in {"call_in", "call_out"} and note["entity_id"] not in own
    ]


def stored(portal):
    """Return (uniq, link) of every call that the account has."""
    notes = [(note["params"].get("uniq"), note["params"].get("link") or "") for note in on_cards(portal)]
    inbox = [(item["metadata"]["uniq"], item["metadata"]["link"]) for item in portal.store.unsorted]
    return notes + inbox


def on(portal, operation):
    """Return how often something was asked."""
    return portal.operations.count(operation)


@pytest.mark.parametrize("unknown", [None, "create", "inbox"])
@pytest.mark.parametrize("seed", range(1, 1 + SEEDS))
def test_each_call_is_there_once_through_every_fault(world, simulate, seed, unknown):
    bench, portal, destination = world(unknown_phone=unknown)
    chance = random.Random(seed)
    calls = some_calls(300, chance, ["101", "102", "999", ""])
    contacts = {}
    for phone in sorted({call.contact_phone for call in calls[::2]}):
        contacts[phone] = portal.plant_contact(phone, "Known Person")
    simulation = simulate(bench, portal, destination, seed)
    simulation.accept(calls)
    simulation.run(FAULTS)
    there = stored(portal)
    refused = set(simulation.errors())  # amoCRM said that these were wrong
    assert set(Counter(uniq for uniq, _ in there).values()) == {1}, seed
    assert {uniq for uniq, _ in there} | refused == {call.call_id for call in calls}, seed
    assert len(refused) < 40, (seed, simulation.errors())
    links = dict(there)
    assert {c.call_id: c.recording_url or "" for c in calls if c.call_id in links} == links, seed
    phones = Counter(card.phones for card in portal.store.entities.values() if card.kind == "contacts")
    assert set(phones.values()) == {1}, seed  # no contact twice
    assert len(phones) == len(contacts) or unknown != "inbox", seed
    assert portal.refused == 0, seed


def test_what_the_account_has_by_another_way_is_not_sent(world, make_parcel, soon):
    bench, portal, destination = world()
    parcel = make_parcel()
    contact = portal.plant_contact(PHONE, "Known Person")
    note = portal.plant_call(parcel.call, employee="601", contact=contact, external_id=False)
    found = destination.look_up([parcel], soon(bench))[1]
    assert (found.whole, found.remote_id) == (True, note)
    assert destination.look_up([parcel._replace(attempts=2)], soon(bench)) == {1: None}


def test_a_lost_answer_is_found_in_the_notes(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.plant_contact(PHONE, "Known Person")
    parcel = make_parcel()
    portal.switch("lost-answer", on=True, operations="POST calls", times=1)
    lost = destination.advance([parcel], soon(bench))[0]
    assert lost.failure is Failure.AMBIGUOUS
    found = destination.look_up([parcel._replace(attempts=2), make_parcel(2, attempts=2)], soon(bench))
    assert (found[1].step, found[1].whole, found[1].facts["recording"]) == (
        "called", True, "https://rec.example/1.mp3",
    )  # fmt: skip
    assert found[2] is None
    assert on(portal, "POST calls") == 1


def test_an_unknown_phone_goes_to_the_inbox_once(world, simulate, make_parcel):
    bench, portal, destination = world()
    simulation = simulate(bench, portal, destination, 1)
    simulation.accept([make_parcel().call])
    simulation.run()
    assert (simulation.states(), stored(portal)) == (
        {"delivered": 1},
        [("pbx-1", "https://rec.example/1.mp3")],
    )
    assert (len(portal.store.unsorted), on_cards(portal)) == (1, [])
    assert on(portal, "POST calls") == on(portal, "POST leads/unsorted/sip") == 1  # nothing was repeated


def test_an_identical_call_in_the_inbox_is_this_one(world, make_parcel, soon):
    bench, portal, destination = world()
    parcel = make_parcel(step="unknown")
    first = destination.advance([parcel], soon(bench))[0]
    again = destination.advance([parcel], soon(bench))[0]
    assert (first.done, again.done, len(portal.store.unsorted)) == (True, True, 1)
    other = make_parcel(2, step="unknown")
    same, doubt = destination.advance([parcel, other], soon(bench))
    assert (same.done, doubt.failure) == (True, Failure.AMBIGUOUS)  # whether it was stored is not told
    assert destination.look_up([other._replace(attempts=2)], soon(bench))[2].step == "unknown"


def test_a_refusal_of_the_inbox_that_is_not_understood_is_asked_about_once(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.switch("validation-error", on=True, operations="POST leads/unsorted/sip")
    parcel = make_parcel(step="unknown")
    first = destination.advance([parcel], soon(bench))[0]
    assert (first.failure, first.facts) == (Failure.AMBIGUOUS, {"refused": "1"})
    found = destination.look_up([parcel._replace(facts=first.facts, attempts=2)], soon(bench))[1]
    assert (found.whole, found.facts) == (False, {"refused": "1"})
    assert destination.advance([parcel._replace(facts=found.facts)], soon(bench))[0].failure is Failure.DATA


def test_a_contact_is_made_once_for_all_calls_of_a_phone(world, simulate, make_parcel):
    bench, portal, destination = world(unknown_phone="create")
    simulation = simulate(bench, portal, destination, 1)
    simulation.accept([make_parcel(number).call for number in range(1, 4)])
    simulation.run()
    assert simulation.states() == {"delivered": 3}
    contacts = [card for card in portal.store.entities.values() if card.kind == "contacts"]
    assert [card.phones for card in contacts] == [(PHONE,)]
    assert {note["entity_id"] for note in on_cards(portal)} == {contacts[0].id}
    assert len(on_cards(portal)) == 3


def test_a_contact_that_is_there_is_used_however_its_phone_is_written(world, make_parcel, soon):
    bench, portal, destination = world(unknown_phone="create")
    contact = portal.plant_contact("8 (999) 000-11-22", "Pyotr").partition(":")[2]
    moved = destination.advance([make_parcel(step="unknown")], soon(bench))[0]
    assert (moved.failure, moved.step, moved.facts["contact"]) == (None, "contacted", contact)
    assert on(portal, "POST contacts") == 0
    done = destination.advance([make_parcel(step=moved.step, facts=moved.facts)], soon(bench))[0]
    assert (done.done, done.facts["card"]) == (True, f"contacts:{contact}")


def test_an_unclear_contact_is_searched_for_before_it_is_made_again(world, make_parcel, soon):
    bench, portal, destination = world(unknown_phone="create")
    portal.switch("lost-answer", on=True, operations="POST contacts", times=1)
    parcel = make_parcel(step="unknown")
    lost = destination.advance([parcel], soon(bench))[0]
    assert lost.failure is Failure.AMBIGUOUS
    found = destination.look_up([parcel._replace(attempts=3)], soon(bench))[1]
    assert (found, found.whole) == (found._replace(step="unknown"), False)
    assert destination.advance([parcel], soon(bench))[0].step == "contacted"
    assert on(portal, "POST contacts") == 1


def test_an_outgoing_call_of_an_unknown_phone_makes_a_contact_unless_the_inbox_is_wanted(
    world, make_parcel, soon
):
    bench, _, destination = world()
    parcel = make_parcel(step="unknown", direction="out")
    assert destination.advance([parcel], soon(bench))[0].step == "contacted"
    bench, _, destination = world(unknown_phone="inbox")
    assert destination.advance([parcel], soon(bench))[0].step == "inbox"


def test_a_call_that_is_to_be_left_is_held_and_sent_again_later(world, make_parcel, soon):
    bench, portal, destination = world(unknown_phone="leave")
    outcome = destination.advance([make_parcel()], soon(bench))[0]
    assert (outcome.failure, outcome.code, outcome.alone) == (Failure.CONFIGURATION, "contact-unknown", True)
    portal.plant_contact(PHONE, "Made By Hand")
    later = make_parcel(step=outcome.step, facts=outcome.facts, attempts=2)
    assert destination.advance([later], soon(bench))[0].done


def test_a_hidden_caller_has_no_place(world, make_parcel, soon):
    bench, portal, destination = world()
    outcome = destination.advance([make_parcel(contact_phone="")], soon(bench))[0]
    assert (outcome.failure, outcome.code, portal.operations) == (Failure.DATA, "hidden-caller", [])


@pytest.mark.parametrize(
    ("employee", "fallback", "user", "note"),
    [
        ("101", None, 601, ""),
        ("601", None, 601, ""),
        ("102", 601, 601, "crm.user-inactive"),
        ("999", 601, 601, "crm.user-inactive"),
        ("", None, 504001, ""),
    ],
)
def test_who_gets_a_call(world, make_parcel, soon, employee, fallback, user, note):
    bench, portal, destination = world(fallback_employee=fallback)
    portal.plant_contact(PHONE, "Known Person")
    outcome = destination.advance([make_parcel(employee=employee)], soon(bench))[0]
    assert (outcome.done, outcome.note) == (True, note)
    assert on_cards(portal)[0]["responsible_user_id"] == user


def test_a_call_of_somebody_unknown_is_held_and_keeps_nobody(world, make_parcel, soon):
    bench, portal, destination = world(fallback_employee=None)
    portal.plant_contact(PHONE, "Known Person")
    outcomes = destination.advance([make_parcel(1, employee="102"), make_parcel(2)], soon(bench))
    assert {(each.delivery_id, each.done, each.code, each.alone) for each in outcomes} == {
        (1, False, "employee-unknown", True), (2, True, "", False),
    }  # fmt: skip


def test_one_wrong_call_is_refused_and_the_others_are_asked_about(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.plant_contact(PHONE, "Known Person")
    wrong, other = destination.advance([make_parcel(1, duration_s=1.5), make_parcel(2)], soon(bench))
    assert (wrong.failure, other.failure) == (Failure.DATA, Failure.AMBIGUOUS)
    assert "InvalidType" in wrong.text
    assert destination.look_up([make_parcel(2, attempts=2)], soon(bench)) == {2: None}
    assert destination.advance([make_parcel(2, attempts=2)], soon(bench))[0].done


def test_what_was_refused_without_a_name_goes_alone(world, simulate):
    bench, portal, destination = world(unknown_phone="create")
    calls = some_calls(20, random.Random(1), ["101"])
    simulation = simulate(bench, portal, destination, 1)
    simulation.accept(calls)
    portal.switch("ok-with-error", on=True, operations="POST calls", times=1)
    simulation.lane.drain()
    assert simulation.states() == {"verifying": 20}
    simulation.run()
    assert simulation.states() == {"delivered": 20}
    assert len(stored(portal)) == 20


@pytest.mark.parametrize("fault", ["", "call-notes-fixed", "call-notes-refused"])
def test_a_recording_that_comes_later(world, simulate, make_parcel, fault):
    bench, portal, destination = world()
    portal.plant_contact(PHONE, "Known Person")
    simulation = simulate(bench, portal, destination, 1)
    call = make_parcel(recording_url=None).call
    simulation.accept([call])
    simulation.run()
    link = "https://rec.example/late.mp3"
    simulation.accept([call._replace(recording_url=link)])

    def broken(_):
        if fault:
            portal.switch(fault, on=True)

    simulation.run(each=broken)
    assert simulation.states() == {"delivered": 1}
    notes = [note["params"] for note in portal.store.notes["contacts"]]
    if fault:  # a note of its own beside the call's
        assert (len(notes), link in notes[1]["text"]) == (2, True)
    else:
        assert [note["link"] for note in notes] == [link]


def test_a_late_recording_of_a_call_in_the_inbox_is_noted_on_its_lead_once(world, make_parcel, soon):
    bench, portal, destination = world()
    first = destination.advance([make_parcel(step="unknown", recording_url=None)], soon(bench))[0]
    parcel = make_parcel(step=first.step, facts=first.facts, revision=1)
    portal.switch("lost-answer", on=True, operations="POST leads/ID/notes", times=1)
    assert destination.advance([parcel], soon(bench))[0].failure is Failure.AMBIGUOUS
    found = destination.look_up([parcel._replace(attempts=3)], soon(bench))[1]
    assert (found.step, found.whole) == ("inbox", False)
    assert destination.advance([parcel._replace(facts=found.facts)], soon(bench))[0].done
    common = [note for note in portal.store.notes["leads"] if note["note_type"] == "common"]
    assert len(common) == 1


def test_a_late_recording_of_a_call_whose_place_is_not_known_is_told(world, make_parcel, soon):
    bench, _, destination = world()
    outcome = destination.advance([make_parcel(step="called", facts={"id": "1"}, revision=1)], soon(bench))[0]
    assert (outcome.failure, outcome.code) == (Failure.DATA, "recording-has-no-place")


def test_nothing_of_a_failed_turn_is_tried_further(world, make_parcel, soon):
    bench, portal, destination = world()
    portal.switch("unavailable", on=True, operations="POST *")
    outcomes = destination.advance([make_parcel(1), make_parcel(2, step="unknown")], soon(bench))
    assert [(each.failure, each.sent) for each in outcomes] == [
        (Failure.AMBIGUOUS, True),
        (Failure.RETRY, False),
    ]
    assert on(portal, "POST leads/unsorted/sip") == 0


def test_those_that_need_their_own_requests_are_few_at_a_time(world, make_parcel):
    _, _, destination = world(unknown_phone="create")
    assert destination.fits([make_parcel(number) for number in range(50)]) == 50
    assert destination.fits([make_parcel(number, step="unknown") for number in range(50)]) == 30
    assert destination.fits([make_parcel(1), make_parcel(2, facts={"alone": "1"})]) == 1


def test_no_request_is_repeated_word_for_word(world, simulate):
    bench, portal, destination = world()
    bodies = Counter()
    answer = portal.answer

    def watched(asked, operation):
        if asked.method == "POST":
            bodies[operation, json.dumps(asked.json(), sort_keys=True)] += 1
        return answer(asked, operation)

    portal.answer = watched
    simulation = simulate(bench, portal, destination, 5)
    simulation.accept(some_calls(60, random.Random(5), ["101"]))
    simulation.run()
    assert set(bodies.values()) == {1}


def test_calls_that_somebody_else_has_brought_are_left_alone(world, simulate):
    bench, portal, destination = world(unknown_phone="create")
    calls = some_calls(60, random.Random(7), ["101"])
    for call in calls[:25]:
        contact = portal.plant_contact(call.contact_phone, "Known Person")
        portal.plant_call(call, employee="601", contact=contact, external_id=False)
    simulation = simulate(bench, portal, destination, 7)
    simulation.accept(calls, ask_first=True)
    simulation.run()
    assert simulation.states() == {"delivered": 60}
    assert len(on_cards(portal)) == 60
