"""The Star probe: every fault of the block, pushed or asked for."""

from __future__ import annotations

import pytest

from probes.devices.star_printer import StarPrinterProbe
from probes.lab.devices.escpos import EscposPrinter
from probes.lab.devices.star import StarPrinter
from probes.links.fakes import DeviceLink, Garbled, OneByteAtATime, Silent, Slow

URL = "star+tcp://192.168.1.51:9100"
FINDS = {
    "paper-out": {"printer.paper-out": "fault"},
    "paper-near-end": {"printer.paper-near-end": "warning"},
    "cover-open": {"printer.cover-open": "fault"},
    "head-up": {"printer.cover-open": "fault"},
    "offline": {"printer.offline": "fault"},
    "cutter-error": {"printer.cutter-error": "fault"},
    "mechanical-error": {"printer.mechanical-error": "fault"},
    "unrecoverable-error": {"printer.unrecoverable-error": "fault"},
    "overheated": {"printer.overheated": "fault"},
    "paper-jam": {"printer.paper-jam": "fault"},
    "black-mark-error": {"printer.black-mark-error": "fault"},
    "buffer-overflow": {"printer.buffer-overflow": "warning"},
    "command-error": {"printer.command-error": "warning"},
    "drawer-open": {},
    "asb-on": {},
}


def printer(*faults: str) -> StarPrinter:
    device = StarPrinter()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def test_every_fault_of_the_lab_is_covered():
    assert set(FINDS) == StarPrinter.faults


@pytest.mark.parametrize("pushed", [False, True])
@pytest.mark.parametrize("fault", sorted(FINDS))
def test_each_fault_alone(bench, fault, pushed):
    device = printer(fault, *(["asb-on"] if pushed else []))
    told = bench.run(StarPrinterProbe(), device, url=URL)
    assert told.problems == FINDS[fault]
    assert device.writes == []
    assert device.opcodes == ([] if "asb-on" in device.active else ["ESC ACK SOH"])
    assert told.seconds <= 0.1


def test_several_faults_and_what_passed(bench):
    told = bench.run(StarPrinterProbe(), printer("paper-out", "cover-open", "cutter-error"), url=URL)
    assert set(told.problems) == {"printer.paper-out", "printer.cover-open", "printer.cutter-error"}
    assert told.passed == {"printer.mechanism", "printer.temperature", "printer.drawer", "printer.answers"}


def test_the_drawer_where_it_is_expected_closed(bench):
    told = bench.run(StarPrinterProbe(), printer("drawer-open"), url=URL, drawer="closed")
    assert told.problems == {"printer.drawer-open": "warning"}


@pytest.mark.parametrize(
    "wrap",
    [lambda link, clock: OneByteAtATime(link), lambda link, clock: Slow(OneByteAtATime(link), clock, 0.1)],
)
def test_slow_wires(bench, wrap):
    told = bench.run(StarPrinterProbe(), printer("cover-open"), wrap=wrap, url=URL)
    assert told.problems == {"printer.cover-open": "fault"}


def test_silence_ends_soon(bench):
    told = bench.run(StarPrinterProbe(), link=Silent, url=URL)
    assert told.problems == {"link.silent": "fault"}
    assert told.seconds <= 3.0


@pytest.mark.parametrize("seed", range(10))
def test_garbage(bench, seed):
    told = bench.run(StarPrinterProbe(), link=lambda t, c: Garbled(t, c, seed=seed), url=URL)
    assert set(told.problems) <= {"link.garbled", "link.wrong-device"}
    assert told.problems


def test_an_escpos_printer_that_pushes_is_recognised(bench):
    device = EscposPrinter()
    device.switch("asb-on", on=True, now=0.0)
    told = bench.run(StarPrinterProbe(), device, url=URL)
    assert told.problems == {"link.wrong-device": "fault"}
    assert told["link.wrong-device"].args == {"protocol": "escpos"}
    assert device.writes == []


def test_a_wire_without_a_way_back_is_not_asked(bench):
    class OneWay(DeviceLink):
        one_way = True

    device = printer()
    told = bench.run(StarPrinterProbe(), link=lambda t, c: OneWay(t, c, device), url=URL)
    assert told.problems == {"printer.status-not-supported": "unknown"}
    assert device.opcodes == []
