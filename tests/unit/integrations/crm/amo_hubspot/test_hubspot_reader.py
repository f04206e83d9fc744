"""Our reader of HubSpot, against the simulated account and against answers that are wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.answers import Reply, Request
from integrations.crm.hubspot import parse
from integrations.crm.hubspot.api import judge
from integrations.crm.hubspot.check import HubSpotCheck
from integrations.crm.hubspot.reader import HubSpotReader
from integrations.crm.reader import CrmCall, Employee
from integrations.crm.strict import UnreadableError
from integrations.lab.hubspot.portal import HubSpotPortal
from supportctl.core.accounts import HubSpot
from supportctl.core.call import Rejected
from supportctl.core.clock import FakeClock
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.finding import Status

ADDRESS = "https://acme.example"
DAY = timedelta(days=1)


@pytest.fixture
def portal(clock):
    portal = HubSpotPortal(clock)
    portal.plant_employee(Employee("9001", "Irina Petrova"))
    portal.plant_employee(Employee("9002", "Oleg Smirnov", active=False))
    return portal


@pytest.fixture
def account(portal):
    return HubSpot(**portal.account(ADDRESS))


@pytest.fixture
def reader(portal, account, around, session_to):
    return HubSpotReader(account, around, session_to(portal))


def read(reader, clock, deadline, since=DAY, until=timedelta()):
    return list(reader.records(clock.now() - since, clock.now() - until, deadline))


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_call_is_read_whole(portal, reader, clock, deadline, make_call, direction):
    contact = portal.plant_contact("+79990000001", "Anna")
    call = make_call(1, direction=direction)
    entered = clock.now() - timedelta(minutes=5)
    number = portal.plant_call(call, employee="9001", contact=contact, recording=True, created_at=entered)
    [found] = read(reader, clock, deadline)
    assert found == CrmCall(
        record_id=number,
        started_at=call.started_at,
        phone="+79990000001",
        direction=direction,
        external_id=call.call_id,
        duration_s=61,
        line="+74951112233",
        employee="9001",
        contact=contact,
        recording=True,
        recording_url=f"https://records.example/{call.call_id}.mp3",
        created_at=entered,
        link=f"https://app-eu1.hubspot.com/contacts/24001122/record/0-1/{contact.partition(':')[2]}",
    )


def test_a_call_of_a_company_or_of_nobody(portal, reader, clock, deadline, make_call):
    company = portal.plant_company("+79990000002", "Firm")
    portal.plant_call(make_call(1), employee="9001", contact=company)
    portal.plant_call(make_call(2), employee="", external_id=False)
    one, two = read(reader, clock, deadline)
    assert (one.contact, two.contact, two.external_id, two.employee) == (company, "", "", "")
    assert two.link.endswith(f"/0-48/{two.record_id}")
    assert two.recording is False


def test_the_window_includes_its_beginning_and_not_its_end(portal, reader, clock, deadline, make_call):
    moments = [clock.now() - DAY, clock.now() - DAY + timedelta(microseconds=1500), clock.now()]
    for number, moment in enumerate(moments):
        portal.plant_call(make_call(number), employee="9001", started_at=moment)
    found = read(reader, clock, deadline)
    assert {call.external_id for call in found} == {make_call(n).call_id for n in (0, 1)}


def test_more_than_a_search_can_tell_is_read_in_several(portal, reader, clock, deadline, make_call):
    call = make_call(1)
    began = clock.now() - timedelta(hours=20)
    for number in range(23_000):
        portal.plant_call(
            call._replace(call_id=f"c{number}"), employee="9001",
            started_at=began + timedelta(seconds=number // 7),
        )  # fmt: skip
    seen, ids = [], set()
    started = clock.monotonic()
    count = 0
    for record in reader.records(clock.now() - DAY, clock.now(), deadline, seen.append):
        ids.add(record.record_id)
        count += 1
    took = clock.monotonic() - started
    assert count == len(ids) == 23_000
    assert (seen[-1].done, seen[-1].total) == (23_000, 23_000)
    assert len(portal.operations) / took >= 0.95 * 10
    searches = sum(operation.endswith("/search") for operation in portal.operations)
    assert searches == 50 + 50 + 16  # none was refused and repeated


def test_searches_alone_keep_their_own_rate(portal, reader, clock, deadline):
    from integrations.crm.hubspot.api import SEARCHES_A_SECOND

    started = clock.monotonic()
    for _ in range(200):
        reader.api.post_to_read("/crm/v3/objects/calls/search", {"limit": 1}, deadline)
    assert 199 / (clock.monotonic() - started) == pytest.approx(SEARCHES_A_SECOND, rel=0.01)
    assert len(portal.operations) == 200  # none was refused and repeated


def test_too_many_calls_of_one_moment_end_with_an_error(portal, reader, clock, deadline, make_call):
    call = make_call(1)
    for number in range(10_100):
        portal.plant_call(call._replace(call_id=f"c{number}"), employee="9001")
    with pytest.raises(ServiceError, match="endless-pages"):
        read(reader, clock, deadline)


def test_a_portal_without_the_right_to_deals_is_read_without_them(portal, reader, clock, deadline, make_call):
    portal.plant_call(make_call(1), employee="9001")
    portal.switch("missing-scopes", on=True, operations="*/deals/*")
    [found] = read(reader, clock, deadline)
    assert found.contact == ""


def test_owners_with_those_who_left(reader, deadline):
    assert [(e.id, e.name, e.active) for e in reader.employees(deadline)] == [
        ("9001", "Irina Petrova", True),
        ("9002", "Oleg Smirnov", False),
    ]


def test_find_by_the_property_by_phone_and_time_and_not_at_all(portal, reader, deadline, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    by_id, by_time, lost, other = (make_call(n) for n in (1, 20, 40, 60))
    portal.plant_call(by_id, employee="9001", contact=contact)
    portal.plant_call(
        by_time, employee="9001", external_id=False, started_at=by_time.started_at + timedelta(seconds=17)
    )
    portal.plant_call(other._replace(call_id="else"), employee="9001")
    found = reader.find([by_id, by_time, lost, other], deadline)
    assert set(found) == {by_id.call_id, by_time.call_id}
    assert found[by_id.call_id][0].contact == contact
    assert reader.find([], deadline) == {}


def test_find_sees_what_the_index_of_searches_does_not(portal, reader, deadline, make_call, clock):
    portal.switch("search-lag", on=True)
    portal.plant_call(make_call(1), employee="9001", created_at=clock.now())
    assert set(reader.find([make_call(1)], deadline)) == {make_call(1).call_id}


def test_without_the_property_calls_are_found_by_phone_and_time(
    portal, account, around, session_to, deadline, make_call
):
    reader = HubSpotReader(
        account.model_copy(update={"external_id_property": "another"}), around, session_to(portal)
    )
    portal.plant_call(make_call(1), employee="9001", external_id=False)
    assert set(reader.find([make_call(1)], deadline)) == {make_call(1).call_id}


def test_records_that_are_wrong_are_rejected_with_their_place(portal, reader, clock, deadline, make_call):
    for number in range(1, 4):
        portal.plant_call(make_call(number), employee="9001")
    second = list(portal.store.objects["calls"].values())[1]
    second["properties"]["hs_call_duration"] = "long"
    portal.store.version += 1
    found = read(reader, clock, deadline)
    rejected = [record for record in found if isinstance(record, Rejected)]
    assert rejected == [Rejected(2, "crm.record-unreadable", {"field": "hs_call_duration"})]
    assert len(found) == 3


# what an answer means


def judged(status, body, reads=True, headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("POST", f"{ADDRESS}/x", "x", reads=reads)
    return judge(FakeClock())(request, Reply(status, headers or {}, raw))


@pytest.mark.parametrize(
    ("status", "category", "failure"),
    [
        (401, "EXPIRED_AUTHENTICATION", Failure.SIGN_IN),
        (401, "INVALID_AUTHENTICATION", Failure.SIGN_IN),
        (403, "MISSING_SCOPES", Failure.CONFIGURATION),
        (429, "RATE_LIMITS", Failure.WAIT),
        (500, "RATE_LIMITS", Failure.WAIT),
        (400, "VALIDATION_ERROR", Failure.DATA),
        (200, "VALIDATION_ERROR", Failure.DATA),
        (404, "OBJECT_NOT_FOUND", Failure.DATA),
        (409, "CONFLICT", Failure.DATA),
        (423, "LOCKED", Failure.WAIT),
        (477, "MIGRATION_IN_PROGRESS", Failure.WAIT),
        (500, "INTERNAL_ERROR", Failure.RETRY),
    ],
)
def test_failures(status, category, failure):
    error = judged(status, {"status": "error", "category": category, "message": "m"})
    assert (error.failure, error.code) == (failure, category)


def test_an_older_limit_without_a_category():
    body = {
        "status": "error",
        "errorType": "RATE_LIMIT",
        "policyName": "TEN_SECONDLY_ROLLING",
        "message": "m",
    }
    error = judged(429, body)
    assert error.failure is Failure.WAIT
    assert error.retry_at == FakeClock().now() + timedelta(seconds=10)


def test_what_may_have_been_written_is_unclear():
    assert judged(500, {"status": "error", "category": "X"}, reads=False).failure is Failure.AMBIGUOUS
    assert judged(200, b"<html>", reads=False).failure is Failure.AMBIGUOUS


def test_partial_answers_are_no_failures():
    assert judged(207, {"status": "COMPLETE", "results": [], "errors": [{"status": "error"}]}) is None
    assert judged(204, b"") is None


def test_missing_scopes_are_named():
    context = {"requiredGranularScopes": ["crm.objects.owners.read"]}
    errors = [{"message": "m", "context": context}, None, {"context": []}]
    error = judged(403, {"status": "error", "category": "MISSING_SCOPES", "errors": errors})
    assert error.text == "crm.objects.owners.read"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ROW = {
    "id": "512",
    "createdAt": "2026-09-15T10:00:00.000Z",
    "properties": {"hs_timestamp": "2026-09-15T10:00:00Z", "hs_call_direction": "INBOUND"},
}
field = st.sampled_from(
    ["id", "createdAt", "properties", *(f"properties.{name}" for name in parse.PROPERTIES)]
)


@given(st.dictionaries(field, json_values | st.datetimes().map(str), max_size=4))
def test_no_call_crashes_the_reader(changes):
    row = {**ROW, "properties": dict(ROW["properties"])}
    for name, value in changes.items():
        outer, _, inner = name.partition(".")
        if not inner:
            row[outer] = value
        elif isinstance(row["properties"], dict):
            row["properties"][inner] = value
    try:
        call = parse.read_call(row, "external_call_id", "RU")
    except UnreadableError:
        return
    assert call.started_at.tzinfo is not None
    json.dumps(call.document())


@given(json_values)
def test_nothing_at_all_crashes_a_parser(value):
    for read_it in (lambda: parse.read_call(value, "x", "RU"), lambda: parse.owner(value)):
        try:
            read_it()
        except UnreadableError:
            continue
    raw = json.dumps(value).encode()
    for status in (200, 403, 429):
        judge(FakeClock())(Request("GET", ADDRESS, "x", reads=True), Reply(status, {}, raw))


@given(
    st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2090, 1, 1))  # noqa: DTZ001  hypothesis wants them so
)
def test_milliseconds_round_up_and_come_back(moment):
    aware = moment.replace(tzinfo=UTC)
    ms = parse.milliseconds(aware)
    assert timedelta() <= parse.moment(ms, "x") - aware < timedelta(milliseconds=1)
    assert parse.milliseconds(parse.moment(str(ms), "x")) == ms


# the connection check


@pytest.fixture
def check(portal, account, around, session_to, findings_of):
    def run(**changes):
        changed = account.model_copy(update=changes)
        return findings_of(HubSpotCheck(changed, around, session_to(portal)))

    return run


def test_a_healthy_account(check):
    found = check(fallback_employee=9001)
    assert {finding.status for finding in found.values()} == {Status.OK}
    assert set(found) == {
        "crm.reachable", "crm.signed-in", "crm.limits", "crm.scopes", "crm.rights", "crm.id-property",
        "crm.employees", "crm.fallback",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("expired-token", "crm.token-expired", Status.FAULT),
        ("invalid-token", "crm.auth-failed", Status.FAULT),
        ("missing-scopes", "crm.scope-missing", Status.FAULT),
        ("few-scopes", "crm.scope-missing", Status.FAULT),
        ("rate-limited", "crm.rate-limited", Status.UNKNOWN),
        ("rate-limited-500", "crm.rate-limited", Status.UNKNOWN),
        ("daily-limit", "crm.rate-limited", Status.UNKNOWN),
        ("locked", "crm.rate-limited", Status.UNKNOWN),
        ("migrating", "crm.rate-limited", Status.UNKNOWN),
        ("internal-error", "crm.internal-error", Status.FAULT),
        ("ok-with-error", "crm.not-understood", Status.UNKNOWN),
        ("validation-error", "crm.not-understood", Status.UNKNOWN),
        ("property-missing", "crm.property-missing", Status.WARNING),
        ("property-not-unique", "crm.property-not-unique", Status.WARNING),
        ("quota-low", "crm.quota-low", Status.WARNING),
        ("reset", "crm.unreachable", Status.FAULT),
        ("never-ending", "crm.unreachable", Status.FAULT),
        ("not-json", "crm.not-understood", Status.UNKNOWN),
        ("unavailable", "crm.internal-error", Status.FAULT),
        ("server-error", "crm.internal-error", Status.FAULT),
    ],
)
def test_each_fault_has_its_finding(portal, check, fault, code, status):
    portal.switch(fault, on=True)
    found = check()
    assert found[code].status is status
    assert {f.code for f in found.values() if f.status is not Status.OK} == {code}
    assert found[code].evidence


def test_a_right_to_write_that_is_missing_is_a_warning(portal, check, monkeypatch):
    scopes = ["crm.objects.contacts.read", "crm.objects.owners.read"]
    monkeypatch.setattr(portal, "_scopes", lambda: scopes)
    found = check()
    assert found["crm.scope-missing"].status is Status.WARNING
    assert found["crm.scope-missing"].args["scopes"] == "crm.objects.contacts.write"


@pytest.mark.parametrize(("fallback", "state"), [("9002", "crm.user-dismissed"), (5, "crm.user-unknown")])
def test_the_fallback_employee_has_to_work_there(check, fallback, state):
    found = check(fallback_employee=fallback)
    assert found["crm.user-inactive"].args["state"] == state
