"""The probe of the EGAIS module against the simulated one, and against everything that is not one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations

import pytest

from probes.host.till_services import ServiceFacts
from probes.lab.devices.utm import OTHER_OWNER, OWNER, TransportModule
from probes.links.fakes import ClosesInMidAnswer, OneByteAtATime, Silent
from probes.protocols import utm
from probes.services.utm import UtmProbe

URL = "utm://127.0.0.1"
FAULTS = {
    "rsa-key-missing": {"utm.key-missing": "fault"},
    "gost-key-missing": {"utm.key-missing": "fault"},
    "rsa-key-expired": {"utm.key-expired": "fault"},
    "gost-key-expired": {"utm.key-expired": "fault"},
    "rsa-key-expiring": {"utm.key-expiring": "warning"},
    "gost-key-expiring": {"utm.key-expiring": "warning"},
    "rsa-key-invalid": {"utm.key-invalid": "fault"},
    "gost-key-invalid": {"utm.key-invalid": "fault"},
    "other-token": {"utm.other-token": "fault"},
    "receipts-unsent": {"utm.not-synchronised": "warning"},
    "receipts-blocked": {"utm.not-synchronised": "fault"},
    "test-contour": {"utm.test-contour": "warning"},
    "starting": {"utm.down": "fault"},
    "old-version": {"utm.status-not-supported": "unknown"},
    "other-program": {"link.wrong-device": "fault"},
}
HIDES = {"starting", "old-version", "other-program"}  # with these nothing else can be seen


def module(*faults):
    device = TransportModule()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def test_healthy(told):
    device = module()
    found = told(UtmProbe(), device, URL)
    assert found.problems == {}
    assert found.passed == {"utm.answers", "utm.keys", "utm.token", "utm.documents"}
    assert dict(found["utm.answers"].args) == {"version": "4.2.0", "contour": "prod"}
    assert found["utm.answers"].evidence[0].asked == "GET /api/info/list"
    assert device.opcodes == ["GET /api/info/list"]


def test_every_fault_is_listed():
    assert FAULTS.keys() == TransportModule.faults


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault(told, fault):
    device = module(fault)
    found = told(UtmProbe(), device, URL)
    assert found.problems == FAULTS[fault]
    assert all(problem.evidence for problem in found.values())
    assert set(device.opcodes) <= {f"GET {path}" for path in utm.READS}
    assert device.writes == []


def kind(fault):
    return fault.partition("-key-")[0] if "-key-" in fault else fault.partition("-")[0]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pair
        for pair in combinations(sorted(FAULTS.keys() - HIDES), 2)
        if kind(pair[0]) != kind(pair[1])  # one key is not missing and expired
    ],
)
def test_two_faults_are_both_named(told, one, two):
    found = told(UtmProbe(), module(one, two), URL)
    expected = {**FAULTS[one], **FAULTS[two]}
    assert found.problems == expected


def test_keys_of_one_kind_of_trouble_are_told_together(told):
    found = told(UtmProbe(), module("rsa-key-expired", "gost-key-expired"), URL)
    assert found["utm.key-expired"].args["keys"] == "utm.both-keys"
    assert found["utm.key-expired"].args["days"] == 3


def test_a_missing_key_explains_the_complaint_about_it(told):
    found = told(UtmProbe(), module("rsa-key-missing", "rsa-key-invalid"), URL)
    assert found.problems == {"utm.key-missing": "fault"}
    assert found["utm.key-missing"].args["said"] == "Сертификат RSA не найден"


def test_another_token(told):
    args = told(UtmProbe(), module("other-token"), URL)["utm.other-token"].args
    assert (args["owner"], args["database"]) == (OTHER_OWNER, OWNER)


def test_an_old_module_tells_its_owner(told):
    device = module("old-version")
    found = told(UtmProbe(), device, URL)
    assert found["utm.status-not-supported"].args["owner"] == OWNER
    assert device.opcodes == ["GET /api/info/list", "GET /diagnosis"]


class Answering(TransportModule):
    """Answers with a body of the test's own."""

    def __init__(self, body, status=200):
        super().__init__()
        self.body, self.status = body, status

    def respond(self, asked, wall):
        from probes.lab.devices.web_service import Said

        return Said(self.status, self.body)


def info(**fields):
    import json

    good = {"certType": "X", "expireDate": "2027-01-01 00:00:00 +0300", "isValid": "valid"}
    found = {"version": "4", "contour": "prod", "rsaError": None, "checkInfo": None, "ownerId": "1"}
    return json.dumps({**found, "db": {"ownerId": "1"}, "rsa": good, "gost": good, **fields}).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"version": "1"}', b'{"status": "ok"}', b"\xff\xfe", b"[" * 5000, b"<html/>",
     b'{"version": NaN, "db": 1}'],
)  # fmt: skip
def test_an_answer_of_something_else(told, body):
    assert told(UtmProbe(), Answering(body), URL).problems == {"link.wrong-device": "fault"}


@pytest.mark.parametrize("status", [301, 400, 401, 403])
def test_a_status_of_something_else(told, status):
    assert told(UtmProbe(), Answering(info(), status), URL).problems == {"link.wrong-device": "fault"}


