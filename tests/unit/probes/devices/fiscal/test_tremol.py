"""The Tremol probe against the lab's register: every fault, passwords, every way not to answer."""

from __future__ import annotations

import pytest

from probes.devices.fiscal.tremol import TremolProbe
from probes.lab.devices.tremol import PASSWORD, TremolRegister
from probes.links.fakes import DeviceLink, Garbled, Lossy, OneByteAtATime, Silent, Slow

URL = "tremol+tcp://192.168.1.61"
ERROR, WARNED = {"fiscal.device-error": "fault"}, {"fiscal.device-error": "warning"}
FAULT_OF_FM, TRANSPORT = {"fiscal.fn-fault": "fault"}, {"fiscal.ofd-unreachable": "warning"}
BUSY, GARBLED = {"fiscal.device-busy": "unknown"}, {"link.garbled": "fault"}
FINDS = {
    "fm-read-only": FAULT_OF_FM,
    "power-failed": WARNED,
    "overheated": {"fiscal.overheated": "fault"},
    "clock-not-set": {"fiscal.clock-drift": "fault"},
    "clock-wrong": ERROR,
    "clock-drift": {"fiscal.clock-drift": "fault"},
    "ram-reset": ERROR,
    "clock-broken": ERROR,
    "paper-out": {"fiscal.paper-out": "fault"},
    "paper-near-end": {"fiscal.paper-near-end": "warning"},
    "totals-overflow": ERROR,
    "service-receipt-open": {"fiscal.document-open": "warning"},
    "document-open": {"fiscal.document-open": "warning"},
    "journal-near-full": WARNED,
    "journal-full": ERROR,
    "no-fm": FAULT_OF_FM,
    "fm-error": FAULT_OF_FM,
    "fm-full": {"fiscal.fn-memory-full": "fault"},
    "fm-near-full": {"fiscal.fn-memory-low": "warning"},
    "not-fiscalised": {"fiscal.fn-not-fiscalised": "fault"},
    "wrong-sim": WARNED,
    "operator-blocked": {"fiscal.ofd-blocked": "fault"},
    "no-nra-task": ERROR,
    "wrong-sd": ERROR,
    "deregistered": {"fiscal.not-registered": "fault"},
    "no-sim": TRANSPORT,
    "no-modem": TRANSPORT,
    "no-operator": TRANSPORT,
    "no-gprs": TRANSPORT,
    "unsent-24h": {"fiscal.ofd-queue": "warning"},
    "unsent-documents": {"fiscal.ofd-queue": "warning"},
    "cover-open": {"fiscal.cover-open": "fault"},
    "cutter-error": {"fiscal.cutter-error": "fault"},
    "mechanical-error": {"fiscal.mechanical-error": "fault"},
    "shift-closed": {},
    "shift-over-24h": {"fiscal.shift-over-24h": "fault"},
    "busy": BUSY,
    "at-work": {},
    "serves-another": BUSY,
    "needs-password": {"fiscal.wrong-password": "unknown"},
    "no-printer-status": {},
    "damages-frames": GARBLED,
    "answers-another": GARBLED,
    "refuses-frames": GARBLED,
    "loses-answers": {},
}


@pytest.fixture
def register(bench):
    def make(*faults):
        device = TremolRegister(wall=lambda: bench.clock.now().astimezone())
        for fault in faults:
            device.switch(fault, on=True, now=0.0)
        return device

    return make


def test_every_fault_of_the_lab_is_covered():
    assert set(FINDS) == TremolRegister.faults


@pytest.mark.parametrize("fault", sorted(FINDS))
def test_each_fault_alone(bench, register, fault):
    device = register(fault)
    told = bench.run(TremolProbe(), device, url=URL)
    assert told.problems == FINDS[fault]
    assert device.writes == []


def test_a_healthy_register_and_who_it_is(bench, register):
    device = register()
    told = bench.run(TremolProbe(), device, url=URL)
    assert told.problems == {}
    assert told["fiscal.answers"].args["model"] == "TREMOL M20"
    assert told["fiscal.answers"].args["serial"] == "ZK123456"
    assert {"fiscal.paper", "fiscal.cover", "fiscal.clock", "fiscal.storage", "fiscal.queue"} <= told.passed
    assert device.opcodes[0] == "09h"
    assert told.seconds <= 0.1


