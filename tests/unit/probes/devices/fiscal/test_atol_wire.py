"""ATOL registers on a wire: every fault of the lab by each protocol, and what a bad line does."""

from __future__ import annotations

import pytest

from probes.devices.fiscal.atol_wire import Atol2Probe, Atol3Probe
from probes.lab.devices.atol_wire import Atol2Register, Atol3Register
from probes.lab.devices.shtrih import ShtrihRegister
from probes.links.fakes import (
    DeviceLink,
    Garbled,
    Lossy,
    OneByteAtATime,
    ScriptedLink,
    Silent,
    Slow,
    parse_dialogue,
)

PROTOCOLS = {
    "atol2": (Atol2Probe, Atol2Register, "atol2+tcp://192.168.1.60:5555"),
    "atol3": (Atol3Probe, Atol3Register, "atol3+tcp://192.168.1.60"),
}
FINDS = {
    "shift-over-24h": {"fiscal.shift-over-24h": "fault"},
    "shift-closed": {},
    "paper-out": {"fiscal.paper-out": "fault"},
    "cover-open": {"fiscal.cover-open": "fault"},
    "cutter-error": {"fiscal.cutter-error": "fault"},
    "mechanical-error": {"fiscal.mechanical-error": "fault"},
    "printer-link": {"fiscal.mechanical-error": "fault"},
    "overheated": {"fiscal.overheated": "fault"},
    "drawer-open": {},
    "document-open": {"fiscal.document-open": "warning"},
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
    "battery-low": {"fiscal.battery-low": "warning"},
    "wrong-password": {"fiscal.wrong-password": "unknown"},
    "device-busy": {"fiscal.device-busy": "unknown"},
    "lost-ack": {},
    "damaged-answer": {},
    "damaged-answers": {"link.garbled": "fault"},
    "repeated-answer": {},
    "collides": {},
    "restarts": {},
    "hangs": {"fiscal.device-busy": "unknown"},
    "pushes": {},
    "queue-stopped": {"fiscal.device-busy": "unknown"},
    "queue-taken": {},
}
READS = {"A5", "3F", "45", "9D 01", "A4 10", "A4 20", "A4 30", "A4 32", "91 12 00 00", "91 16 00 00"}
CASES = [(name, fault) for name, (_, device, _) in PROTOCOLS.items() for fault in sorted(device.faults)]


def register(kind, *faults: str):
    device = kind()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


@pytest.fixture
def ask(bench):
    def run(name: str, *faults: str, extra: str = "", **more):
        probe, kind, url = PROTOCOLS[name]
        device = register(kind, *faults)
        told = bench.run(probe(), device, url=url + extra, seconds=more.pop("seconds", 28.0), **more)
        assert device.writes == []
        assert set(device.opcodes) <= READS
        return told, device

    return run


def test_every_fault_of_the_lab_is_covered():
    assert set(FINDS) == Atol2Register.faults | Atol3Register.faults


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_each_fault_alone(ask, name, fault):
    assert ask(name, fault)[0].problems == FINDS[fault]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_healthy_register(ask, name):
    told, device = ask(name)
    assert told.problems == {}
    assert {
        "fiscal.answers",
        "fiscal.shift",
        "fiscal.paper",
        "fiscal.queue",
        "fiscal.clock",
        "fiscal.storage",
    } <= told.passed
    answers = told["fiscal.answers"].args
    assert answers == {
        "maker": "ATOL",
        "model": "АТОЛ 30Ф",
        "firmware": "3.8.3689",
        "serial": "00106701234567",
    }
    assert len(device.opcodes) == len(set(device.opcodes)) == len(READS)
    assert told.seconds < 0.5


def test_both_protocols_say_the_same_of_the_same_state(ask):
    faults = ("shift-over-24h", "ofd-queue-old", "cover-open", "fn-expiring", "clock-drift")
    said = [[(f.code, f.status, dict(f.args)) for f in ask(name, *faults)[0].findings] for name in PROTOCOLS]
    assert said[0] == said[1]
    assert len([code for code, status, _ in said[0] if status != "ok"]) == len(faults)


PAIRS = [
    "paper-out",
    "cover-open",
    "cutter-error",
    "shift-over-24h",
    "ofd-queue-old",
    "clock-drift",
    "fn-memory-low",
]