@pytest.mark.parametrize(
    ("check_info", "problems"),
    [
        (None, {}),
        ("", {}),
        ("null", {}),
        ("Отсутствуют неотправленные розничные документы.", {}),
        ("2026-01-15 03:00:00 +0000", {}),  # six hours ago
        ("2026-01-14 08:00:00 +0000", {"utm.not-synchronised": "warning"}),
        ("2026-01-01T08:00:00.123+0300", {"utm.not-synchronised": "fault"}),
        ("самый старый: 14.01.2026 03:00:00", {"utm.not-synchronised": "warning"}),
        (17, {}),
    ],
)
def test_what_waits(told, check_info, problems):
    found = told(UtmProbe(), Answering(info(checkInfo=check_info)), URL)
    assert found.problems == problems


def test_a_text_that_nobody_knows_is_shown_and_not_judged(told):
    found = told(UtmProbe(), Answering(info(checkInfo="Чеки: 7")), URL)
    assert found.problems == {}
    assert "utm.documents" not in found
    assert found["utm.answers"].evidence[0].args["check"] == "Чеки: 7"


@pytest.mark.parametrize("days", [29, 31])
def test_the_edge_of_thirty_days(told, days):
    until = datetime(2026, 1, 15, 9, tzinfo=UTC) + timedelta(days=days)
    key = {"expireDate": f"{until:%Y-%m-%d %H:%M:%S %z}", "isValid": "valid"}
    found = told(UtmProbe(), Answering(info(gost=key)), URL)
    assert found.problems == ({"utm.key-expiring": "warning"} if days < 30 else {})


def test_a_time_without_a_zone_is_the_shops(told):
    body = info(checkInfo="2026-01-14 12:00:00")  # 21 h ago in UTC, 26 h in a zone five hours ahead
    assert told(UtmProbe(), Answering(body), URL).problems == {}
    ahead = timezone(timedelta(hours=5))
    assert "utm.not-synchronised" in told(UtmProbe(), Answering(body), URL, timezone=ahead)


def test_a_date_that_cannot_be_read_is_no_complaint(told):
    found = told(UtmProbe(), Answering(info(gost={"expireDate": "never", "isValid": "valid"})), URL)
    assert found.problems == {}
    assert found["utm.keys"].args["gost"] == "never"


def test_what_is_not_told_is_not_judged(told):
    found = told(UtmProbe(), Answering(info(ownerId=None, db=None, contour=None)), URL)
    assert found.problems == {}
    assert "utm.token" not in found


SERVICES = [
    (None, []),
    (ServiceFacts("Transport", "windows", installed=False), ["web.service-missing"]),
    (ServiceFacts("Transport", "windows", state="stopped", detail="status=stopped"), ["web.service-stopped"]),
    (ServiceFacts("Transport", "windows", state="running", detail="status=running"), ["web.service-running"]),
]


@pytest.mark.parametrize(("fact", "meanings"), SERVICES)
def test_nobody_listens(told, monkeypatch, fact, meanings):
    rows = {"utm": {"win32": {"names": ["Transport"], "sure": True}}} if fact else {}
    monkeypatch.setattr("probes.services.driver.table", lambda name: rows)
    monkeypatch.setattr("probes.services.driver.sys.platform", "win32")
    monkeypatch.setattr("probes.host.till_services.read_services", lambda names, deadline: (fact,))
    found = told(UtmProbe(), "link.refused", URL)
    assert found.problems == {"utm.down": "fault"}
    assert [seen.meaning for seen in found["utm.down"].evidence] == meanings
    assert not told(UtmProbe(), "link.refused", "utm://192.0.2.1")["utm.down"].evidence


@pytest.mark.parametrize("code", ["link.timeout", "link.dns", "link.no-route"])
def test_the_way_is_broken(told, code):
    found = told(UtmProbe(), code, "utm://till-7")
    assert found.problems == {code: "fault"}
    assert found[code].stops_sales is False


def test_hung(told):
    found = told(UtmProbe(), module(), URL, wrap=lambda link, clock: Silent(link.target, clock))
    assert found.problems == {"utm.down": "fault"}
    assert found["utm.down"].evidence[0].meaning == "link.no-answer"


def test_one_byte_at_a_time(told):
    found = told(UtmProbe(), module("other-token"), URL, wrap=lambda link, clock: OneByteAtATime(link))
    assert found.problems == {"utm.other-token": "fault"}


@pytest.mark.parametrize("after", [1, 5, 40, 200])
def test_broken_off(told, after):
    found = told(UtmProbe(), module(), URL, wrap=lambda link, clock: ClosesInMidAnswer(link, after=after))
    assert found.problems == {"link.closed": "fault"}


def test_what_a_module_says_is_made_safe_to_show(told):
    found = told(
        UtmProbe(), Answering(info(rsaError="\x1b[2J\u202eошибка", ownerId="1\n2", contour="\x07")), URL
    )
    shown = [text for one in found.values() for text in one.args.values()]
    shown += [text for one in found.values() for seen in one.evidence for text in seen.args.values()]
    shown += [seen.got for one in found.values() for seen in one.evidence]
    assert found["utm.key-invalid"].args["said"] == "\\x1b[2J\\u202eошибка"
    assert all(character.isprintable() for text in shown for character in str(text))