def test_several_faults_at_once(bench, register):
    told = bench.run(TremolProbe(), register("paper-out", "cover-open", "fm-near-full", "no-sim"), url=URL)
    assert set(told.problems) == {
        "fiscal.paper-out", "fiscal.cover-open", "fiscal.fn-memory-low", "fiscal.ofd-unreachable",
    }  # fmt: skip


def test_the_password_of_the_url_is_sent_once_and_never_shown(bench, register):
    device = register("needs-password")
    assert bench.run(TremolProbe(), device, url=f"{URL}?password={PASSWORD}").problems == {}
    wrong = register("needs-password")
    told = bench.run(TremolProbe(), wrong, url=f"{URL}?password=4321")
    assert told.problems == {"fiscal.wrong-password": "unknown"}
    assert wrong.opcodes == ["password", "09h"]
    assert "4321" not in repr(told.findings)
    assert b"4321".hex() not in repr(told.findings)


def test_no_password_is_guessed(bench, register):
    device = register("needs-password")
    told = bench.run(TremolProbe(), device, url=URL)
    assert told["fiscal.wrong-password"].evidence[0].meaning == "tremol.wants-password"
    assert device.opcodes == ["09h"]


def test_a_password_that_would_be_a_command_is_not_sent(bench, register):
    device = register()
    told = bench.run(TremolProbe(), device, url=f"{URL}?password=%02%23%20%20")
    assert told.problems == {"fiscal.wrong-password": "unknown"}
    assert device.opcodes == []


def test_a_serial_register_is_sent_no_password(bench, register):
    device = register()
    told = bench.run(TremolProbe(), device, url=f"tremol+serial:///dev/ttyS9?password={PASSWORD}")
    assert told.problems == {}
    assert "password" not in device.opcodes


@pytest.mark.parametrize(
    "wrap",
    [lambda link, clock: OneByteAtATime(link), lambda link, clock: Slow(OneByteAtATime(link), clock, 0.004)],
)
def test_slow_wires(bench, register, wrap):
    told = bench.run(TremolProbe(), register("cover-open"), wrap=wrap, url=URL)
    assert told.problems == {"fiscal.cover-open": "fault"}


@pytest.mark.parametrize("seed", range(6))
def test_a_lossy_wire_gives_the_truth_or_a_finding_about_the_wire(bench, register, seed):
    told = bench.run(
        TremolProbe(),
        register("paper-out"),
        wrap=lambda link, _c: Lossy(link, seed=seed, share=0.01),
        url=URL,
    )
    assert told.problems == FINDS["paper-out"] or set(told.problems) <= {"link.garbled", "link.silent"}


def test_silence_ends_soon(bench):
    told = bench.run(TremolProbe(), link=Silent, url=URL)
    assert told.problems == {"link.silent": "fault"}
    assert told.seconds <= 3.1


@pytest.mark.parametrize("seed", range(6))
def test_garbage(bench, seed):
    told = bench.run(TremolProbe(), link=lambda t, c: Garbled(t, c, seed=seed), url=URL)
    assert told.problems


def test_a_web_server_is_another_device(bench):
    class Web(Silent):
        def send(self, data, deadline):
            self.arrive(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n")

    assert bench.run(TremolProbe(), link=Web, url=URL).problems == {"link.wrong-device": "fault"}


def test_a_register_that_restarts_in_mid_answer_keeps_what_is_known(bench, register):
    class Restarts(DeviceLink):
        def send(self, data, deadline):
            if data[3:4] == b"\x68":
                self.arrive(None)
            super().send(data, deadline)

    device = register("paper-out")
    told = bench.run(TremolProbe(), link=lambda t, c: Restarts(t, c, device), url=URL)
    assert told.problems == {"fiscal.paper-out": "fault", "link.closed": "fault"}
