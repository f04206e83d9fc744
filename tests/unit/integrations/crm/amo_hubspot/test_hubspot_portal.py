"""The simulated HubSpot does what the documentation says."""

from __future__ import annotations

import json

import pytest

from integrations.lab.hubspot.portal import PROPERTY, HubSpotPortal

CALLS = "/crm/v3/objects/calls"


@pytest.fixture
def portal(clock):
    return HubSpotPortal(clock)


def body(said):
    return json.loads(said.body)


def properties(**changes):
    return {"hs_timestamp": "2026-09-15T10:00:00Z", "hs_call_direction": "INBOUND", **changes}


def linked_to(contact):
    number = contact.partition(":")[2]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 194}]
    return [{"to": {"id": number}, "types": types}]


def test_a_call_is_made_with_its_contact_and_read_back(portal, ask):
    contact = portal.plant_contact("+79990000001", "Anna")
    made = ask(portal, "POST", CALLS, {"properties": properties(), "associations": linked_to(contact)})
    assert made.status == 201
    number = body(made)["id"]
    read = body(ask(portal, "GET", f"{CALLS}/{number}", associations="contacts", properties="hs_timestamp"))
    assert read["associations"]["contacts"]["results"][0]["id"] == contact.partition(":")[2]
    assert read["properties"]["hs_timestamp"] == "2026-09-15T10:00:00.000Z"
    assert "hs_call_direction" not in read["properties"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"hs_timestamp": "yesterday"}, "INVALID_LONG"),
        ({"hs_call_direction": "SIDEWAYS"}, "INVALID_OPTION"),
        ({"hs_call_status": "SUNG"}, "INVALID_OPTION"),
        ({"hs_call_duration": "long"}, "INVALID_NUMBER"),
        ({"hs_call_recording_url": "http://rec.example/1.mp3"}, "INVALID_URL"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"no_such_property": "1"}, "PROPERTY_DOESNT_EXIST"),
    ],
)
def test_a_wrong_value_is_refused(portal, ask, changes, code):
    said = ask(portal, "POST", CALLS, {"properties": properties(**changes)})
    assert said.status == 400
    assert body(said)["status"] == "error"
    assert body(said)["category"] == "VALIDATION_ERROR"
    assert body(said)["correlationId"]
    assert body(said)["errors"][0]["code"] == code


def test_time_is_required(portal, ask):
    said = ask(portal, "POST", CALLS, {"properties": {"hs_call_title": "x"}})
    assert body(said)["errors"][0]["code"] == "MISSING_REQUIRED"


def test_a_unique_value_is_taken_once(portal, ask):
    wanted = {"properties": properties(**{PROPERTY: "uis-1"})}
    assert ask(portal, "POST", CALLS, wanted).status == 201
    said = ask(portal, "POST", CALLS, wanted)
    assert body(said)["errors"][0]["code"] == "CONFLICTING_UNIQUE_VALUE"
    assert ask(portal, "GET", f"{CALLS}/uis-1", idProperty=PROPERTY).status == 200
    assert ask(portal, "GET", f"{CALLS}/uis-2", idProperty=PROPERTY).status == 404


def test_upsert_makes_once_and_changes_after(portal, ask):
    def upsert(title):
        item = {"idProperty": PROPERTY, "id": "uis-1", "properties": properties(hs_call_title=title)}
        return ask(portal, "POST", f"{CALLS}/batch/upsert", {"inputs": [item]})

    assert [body(upsert(title))["results"][0]["new"] for title in ("one", "two")] == [True, False]
    assert len(portal.store.objects["calls"]) == 1
    [stored] = portal.store.objects["calls"].values()
    assert stored["properties"]["hs_call_title"] == "two"


def test_upsert_by_a_property_that_is_not_unique_fails_item_by_item(portal, ask):
    item = {"idProperty": "hs_call_title", "id": "x", "properties": properties()}
    said = ask(portal, "POST", f"{CALLS}/batch/upsert", {"inputs": [item]})
    assert said.status == 207
    assert body(said)["numErrors"] == 1
    assert not portal.store.objects["calls"]


