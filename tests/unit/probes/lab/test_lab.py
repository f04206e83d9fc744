"""The lab in this process and in one of its own."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from probes.lab.apart import LabApart
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario, load_scenario
from supportctl.core.errors import UsageError
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from pathlib import Path


def test_every_built_in_scenario_opens_and_its_printers_answer(connect) -> None:
    with Lab.from_scenario("bad-day") as lab:
        client = connect(lab.url("receipt-printer"))
        client.ask(b"\x10\x04\x04")
        assert client.read_all(1) == b"\x7e"
        assert lab.device("receipt-printer").opcodes == ["DLE EOT 4"]
        assert lab.device("receipt-printer").writes == []
        star = connect(lab.url("kitchen-printer"))
        star.ask(b"\x1b\x06\x01")
        assert star.read_all(9)[0] == 0x23


def test_the_configuration_is_one_that_supportctl_reads(tmp_path: Path) -> None:
    from supportctl.app.config_file import load_config

    with Lab.from_scenario("bad-day", tmp_path) as lab:
        path = tmp_path / "supportctl.yaml"
        path.write_text(lab.config_text(), encoding="utf-8")
        config = load_config(path)
        assert config is not None
        assert config.site.id == "lab-bad-day"
        assert [target.url for target in config.parsed_targets()] == [lab.url(name) for name in lab.names]


def test_urls_are_targets() -> None:
    with Lab(Scenario("x", (DeviceSpec("a", "escpos", ("serial", "tcp"), baud=19200),))) as lab:
        serial, tcp = (parse_target(url) for url in lab.targets("a").values())
        assert (serial.wire, serial.option("baud")) == ("serial", "19200")
        assert (tcp.wire, tcp.host) == ("tcp", "127.0.0.1")


def test_a_device_that_is_asked_by_http_says_so_in_its_url(monkeypatch) -> None:
    from probes.lab.devices.star import StarPrinter

    monkeypatch.setattr(StarPrinter, "url_wire", "http", raising=False)
    with Lab(Scenario("x", (DeviceSpec("a", "star", ("tcp", "serial")),))) as lab:
        assert lab.url("a").startswith("star+http://127.0.0.1:")
        assert lab.url("a", "tcp") == lab.url("a", "http") == lab.url("a")
        assert lab.url("a", "serial").startswith("star+serial://")


def test_unknown_names_are_told_with_the_nearest(open_lab) -> None:
    lab = open_lab()
    with pytest.raises(UsageError) as caught:
        lab.fault("brid", "hoarse")
    assert (caught.value.key, caught.value.args_by_name["nearest"]) == ("lab.unknown-device", "bird")
    with pytest.raises(UsageError) as caught:
        lab.fault("bird", "wire-slwo")
    assert caught.value.key == "lab.unknown-fault"
    assert "wire-slow" in caught.value.args_by_name["nearest"]
    with pytest.raises(UsageError):
        lab.fault("bird", "wire-held")  # there is no serial line here


def test_faults_are_listed_and_cleared(open_lab) -> None:
    lab = open_lab(faults=("wire-slow", "hoarse"))
    assert lab.station("bird").active == ("hoarse", "wire-slow")
    lab.clear("bird")
    assert lab.station("bird").active == ()


def test_a_device_that_crashes_fails_the_test_that_used_it(connect, until) -> None:
    lab = Lab(Scenario("x", (DeviceSpec("a", "broken"),)))
    client = connect(lab.url("a"))
    client.ask(b"x")
    until(lambda: lab.thread.crashes)
    with pytest.raises(ZeroDivisionError), lab:
        pass


def test_a_lab_that_cannot_open_leaves_no_thread() -> None:
    before = threading.active_count()
    with Lab(Scenario("x", (DeviceSpec("a", "parrot"),))) as lab:
        taken = int(lab.url("a").rsplit(":", 1)[1])
        during = threading.active_count()
        with pytest.raises(UsageError):
            Lab(Scenario("y", (DeviceSpec("b", "parrot"), DeviceSpec("c", "parrot", port=taken))))
        assert threading.active_count() == during
    assert threading.active_count() == before


def test_a_hundred_devices_are_one_thread_and_idle_ones_cost_nothing(connect) -> None:
    threads = threading.active_count()
    with Lab.many(150, "parrot", dead=3) as lab:
        assert threading.active_count() == threads + 1
        clients = [connect(lab.url(name)) for name in lab.names]
        for client in clients:
            client.ask(b"abc\n")
        assert all(client.read_all(3) == b"ABC" for client in clients[:147])
        assert all(client.read(0) is None for client in clients[147:])
        clock = time.pthread_getcpuclockid(lab.thread._thread.ident)
        before = time.clock_gettime(clock)
        threading.Event().wait(0.3)
        assert time.clock_gettime(clock) - before < 0.01, "with 150 clients that say nothing"


def test_a_lab_in_a_process_of_its_own(connect) -> None:
    with LabApart(Scenario.many(3, dead=1)) as lab:
        assert lab.pid != os.getpid()
        assert list(lab.targets) == ["printer-1", "printer-2", "printer-3"]
        client = connect(lab.url("printer-1"))
        client.ask(b"\x10\x04\x01")
        assert client.read_all(1) == b"\x12"
        lab.fault("printer-1", "offline")
        client.ask(b"\x10\x04\x01")
        assert client.read_all(1) == b"\x1a"
        with pytest.raises(ValueError, match=r"lab\.unknown-fault"):
            lab.fault("printer-1", "offlien")
        pid = lab.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_lab_apart_takes_a_name_too() -> None:
    with LabApart("shop") as lab:
        assert set(lab.targets) == {spec.name for spec in load_scenario("shop").devices}
