"""The Datecs probe against the lab's register: every fault, both framings, every way not to answer."""

from __future__ import annotations

import pytest

from probes.devices.fiscal.datecs import DatecsProbe
from probes.lab.devices.datecs import DatecsRegister
from probes.links.fakes import DeviceLink, Garbled, Lossy, OneByteAtATime, Silent, Slow

URL = "datecs+tcp://192.168.1.60:4999"
MODELS = ("FP-800", "FP-700X")
PAPER, ERROR = {"fiscal.paper-out": "fault"}, {"fiscal.device-error": "fault"}
WARNED = {"fiscal.device-error": "warning"}
BOTH = {
    "paper-out": PAPER,
    "paper-near-end": {"fiscal.paper-near-end": "warning"},
    "cover-open": {"fiscal.cover-open": "fault"},
    "mechanical-error": {"fiscal.mechanical-error": "fault"},
    "general-error": ERROR,
    "clock-drift": {"fiscal.clock-drift": "fault"},
    "clock-not-set": {"fiscal.clock-drift": "fault"},
    "clock-not-synchronised": ERROR,
    "journal-full": ERROR,
    "journal-near-full": WARNED,
    "document-open": {"fiscal.document-open": "warning"},
    "service-receipt-open": {"fiscal.document-open": "warning"},
    "fm-write-error": {"fiscal.fn-fault": "fault"},
    "fm-full": {"fiscal.fn-memory-full": "fault"},
    "fm-near-full": {"fiscal.fn-memory-low": "warning"},
    "not-fiscalised": {"fiscal.fn-not-fiscalised": "fault"},
    "not-registered": {"fiscal.not-registered": "fault"},
    "busy": {"fiscal.device-busy": "unknown"},
    "at-work": {},
    "damages-frames": {"link.garbled": "fault"},
    "answers-another": {"link.garbled": "fault"},
    "loses-answers": {},
}
ONLY_P = {
    "tax-terminal-silent": {"fiscal.ofd-unreachable": "warning"},
    "battery-low": {"fiscal.battery-low": "warning"},
    "ram-reset": ERROR,
    "overheated": {"fiscal.overheated": "fault"},
    "fm-read-error": {"fiscal.fn-fault": "fault"},
    "fm-read-only": {"fiscal.fn-fault": "fault"},
    "fm-last-write-failed": {"fiscal.fn-fault": "fault"},
    "unsent-documents": {"fiscal.ofd-queue": "warning"},
    "unsent-long": {"fiscal.ofd-queue-old": "warning"},
    "unsent-blocked": {"fiscal.ofd-blocked": "fault"},
}
ONLY_X = {"fm-missing": {"fiscal.fn-fault": "fault"}, "server-error": {"fiscal.device-error": "unknown"}}
CASES = [
    *((model, fault, found) for model in MODELS for fault, found in BOTH.items()),
    *(("FP-800", fault, found) for fault, found in ONLY_P.items()),
    *(("FP-700X", fault, found) for fault, found in ONLY_X.items()),
]


@pytest.fixture
def register(bench):
    def make(model="FP-800", *faults):
        device = DatecsRegister(model, wall=lambda: bench.clock.now().astimezone())
        for fault in faults:
            device.switch(fault, on=True, now=0.0)
        return device

    return make


def test_every_fault_of_the_lab_is_covered():
    assert {fault for _model, fault, _found in CASES} == DatecsRegister.faults


@pytest.mark.parametrize(("model", "fault", "found"), CASES)
def test_each_fault_alone(bench, register, model, fault, found):
    device = register(model, fault)
    told = bench.run(DatecsProbe(), device, url=URL)
    assert told.problems == found
    assert device.writes == []


@pytest.mark.parametrize("model", MODELS)
def test_a_healthy_register_and_who_it_is(bench, register, model):
    device = register(model)
    told = bench.run(DatecsProbe(), device, url=URL)
    assert told.problems == {}
    assert told["fiscal.answers"].args["model"] == model
    assert told["fiscal.answers"].args["serial"].startswith("DT")
    assert {
        "fiscal.paper",
        "fiscal.cover",
        "fiscal.clock",
        "fiscal.storage",
        "fiscal.registration",
    } <= told.passed
    assert device.writes == []
    assert told.seconds <= (0.1 if model == "FP-800" else 1.2)


