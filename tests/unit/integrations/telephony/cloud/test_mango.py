"""Mango Office: signed requests, reports that get ready, legs that become calls, faults with who must act."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.lab.day import make_day, plant
from integrations.lab.mango import KEY, SALT, MangoPortal
from integrations.lab.portal import Asked
from integrations.telephony.mango.check import MangoCheck
from integrations.telephony.mango.client import MangoClient, sign
from integrations.telephony.mango.records import FIELDS, Leg, read_leg
from integrations.telephony.mango.source import MangoSource, grouped
from supportctl.catalog import Catalog
from supportctl.core.accounts import Mango
from supportctl.core.call import Call, Rejected
from supportctl.core.failure import Failure, ServiceError

ADDRESS = "https://portal.example"
MOSCOW = ZoneInfo("Europe/Moscow")
START = datetime(2026, 9, 15, 3, 0, tzinfo=UTC)
END = START + timedelta(hours=12)
FAULTS = {
    "wrong-sign": ("telephony.auth-failed", "second-line"),
    "wrong-key": ("telephony.auth-failed", "second-line"),
    "blocked": ("telephony.auth-failed", "second-line"),
    "no-money": ("telephony.account-inactive", "shop-manager"),
    "too-many-requests": ("telephony.rate-limited", "first-line"),
    "busy": ("telephony.system-error", "first-line"),
    "ok-with-error": ("telephony.refused", "second-line"),
    "never-ready": ("telephony.rate-limited", "first-line"),
    "recordings-late": ("telephony.recordings-late", "administrator"),
    "line-not-routed": ("telephony.line-not-routed", "administrator"),
    "employee-without-extension": ("telephony.employee-unmapped", "administrator"),
    "reset": ("telephony.unreachable", "first-line"),
    "lost-answer": ("telephony.unreachable", "first-line"),
    "never-ending": ("telephony.unreachable", "first-line"),
    "torn": ("telephony.unreachable", "first-line"),
    "not-json": ("telephony.not-understood", "second-line"),
    "unavailable": ("telephony.system-error", "first-line"),
    "server-error": ("telephony.system-error", "first-line"),
}


def account(**more):
    return Mango(kind="mango", url=ADDRESS, key=KEY, salt=SALT, **more)


def a_call(number: int, at: datetime = START, **more) -> Call:
    call = Call(
        f"entry-{number}", "pbx", "in", at, 60, "+79161234567", answered=True, wait_s=5,
        line="+78120000001", employee="101",
    )  # fmt: skip
    return call._replace(**more)


@pytest.fixture
def portal(clock) -> MangoPortal:
    return MangoPortal(clock)


@pytest.fixture
def source(portal, around, session_to):
    return lambda **more: MangoSource(account(**more), around, session_to(portal))


@pytest.fixture
def findings(portal, around, session_to, findings_of):
    return lambda: findings_of(MangoCheck(account(), around, session_to(portal)))


def test_the_sign_is_over_the_bytes_that_are_sent(portal, source, deadline, monkeypatch):
    """Vectors by hashlib, and what goes over the wire: the form's `json` is what was signed."""
    assert sign("key", '{"a":"1"}', "salt") == hashlib.sha256(b'key{"a":"1"}salt').hexdigest()
    assert sign("к", '{"имя":"Ю"}', "с") == hashlib.sha256('к{"имя":"Ю"}с'.encode()).hexdigest()
    forms, answer = [], portal.answer
    monkeypatch.setattr(
        portal, "answer", lambda asked, op: (forms.append(dict(asked.form)), answer(asked, op))[1]
    )
    list(source().calls(START, END, deadline))
    for form in forms:
        assert form["sign"] == hashlib.sha256((KEY + form["json"] + SALT).encode()).hexdigest()
        assert form["vpbx_api_key"] == KEY
        assert " " not in form["json"]
    assert json.loads(forms[0]["json"])["fields"] == ",".join(FIELDS)


def test_the_lab_s_day_comes_back_as_it_was_planted(portal, source, deadline, clock):
    day = make_day(clock.now(), MOSCOW)
    plant(day, portal, None)
    found = list(source().calls(clock.now() - timedelta(hours=24), clock.now(), deadline))
    for got, happened in zip(found, day.happened, strict=True):
        assert got._replace(recording_url=None) == happened.call
        assert (got.recording_url is not None) == (happened.recording != "none")


def test_a_report_is_waited_for_by_the_clock_and_asked_every_five_seconds(portal, source, deadline, clock):
    portal.plant(a_call(1))
    before = clock.monotonic()
    assert len(list(source().calls(START, END, deadline))) == 1
    assert portal.operations == ["stats/request", "stats/result", "stats/result"]
    assert clock.monotonic() - before >= 10


def test_a_report_that_never_gets_ready_ends_in_time(portal, source, deadline, clock):
    portal.switch("never-ready", on=True)
    before = clock.monotonic()
    with pytest.raises(ServiceError) as ended:
        list(source().calls(START, END, deadline))
    assert (ended.value.failure, ended.value.code) == (Failure.RETRY, "not-ready")
    assert clock.monotonic() - before <= 600


