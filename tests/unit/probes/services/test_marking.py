"""The probe of the marking system's local module against the simulated one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from probes.lab.devices.marking import PASSWORD, USER, LocalModule
from probes.lab.devices.web_service import Said
from probes.links.fakes import Silent
from probes.network import tls
from probes.protocols import marking
from probes.services.marking import MarkingProbe

URL = "marking://127.0.0.1"
NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
FAULTS = {
    "not-initialised": {"marking.not-initialised": "fault"},
    "initialising": {"marking.initialising": "warning"},
    "sync-failing": {"marking.sync-failing": "fault"},
    "database-old": {"marking.database-old": "warning"},
    "download-required": {"marking.database-incomplete": "fault"},
    "lists-behind": {"marking.database-incomplete": "warning"},
    "service-mode": {"marking.service-mode": "warning"},
    "password": {"marking.wrong-password": "unknown"},
    "starting": {"marking.down": "fault"},
    "other-program": {"link.wrong-device": "fault"},
    "second-version": {},
}
HIDES = {"password", "starting", "other-program"}
STATES = {"not-initialised", "initialising", "sync-failing"}


def module(*faults):
    device = LocalModule()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def test_healthy(told):
    device = module()
    found = told(MarkingProbe(), device, URL)
    assert found.problems == {}
    assert found.passed == {"marking.answers", "marking.mode", "marking.database"}
    assert found["marking.answers"].args["version"] == "1.5.1-523"
    assert device.opcodes == ["GET /api/v1/status"]


def test_every_fault_is_listed():
    assert FAULTS.keys() == LocalModule.faults


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault(told, fault):
    device = module(fault)
    found = told(MarkingProbe(), device, URL)
    told_of = {code: status for code, status in found.problems.items() if status != "skipped"}
    assert told_of == FAULTS[fault]
    assert set(device.opcodes) <= {f"GET {path}" for path in marking.READS}
    assert device.writes == []


@pytest.mark.parametrize(("one", "two"), list(combinations(sorted(FAULTS.keys() - HIDES), 2)))
def test_two_faults_are_both_named(told, one, two):
    if {one, two} <= STATES:
        return  # a module has one state
    found = told(MarkingProbe(), module(one, two), URL)
    assert found.problems.keys() >= FAULTS[one].keys() | FAULTS[two].keys()


def test_a_module_without_lists_is_not_blamed_for_them(told):
    found = told(MarkingProbe(), module("not-initialised"), URL)
    assert found["marking.database-old"].status.value == "skipped"
    assert found["marking.database-incomplete"].because == "marking.not-initialised"


def test_the_second_version_is_asked_after_the_first(told):
    device = module("second-version")
    assert told(MarkingProbe(), device, URL).passed >= {"marking.database"}
    assert device.opcodes == ["GET /api/v1/status", "GET /api/v2/status"]


@pytest.mark.parametrize(
    ("options", "problems", "meaning"),
    [
        ("", {"marking.wrong-password": "unknown"}, "web.needs-password"),
        (f"?user={USER}&password=guess", {"marking.wrong-password": "unknown"}, "web.wrong-password"),
        (f"?user={USER}&password={PASSWORD}", {}, "marking.state"),
    ],
)
def test_password(told, options, problems, meaning):
    device = module("password")
    found = told(MarkingProbe(), device, URL + options)
    assert found.problems == problems
    seen = next(iter(found.values())).evidence[0]
    assert seen.meaning == meaning
    assert PASSWORD not in str(found) or not options
    assert len(device.opcodes) == 1, "one try only"


class Answering(LocalModule):
    """Answers with a status of the test's own."""

    def __init__(self, **fields):
        super().__init__()
        self.fields = fields

    def respond(self, asked, wall):
        found = {
            "status": "ready",
            "operationMode": "active",
            "lastSync": ms(hours=1),
            "requiresDownload": False,
        }
        return Said(200, json.dumps({**found, **self.fields}).encode())


def ms(**ago):
    return round((NOW - timedelta(**ago)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"lastSync": ms(hours=23, minutes=59)}, {}),
        ({"lastSync": ms(hours=24, minutes=1)}, {"marking.database-old": "warning"}),
        ({"lastSync": ms(hours=-3)}, {}),  # a clock that is ahead there is no old list
        ({"lastSync": None, "lastUpdate": ms(hours=1)}, {}),
        ({"lastSync": 0}, {"marking.database-old": "warning"}),
        ({"lastSync": 10**30}, {"marking.database-old": "warning"}),
        ({"lastSync": 253_402_300_799_000}, {"marking.database-old": "warning"}),  # not in the east of 9999
        ({"lastSync": True}, {"marking.database-old": "warning"}),
        ({"requiresDownload": "true"}, {"marking.database-incomplete": "fault"}),
        ({"requiresDownload": "false"}, {}),
        ({"operationMode": None}, {}),
        ({"status": "resting"}, {"marking.state-unknown": "unknown"}),
        ({"replicationStatus": {"blocked_cis": {"localDocCount": 90, "serverDocCount": 100}}}, {}),
        (
            {"replicationStatus": {"blocked_cis": {"localDocCount": 89, "serverDocCount": 100}}},
            {"marking.database-incomplete": "warning"},
        ),
        ({"replicationStatus": {"blocked_cis": {"localDocCount": 0, "serverDocCount": 0}}}, {}),
        ({"replicationStatus": {"blocked_cis": {"localDocCount": 5}}}, {}),
        ({"replicationStatus": "none"}, {}),
    ],
)
def test_fields(told, fields, problems):
    assert told(MarkingProbe(), Answering(**fields), URL).problems == problems


def test_what_a_module_says_is_made_safe_to_show(told):
    found = told(MarkingProbe(), Answering(status="\x1b[2J", version="\u202e1"), URL)
    assert found["marking.state-unknown"].args["state"] == "\\x1b[2J"
    assert found["marking.answers"].evidence[0].args["version"] == "\\u202e1"


def test_hung_and_refused(told, monkeypatch):
    monkeypatch.setattr("probes.services.driver.table", lambda name: {})
    hung = told(MarkingProbe(), module(), URL, wrap=lambda link, clock: Silent(link.target, clock))
    assert hung.problems == {"marking.down": "fault"}
    assert told(MarkingProbe(), "link.refused", URL).problems == {"marking.down": "fault"}
    assert told(MarkingProbe(), "link.timeout", URL).problems == {"link.timeout": "fault"}


def test_it_may_say_what_the_examination_of_a_certificate_says():
    assert MarkingProbe.codes >= tls.CODES
