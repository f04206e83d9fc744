"""The probes of payment terminals against simulated ones: every fault, both wires, and what was sent."""

from __future__ import annotations

import pytest

from probes.devices.telium_terminal import TeliumTerminalProbe
from probes.devices.terminal import ZvtTerminalProbe
from probes.lab.devices.telium import TeliumTerminal
from probes.lab.devices.zvt import ABORTS, REFUSALS, STATUS, ZvtTerminal
from probes.links.fakes import Changed, ClosesInMidAnswer, FakeLink, Garbled, OneByteAtATime, Silent, Slow
from supportctl.core.finding import Meaning

TCP, SERIAL = "zvt+tcp://192.168.1.60:20007", "zvt+serial:///dev/ttyS0"
URLS = [TCP, SERIAL]
FAULT = {"terminal.fault": "fault"}
BUSY = {"terminal.busy": "unknown"}
FINDS = {
    **dict.fromkeys(STATUS, FAULT),
    **dict.fromkeys(("updating", "remote-maintenance"), BUSY),
    "battery-low": {"terminal.battery-low": "fault"},
    **{fault: {"terminal.host-unreachable": "fault"} for fault in ABORTS},
    "not-registered": {"terminal.not-registered": "fault"},
    "refuses-unregistered": {"terminal.not-registered": "fault"},
    "system-error": FAULT,
    "busy": BUSY,
    "in-payment": BUSY,
    "hangs": BUSY,
    "status-not-supported": {"terminal.status-not-supported": "unknown"},
    "no-status": {"terminal.status-not-supported": "unknown"},
    **{fault: {} for fault in ("no-version", "tells-device", "talkative")},
    **{fault: {} for fault in ("damaged-frame", "ack-lost", "frame-twice")},
    "damaged-frames": {"link.garbled": "fault"},
}
LINE_ONLY = {"damaged-frame", "damaged-frames", "ack-lost", "frame-twice"}


def terminal(*faults, kind=ZvtTerminal):
    device = kind()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def test_every_fault_of_the_lab_is_covered():
    assert set(FINDS) == ZvtTerminal.faults


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("fault", [None, *sorted(FINDS)])
def test_each_fault_alone(bench, fault, url):
    device = terminal(*([fault] if fault else []))
    told = bench.run(ZvtTerminalProbe(), device, url=url)
    expected = {} if fault is None or (fault in LINE_ONLY and url == TCP) else FINDS[fault]
    assert told.problems == expected
    if not expected:
        assert told.passed == {"terminal.ready", "terminal.answers"}
    assert device.writes == []
    assert set(device.opcodes) <= {"0501", "8000"}
    assert told.seconds <= (8.0 if fault == "hangs" else 2.0)
    assert all(not finding.stops_sales for finding in told.findings)


@pytest.mark.parametrize("fault", [*STATUS, *ABORTS, *REFUSALS])
def test_both_wires_say_the_same(bench, fault):
    def parts(url):
        told = bench.run(ZvtTerminalProbe(), terminal(fault), url=url)
        return [(f.code, f.status, f.args, [(e.meaning, e.got) for e in f.evidence]) for f in told.findings]

    assert parts(TCP) == parts(SERIAL)


def test_a_fault_names_its_code_and_its_meaning(bench):
    told = bench.run(ZvtTerminalProbe(), terminal("date-time-wrong"), url=TCP)
    fault = told["terminal.fault"]
    assert fault.args == {"number": "62", "reason": "zvt.status-62", "help": "zvt.help-clock"}
    assert isinstance(fault.args["reason"], Meaning)
    assert fault.evidence[0].asked == "05 01"
    assert fault.evidence[0].sent == "050103000000"
    assert fault.evidence[0].got == "060f0bf0f0f7322e31342e313562"


def test_the_device_is_named(bench):
    answers = bench.run(ZvtTerminalProbe(), terminal("tells-device"), url=SERIAL)["terminal.answers"]
    assert answers.args == {
        "device": ": LAB PT 2.14.15", "model": "LAB PT", "firmware": "2.14.15", "serial": "00c0ffee",
    }  # fmt: skip


def test_codes_that_no_table_has(bench, monkeypatch):
    for table, fault, code, meaning in [
        (STATUS, "out-of-order", 0x3A, "zvt.status-unlisted"),
        (ABORTS, "system-error", 0x05, "zvt.result-of-host"),
        (ABORTS, "system-error", 0xD9, "zvt.result-unlisted"),
    ]:
        monkeypatch.setitem(table, fault, code)
        told = bench.run(ZvtTerminalProbe(), terminal(fault), url=TCP)
        assert told["terminal.fault"].args["reason"] == meaning
        assert told["terminal.fault"].args["number"] == f"{code:02X}"


def test_a_payment_of_somebody_else_is_not_acknowledged(bench):
    for url in URLS:
        device = terminal("in-payment")
        bench.run(ZvtTerminalProbe(), device, url=url)
        assert device.opcodes == ["0501"]


def test_a_busy_terminal_is_asked_twice_and_no_more(bench):
    device = terminal("busy")
    bench.run(ZvtTerminalProbe(), device, url=TCP)
    assert device.opcodes == ["0501", "0501"]