def test_the_limits_are_never_run_into(portal, source, deadline, monkeypatch):
    """Thirty days, one report each."""
    said, respond = [], portal.respond
    monkeypatch.setattr(portal, "respond", lambda asked: said.append(respond(asked)) or said[-1])
    for number in range(30):
        portal.plant(a_call(number, START - timedelta(days=number, minutes=1)))
    found = list(source().calls(START - timedelta(days=30), START, deadline))
    assert [call.call_id for call in found] == [f"entry-{number}" for number in range(29, -1, -1)]
    assert {each.status for each in said} == {200, 204}


def test_a_call_across_a_border_is_told_once(portal, source, deadline):
    portal.plant(a_call(1, START + timedelta(hours=23, minutes=59), duration_s=600, tags=("transferred",)))
    both = list(source().calls(START, START + timedelta(days=2), deadline))
    assert [(call.call_id, call.duration_s, call.employee) for call in both] == [("entry-1", 600, "101")]
    later = list(source().calls(START + timedelta(days=1), START + timedelta(days=2), deadline))
    assert not later


def test_recordings_are_pages_of_the_account_or_signed_links(portal, source, deadline, session_to):
    portal.plant(a_call(1), "sound")
    [call] = source().calls(START, END, deadline)
    assert call.recording_url.startswith(f"{ADDRESS}/vpbx/queries/recording/issa/")
    [call] = source(recording_links=True).calls(START, END, deadline)
    answer = session_to(portal).get(call.recording_url, headers={"Range": "bytes=0-2"})
    assert (answer.status_code, answer.content) == (206, b"ID3")
    assert session_to(portal).get(call.recording_url[:-1] + "x").status_code == 403
    assert SALT not in call.recording_url


def test_a_recording_by_post_is_a_redirect_that_works_once(portal, around, session_to, deadline):
    portal.plant(a_call(1), "sound")
    client = MangoClient(account(), around, session_to(portal))
    name = next(iter(portal._recordings))
    with pytest.raises(ServiceError) as redirect:
        client.ask("vpbx/queries/recording/post", {"recording_id": name, "action": "download"}, deadline)
    assert redirect.value.code == "redirect"
    token = next(iter(portal._files))
    first, second = (portal.respond(Asked("GET", f"/files/{token}")).status for _ in range(2))
    assert (first, second) == (200, 404)


def test_a_healthy_exchange(portal, findings, clock):
    plant(make_day(clock.now()), portal, None)
    found = findings()
    assert found.codes == [
        "telephony.reachable", "telephony.signed-in", "telephony.employees", "telephony.lines",
        "telephony.calls", "telephony.recordings",
    ]  # fmt: skip


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_has_its_own_finding(portal, findings, clock, fault):
    plant(make_day(clock.now()), portal, None)
    portal.switch(fault, on=True)
    code, who = FAULTS[fault]
    found = findings()
    assert found.problems == [code]
    assert Catalog("en").facts(code).remedies[0].who == who
    assert SALT not in repr(found.all)


def test_every_fault_of_the_portal_is_looked_at(portal):
    assert set(portal.faults) - set(FAULTS) == {"slow"}


def test_a_wrong_salt_is_refused_by_the_portal(portal, around, session_to, findings_of):
    wrong = Mango(kind="mango", url=ADDRESS, key=KEY, salt="another")
    assert findings_of(MangoCheck(wrong, around, session_to(portal))).problems == ["telephony.auth-failed"]
    assert portal.operations == ["config/users/request"]  # once: wrong signs are punished


def test_lines_that_are_no_legs_are_told_with_their_number():
    good = "[r1];1789000000;1789000065;1789000005;;79161234567;101;sip:a;1110;78120000001;abonent;e1"
    report = "\r\n".join([good, "", "rubbish", ";".join(FIELDS), good.replace("1789000065", "later")])
    wrong, groups = grouped(report)
    assert [(each.line, each.reason) for each in wrong.values()] == [
        (3, "record.not-a-record"), (5, "record.bad-field"),
    ]  # fmt: skip
    assert [leg.talk_s for legs in groups for leg in legs] == [60]


@given(st.text(max_size=200) | st.lists(st.text(alphabet="0123456789;[],ab", max_size=12)).map(";".join))
def test_any_line_is_a_leg_or_rejected(text):
    assert isinstance(read_leg(text, 1), Leg | Rejected)


@given(st.text(max_size=300))
def test_any_report_is_read(text):
    wrong, groups = grouped(text)
    assert all(each.line >= 1 for each in wrong.values())
    assert all(groups)


def test_a_link_s_sign_is_by_hashlib(around):
    client = MangoClient(account(recording_links=True), around)
    parts = urlsplit(client.recording("rec==")).path.split("/")
    until, signed = parts[-2:]
    assert signed == hashlib.sha256(f"{KEY}{until}rec=={SALT}".encode()).hexdigest()
    assert not parse_qs(urlsplit(client.recording("rec==")).query)