@pytest.mark.parametrize("model", MODELS)
def test_several_faults_at_once(bench, register, model):
    told = bench.run(
        DatecsProbe(), register(model, "paper-out", "cover-open", "fm-near-full", "document-open"), url=URL
    )
    assert set(told.problems) == {
        "fiscal.paper-out", "fiscal.cover-open", "fiscal.fn-memory-low", "fiscal.document-open",
    }  # fmt: skip


@pytest.mark.parametrize(("model", "framing"), [("FP-800", "p"), ("FP-700X", "x")])
def test_the_framing_may_be_named(bench, register, model, framing):
    device = register(model)
    told = bench.run(DatecsProbe(), device, url=f"{URL}?framing={framing}")
    assert told.problems == {}
    assert told.seconds <= 0.1


@pytest.mark.parametrize(("model", "framing"), [("FP-800", "x"), ("FP-700X", "p")])
def test_the_wrong_framing_is_no_answer_and_no_crash(bench, register, model, framing):
    told = bench.run(DatecsProbe(), register(model), url=f"{URL}?framing={framing}")
    assert set(told.problems) <= {"link.silent", "link.garbled"}
    assert told.problems


def test_an_old_answer_is_not_believed(bench, register):
    """Another program used our first number last: the register repeats its answer to that."""
    device = register("FP-800", "paper-out")
    stale = DatecsRegister("FP-800")
    device._last = (0x21, stale.receive(bytes.fromhex("0124213e05") + b"\x30\x30\x38\x38\x03", 0.0))
    told = bench.run(DatecsProbe(), device, url=URL)
    assert told.problems == PAPER
    assert told["fiscal.answers"].args["model"] == "FP-800"


@pytest.mark.parametrize(
    "wrap",
    [lambda link, clock: OneByteAtATime(link), lambda link, clock: Slow(OneByteAtATime(link), clock, 0.004)],
)
@pytest.mark.parametrize("model", MODELS)
def test_slow_wires(bench, register, model, wrap):
    told = bench.run(DatecsProbe(), register(model, "cover-open"), wrap=wrap, url=URL)
    assert told.problems == {"fiscal.cover-open": "fault"}


@pytest.mark.parametrize("seed", range(6))
def test_a_lossy_wire_gives_the_truth_or_a_finding_about_the_wire(bench, register, seed):
    told = bench.run(
        DatecsProbe(),
        register("FP-800", "paper-out"),
        wrap=lambda link, _c: Lossy(link, seed=seed, share=0.01),
        url=URL,
    )
    assert told.problems == PAPER or set(told.problems) <= {"link.garbled", "link.silent"}


def test_silence_ends_soon(bench):
    told = bench.run(DatecsProbe(), link=Silent, url=URL)
    assert told.problems == {"link.silent": "fault"}
    assert told.seconds <= 3.0


@pytest.mark.parametrize("seed", range(6))
def test_garbage(bench, seed):
    told = bench.run(DatecsProbe(), link=lambda t, c: Garbled(t, c, seed=seed), url=URL)
    assert set(told.problems) <= {"link.garbled", "link.wrong-device", "fiscal.device-busy"}
    assert told.problems


def test_a_web_server_is_another_device(bench):
    class Web(Silent):
        def send(self, data, deadline):
            self.arrive(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n")

    assert bench.run(DatecsProbe(), link=Web, url=URL).problems == {"link.wrong-device": "fault"}


def test_a_register_that_restarts_in_mid_answer_keeps_what_is_known(bench, register):
    class Restarts(DeviceLink):
        def send(self, data, deadline):
            if b"\x3e" in data[3:4]:
                self.arrive(None)
            super().send(data, deadline)

    device = register("FP-800", "paper-out")
    told = bench.run(DatecsProbe(), link=lambda t, c: Restarts(t, c, device), url=URL)
    assert told.problems == {"fiscal.paper-out": "fault", "link.closed": "fault"}
