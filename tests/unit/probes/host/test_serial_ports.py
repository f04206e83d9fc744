"""Serial ports: what is likely behind USB ids, and who may hold a port."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from probes.host import serial_ports
from probes.host.serial_ports import Holder, SerialPort, SerialPortsProbe, check_ports, likely_device
from supportctl.core.finding import Status
from supportctl.core.target import PROTOCOLS, parse_target

USB = SerialPort("/dev/ttyUSB0", "CP2102", 0x10C4, 0xEA60, "0001", likely_device(0x10C4, 0xEA60))


def held(*programs, port=USB):
    return port._replace(holders=tuple(Holder(700 + n, name) for n, name in enumerate(programs)))


def said(ports, services=()):
    return [(v.code, v.status, v.meaning) for v in check_ports(ports, services)]


@pytest.mark.parametrize(
    ("vendor", "product", "kind", "protocol"),
    [
        (0x0403, 0x6001, "adapter", None),
        (0x1A86, 0x7523, "adapter", None),
        (0x067B, 0x2303, "adapter", None),
        (0x10C4, 0xEA60, "adapter", None),
        (0x04B8, 0x0202, "printer", "escpos"),
        (0x0519, 0x0003, "printer", "star"),
        (0x2912, 0x0005, "register", "atol3"),
        (0x0483, 0x5740, "mcu", "shtrih"),
    ],
)
def test_likely_device(vendor, product, kind, protocol):
    device = likely_device(vendor, product)
    assert device is not None
    assert device.kind == kind
    assert next(iter(device.protocols), None) == protocol


def test_a_row_for_the_product_goes_before_one_for_the_vendor():
    register, other = likely_device(0x2912, 0x0005), likely_device(0x2912, 0x9999)
    assert register is not None
    assert other is not None
    assert register.name != other.name


def test_unknown_ids_are_nothing():
    assert likely_device(0xFFFF, 1) is None
    assert likely_device(None, None) is None
    assert likely_device(0x0483, 0x0001) is None


def test_every_protocol_of_the_table_exists():
    table = tomllib.loads(Path(serial_ports.__file__).with_name("usb_devices.toml").read_text())
    assert {p for row in table["device"] for p in row.get("protocols", ())} <= set(PROTOCOLS)


def test_a_free_port_is_fine():
    assert said([USB]) == [("host.serial-ports", Status.OK, "")]


def test_no_ports_say_nothing():
    assert said([]) == []


def test_a_port_that_works_is_fine_when_nothing_is_configured():
    assert said([held("frontol.exe")]) == [("host.serial-ports", Status.OK, "")]


@pytest.mark.parametrize("program", ["Frontol.exe", "frontol", "FrontolUI"])
def test_a_configured_service_may_hold_its_port(program):
    assert said([held(program)], ["frontol"]) == [("host.serial-ports", Status.OK, "")]


def test_another_program_may_not():
    assert said([held("putty")], ["frontol"]) == [("host.port-held", Status.WARNING, "host.held-by-other")]


@pytest.mark.parametrize("program", ["ModemManager", "brltty", "gpsd"])
def test_programs_that_search_for_modems_never_may(program):
    assert said([held(program)]) == [("host.port-held", Status.WARNING, "host.held-by-intruder")]
    assert said([held(program)], ["frontol"])[0][2] == "host.held-by-intruder"


def test_a_console_is_no_stranger():
    assert said([held("agetty", port=SerialPort("/dev/ttyS0"))], ["frontol"])[0][1] is Status.OK


def test_the_kernel_cuts_names():
    assert said([held("kkt-transport-s")], ["kkt-transport-server.service"])[0][1] is Status.OK


def test_several_holders_of_several_ports():
    found = said([held("brltty", "putty"), held("frontol", port=SerialPort("COM3"))], ["frontol"])
    assert [code for code, _status, _meaning in found] == ["host.port-held", "host.port-held"]


@pytest.mark.parametrize("device", ["/dev/ttyUSB0", "COM3"])
def test_url_of_a_port_is_a_target(device):
    assert parse_target(SerialPort(device).url).path == device


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell who holds a port")
def test_a_program_that_holds_a_real_port_is_named(here, monkeypatch):
    main, port = os.openpty()

    class Info:
        device, description, vid, pid, serial_number = os.ttyname(port), "n/a", None, None, None

    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [Info])
    holder = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, pass_fds=(port,)) as process:
        (finding,) = SerialPortsProbe().run(here(services=("frontol",)))
    os.close(main)
    os.close(port)
    # it is called python, which is a bystander: supportctl never accuses itself
    assert finding.status is Status.OK
    assert f"(pid {process.pid})" in finding.evidence[0].got


def test_this_computer(here):
    findings = list(SerialPortsProbe().run(here()))
    assert {finding.code for finding in findings} <= SerialPortsProbe.codes
