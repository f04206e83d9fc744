"""The cgi probe against the lab's register: every fault, every login, every page that is none."""

from __future__ import annotations

import pytest

from probes.devices.fiscal.cgi_register import CgiRegisterProbe
from probes.lab.devices.cgi_register import PASSWORD, USER, CgiRegister
from probes.links.fakes import DeviceLink, OneByteAtATime, Silent

URL = "cgi+http://169.254.148.191"
WITH_PASSWORD = f"cgi+http://{USER}@169.254.148.191?password={PASSWORD}"
PAPER, SKNO_FAULT = {"fiscal.paper-out": "fault"}, {"fiscal.fn-fault": "fault"}
ERROR, UNSURE = {"fiscal.device-error": "fault"}, {"fiscal.device-error": "unknown"}
BUSY, LOGIN = {"fiscal.device-busy": "unknown"}, {"fiscal.wrong-password": "unknown"}
FINDS = {
    "paper-out": PAPER,
    "tape-paper-out": PAPER,
    "register-password": LOGIN,
    "procedure-running": BUSY,
    "unsent-reports": {"fiscal.ofd-queue": "warning"},
    "wrong-date": {"fiscal.clock-drift": "fault"},
    "skno-busy": BUSY,
    "skno-no-link": ERROR,
    "skno-full": {"fiscal.fn-memory-full": "fault"},
    "skno-wrong-state": SKNO_FAULT,
    "skno-not-identified": SKNO_FAULT,
    "report-missing": ERROR,
    "shift-over-24h": {"fiscal.shift-over-24h": "fault"},
    "tape-full": ERROR,
    "unknown-error": UNSURE,
    "error-in-words": UNSURE,
    "needs-password": LOGIN,
    "stale-nonces": LOGIN,
    "silent-nonces": LOGIN,
    "sha-256": LOGIN,
    "no-qop": LOGIN,
    "basic-login": LOGIN,
    "access-refused": LOGIN,
    "not-fiscalised": {"fiscal.fn-not-fiscalised": "fault"},
    "shift-closed": {},
    "document-open": {"fiscal.document-open": "warning"},
    "memory-near-full": {"fiscal.fn-memory-low": "warning"},
    "memory-full": {"fiscal.fn-memory-full": "fault"},
    "no-details": {},
    "server-busy": BUSY,
    "legacy-encoding": {},
}


def register(*faults):
    device = CgiRegister()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def test_every_fault_of_the_lab_is_covered():
    assert set(FINDS) == CgiRegister.faults


@pytest.mark.parametrize("fault", sorted(FINDS))
def test_each_fault_alone(bench, fault):
    device = register(fault)
    told = bench.run(CgiRegisterProbe(), device, url=URL)
    assert told.problems == FINDS[fault]
    assert device.writes == []
    assert device.logins == 0


def test_a_healthy_register_and_who_it_is(bench):
    device = register()
    told = bench.run(CgiRegisterProbe(), device, url=URL)
    assert told.problems == {}
    args = told["fiscal.answers"].args
    assert (args["model"], args["serial"], args["firmware"]) == ("Титан-Ф", "ТФ00012345", "1.25")
    assert {"fiscal.shift", "fiscal.storage", "fiscal.storage-memory", "fiscal.document"} <= told.passed
    assert "fiscal.paper" not in told.passed  # it does not say; that is not "fine"
    assert all(asked.startswith("GET /cgi/") for asked in device.opcodes)


def test_several_faults_at_once(bench):
    told = bench.run(CgiRegisterProbe(), register("paper-out", "skno-no-link", "document-open"), url=URL)
    assert set(told.problems) == {"fiscal.paper-out", "fiscal.device-error", "fiscal.document-open"}


@pytest.mark.parametrize("login", ["needs-password", "stale-nonces", "silent-nonces", "sha-256", "no-qop"])
def test_a_login_that_is_right(bench, login):
    device = register(login, "needs-password", "paper-out")
    told = bench.run(CgiRegisterProbe(), device, url=WITH_PASSWORD)
    assert told.problems == PAPER
    assert "fiscal.document" in told.passed  # the last pages were let in, too
    assert device.logins == 0


@pytest.mark.parametrize("login", ["needs-password", "stale-nonces", "silent-nonces", "sha-256", "no-qop"])
@pytest.mark.parametrize(
    "url", [f"cgi+http://{USER}@169.254.1.2?password=no", "cgi+http://x@169.254.1.2?password=1"]
)
def test_a_wrong_password_is_sent_once(bench, login, url):
    device = register(login)
    told = bench.run(CgiRegisterProbe(), device, url=url)
    assert told.problems == LOGIN
    assert told["fiscal.wrong-password"].evidence[0].meaning == "cgi.refused-password"
    assert device.logins == 1
    assert "password=no" not in repr(told.findings)


def test_no_password_is_sent_to_a_basic_login_and_none_is_guessed(bench):
    told = bench.run(CgiRegisterProbe(), register("basic-login"), url=WITH_PASSWORD)
    assert told["fiscal.wrong-password"].evidence[0].meaning == "cgi.other-login"
    told = bench.run(CgiRegisterProbe(), register("needs-password"), url=f"{URL}?password=1")
    assert told["fiscal.wrong-password"].evidence[0].meaning == "cgi.wants-password"
    told = bench.run(CgiRegisterProbe(), register("needs-password"), url="cgi+http://a%22b@x?password=1")
    assert told.problems == LOGIN


def test_one_byte_at_a_time(bench):
    told = bench.run(
        CgiRegisterProbe(), register("paper-out"), wrap=lambda link, _c: OneByteAtATime(link), url=URL
    )
    assert told.problems == PAPER


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "link.wrong-device"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "link.wrong-device"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"Status":"ok"}', "link.wrong-device"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "link.wrong-device"),
        (b"\x00\xff\x80\x81\xfe\x00\x90\xff\xaa", "link.garbled"),
    ],
)
def test_something_else_answers(bench, answer, code):
    class Other(Silent):
        def send(self, data, deadline):
            self.arrive(answer)
            self.arrive(None)

    told = bench.run(CgiRegisterProbe(), link=Other, url=URL)
    assert told.problems == {code: "fault"}


def test_silence(bench):
    assert bench.run(CgiRegisterProbe(), link=Silent, url=URL).problems == {"link.silent": "fault"}


def test_a_register_that_restarts_keeps_what_is_known(bench):
    device = register("paper-out")

    class Restarts(DeviceLink):
        def send(self, data, deadline):
            if b"getfmroom" in data:
                self.arrive(None)
            else:
                super().send(data, deadline)

    told = bench.run(CgiRegisterProbe(), link=lambda t, c: Restarts(t, c, device), url=URL)
    assert told.problems == {"fiscal.paper-out": "fault", "link.closed": "fault"}


def test_the_lab_knows_what_changes_something():
    device = register()
    for page in ("/cgi/proc/openbox", "/cgi/proc/printreport?0", "/cgi/proc/register", "/cgi/proc/state"):
        device.receive(f"GET {page} HTTP/1.1\r\n\r\n".encode(), 0.0)
    device.receive(b"POST /cgi/chk HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0.0)
    assert [written.split()[1] for written in device.writes] == [
        "/cgi/proc/openbox", "/cgi/proc/printreport?0", "/cgi/proc/register", "/cgi/chk",
    ]  # fmt: skip