def test_a_batch_is_made_read_and_archived(portal, ask):
    inputs = [{"properties": properties(**{PROPERTY: f"uis-{n}"})} for n in range(3)]
    made = body(ask(portal, "POST", f"{CALLS}/batch/create", {"inputs": inputs}))
    assert len(made["results"]) == 3
    ids = [{"id": f"uis-{n}"} for n in (0, 2, 7)]
    read = ask(portal, "POST", f"{CALLS}/batch/read", {"idProperty": PROPERTY, "inputs": ids})
    assert read.status == 207
    assert len(body(read)["results"]) == 2
    assert body(read)["errors"][0]["context"]["ids"] == ["uis-7"]
    gone = [{"id": row["id"]} for row in made["results"]]
    assert ask(portal, "POST", f"{CALLS}/batch/archive", {"inputs": gone}).status == 204
    assert not portal.store.by_time
    assert ask(portal, "POST", f"{CALLS}/batch/create", {"inputs": inputs * 40}).status == 400


def test_a_batch_that_is_wrong_makes_nothing(portal, ask):
    inputs = [{"properties": properties()}, {"properties": {}}]
    assert ask(portal, "POST", f"{CALLS}/batch/create", {"inputs": inputs}).status == 400
    assert not portal.store.objects["calls"]


def test_search_filters_sorts_and_pages(portal, ask, make_call):
    for number in range(25):
        portal.plant_call(make_call(number, direction="in" if number % 2 else "out"), employee="9001")
    since = str(round(make_call(5).started_at.timestamp() * 1000))
    question = {
        "filterGroups": [
            {
                "filters": [
                    {"propertyName": "hs_timestamp", "operator": "GTE", "value": since},
                    {"propertyName": "hs_call_direction", "operator": "EQ", "value": "INBOUND"},
                ]
            }
        ],
        "sorts": [{"propertyName": "hs_timestamp", "direction": "DESCENDING"}],
        "properties": ["hs_timestamp"],
        "limit": 4,
    }
    first = body(ask(portal, "POST", f"{CALLS}/search", question))
    assert first["total"] == 10
    assert first["paging"]["next"]["after"] == "4"
    times = [row["properties"]["hs_timestamp"] for row in first["results"]]
    assert times == sorted(times, reverse=True)
    last = body(ask(portal, "POST", f"{CALLS}/search", {**question, "after": "8"}))
    assert len(last["results"]) == 2
    assert "paging" not in last


@pytest.mark.parametrize(
    "changes",
    [
        {"limit": 201},
        {"after": "9900", "limit": 200},
        {"filterGroups": [{"filters": []}] * 6},
        {
            "filterGroups": [
                {"filters": [{"propertyName": "hs_timestamp", "operator": "GTE", "value": "1"}] * 7}
            ]
        },
        {"sorts": ["hs_timestamp", "hs_object_id"]},
    ],
)
def test_search_has_limits(portal, ask, make_call, changes):
    portal.plant_call(make_call(1), employee="9001")
    said = ask(portal, "POST", f"{CALLS}/search", changes)
    assert (said.status, body(said)["category"]) == (400, "VALIDATION_ERROR")


def test_contacts_are_found_by_their_phone(portal, ask):
    contact = portal.plant_contact("+7 999 000-00-01", "Anna")
    found = body(ask(portal, "POST", "/crm/v3/objects/contacts/search", {"query": "79990000001"}))
    assert [f"CONTACT:{row['id']}" for row in found["results"]] == [contact]


def test_what_is_young_is_not_in_the_index_yet(portal, ask, clock):
    portal.switch("search-lag", on=True)
    ask(portal, "POST", CALLS, {"properties": properties(**{PROPERTY: "uis-1"})})
    assert body(ask(portal, "POST", f"{CALLS}/search", {}))["total"] == 0
    assert ask(portal, "GET", f"{CALLS}/uis-1", idProperty=PROPERTY).status == 200
    clock.advance(60)
    assert body(ask(portal, "POST", f"{CALLS}/search", {}))["total"] == 1


