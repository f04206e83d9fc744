"""The simulated amoCRM does what the documentation says."""

from __future__ import annotations

import json

import pytest

from integrations.lab.amocrm.portal import AmoCrmPortal


@pytest.fixture
def portal(clock):
    return AmoCrmPortal(clock)


def call(phone="+79990000001", **changes):
    facts = {
        "direction": "inbound",
        "uniq": "uis-1",
        "duration": 61,
        "source": "pbx",
        "phone": phone,
        "link": "https://rec.example/1.mp3",
        "call_status": 4,
        "created_at": 1789475000,
    }
    return {**facts, **changes}


def body(said):
    return json.loads(said.body)


def test_a_call_goes_to_the_contact_with_its_phone_however_it_is_written(portal, ask):
    contact = portal.plant_contact("8 (999) 000-00-01", "Anna")
    said = ask(portal, "POST", "/api/v4/calls", [call()])
    made = body(said)["_embedded"]["calls"][0]
    assert said.status == 200
    assert f"CONTACT:{made['entity_id']}" == contact
    assert made["entity_type"] == "contact"
    note = portal.store.notes["contacts"][0]
    assert note["note_type"] == "call_in"
    assert note["params"]["uniq"] == "uis-1"
    assert note["created_at"] == 1789475000
    assert made["id"] != note["id"]


@pytest.mark.parametrize(
    ("leads", "kind"), [([True], "leads"), ([True, True], "contacts"), ([False], "contacts")]
)
def test_one_active_lead_takes_the_call(portal, ask, leads, kind):
    contact = portal.plant_contact("+79990000001", "Anna")
    for active in leads:
        portal.plant_lead(contact, active=active)
    ask(portal, "POST", "/api/v4/calls", [call()])
    assert {name: len(notes) for name, notes in portal.store.notes.items() if notes} == {kind: 1}


def test_a_call_of_nobody_known_is_not_stored(portal, ask):
    said = ask(portal, "POST", "/api/v4/calls", [call()])
    assert said.status == 400
    assert body(said)["_total_items"] == 0
    assert body(said)["errors"][0]["title"] == "Entity not found"
    assert body(said)["errors"][0]["status"] == 263
    assert body(said)["_embedded"]["calls"] == []
    assert not any(portal.store.notes.values())


def test_a_mixed_batch_keeps_what_it_can(portal, ask):
    portal.plant_contact("+79990000001", "Anna")
    said = ask(portal, "POST", "/api/v4/calls", [call("+79990000002"), call()])
    assert said.status == 200
    assert [error["request_id"] for error in body(said)["errors"]] == ["0"]
    assert [made["request_id"] for made in body(said)["_embedded"]["calls"]] == ["1"]


def test_uniq_is_kept_and_not_enforced(portal, ask):
    portal.plant_contact("+79990000001", "Anna")
    for _ in range(2):
        assert ask(portal, "POST", "/api/v4/calls", [call()]).status == 200
    assert len(portal.store.notes["contacts"]) == 2


@pytest.mark.parametrize(
    "wrong", [{"phone": None}, {"duration": "61"}, {"direction": "sideways"}, {"call_status": 9}]
)
def test_a_wrong_field_refuses_the_request(portal, ask, wrong):
    portal.plant_contact("+79990000001", "Anna")
    said = ask(portal, "POST", "/api/v4/calls", [call(), call(**wrong)])
    assert said.status == 400
    assert said.kind.startswith("application/problem+json")
    refused = body(said)["validation-errors"]
    assert [item["request_id"] for item in refused] == ["1"]
    assert refused[0]["errors"][0]["path"] == next(iter(wrong))
    assert not any(portal.store.notes.values())


def test_calls_cannot_be_read(portal, ask):
    assert ask(portal, "GET", "/api/v4/calls").status == 404


def test_a_note_may_be_put_on_a_chosen_card(portal, ask):
    contact = int(portal.plant_contact("+79990000001", "Anna").partition(":")[2])
    note = {"note_type": "call_out", "params": {"uniq": "uis-2", "duration": 5, "phone": "+79990000001"}}
    said = ask(portal, "POST", f"/api/v4/contacts/{contact}/notes", [note])
    assert body(said)["_embedded"]["notes"][0]["entity_id"] == contact
    said = ask(portal, "POST", "/api/v4/leads/notes", [{**note, "entity_id": contact}])
    assert said.status == 400


