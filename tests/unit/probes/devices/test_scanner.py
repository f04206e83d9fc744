"""The scanner probe against the simulated scanner: what arrives is told, silence is no fault."""

from __future__ import annotations

from itertools import combinations

import pytest

from probes.devices.scanner import ScannerProbe, decoded
from probes.lab.devices.scanner import SAMPLES, Scanner
from probes.links.fakes import DeviceLink, Garbled, OneByteAtATime, Silent, Slow

URL = "scanner+serial:///dev/ttyACM0"
FINDS = {
    "layout-cyrillic": {"scanner.layout-cyrillic": "fault"},
    "caps-lock": {"scanner.caps-lock": "fault"},
    "gs-lost": {"scanner.gs-lost": "fault"},
    "prefix": {"scanner.prefix": "fault"},
    "no-suffix": {"scanner.suffix-missing": "warning"},
    "codes-glued": {"scanner.suffix-missing": "fault"},
    "truncated": {"scanner.truncated": "fault"},
    "check-digit": {"scanner.check-digit": "fault"},
    "wrong-symbology": {"scanner.wrong-symbology": "fault"},
    "aim-id": {},
    "nobody-scans": {},
}
SETTINGS = [fault for fault in FINDS if FINDS[fault]]


def scanner(*faults: str, model: str = "clothes") -> Scanner:
    device = Scanner(model)
    device.active.update(faults)
    return device


def test_every_fault_of_the_lab_is_covered():
    assert set(FINDS) == Scanner.faults


@pytest.mark.parametrize("fault", FINDS)
def test_each_fault_alone(bench, fault):
    device = scanner(fault)
    told = bench.run(ScannerProbe(), device, url=URL)
    assert told.problems == FINDS[fault]
    assert "scanner.port" in told.passed
    assert (device.opcodes, device.writes) == ([], [])  # nothing is ever sent to a scanner
    assert told.seconds <= 1.0


@pytest.mark.parametrize("faults", list(combinations(SETTINGS, 2)), ids="+".join)
def test_two_faults_at_once(bench, faults):
    told = bench.run(ScannerProbe(), scanner(*faults), url=URL)
    assert set(told.problems) == {code for fault in faults for code in FINDS[fault]}


@pytest.mark.parametrize("model", SAMPLES)
def test_a_healthy_scanner(bench, model):
    told = bench.run(ScannerProbe(), scanner(model=model), url=URL)
    assert told.problems == {}
    assert {
        "scanner.port",
        "scanner.code",
        "scanner.checksum",
        "scanner.start",
        "scanner.suffix",
    } <= told.passed


def test_silence_is_no_fault(bench):
    told = bench.run(ScannerProbe(), link=Silent, url=URL)
    assert (told.problems, told.passed) == ({}, {"scanner.port"})
    assert told.seconds <= 1.0


@pytest.mark.parametrize(
    "wrap",
    [lambda link, clock: OneByteAtATime(link), lambda link, clock: Slow(OneByteAtATime(link), clock, 0.1)],
)
def test_slow_wires(bench, wrap):
    told = bench.run(ScannerProbe(), scanner("gs-lost"), wrap=wrap, url=URL)
    assert told.problems == {"scanner.gs-lost": "fault"}


def test_a_check_that_ends_in_the_middle_of_a_scan_says_nothing_about_it(bench):
    def slow(link, clock):
        return Slow(OneByteAtATime(link), clock, 0.1)

    told = bench.run(ScannerProbe(), scanner(), wrap=slow, url=URL, seconds=2.0)
    assert told.problems == {"link.silent": "unknown"}


def test_a_wire_that_breaks_in_the_middle_of_a_scan(bench):
    class Broken(DeviceLink):
        def receive(self, deadline, limit=4096):
            if self._arriving and len(self._arriving) == 1:
                self.arrive(None)
            return super().receive(deadline, min(limit, 10))

    told = bench.run(ScannerProbe(), link=lambda t, c: Broken(t, c, scanner()), url=URL)
    assert told.problems == {"link.closed": "fault"}


@pytest.mark.parametrize("seed", range(5))
def test_noise(bench, seed):
    told = bench.run(ScannerProbe(), link=lambda t, c: Garbled(t, c, seed=seed), url=URL)
    assert set(told.problems) <= {"link.garbled", "link.wrong-device"}


def test_noise_that_never_ends(bench):
    class Endless(DeviceLink):
        def receive(self, deadline, limit=4096):
            return b"\x00\xff" * (limit // 2)

    told = bench.run(ScannerProbe(), link=lambda t, c: Endless(t, c, scanner()), url=URL)
    assert told.problems == {"link.garbled": "fault"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "link.wrong-device"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "link.wrong-device"),
        (bytes.fromhex("80fe00e6f8f80080"), "link.garbled"),
        (b"\x00\x07\x01\x1f\x00\x06", "link.garbled"),
    ],
)
def test_what_is_no_scan(bench, data, code):
    device = scanner()
    device._scan = lambda: data
    assert bench.run(ScannerProbe(), device, url=URL).problems == {code: "fault"}


def test_bytes_to_text():
    assert decoded("Привет".encode()) == "Привет"
    assert decoded("ST00011|Name=ООО".encode("cp1251")) == "ST00011|Name=ООО"
    assert decoded(b"\xe80104601234567893") == "\xe80104601234567893"
    assert decoded(b"\xcf\xf0\xe8") is None


def test_a_switch_sends_the_next_scan():
    device = scanner()
    assert (
        device.switch("gs-lost", on=True, now=0.0)
        == SAMPLES["clothes"].replace("\x1d", "").encode() + b"\r\n"
    )
    with pytest.raises(KeyError):
        device.switch("paper-out", on=True, now=0.0)
    assert device.receive(b"\x16T\r", 0.0) == b""
    assert device.writes == ["16540d"]
