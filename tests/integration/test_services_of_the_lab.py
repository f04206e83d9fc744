"""Services over real sockets, as `supportctl check` asks them: what each fault of the wire becomes."""

from __future__ import annotations

import sys

import pytest

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.app.check import CheckRequest, run_check

if sys.platform != "linux":
    pytest.skip("a full backlog that drops connections", allow_module_level=True)

NAMES = ("utm", "marking")
EXPECTED = {
    "wire-one-byte": {},
    "wire-silent": {"DOWN": "fault"},
    "wire-refused": {"DOWN": "fault"},
    "wire-timeout": {"link.timeout": "fault"},
    "wire-dropped": {"link.closed": "fault"},
    "wire-noise": {"link.garbled": "fault"},
    "wire-garbled": {"link.garbled": "fault"},
    "wire-banner": {"link.wrong-device": "fault"},
    "wire-slow": {"link.silent": "unknown"},
}


@pytest.fixture(scope="module")
def lab():
    with Lab(Scenario("services", tuple(DeviceSpec(name, name) for name in NAMES))) as lab:
        yield lab


@pytest.fixture(autouse=True)
def _proxy(monkeypatch):
    """A proxy that does not exist: services of the till are asked past it."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")


def problems(lab, seconds=4.0):
    """Return what is wrong with each of the services, asked in one check."""
    report = run_check(CheckRequest(targets=tuple(map(lab.url, NAMES)), deadline_s=seconds))
    wrong = [found for found in report.findings if found.status.value != "ok"]
    return {
        name: {found.code: found.status.value for found in wrong if found.target == lab.url(name)}
        for name in NAMES
    }


def test_healthy(lab):
    assert problems(lab) == {name: {} for name in NAMES}
    assert [lab.device(name).writes for name in NAMES] == [[], []]


@pytest.mark.parametrize("fault", EXPECTED)
def test_faults_of_the_wire(lab, fault):
    for name in NAMES:
        lab.fault(name, fault)
    try:
        told = problems(lab, 4.0 if fault == "wire-one-byte" else 2.0)
    finally:
        for name in NAMES:
            lab.clear(name)
    expected = {
        name: {code.replace("DOWN", f"{name}.down"): status for code, status in EXPECTED[fault].items()}
        for name in NAMES
    }
    if fault == "wire-timeout":  # of one computer that does not answer it is said once
        expected["marking"] = {"link.timeout": "skipped"}
    assert told == expected


def test_in_words_of_both_languages(lab):
    lab.fault("utm", "rsa-key-expired")
    lab.fault("utm", "other-token")
    try:
        for lang, word in (("en", "alcohol"), ("ru", "алкогол")):
            report = run_check(CheckRequest(targets=(lab.url("utm"),), lang=lang, deadline_s=4.0))
            found = {one.code: one for one in report.findings}
            assert word in found["utm.key-expired"].summary
            assert "RSA" in found["utm.key-expired"].title
            assert "030000654321" in found["utm.other-token"].title
            assert not found["utm.key-expired"].stops_sales
    finally:
        lab.clear("utm")
