"""The lab's MoySklad as the documentation has it: what is written, lists, and the Phone API."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
import requests
from shop_moments import NOW, ZONE

from integrations.crm.moysklad import MoySkladPhoneCheck, MoySkladReader, PhoneApi
from integrations.crm.reader import Employee
from integrations.lab.inprocess import InProcess
from integrations.lab.moysklad.portal import PHONE_TOKEN, TOKEN
from integrations.shop.moysklad.documents import Rules
from integrations.shop.moysklad.reader import MoySkladReader as JsonReader
from supportctl.core.accounts import MoySklad
from supportctl.core.call import Call
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError
from supportctl.core.shop_accounts import MoySkladStock

PUBLIC = "https://api.moysklad.ru"
JSON, PHONE = f"{PUBLIC}/api/remap/1.2", f"{PUBLIC}/api/phone/1.0"
CALL = {
    "externalId": "uis-1",
    "number": "+79990001122",
    "isIncoming": True,
    "startTime": "2026-11-22 09:00:00.000",
}


@pytest.fixture
def web(moysklad, clock):
    """Ask the portal as any client would; the clock moves so that no limit is met."""
    session = requests.Session()
    session.mount(PUBLIC, InProcess(moysklad))
    session.headers.update({"Authorization": f"Bearer {TOKEN}", "Lognex-Phone-Auth-Token": PHONE_TOKEN})

    def ask(method, url, body=None, **more):
        clock.advance(0.3)
        return session.request(
            method, url, data=None if body is None else json.dumps(body), timeout=5, **more
        )

    return ask


def code(answer):
    return answer.status_code, answer.json()["errors"][0]["code"]


def test_a_create_with_one_sync_id_is_done_once(web, moysklad):
    body = {"name": "Склад", "syncId": str(uuid.uuid4())}
    first, second = (web("POST", f"{JSON}/entity/store", body).json() for _ in range(2))
    assert first == second
    assert len(moysklad.books.entities["store"]) == 1
    other = web("POST", f"{JSON}/entity/store", {**body, "syncId": str(uuid.uuid4())}).json()
    assert other["id"] != first["id"]
    changed = web("PUT", f"{JSON}/entity/store/{first['id']}", {"syncId": str(uuid.uuid4())})
    assert code(changed) == (400, 1047)
    assert web("DELETE", f"{JSON}/entity/store/syncid/{body['syncId']}").status_code == 200
    assert code(web("GET", f"{JSON}/entity/store/{first['id']}")) == (404, 1021)
    assert code(web("POST", f"{JSON}/entity/store", {"name": "x", "syncId": "no"})) == (400, 1052)


def test_what_is_written_moves_goods_and_stands_in_the_audit(web, moysklad):
    store, good = moysklad.plant_store("Склад"), moysklad.plant_goods("Чай", {})
    agent = moysklad.books.add("counterparty", {"name": "ООО"})["id"]

    def link(type_, id_):
        return {"meta": {"href": f"{JSON}/entity/{type_}/{id_}", "type": type_}}

    supply = web("POST", f"{JSON}/entity/supply", {
        "organization": link("organization", moysklad.organization), "agent": link("counterparty", agent),
        "store": link("store", store), "positions": [{"assortment": link("product", good), "quantity": 5}],
    }).json()  # fmt: skip
    assert moysklad.books.stock[store][good] == 5
    web("PUT", f"{JSON}/entity/supply/{supply['id']}", {"applicable": False})
    assert moysklad.books.stock[store][good] == 0
    events = web("GET", f"{JSON}/entity/supply/{supply['id']}/audit").json()["rows"]
    assert [(e["eventType"], e["source"]) for e in events] == [
        ("update", "remap-1.2"),
        ("create", "remap-1.2"),
    ]
    assert events[0]["diff"]["applicable"] == {"oldValue": True, "newValue": False}
    assert "diff" not in events[1]
    elsewhere = {"meta": {"href": "https://evil.example/entity/store/1", "type": "store"}}
    stranger = {"organization": elsewhere, "agent": 1, "store": 1}
    assert code(web("POST", f"{JSON}/entity/supply", stranger)) == (412, 1059)
    assert code(web("POST", f"{JSON}/entity/supply", {})) == (412, 3000)
    assert code(web("POST", f"{JSON}/entity/store", [{"name": "x"}] * 1001)) == (413, 2007)


def test_lists_have_pages_filters_and_order(web, moysklad):
    for number in range(25):
        moysklad.plant_store(f"Склад {number:02}", archived=number % 5 == 0)
    page = web("GET", f"{JSON}/entity/store?limit=10&offset=10&order=name,desc").json()
    assert " ".join(row["name"][-2:] for row in page["rows"]) == "12 11 09 08 07 06 04 03 02 01"
    assert page["meta"]["size"] == 20
    assert "nextHref" not in page["meta"]
    assert page["meta"]["previousHref"].endswith("limit=10&offset=0")
    every = web("GET", f"{JSON}/entity/store?filter=archived=true;archived=false").json()
    assert every["meta"]["size"] == 25
    named = web("GET", f"{JSON}/entity/store", params={"filter": "name~=Склад 1"}).json()
    assert named["meta"]["size"] == 8
    assert code(web("GET", f"{JSON}/entity/store?filter=colour=red")) == (400, 1034)
    assert code(web("GET", f"{JSON}/entity/retailstore?filter=archived=true")) == (400, 1034)
    assert code(web("GET", f"{JSON}/entity/store?limit=1001")) == (400, 1040)
    assert code(web("GET", f"{JSON}/audit?limit=101")) == (400, 1040)
    assert code(web("GET", f"{JSON}/entity/supply?filter=moment>=yesterday")) == (400, 1035)


def test_links_become_whole_in_small_pages_only(web, moysklad):
    store = moysklad.plant_store("Склад")
    moysklad.plant_point("Касса", store)
    (row,) = web("GET", f"{JSON}/entity/retailstore?expand=store&limit=100").json()["rows"]
    assert row["store"]["name"] == "Склад"
    (row,) = web("GET", f"{JSON}/entity/retailstore?expand=store").json()["rows"]
    assert list(row["store"]) == ["meta"]


def test_without_gzip_nothing_is_answered(web):
    answer = web("GET", f"{JSON}/entity/store", headers={"Accept-Encoding": "identity"})
    assert (answer.status_code, answer.content) == (415, b"")


def test_a_new_token_makes_the_old_ones_void(web):
    token = web("POST", f"{JSON}/security/token").json()["access_token"]
    assert code(web("GET", f"{JSON}/entity/store")) == (401, 1056)
    assert web("GET", f"{JSON}/entity/store", headers={"Authorization": f"Bearer {token}"}).ok


def test_the_limit_and_its_headers(web, moysklad, clock):
    answer = web("GET", f"{JSON}/entity/store")
    assert answer.headers["X-RateLimit-Limit"] == "15"  # a user's request weighs 3 in November 2026
    assert answer.headers["X-RateLimit-Remaining"] == "14"
    clock.advance(3.01)
    answers = [moysklad.limits.spend("admin@lab", "user", "/entity/store") for _ in range(15)]
    assert dict(answers[-1])["X-RateLimit-Remaining"] == "0"
    refused = web("GET", f"{JSON}/entity/store")
    assert code(refused) == (429, 1049)
    assert 2000 < int(refused.headers["X-Lognex-Retry-After"]) <= 3001


def test_too_many_changes_of_one_entity_switch_access_off(web, moysklad, clock):
    store = moysklad.plant_store("Склад")
    answers = [web("PUT", f"{JSON}/entity/store/{store}", {"code": str(number)}) for number in range(102)]
    assert answers[99].ok
    assert code(answers[-1]) == (403, 1061)


def test_a_call_is_created_filled_and_found_by_its_external_id(web, moysklad):
    moysklad.plant_employee(Employee("7", "Анна", "101"))
    contact = moysklad.plant_contact("+7 999 000-11-22", "Мария")
    created = web("POST", f"{PHONE}/call", {**CALL, "extension": "101"}).json()
    assert created["counterparty"]["href"].endswith(contact.partition(":")[2])
    assert created["employee"]["href"].endswith("/7")
    again = web("POST", f"{PHONE}/call", CALL).json()
    assert again["id"] == created["id"]
    more = {"endTime": "2026-11-22 09:01:00.000", "recordUrl": ["https://r.example/1"], "comment": "a"}
    web("PUT", f"{PHONE}/call/extid/uis-1", more)
    later = {**more, "endTime": "2026-11-22 23:00:00.000", "comment": "b"}
    twice = web("PUT", f"{PHONE}/call/extid/uis-1", later).json()
    assert twice["endTime"] == more["endTime"]  # what is filled stays
    assert twice["comment"] == "b"
    assert twice["recordUrl"] == ["https://r.example/1"] * 2  # recordings are added, whatever is there
    event = {"eventType": "SHOW", "extension": "101", "sequence": 1}
    assert web("POST", f"{PHONE}/call/{created['id']}/event", event).status_code == 204
    assert code(web("PUT", f"{PHONE}/call/extid/uis-2", {})) == (404, 1021)
    assert code(web("POST", f"{PHONE}/call", {**CALL, "number": ""})) == (412, 3000)
    wrong = {"eventType": "X", "sequence": 1}
    assert code(web("POST", f"{PHONE}/call/extid/uis-1/event", wrong)) == (400, 1040)
    assert code(web("GET", f"{PHONE}/call/{created['id']}")) == (405, 1039)
    assert web("GET", f"{PHONE}/employee?filter=extention=101").json()["employees"][0]["extention"] == "101"
    assert web("GET", f"{PHONE}/employee?filter=extention=1").json()["employees"] == []


def test_a_hundred_thousand_calls(moysklad, web):
    call = Call("0", "pbx", "in", NOW, 30, "+79990001122", True)
    for number in range(100_000):
        moysklad.plant_call(call._replace(call_id=str(number)), employee="7")
    assert web("PUT", f"{PHONE}/call/extid/99999", {"comment": "x"}).ok
    assert moysklad.state()["call_count"] == 100_000


@pytest.fixture
def reader(moysklad, moysklad_api, clock, around):
    account = MoySklad(kind="moysklad", token=PHONE_TOKEN, api_token=TOKEN)
    reader = MoySkladReader(account, around)
    session = requests.Session()
    session.mount(PUBLIC, InProcess(moysklad))
    reader.phone = PhoneApi(clock, PHONE_TOKEN, session=session)
    reader.json = moysklad_api()
    return reader


@pytest.fixture
def phone_check(reader, around, findings_of):
    """Return a function that runs the check of the CRM account."""

    def run(**settings):
        check = MoySkladPhoneCheck(MoySklad(kind="moysklad", token=PHONE_TOKEN, **settings), around)
        check.use(reader)
        return findings_of(check)

    return run


def test_employees_with_names_and_extensions(reader, moysklad, clock):
    moysklad.plant_employee(Employee("7", "Анна", "101"))
    moysklad.plant_employee(Employee("9", "Олег", "102", active=False))
    found = {e.id: e for e in reader.employees(Deadline.after(9, clock))}
    assert found["7"] == Employee("7", "Анна", "101", active=True)
    assert not found["9"].active
    reader.json = None
    assert [e.extension for e in reader.employees(Deadline.after(9, clock))] == ["101", "102"]


def test_calls_cannot_be_listed_and_that_is_said(reader, clock):
    deadline = Deadline.after(9, clock)
    day = (NOW - timedelta(days=1), NOW)
    for ask in (lambda: reader.records(*day, deadline), lambda: reader.find([], deadline)):
        with pytest.raises(UsageError) as error:
            ask()
        assert error.value.key == "crm.calls-not-listed"


def test_a_healthy_phone_account(phone_check, moysklad):
    moysklad.plant_employee(Employee("7", "Анна", "101"))
    assert phone_check(fallback_employee="7").problems == []
    assert phone_check(fallback_employee="8").problems == ["crm.user-inactive"]


def test_nobody_has_an_extension(phone_check):
    assert phone_check().problems == ["crm.employee-unmapped"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("expired-token", "crm.auth-failed"),
        ("no-phone-solution", "crm.solution-missing"),
        ("no-api-access", "crm.blocked"),
        ("rate-limited", "crm.rate-limited"),
        ("maintenance", "crm.internal-error"),
        ("old-host", "crm.account-closed"),
        ("unavailable", "crm.internal-error"),
        ("reset", "crm.unreachable"),
        ("not-json", "crm.not-understood"),
    ],
)
def test_every_fault_of_the_phone_api_has_its_own_finding(phone_check, moysklad, fault, expected):
    moysklad.switch(fault, on=True)
    assert phone_check().problems == [expected]


@pytest.mark.parametrize("troubles", [False, True])
def test_the_planted_shop(moysklad, check, poster, poster_check, troubles):
    for portal in (moysklad, poster):
        portal.plant_shop(NOW, ZONE, troubles=troubles)
    found, cafes = check(), poster_check()
    if not troubles:
        assert found.problems + cafes.problems == []
        return
    assert found.problems == ["shop.warehouse-mismatch"] + ["shop.document-edited-at-night"] * 2
    assert found.one("shop.warehouse-mismatch").args["point"] == "Касса в парке"
    people = [f.args["person"] for f in found.of("shop.document-edited-at-night")]
    assert people == ["Анна Кузнецова", "Олег Панов"]
    assert cafes.problems == ["shop.cost-missing", "shop.no-supplies"]
    assert cafes.one("shop.no-supplies").args["spot"] == "Кафе в парке"


def test_the_reader_tells_the_audit_bit_by_bit(moysklad, moysklad_api, clock):
    """What was read before a failure is kept."""
    moysklad.plant_shop(NOW, ZONE, troubles=True)
    rules = Rules(MoySkladStock(kind="moysklad", token=TOKEN).night, ZONE)
    parts = JsonReader(moysklad_api()).audit(NOW - timedelta(days=7), NOW, rules, Deadline.after(60, clock))
    assert next(parts).by_systems == {"remap-1.2": 1}
    assert next(parts).edits[0].uid == "anna@lab"
