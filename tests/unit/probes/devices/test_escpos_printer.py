"""The ESC/POS probe: every fault and every mixture, on good and on bad wires, and nothing ever changed."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.devices.escpos_printer import EscposPrinterProbe
from probes.lab.devices.escpos import EscposPrinter
from probes.links.base import Attempt
from probes.links.fakes import (
    Changed,
    ClosesInMidAnswer,
    DeviceLink,
    Garbled,
    OneByteAtATime,
    Silent,
    Slow,
    Wrapped,
)
from probes.protocols.escpos import READ_REQUESTS
from supportctl.core.deadline import Deadline

FINDS = {
    "paper-out": {"printer.paper-out": "fault"},
    "paper-near-end": {"printer.paper-near-end": "warning"},
    "cover-open": {"printer.cover-open": "fault"},
    "offline": {"printer.offline": "fault"},
    "cutter-error": {"printer.cutter-error": "fault"},
    "mechanical-error": {"printer.mechanical-error": "fault"},
    "unrecoverable-error": {"printer.unrecoverable-error": "fault"},
    "overheated": {"printer.overheated": "fault"},
    "waiting-for-recovery": {"printer.recovery-needed": "fault"},
    "feed-button": {"printer.feed-button": "warning"},
    "drawer-open": {},
    "no-gs-i": {},
    "asb-on": {},
    "status-not-supported": {"printer.status-not-supported": "unknown"},
}
CAUSES = ("paper-out", "cover-open", "cutter-error", "mechanical-error", "unrecoverable-error", "overheated")
ALLOWED = {request.name for request in READ_REQUESTS}
NAMES = ("answers", "online", "paper", "cover", "cutter", "mechanism", "temperature", "drawer")
QUESTIONS = {f"printer.{name}" for name in NAMES}


def printer(*faults: str) -> EscposPrinter:
    device = EscposPrinter()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def untouched(device: EscposPrinter, asb: int) -> bool:
    return device.writes == [] and set(device.opcodes) <= ALLOWED and device.asb == asb and not device.printed


def test_a_healthy_printer(bench):
    device = printer()
    told = bench.run(EscposPrinterProbe(), device)
    assert told.problems == {}
    assert told.passed == QUESTIONS
    assert told.seconds == 0
    answers = told["printer.answers"].args
    assert (answers["maker"], answers["model"], answers["firmware"]) == ("EPSON", "TM-T20III", "1.05 ESC/POS")
    assert answers["device"] == ": EPSON TM-T20III 1.05 ESC/POS"
    assert untouched(device, 0)


def test_every_fault_of_the_lab_is_covered():
    assert set(FINDS) == EscposPrinter.faults


@pytest.mark.parametrize("fault", sorted(FINDS))
def test_each_fault_alone(bench, fault):
    device = printer(fault)
    asb = device.asb
    told = bench.run(EscposPrinterProbe(), device)
    assert told.problems == FINDS[fault]
    assert untouched(device, asb)
    assert told.seconds <= 3.0


@pytest.mark.parametrize("faults", [pair for n in (2, 3) for pair in combinations(CAUSES, n)])
def test_causes_together_are_all_found_and_nothing_else(bench, faults):
    device = printer(*faults, "paper-near-end", "drawer-open", "waiting-for-recovery")
    found = {f"printer.{fault}": "fault" for fault in faults}
    if "paper-out" not in faults:
        found["printer.paper-near-end"] = "warning"
    assert bench.run(EscposPrinterProbe(), device).problems == found
    assert untouched(device, 0)


def test_a_cause_takes_its_question_out_of_what_passed(bench):
    told = bench.run(EscposPrinterProbe(), printer("cover-open", "unrecoverable-error"))
    assert told.passed == QUESTIONS - {"printer.cover", "printer.mechanism", "printer.online"}


def test_evidence_is_the_exchange(bench):
    evidence = bench.run(EscposPrinterProbe(), printer("paper-out"))["printer.paper-out"].evidence
    assert [(e.asked, e.sent, e.got, e.meaning) for e in evidence] == [
        ("DLE EOT 4", "100404", "7e", "printer.paper-absent"),
        ("DLE EOT 1", "100401", "1a", "printer.is-offline"),
    ]


def test_offline_shows_that_no_cause_was_named(bench):
    evidence = bench.run(EscposPrinterProbe(), printer("offline"))["printer.offline"].evidence
    assert [e.meaning for e in evidence] == ["printer.is-offline", "printer.names-no-cause"]


@pytest.mark.parametrize(
    ("faults", "option", "expect", "found"),
    [
        (("drawer-open",), "", {"drawer": "closed"}, {"printer.drawer-open": "warning"}),
        ((), "", {"drawer": "closed"}, {}),
        (("drawer-open",), "", {}, {}),
        (("drawer-open",), "?drawer-open-level=low", {"drawer": "closed"}, {}),
        ((), "?drawer-open-level=low", {"drawer": "closed"}, {"printer.drawer-open": "warning"}),
    ],
)
def test_the_drawer_is_a_warning_only_where_it_is_expected_closed(bench, faults, option, expect, found):
    url = f"escpos+tcp://h:9100{option}"
    told = bench.run(EscposPrinterProbe(), printer(*faults), url=url, **expect)
    assert told.problems == found
    if not found:
        assert told["printer.drawer"].args["level"] == ("HIGH" if faults else "LOW")


def test_drawer_options_of_a_serial_target(bench):
    url = "escpos+serial:///dev/ttyS0?baud=9600&drawer-open-level=low&one-way=0"
    assert bench.run(EscposPrinterProbe(), printer(), url=url).problems == {}


def test_a_wire_without_a_way_back_is_not_asked(bench):
    class OneWay(DeviceLink):
        one_way = True

    device = printer("paper-out")
    unknown = {"printer.status-not-supported": "unknown"}
    told = bench.run(EscposPrinterProbe(), link=lambda target, clock: OneWay(target, clock, device))
    assert told.problems == unknown
    assert bench.run(EscposPrinterProbe(), device, url="escpos+tcp://h:9100?one-way=1").problems == unknown
    assert device.opcodes == []


@pytest.mark.parametrize("url", ["escpos+tcp://h:9100", "escpos+serial:///dev/ttyS0"])
def test_silence_ends_soon(bench, url):
    told = bench.run(EscposPrinterProbe(), link=Silent, url=url)
    assert told.problems == {"link.silent": "fault"}
    assert 2.0 <= told.seconds <= 3.0


def test_a_clone_without_any_answer_is_silent(bench):
    told = bench.run(EscposPrinterProbe(), printer("status-not-supported", "no-gs-i"))
    assert told.problems == {"link.silent": "fault"}


def test_silence_that_the_check_cut_short_is_no_fault(bench):
    assert bench.run(EscposPrinterProbe(), link=Silent, seconds=0.2).problems == {"link.silent": "unknown"}


def test_a_wire_that_cannot_be_opened(bench):
    def link(target, clock):
        raise Attempt("TCP connect", Deadline.after(1, clock)).failed("link.refused", "link.refused-by-host")

    assert bench.run(EscposPrinterProbe(), link=link).problems == {"link.refused": "fault"}


def test_a_printer_without_a_name_is_hardly_slower(bench):
    assert bench.run(EscposPrinterProbe(), printer("no-gs-i")).seconds <= 0.3


MIXTURES = [
    (),
    ("paper-near-end",),
    ("paper-out", "cover-open", "cutter-error"),
    ("offline",),
    ("asb-on", "cover-open"),
]


def expected(faults):
    return {code: status for fault in faults for code, status in FINDS[fault].items()}


@pytest.mark.parametrize("faults", MIXTURES)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda link, clock: OneByteAtATime(link),
        lambda link, clock: Slow(OneByteAtATime(link), clock, 0.1),
        lambda link, clock: Slow(link, clock, 0.6),
        lambda link, clock: Slow(link, clock, 1.7),
    ],
    ids=["one-byte", "slow-bytes", "slow", "very-slow"],
)
def test_slow_wires_give_the_same_answers(bench, faults, wrap):
    told = bench.run(EscposPrinterProbe(), printer(*faults), wrap=wrap)
    assert told.problems == expected(faults)


class Noisy(Wrapped):
    """Puts noise around every answer."""

    def __init__(self, inner, before: bytes, behind: bytes) -> None:
        super().__init__(inner)
        self._before, self._behind = before, behind

    def receive(self, deadline, limit=4096):
        piece = self.inner.receive(deadline, limit)
        return self._before + piece + self._behind if piece else b""


@pytest.mark.parametrize("faults", MIXTURES[:4])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (b"\xff\x00", b""),
        (b"", b"\xfe\x80"),
        (b"\x10\x04\x01", b""),
        (b"\x52\xff", b"\xff"),
        (b"\x16\x81" * 4, b""),
    ],
)
def test_noise_around_the_answers_does_not_change_them(bench, faults, before, behind):
    device = printer(*faults)
    told = bench.run(EscposPrinterProbe(), device, wrap=lambda link, clock: Noisy(link, before, behind))
    assert told.problems == expected(faults)
    assert untouched(device, 0)


def test_what_stood_in_the_wire_before_is_no_answer(bench):
    def link(target, clock):
        opened = DeviceLink(target, clock, printer("cover-open"))
        opened._arriving.insert(0, (0.0, bytes.fromhex("12ff7e5a")))
        return opened

    assert bench.run(EscposPrinterProbe(), link=link).problems == {"printer.cover-open": "fault"}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [8, 32, 400])
def test_garbage_is_never_a_fault_of_the_printer(bench, seed, size):
    told = bench.run(EscposPrinterProbe(), link=lambda t, c: Garbled(t, c, seed=seed, size=size))
    assert set(told.problems) <= {"link.garbled", "link.wrong-device"}
    assert told.problems
    assert told.seconds < 5


def test_a_wrong_parity_is_garbled(bench):
    told = bench.run(
        EscposPrinterProbe(), printer(), wrap=lambda link, clock: Changed(link, lambda b: b | 0x80)
    )
    assert told.problems == {"link.garbled": "fault"}


@pytest.mark.parametrize(("after", "kept"), [(0, False), (1, True), (2, True), (3, True)])
def test_a_wire_that_closes_in_mid_answer(bench, after, kept):
    told = bench.run(
        EscposPrinterProbe(), printer(), wrap=lambda link, clock: ClosesInMidAnswer(link, after=after)
    )
    assert told.problems == {"link.closed": "fault"}
    assert ("printer.online" in told.passed) is kept


def test_a_wire_that_closes_while_the_name_is_read_has_told_all_that_matters(bench):
    told = bench.run(
        EscposPrinterProbe(), printer(), wrap=lambda link, clock: ClosesInMidAnswer(link, after=7)
    )
    assert told.problems == {}
    assert told.passed == QUESTIONS


def test_hostile_names_are_made_safe(bench):
    device = EscposPrinter(model="\x7f<b>" + "A" * 60)
    args = bench.run(EscposPrinterProbe(), device)["printer.answers"].args
    assert "\x7f" not in args["model"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from(sorted(set(FINDS) - {"status-not-supported"}))))
def test_any_set_of_faults_reads_only(bench, faults):
    device = printer(*sorted(faults))
    asb = device.asb
    told = bench.run(EscposPrinterProbe(), device)
    assert {f"printer.{cause}" for cause in CAUSES if cause in faults} <= set(told.problems)
    assert "printer.offline" not in told.problems or not faults & set(CAUSES)
    assert untouched(device, asb)