def test_the_password_of_the_target(bench):
    links = []

    def link(target, clock):
        links.append(Silent(target, clock))
        return links[-1]

    bench.run(ZvtTerminalProbe(), link=link, url=f"{TCP}?password=123456")
    assert bytes(links[0].sent) == bytes.fromhex("050103123456")
    told = bench.run(ZvtTerminalProbe(), link=link, url=f"{TCP}?password=abc")
    assert told.problems == {"terminal.bad-password": "unknown"}
    assert len(links) == 1  # nothing was opened, nothing sent


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "wrap",
    [lambda link, clock: OneByteAtATime(link), lambda link, clock: Slow(OneByteAtATime(link), clock, 0.05)],
)
def test_slow_wires(bench, url, wrap):
    told = bench.run(ZvtTerminalProbe(), terminal("reader-defective"), wrap=wrap, url=url)
    assert told.problems == FAULT


@pytest.mark.parametrize(
    ("url", "link", "code"),
    [
        (TCP, Silent, "link.silent"),
        (SERIAL, Silent, "link.silent"),
        (TCP, Garbled, "link.garbled"),
        (SERIAL, Garbled, "link.garbled"),
    ],
)
def test_no_terminal(bench, url, link, code):
    told = bench.run(ZvtTerminalProbe(), link=link, url=url)
    assert told.problems == {code: "fault"}
    assert told.findings[0].stops_sales is False
    assert told.seconds < 8


class Says(FakeLink):
    """Answers every question with the same."""

    said = b""

    def send(self, data, deadline):
        super().send(data, deadline)
        self.arrive(self.said)


@pytest.mark.parametrize(
    ("url", "said", "code"),
    [
        (TCP, b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "link.wrong-device"),
        (
            SERIAL,
            b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 and a long tail of text that follows\r\n",
            "link.wrong-device",
        ),
        (SERIAL, b"\x15", "link.wrong-device"),
        (SERIAL, bytes.fromhex("10020501030000001003") + b"\x00\x00", "link.garbled"),
        (TCP, bytes.fromhex("050103000000"), "link.garbled"),  # an echo
        (SERIAL, bytes.fromhex("1002050103000000100387 5b".replace(" ", "")), "link.garbled"),
        (SERIAL, b"\x06", "terminal.busy"),  # the line answers, the terminal does not
        (TCP, bytes.fromhex("800000061e00"), "terminal.busy"),
        (TCP, bytes.fromhex("800000060f04f0f4f032"), "link.garbled"),
    ],
)
def test_other_answers(bench, url, said, code):
    kind = type("Says", (Says,), {"said": said})
    told = bench.run(ZvtTerminalProbe(), link=kind, url=url)
    assert set(told.problems) == {code}


@pytest.mark.parametrize("chance", ["800000", "849c00", "061e016c", "040f00"])
def test_a_message_by_chance_among_noise_is_noise(bench, chance):
    kind = type("Says", (Says,), {"said": b"\xfe\x33\x80\x99" + bytes.fromhex(chance) + b"\xfe\x00"})
    assert set(bench.run(ZvtTerminalProbe(), link=kind, url=TCP).problems) == {"link.garbled"}


def test_telium_on_a_port_of_something_else(bench):
    class Web(Says):
        said = b"HTTP/1.1 400 Bad Request\r\n\r\n"

        def send(self, data, deadline):
            if not self.sent:
                super().send(data, deadline)
                self.arrive(None)

    told = bench.run(TeliumTerminalProbe(), link=Web, url="telium+tcp://192.168.1.61:8888")
    assert told.problems == {"link.wrong-device": "fault"}


def test_a_wire_that_closes_and_one_with_the_wrong_parity(bench):
    told = bench.run(
        ZvtTerminalProbe(), terminal(), wrap=lambda link, clock: ClosesInMidAnswer(link, after=5), url=TCP
    )
    assert told.problems == {"link.closed": "fault"}
    told = bench.run(
        ZvtTerminalProbe(), terminal(), wrap=lambda link, clock: Changed(link, lambda b: b ^ 0x80), url=SERIAL
    )
    assert set(told.problems) == {"link.garbled"}


TELIUM = "telium+serial:///dev/ttyACM0"


@pytest.mark.parametrize(
    ("fault", "problems", "opcodes"),
    [
        (None, {}, ["ENQ", "EOT"]),
        ("misses-first", {}, ["ENQ", "EOT", "ENQ", "EOT"]),
        ("busy", {"terminal.busy": "unknown"}, ["ENQ", "EOT"]),
        ("silent", {"link.silent": "fault"}, ["ENQ", "EOT", "ENQ", "EOT"]),
    ],
)
def test_telium(bench, fault, problems, opcodes):
    device = terminal(*([fault] if fault else []), kind=TeliumTerminal)
    told = bench.run(TeliumTerminalProbe(), device, url=TELIUM)
    assert told.problems == problems
    assert told.passed == (set() if problems else {"terminal.present"})
    assert device.opcodes == opcodes
    assert device.writes == []
    assert told.seconds <= 8


def test_telium_noise_is_no_terminal(bench):
    told = bench.run(TeliumTerminalProbe(), link=Garbled, url=TELIUM)
    assert told.problems == {"link.garbled": "fault"}


def test_the_simulated_telium_knows_a_payment_when_it_sees_one():
    device = TeliumTerminal()
    sale = bytes.fromhex("0230313030303030353030303130393738") + b" " * 10 + b"A011B010" + b"\x03\x02"
    assert len(sale) == 37
    assert device.receive(sale, 0.0) == b"\x06"
    assert device.writes == ["payment"]
