"""ATOL registers behind the driver's web service: every fault of the lab, every way of refusing."""

from __future__ import annotations

import pytest

from probes.devices.fiscal.atol_web import AtolWebProbe
from probes.lab.devices.atol_web import USER, AtolWebServer
from probes.lab.devices.marking import LocalModule
from probes.links.fakes import ClosesInMidAnswer, DeviceLink, Garbled, OneByteAtATime, ScriptedLink, Silent
from supportctl.core.target import parse_target

URL = "atol+http://127.0.0.1"
ERROR = {"fiscal.device-error": "fault"}
FINDS = {
    "shift-over-24h": {"fiscal.shift-over-24h": "fault"},
    "shift-closed": {},
    "paper-out": {"fiscal.paper-out": "fault"},
    "cover-open": {"fiscal.cover-open": "fault"},
    "drawer-open": {},
    "clock-drift": {"fiscal.clock-drift": "fault"},
    "clock-drift-small": {"fiscal.clock-drift": "warning"},
    "fn-expiring": {"fiscal.fn-expiring": "warning"},
    "fn-expiring-soon": {"fiscal.fn-expiring": "fault"},
    "fn-expired": {"fiscal.fn-expired": "fault"},
    "fn-not-fiscalised": {"fiscal.fn-not-fiscalised": "fault"},
    "fn-archive-closed": {"fiscal.fn-archive-closed": "fault"},
    "fn-memory-low": {"fiscal.fn-memory-low": "warning"},
    "fn-fault": {"fiscal.fn-fault": "fault"},
    "fn-missing": {"fiscal.fn-fault": "fault"},
    "ofd-queue": {"fiscal.ofd-queue": "warning"},
    "ofd-queue-old": {"fiscal.ofd-queue-old": "warning"},
    "ofd-blocked": {"fiscal.ofd-blocked": "fault"},
    "ofd-unreachable": {"fiscal.ofd-unreachable": "warning"},
    "not-registered": {"fiscal.not-registered": "fault"},
    "device-blocked": {"fiscal.blocked": "fault"},
    "queue-blocked-connection": {"fiscal.blocked": "fault"},
    "queue-blocked-paper": {"fiscal.blocked": "fault"},
    "queue-blocked-storage": {"fiscal.blocked": "fault"},
    "no-connection": ERROR,
    "port-unavailable": ERROR,
    "link-lost": ERROR,
    "no-licence": ERROR,
    "not-activated": ERROR,
    "no-device": ERROR,
    "port-busy": {"fiscal.device-busy": "unknown"},
    "device-busy": {"fiscal.device-busy": "unknown"},
    "driver-password": {"fiscal.wrong-password": "unknown"},
    "needs-password": {"fiscal.wrong-password": "unknown"},
    "server-error": {"fiscal.device-error": "unknown"},
    "no-operations": {},
    "legacy": {},
    "queue-stuck": {},
}


def server(*faults: str) -> AtolWebServer:
    device = AtolWebServer()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


@pytest.fixture
def ask(bench):
    def run(*faults: str, url: str = URL, **more):
        device = server(*faults)
        told = bench.run(AtolWebProbe(), device, url=url, seconds=more.pop("seconds", 28.0), **more)
        assert device.writes == []
        return told, device

    return run


def test_every_fault_of_the_lab_is_covered():
    assert set(FINDS) == AtolWebServer.faults


@pytest.mark.parametrize("fault", sorted(FINDS))
def test_each_fault_alone(ask, fault):
    assert ask(fault)[0].problems == FINDS[fault]


def test_a_healthy_register_is_asked_past_the_tills_queue(ask):
    told, device = ask()
    assert told.problems == {}
    assert told["fiscal.answers"].args["serial"] == "00106701234567"
    assert [operation for operation in device.opcodes if "requests" in operation] == []
    assert told["fiscal.shift"].args == {"shift": 57}


@pytest.mark.parametrize("old", ["no-operations", "legacy"])
def test_an_older_service_is_asked_through_its_queue(ask, old):
    told, device = ask(old, "shift-over-24h", "fn-missing", "cover-open")
    assert told.problems == {
        "fiscal.shift-over-24h": "fault",
        "fiscal.fn-fault": "fault",
        "fiscal.cover-open": "fault",
    }
    told, device = ask(old)
    assert told["fiscal.registration"].args == {"registration": "0000000001012345"}
    posted = [
        operation for operation in device.opcodes if operation.startswith("POST") and "requests" in operation
    ]
    assert [operation.split()[-1] for operation in posted] == [
        "getDeviceStatus",
        "ofdExchangeStatus",
        "getFnInfo",
        "getFnStatus",
        "getShiftStatus",
        "getDeviceInfo",
        "getRegistrationInfo",
    ]


def test_a_question_that_waits_is_a_busy_register(ask):
    told, _ = ask("no-operations", "queue-stuck")
    assert told.problems == {"fiscal.device-busy": "unknown"}
    assert told["fiscal.device-busy"].evidence[0].args == {"state": "wait"}
    assert told.seconds <= 28.0


def test_nothing_is_put_into_a_locked_queue(ask):
    told, device = ask("no-operations", "queue-blocked-connection")
    assert told.problems == {"fiscal.blocked": "fault"}
    assert told["fiscal.blocked"].args == {"reason": "atol.web-blocked-connection"}
    assert [operation for operation in device.opcodes if operation.startswith("POST /api/v2/requests")] == []