def test_the_same_call_twice_is_refused_in_the_unsorted(portal, ask):
    item = {
        "source_uid": "pbx",
        "source_name": "PBX",
        "metadata": {
            "uniq": "uis-3", "from": "+79990000003", "phone": "101", "called_at": 1789475000, "duration": 9,
            "link": "", "service_code": "pbx", "is_call_event_needed": True,
        },
    }  # fmt: skip
    first = ask(portal, "POST", "/api/v4/leads/unsorted/sip", [item])
    assert first.status == 200
    assert body(first)["_embedded"]["unsorted"][0]["uid"]
    assert ask(portal, "POST", "/api/v4/leads/unsorted/sip", [item]).status == 400
    listed = ask(portal, "GET", "/api/v4/leads/unsorted", **{"filter[category][0]": "sip"})
    assert len(body(listed)["_embedded"]["unsorted"]) == 1
    assert len(portal.store.notes["leads"]) == 1


def test_contacts_are_found_by_a_part_of_their_phone_and_can_be_made(portal, ask):
    fields = [{"field_code": "PHONE", "values": [{"value": "8 999 000 00 07", "enum_code": "WORK"}]}]
    made = ask(portal, "POST", "/api/v4/contacts", [{"name": "Boris", "custom_fields_values": fields}])
    number = body(made)["_embedded"]["contacts"][0]["id"]
    found = ask(portal, "GET", "/api/v4/contacts", query="79990000007")
    assert [card["id"] for card in body(found)["_embedded"]["contacts"]] == [number]
    assert ask(portal, "GET", "/api/v4/contacts", query="79990000008").status == 204


def test_pages_have_a_limit_and_name_the_next(portal, ask, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    for number in range(260):
        portal.plant_call(make_call(number), employee="504001", contact=contact)
    first = body(ask(portal, "GET", "/api/v4/contacts/notes", limit=1000))
    assert len(first["_embedded"]["notes"]) == 250
    assert "page=2" in first["_links"]["next"]["href"]
    second = body(ask(portal, "GET", "/api/v4/contacts/notes", limit=250, page=2))
    assert len(second["_embedded"]["notes"]) == 10
    assert "next" not in second["_links"]
    assert ask(portal, "GET", "/api/v4/contacts/notes", limit=250, page=3).status == 204
    assert len(body(ask(portal, "GET", "/api/v4/events", limit=250))["_embedded"]["events"]) == 100


def test_events_tell_when_a_note_was_entered(portal, ask, make_call, clock):
    contact = portal.plant_contact("+79990000001", "Anna")
    number = portal.plant_call(make_call(1), employee="504001", contact=contact, created_at=clock.now())
    listed = ask(
        portal, "GET", "/api/v4/events",
        **{"filter[entity][0]": "contact", "filter[entity_id][0]": contact.partition(":")[2]},
    )  # fmt: skip
    event = body(listed)["_embedded"]["events"][0]
    assert event["type"] == "incoming_call"
    assert event["value_after"] == [{"note": {"id": int(number)}}]
    assert event["created_at"] == int(clock.now().timestamp()) - 0
    both = {"filter[entity_id][0]": "1"}
    assert ask(portal, "GET", "/api/v4/events", **both).status == 400


def test_the_eighth_request_of_a_second_is_refused_and_whoever_goes_on_is_blocked(portal, clock):
    from integrations.lab.portal import Asked

    asked = Asked("GET", "/api/v4/account", headers={"authorization": f"Bearer {portal.token}"})
    assert [portal.respond(asked).status for _ in range(8)] == [200] * 7 + [429]
    clock.advance(1)
    assert portal.respond(asked).status == 200
    statuses = [portal.respond(asked).status for _ in range(60)]
    assert statuses[-1] == 403
    clock.advance(2)
    assert portal.respond(asked).status == 403  # a pause of a second does not end a block
    clock.advance(3600)
    assert portal.respond(asked).status == 200


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("expired-token", 401), ("user-off", 401), ("wrong-account", 401), ("unpaid", 402),
        ("forbidden", 403), ("ip-not-allowed", 403), ("ip-blocked", 403), ("rate-limited", 429),
        ("validation-error", 400), ("ok-with-error", 200),
    ],
)  # fmt: skip
def test_faults_have_their_documented_form(portal, ask, fault, status):
    portal.switch(fault, on=True)
    assert ask(portal, "GET", "/api/v4/account").status == status


def test_a_token_ends(portal, ask, clock):
    assert ask(portal, "GET", "/api/v4/account").status == 200
    clock.advance(366 * 86400)
    assert ask(portal, "GET", "/api/v4/account").status == 401


def test_a_hundred_thousand_calls_are_quick(portal, ask, make_call):
    import time

    started = time.process_time()
    contact = portal.plant_contact("+79990000001", "Anna")
    one = make_call(1)
    for _ in range(100_000):
        portal.plant_call(one, employee="504001", contact=contact)
    for number in range(1, 401):
        ask(portal, "GET", "/api/v4/contacts/notes", limit=250, page=number)
    assert time.process_time() - started < 12