def test_associations_are_read_in_both_versions(portal, ask, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    one = portal.plant_call(make_call(1), employee="9001", contact=contact)
    two = portal.plant_call(make_call(2), employee="9001")
    inputs = {"inputs": [{"id": one}, {"id": two}]}
    new = ask(portal, "POST", "/crm/v4/associations/calls/contacts/batch/read", inputs)
    assert new.status == 207
    assert body(new)["results"][0]["to"][0]["toObjectId"] == int(contact.partition(":")[2])
    assert body(new)["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    old = ask(portal, "POST", "/crm/v3/associations/calls/contacts/batch/read", inputs)
    assert body(old)["results"][0]["to"][0]["id"] == contact.partition(":")[2]
    link = f"/crm/v4/objects/calls/{two}/associations/default/contacts/{contact.partition(':')[2]}"
    assert ask(portal, "PUT", link).status == 200
    assert ask(portal, "POST", "/crm/v4/associations/calls/contacts/batch/read", inputs).status == 200


def test_searches_have_a_rate_of_their_own(portal, ask, clock):
    from integrations.lab.portal import Asked

    headers = {"authorization": f"Bearer {portal.token}"}
    asked = Asked("POST", f"{CALLS}/search", headers=headers, body=b"{}")
    statuses = [portal.respond(asked).status for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    said = portal.respond(asked)
    assert (body(said)["category"], body(said)["policyName"]) == ("RATE_LIMITS", "SECONDLY")
    assert not said.headers
    clock.advance(1)
    assert portal.respond(asked).status == 200


def test_the_rate_of_everything(portal, clock):
    from integrations.lab.portal import Asked

    asked = Asked("GET", "/account-info/v3/details", headers={"authorization": f"Bearer {portal.token}"})
    statuses = [portal.respond(asked).status for _ in range(101)]
    assert statuses == [200] * 100 + [429]
    assert body(portal.respond(asked))["policyName"] == "TEN_SECONDLY_ROLLING"
    clock.advance(10)
    assert dict(portal.respond(asked).headers)["X-HubSpot-RateLimit-Daily"] == "250000"


@pytest.mark.parametrize(
    ("fault", "status", "category"),
    [
        ("expired-token", 401, "EXPIRED_AUTHENTICATION"), ("invalid-token", 401, "INVALID_AUTHENTICATION"),
        ("missing-scopes", 403, "MISSING_SCOPES"), ("rate-limited", 429, "RATE_LIMITS"),
        ("daily-limit", 429, "RATE_LIMITS"), ("rate-limited-500", 500, "RATE_LIMITS"),
        ("ok-with-error", 200, "VALIDATION_ERROR"), ("validation-error", 400, "VALIDATION_ERROR"),
    ],
)  # fmt: skip
def test_faults_have_their_documented_form(portal, ask, fault, status, category):
    portal.switch(fault, on=True)
    said = ask(portal, "GET", "/account-info/v3/details")
    assert (said.status, body(said)["status"], body(said)["category"]) == (status, "error", category)


def test_dated_paths_are_the_same_objects(portal, ask):
    made = ask(portal, "POST", "/crm/objects/2026-03/calls", {"properties": properties()})
    assert made.status == 201
    assert ask(portal, "GET", f"{CALLS}/{body(made)['id']}").status == 200


def test_a_hundred_thousand_calls_are_quick(portal, ask, make_call):
    import time

    started = time.process_time()
    one = make_call(1)
    for number in range(100_000):
        portal.plant_call(one._replace(call_id=f"c{number}"), employee="9001")
    question = {"sorts": [{"propertyName": "hs_timestamp", "direction": "ASCENDING"}], "limit": 200}
    for page in range(49):
        ask(portal, "POST", f"{CALLS}/search", {**question, "after": str(page * 200)})
    assert time.process_time() - started < 12
