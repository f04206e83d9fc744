"""Our reader of amoCRM, against the simulated account and against answers that are wrong."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.answers import Reply, Request
from integrations.crm.amocrm import parse
from integrations.crm.amocrm.api import judge
from integrations.crm.amocrm.check import AmoCrmCheck
from integrations.crm.amocrm.reader import AmoCrmReader
from integrations.crm.reader import CrmCall, Employee
from integrations.crm.strict import UnreadableError
from integrations.lab.amocrm.portal import AmoCrmPortal
from supportctl.core.accounts import AmoCrm
from supportctl.core.call import Rejected
from supportctl.core.clock import FakeClock
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.finding import Status

ADDRESS = "https://acme.example"
DAY = timedelta(days=1)


@pytest.fixture
def portal(clock):
    portal = AmoCrmPortal(clock)
    portal.plant_employee(Employee("504002", "Irina Petrova", "101"))
    portal.plant_employee(Employee("504003", "Oleg Smirnov", "102", active=False))
    return portal


@pytest.fixture
def account(portal):
    return AmoCrm(**portal.account(ADDRESS))


@pytest.fixture
def reader(portal, account, around, session_to):
    return AmoCrmReader(account, around, session_to(portal))


def read(reader, clock, deadline, since=DAY, until=timedelta()):
    return list(reader.records(clock.now() - since, clock.now() - until, deadline))


def test_a_call_is_read_whole(portal, reader, clock, deadline, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    call = make_call(1)
    number = portal.plant_call(call, employee="504002", contact=contact, recording=True)
    [found] = read(reader, clock, deadline)
    assert found == CrmCall(
        record_id=number,
        started_at=call.started_at,
        phone="+79990000001",
        direction="in",
        external_id=call.call_id,
        duration_s=61,
        employee="504002",
        contact=contact,
        recording=True,
        recording_url=f"https://records.example/{call.call_id}.mp3",
        created_at=call.started_at + timedelta(seconds=61),
        link=f"{ADDRESS}/contacts/detail/{contact.partition(':')[2]}",
    )


def test_calls_of_contacts_companies_leads_and_the_unsorted_are_read_once_each(
    portal, reader, clock, deadline, make_call
):
    contact = portal.plant_contact("+79990000001", "Anna")
    company = portal.plant_company("+79990000002", "Firm")
    lead = portal.plant_lead(contact)
    cards = [contact, company, lead, ""]
    numbers = {
        portal.plant_call(make_call(n), employee="504002", contact=card) for n, card in enumerate(cards, 1)
    }
    found = read(reader, clock, deadline)
    assert {call.record_id for call in found} == numbers
    assert sorted(call.contact for call in found) == sorted(cards)


def test_the_note_of_a_call_in_the_unsorted_is_no_second_call(portal, reader, clock, deadline, ask):
    called = int((clock.now() - timedelta(hours=1)).timestamp())
    facts = {
        "uniq": "uis-9", "from": "+79990000009", "phone": "101", "called_at": called, "duration": 9,
        "link": "https://rec.example/9.mp3", "service_code": "pbx", "is_call_event_needed": True,
    }  # fmt: skip
    item = {"source_uid": "pbx", "source_name": "PBX", "created_at": called, "metadata": facts}
    assert ask(portal, "POST", "/api/v4/leads/unsorted/sip", [item]).status == 200
    [found] = read(reader, clock, deadline)
    assert (found.external_id, found.contact, found.line, found.phone) == ("uis-9", "", "101", "+79990000009")


def test_the_window_is_by_the_beginning_of_the_call_whenever_it_was_entered(
    portal, reader, clock, deadline, make_call
):
    contact = portal.plant_contact("+79990000001", "Anna")
    inside = make_call(1, started_at=clock.now() - timedelta(hours=20))
    late = make_call(2, started_at=clock.now() - timedelta(hours=19))
    before = make_call(3, started_at=clock.now() - timedelta(hours=30))
    after = make_call(4, started_at=clock.now() - timedelta(hours=2))
    for call in (inside, before, after):
        portal.plant_call(call, employee="504002", contact=contact)
    portal.plant_call(late, employee="504002", contact=contact, created_at=clock.now())
    found = read(reader, clock, deadline, since=DAY, until=timedelta(hours=3))
    assert {call.external_id for call in found} == {inside.call_id, late.call_id}
    entered = {call.external_id: call.created_at for call in found}
    assert entered[late.call_id] == clock.now().replace(microsecond=0) or entered[late.call_id] is not None
    assert entered[inside.call_id] == inside.started_at + timedelta(seconds=61)


def test_a_note_that_was_changed_later_was_not_entered_late(portal, reader, clock, deadline, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    call = make_call(1)
    portal.plant_call(call, employee="504002", contact=contact)
    note = portal.store.notes["contacts"][0]
    note["updated_at"] += 4000  # somebody wrote a result
    portal.store.version += 1
    [found] = read(reader, clock, deadline)
    assert found.created_at == call.started_at + timedelta(seconds=61)


def test_many_pages_are_read_at_the_allowed_rate_and_never_earn_a_limit(
    portal, reader, clock, deadline, make_call
):
    contact = portal.plant_contact("+79990000001", "Anna")
    call = make_call(1)
    for number in range(25_000):
        portal.plant_call(call._replace(call_id=f"c{number}"), employee="504002", contact=contact)
    started = clock.monotonic()
    seen = []
    found = sum(1 for _ in reader.records(clock.now() - DAY, clock.now(), deadline, seen.append))
    took = clock.monotonic() - started
    assert found == 25_000
    assert seen[-1].done == 25_000
    assert len(portal.operations) / took >= 0.95 * 7
    assert not portal._strikes


def test_employees_with_those_who_left(reader, deadline):
    assert [(e.id, e.extension, e.active) for e in reader.employees(deadline)] == [
        ("504001", "", True),
        ("504002", "101", True),
        ("504003", "102", False),
    ]


def test_find_by_uniq_by_phone_and_time_and_not_at_all(portal, reader, clock, deadline, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    lead = portal.plant_lead(contact)
    by_id, by_time, lost, other = (make_call(n, contact_phone="+79990000001") for n in (1, 20, 40, 60))
    portal.plant_call(by_id, employee="504002", contact=lead)
    portal.plant_call(
        by_time, employee="504002", contact=contact, external_id=False,
        started_at=by_time.started_at + timedelta(seconds=17),
    )  # fmt: skip
    portal.plant_call(other._replace(call_id="else"), employee="504002", contact=contact)
    found = reader.find([by_id, by_time, lost, other], deadline)
    assert set(found) == {by_id.call_id, by_time.call_id}
    assert found[by_id.call_id][0].contact == lead
    many = [by_id, by_time, lost, *(make_call(n) for n in range(100, 130))]
    assert set(reader.find(many, deadline)) == {by_id.call_id, by_time.call_id}
    hidden = make_call(2, contact_phone="")
    portal.plant_call(hidden, employee="504002", contact="")
    assert set(reader.find([hidden], deadline)) == {hidden.call_id}
    assert reader.find([], deadline) == {}


def test_a_duplicate_is_found_twice(portal, reader, deadline, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    call = make_call(1, contact_phone="+79990000001")
    for _ in range(2):
        portal.plant_call(call, employee="504002", contact=contact)
    assert len(reader.find([call], deadline)[call.call_id]) == 2


def test_a_page_that_is_announced_and_missing_is_no_end(portal, reader, clock, deadline, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    for number in range(300):
        portal.plant_call(make_call(number), employee="504002", contact=contact)
    records = reader.records(clock.now() - DAY, clock.now(), deadline)
    for _ in range(250):
        next(records)
    portal.switch("empty-page", on=True)
    with pytest.raises(ServiceError, match="page-missing"):
        list(records)


def test_records_that_are_wrong_are_rejected_with_their_place(portal, reader, clock, deadline, make_call):
    contact = portal.plant_contact("+79990000001", "Anna")
    for number in range(1, 5):
        portal.plant_call(make_call(number), employee="504002", contact=contact)
    notes = portal.store.notes["contacts"]
    notes[1]["params"] = None
    notes[2]["params"]["duration"] = "long"
    portal.store.version += 1
    found = read(reader, clock, deadline)
    assert [r for r in found if isinstance(r, Rejected)] == [
        Rejected(2, "crm.record-unreadable", {"field": "params"}),
        Rejected(3, "crm.record-unreadable", {"field": "duration"}),
    ]
    assert sum(isinstance(record, CrmCall) for record in found) == 2


# what an answer means


def judged(status, body, kind="application/problem+json", reads=True, headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("GET" if reads else "POST", f"{ADDRESS}/api/v4/x", "x", reads=reads)
    return judge(FakeClock())(request, Reply(status, {"content-type": kind, **(headers or {})}, raw))


@pytest.mark.parametrize(
    ("status", "body", "failure", "code"),
    [
        (401, {"title": "Unauthorized", "status": 401}, Failure.SIGN_IN, "Unauthorized"),
        (401, {"response": {"error_code": "112"}}, Failure.CONFIGURATION, "112"),
        (403, {"response": {"error_code": 113}}, Failure.CONFIGURATION, "113"),
        (402, {"title": "Payment Required", "status": 402}, Failure.BLOCKED, "Payment Required"),
        (403, {"title": "Forbidden", "status": 403}, Failure.CONFIGURATION, "Forbidden"),
        (403, b"<html>403 Forbidden", Failure.BLOCKED, "ip-blocked"),
        (429, {"title": "Too Many Requests", "status": 429}, Failure.WAIT, "Too Many Requests"),
        (400, {"title": "Bad Request", "status": 400}, Failure.DATA, "Bad Request"),
        (200, {"title": "Bad Request", "status": 400}, Failure.DATA, "Bad Request"),
        (200, {"title": "Unauthorized", "status": 401}, Failure.SIGN_IN, "Unauthorized"),
        (503, b"<html>", Failure.RETRY, "http-503"),
        (200, b"<html>", Failure.RETRY, "not-json"),
        (302, b"", Failure.CONFIGURATION, "redirect"),
    ],
)
def test_failures(status, body, failure, code):
    error = judged(status, body)
    assert (error.failure, error.code) == (failure, code)


def test_what_may_have_been_written_is_unclear():
    assert judged(500, b"<html>", reads=False).failure is Failure.AMBIGUOUS
    assert judged(200, b"<html>", reads=False).failure is Failure.AMBIGUOUS


def test_a_limit_ends_when_the_answer_says_or_after_a_second():
    clock = FakeClock()
    assert judged(429, {"title": "T", "status": 429}).retry_at == clock.now() + timedelta(seconds=1)
    told = judged(429, {"title": "T", "status": 429}, headers={"retry-after": "7"})
    assert told.retry_at == clock.now() + timedelta(seconds=7)


def test_sound_answers_are_no_failures():
    assert judged(204, b"") is None
    assert judged(200, {"_embedded": {"notes": []}}) is None
    assert judged(200, {"id": 1, "status": "active"}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NOTE = {
    "id": 5, "entity_id": 7, "note_type": "call_in", "created_at": 1789475000, "updated_at": 1789475000,
    "responsible_user_id": 504001,
    "params": {"uniq": "u", "duration": 1, "phone": "+79990000001", "link": ""},
}  # fmt: skip
field = st.sampled_from([*NOTE, "params.uniq", "params.duration", "params.phone", "params.link"])


@given(st.dictionaries(field, json_values, max_size=4))
def test_no_note_crashes_the_reader(changes):
    note = {**NOTE, "params": dict(NOTE["params"])}
    for name, value in changes.items():
        outer, _, inner = name.partition(".")
        if not inner:
            note[outer] = value
        elif isinstance(note["params"], dict):
            note["params"][inner] = value
    try:
        call = parse.note_call(note, "contacts", ADDRESS, "RU")
    except UnreadableError:
        return
    assert call.started_at.tzinfo is not None
    json.dumps(call.document())


@given(json_values)
def test_nothing_at_all_crashes_a_parser(value):
    for read_it in (
        lambda: parse.note_call(value, "leads", ADDRESS, "RU"),
        lambda: parse.unsorted_call(value, ADDRESS, "RU"),
        lambda: parse.user(value, "RU"),
    ):
        try:
            read_it()
        except UnreadableError:
            continue
    raw = json.dumps(value).encode()
    request = Request("GET", ADDRESS, "x", reads=True)
    judge(FakeClock())(request, Reply(200, {}, raw))
    judge(FakeClock())(request, Reply(403, {}, raw))


@given(st.text(max_size=80))
def test_no_token_crashes(token):
    parse.token_until(token)
    parse.token_until(f"a.{token}.c")


# the connection check


@pytest.fixture
def check(portal, account, around, session_to, findings_of):
    def run(**changes):
        changed = account.model_copy(update=changes)
        return findings_of(AmoCrmCheck(changed, around, session_to(portal)))

    return run


def test_a_healthy_account(check):
    found = check(fallback_employee=504002)
    assert {finding.status for finding in found.values()} == {Status.OK}
    assert set(found) == {
        "crm.reachable", "crm.signed-in", "crm.token", "crm.scopes", "crm.rights", "crm.limits",
        "crm.employees", "crm.fallback",
    }  # fmt: skip
    assert found["crm.signed-in"].args["user"] == "Administrator"
    assert found["crm.employees"].args["count"] == 2


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("expired-token", "crm.auth-failed", Status.FAULT),
        ("user-off", "crm.key-owner-off", Status.FAULT),
        ("wrong-account", "crm.account-closed", Status.FAULT),
        ("unpaid", "crm.payment-required", Status.FAULT),
        ("forbidden", "crm.rights-missing", Status.FAULT),
        ("ip-not-allowed", "crm.ip-not-allowed", Status.FAULT),
        ("ip-blocked", "crm.blocked", Status.FAULT),
        ("rate-limited", "crm.rate-limited", Status.UNKNOWN),
        ("ok-with-error", "crm.not-understood", Status.UNKNOWN),
        ("validation-error", "crm.not-understood", Status.UNKNOWN),
        ("limited-rights", "crm.rights-limited", Status.WARNING),
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


def test_a_token_that_ends_soon(around, session_to, findings_of, clock):
    portal = AmoCrmPortal(clock, token_days=10)
    account = AmoCrm(**portal.account(ADDRESS))
    found = findings_of(AmoCrmCheck(account, around, session_to(portal)))
    assert found["crm.token-expiring"].status is Status.WARNING
    assert found["crm.token-expiring"].args["days"] == 9 or found["crm.token-expiring"].args["days"] == 10
    assert "crm.token" not in found


def test_a_token_that_has_ended(portal, check, clock):
    clock.advance(366 * 86400)
    assert set(check()) == {"crm.token-expired"}


@pytest.mark.parametrize(("fallback", "state"), [(504003, "crm.user-dismissed"), (9, "crm.user-unknown")])
def test_the_fallback_employee_has_to_work_there(check, fallback, state):
    found = check(fallback_employee=fallback)
    assert found["crm.user-inactive"].status is Status.FAULT
    assert found["crm.user-inactive"].args["state"] == state


def test_rights_below_all_are_told(portal, check):
    rights = portal.store.users[504001]["rights"]
    rights["is_admin"] = False
    assert "crm.rights" in check()
    rights["contacts"] = {**rights["contacts"], "view": "M"}
    found = check()
    assert found["crm.rights-limited"].status is Status.WARNING
    assert "M" in str(found["crm.rights-limited"].evidence[0].args["views"])