@pytest.mark.parametrize("second", PAIRS)
@pytest.mark.parametrize("first", PAIRS)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_two_faults_are_both_named(ask, name, first, second):
    assert ask(name, first, second)[0].problems == FINDS[first] | FINDS[second]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_password_is_tried_once_and_no_other_is_guessed(ask, name):
    told, device = ask(name, "wrong-password")
    assert device.opcodes == ["45", "3F"]
    assert told["fiscal.wrong-password"].evidence[-1].args["number"] == "8c"
    assert ask(name, "wrong-password", extra="?password=30")[0].problems == {}
    told, device = ask(name, extra="?password=secret")
    assert told.problems == {"fiscal.wrong-password": "unknown"}
    assert device.opcodes == []
    assert "secret" not in repr(told.findings)


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize(
    "wrap",
    [lambda link, clock: OneByteAtATime(link), lambda link, clock: Slow(OneByteAtATime(link), clock, 0.02)],
)
def test_slow_wires(ask, name, wrap):
    assert ask(name, "cover-open", wrap=wrap)[0].problems == {"fiscal.cover-open": "fault"}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_on_a_very_slow_line_details_are_left_out(ask, name):
    told, device = ask(name, "cover-open", wrap=lambda link, clock: Slow(OneByteAtATime(link), clock, 0.1))
    assert told.problems == {"fiscal.cover-open": "fault"}
    assert device.opcodes[:5] == ["45", "3F", "A4 30", "A4 20", "A4 32"]


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("seed", range(6))
def test_a_lossy_line_gives_the_state_or_a_finding_about_the_line(ask, name, seed):
    told, _ = ask(name, "paper-out", wrap=lambda link, clock: Lossy(link, seed=seed, share=0.02))
    assert told.problems
    assert set(told.problems) <= {"fiscal.paper-out", "link.garbled", "link.silent", "fiscal.device-busy"}


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("seed", range(6))
def test_garbage(bench, name, seed):
    probe, _, url = PROTOCOLS[name]
    told = bench.run(probe(), link=lambda t, c: Garbled(t, c, seed=seed, size=200), url=url)
    assert set(told.problems) <= {"link.garbled", "link.wrong-device", "link.silent", "fiscal.device-busy"}
    assert told.problems
    assert told.seconds <= 15


@pytest.mark.parametrize("name", PROTOCOLS)
def test_silence_ends_soon(bench, name):
    probe, _, url = PROTOCOLS[name]
    told = bench.run(probe(), link=Silent, url=url)
    assert told.problems == {"link.silent": "fault"}
    assert told.seconds <= 4.0


@pytest.mark.parametrize(("name", "other"), [("atol2", "atol3"), ("atol3", "atol2")])
def test_the_other_protocol_is_named(bench, name, other):
    probe, _, url = PROTOCOLS[name]
    device = register(PROTOCOLS[other][1])
    told = bench.run(probe(), device, url=url)
    assert told.problems == {"link.wrong-device": "fault"}
    assert told["link.wrong-device"].args == {"protocol": other}
    assert (device.writes, device.opcodes) == ([], [])


def test_a_shtrih_register_is_not_called_dead(bench):
    """At rest it answers NAK to ENQ, which for an ATOL register means busy: the evidence says so."""
    told = bench.run(Atol2Probe(), ShtrihRegister(), url=PROTOCOLS["atol2"][2])
    assert told.problems == {"fiscal.device-busy": "unknown"}
    assert told["fiscal.device-busy"].evidence[0].meaning == "atol.refuses"


def test_an_error_of_the_table_is_told_in_its_words(bench):
    class NeedsService(Atol2Register):
        def __init__(self):
            super().__init__()
            self.register._storage = lambda command, now: None
            self.register._answer = lambda command, now: (
                b"\x55\xbe\x00" if command == b"\xa4\x20" else type(self.register)()._answer(command, now)
            )

    told = bench.run(Atol2Probe(), NeedsService(), url=PROTOCOLS["atol2"][2])
    found = told["fiscal.device-error"]
    assert (found.status, found.args["number"], found.args["says"]) == ("fault", "be", "atol.wire-error-be")
    assert found.stops_sales


WEB_SERVER = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.mark.parametrize(
    ("dialogue", "code", "meaning"),
    [
        # every frame refused
        ("> 05\n< 06\n" + "> 020000450346\n< 15\n" * 10, "link.garbled", "atol.frame-refused"),
        # taken, and no answer
        ("> 05\n< 06\n> 020000450346\n< 06\n> 04\n", "fiscal.device-busy", "atol.late"),
        # a sound frame that answers something else, twice
        (
            "> 05\n< 06\n> 020000450346\n< 06\n> 04\n< 05\n> 06\n< 02330330\n> 06\n< 04\n" * 2,
            "link.garbled",
            "atol.not-an-answer",
        ),
        # a web server
        (f"> 05\n< {WEB_SERVER.hex()}\n" * 5, "link.wrong-device", "link.web-server"),
    ],
)
def test_conversations_of_protocol_2(bench, dialogue, code, meaning):
    steps = parse_dialogue(dialogue)
    told = bench.run(
        Atol2Probe(), link=lambda t, c: ScriptedLink(t, c, steps), url=PROTOCOLS["atol2"][2], seconds=28.0
    )
    assert [f.code for f in told.findings] == [code]
    assert told.findings[0].evidence[0].meaning == meaning


def test_the_state_before_the_line_broke_is_kept(bench):
    class Leaves(DeviceLink):
        def send(self, data, deadline):
            super().send(data, deadline)
            if "A4 30" in self.device.opcodes:
                self.arrive(None)

    device = register(Atol2Register, "paper-out")
    told = bench.run(Atol2Probe(), link=lambda t, c: Leaves(t, c, device), url=PROTOCOLS["atol2"][2])
    assert told.problems == {"fiscal.paper-out": "fault", "link.closed": "fault"}