@pytest.mark.parametrize(
    ("faults", "codes"),
    [
        (("queue-blocked-paper", "paper-out"), {"fiscal.paper-out"}),
        (("queue-blocked-paper", "cover-open"), {"fiscal.cover-open"}),
        (("queue-blocked-connection", "no-connection"), {"fiscal.device-error"}),
        (("queue-blocked-storage", "fn-missing"), {"fiscal.fn-fault"}),
        (("queue-blocked-storage", "paper-out"), {"fiscal.blocked", "fiscal.paper-out"}),
    ],
)
def test_a_lock_whose_cause_is_known_is_no_second_fault(ask, faults, codes):
    assert set(ask(*faults)[0].problems) == codes


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ("no-connection", 2),
        ("port-unavailable", 4),
        ("no-licence", 189),
        ("not-activated", 1),
        ("no-device", 1),
    ],
)
def test_errors_of_the_driver_are_told_in_its_tables_words(ask, fault, number):
    found = ask(fault)[0]["fiscal.device-error"]
    assert (found.args["number"], found.args["says"]) == (str(number), f"atol.error-{number}")
    assert found.stops_sales


def test_the_register_has_not_answered_when_only_its_service_has(ask):
    for fault in ("no-connection", "not-activated", "needs-password", "server-error"):
        assert "fiscal.answers" not in ask(fault)[0].passed


def test_name_and_password_are_tried_once(ask):
    user, password = USER.split(":")
    told, device = ask("needs-password", url=f"{URL}?user={user}&password={password}")
    assert told.problems == {}
    assert ask("needs-password", url=f"atol+http://{USER}@127.0.0.1")[0].problems == {}
    told, device = ask("needs-password", url=f"{URL}?user={user}&password=guess")
    assert told.problems == {"fiscal.wrong-password": "unknown"}
    assert device.opcodes == ["GET /api/v2/serverInfo", "GET /api/v2/devices/default"]
    assert "guess" not in repr(told.findings)
    told, device = ask("needs-password", "legacy", url=URL)
    assert told.problems == {"fiscal.wrong-password": "unknown"}


def test_the_register_that_the_url_names(ask):
    _, device = ask(url=f"{URL}?deviceID=2")
    assert "GET /api/v2/devices/2" in device.opcodes
    assert "POST /api/v2/operations/queryFnInfo?deviceID=2" in [
        name.removesuffix(" ?") for name in device.opcodes
    ]


def test_another_service_on_the_port(bench):
    told = bench.run(AtolWebProbe(), LocalModule(), url=URL)
    assert set(told.problems) == {"link.wrong-device"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "link.wrong-device"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "link.wrong-device"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "fiscal.device-busy"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "link.wrong-device"),
    ],
)
def test_answers_that_are_no_service_of_atol(bench, answer, code):
    def link(target, clock):
        made = ScriptedLink(target, clock, [])
        made.send = lambda data, deadline: made.arrive(answer)
        return made

    told = bench.run(AtolWebProbe(), link=link, url=URL)
    assert [f.code for f in told.findings] == [code]


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (b"500 Bad\x9b2J", b"oops"),
        (b"200 OK", b'{"name": "x", "isActive": false, "lastError": "\\u001b[2J\\u202e"}'),
    ],
)
def test_what_a_service_says_is_made_safe_to_show(bench, status, document):
    class Answering(DeviceLink):
        def send(self, data, deadline):
            if b"serverInfo" in data:
                super().send(data, deadline)
            else:
                self.arrive(
                    b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(document), document)
                )

    told = bench.run(AtolWebProbe(), link=lambda t, c: Answering(t, c, server()), url=URL)
    said = [arg for f in told.findings for seen in (f, *f.evidence) for arg in seen.args.values()]
    assert any("\\x9b2J" in str(arg) or "\\x1b[2J\\u202e" in str(arg) for arg in said)
    assert all(str(arg).isprintable() for arg in said)


def test_silence_garbage_and_a_line_that_breaks(bench):
    assert bench.run(AtolWebProbe(), link=Silent, url=URL).problems == {"link.silent": "fault"}
    told = bench.run(AtolWebProbe(), link=Garbled, url=URL)
    assert set(told.problems) <= {"link.garbled", "link.wrong-device"}
    device = server()
    told = bench.run(
        AtolWebProbe(), link=lambda t, c: ClosesInMidAnswer(DeviceLink(t, c, device), after=90), url=URL
    )
    assert told.problems == {"link.closed": "fault"}


def test_one_byte_at_a_time(ask):
    told, _ = ask("paper-out", wrap=lambda link, clock: OneByteAtATime(link))
    assert told.problems == {"fiscal.paper-out": "fault"}


def test_documents_of_any_type_crash_nothing(bench):
    class Strange(AtolWebServer):
        def _carry_out(self, task, wall):
            return {
                "deviceStatus": 3,
                "fnInfo": [],
                "status": "x",
                "errors": {"network": 7},
                "shiftStatus": None,
            }

    told = bench.run(AtolWebProbe(), Strange(), url=URL)
    assert told.problems == {}


def test_the_url_is_a_target():
    assert parse_target(URL).port == 16732
