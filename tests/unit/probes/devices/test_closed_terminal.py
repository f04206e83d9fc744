"""Closed terminals: a port that is looked for and never opened."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from probes.devices import closed_terminal
from probes.devices.closed_terminal import ClosedTerminalProbe, Seen, among, find_port, find_usb
from probes.host import serial_ports
from probes.host.serial_ports import Holder, SerialPort
from probes.links import open_link


@pytest.fixture
def ports(monkeypatch):
    listed = (
        SerialPort("/dev/ttyACM0", "VeriFone", 0x11CA, 0x0219, holders=(Holder(7, "pilot_nt"),)),
        SerialPort("/dev/ttyACM1", "Ingenico", 0x079B, 0x0028),
    )
    monkeypatch.setattr(serial_ports, "list_serial_ports", lambda **_: listed)


def never(target, clock):
    raise AssertionError("the port of a closed terminal is never opened")


def test_a_port_in_use_is_a_terminal_at_work(bench, ports):
    told = bench.run(ClosedTerminalProbe(), link=never, url="terminal+serial:///dev/ttyACM0")
    assert told.problems == {}
    (seen,) = told["terminal.present"].evidence
    assert (seen.meaning, seen.args["program"]) == ("terminal.port-in-use", "pilot_nt (pid 7)")
    assert seen.got == "/dev/ttyACM0 11ca:0219 VeriFone"
    told = bench.run(ClosedTerminalProbe(), link=never, url="terminal+serial:///dev/ttyACM1")
    assert told["terminal.present"].evidence[0].meaning == "terminal.port-is-there"


def test_a_port_that_is_not_there(bench, ports):
    told = bench.run(ClosedTerminalProbe(), link=never, url="terminal+serial:///dev/ttyACM7")
    assert told.problems == {"terminal.offline": "fault"}
    assert told.findings[0].evidence[0].args["others"] == "/dev/ttyACM0, /dev/ttyACM1"


def test_a_computer_without_ports(bench, monkeypatch):
    monkeypatch.setattr(serial_ports, "list_serial_ports", lambda **_: ())
    told = bench.run(ClosedTerminalProbe(), link=never, url="terminal+serial:///dev/ttyACM7")
    assert told["terminal.offline"].evidence[0].meaning == "terminal.nothing-seen"


@pytest.mark.skipif(sys.platform == "win32", reason="no ptys")
def test_a_port_by_another_name(ports, tmp_path):
    link = tmp_path / "terminal"
    link.symlink_to("/dev/ttyACM1")
    assert find_port(str(link))[0] == Seen("/dev/ttyACM1 079b:0028 Ingenico")
    master, slave = os.openpty()
    try:
        assert find_port(os.ttyname(slave)) == (Seen(os.ttyname(slave)), [])
    finally:
        os.close(master)
        os.close(slave)


@pytest.fixture
def usb_devices(monkeypatch, tmp_path):
    for name, vendor, product, text in [("1-1", "079b", "0028", "iPP320"), ("1-2", "0403", "6001", "")]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "idVendor").write_text(vendor + "\n")
        (folder / "idProduct").write_text(product + "\n")
        if text:
            (folder / "product").write_text(text + "\n")
    (tmp_path / "1-1:1.0").mkdir()  # an interface
    monkeypatch.setattr(closed_terminal, "_USB_DEVICES", tmp_path)


def test_usb(bench, usb_devices):
    told = bench.run(ClosedTerminalProbe(), link=never, url="terminal+usb://079B:0028")
    assert told["terminal.present"].evidence[0].got == "079b:0028 iPP320"
    told = bench.run(ClosedTerminalProbe(), link=never, url="terminal+usb://1111:2222")
    assert told.problems == {"terminal.offline": "fault"}
    assert told.findings[0].evidence[0].args["others"] == "0403:6001, 079b:0028"


def test_usb_where_only_ports_are_known(bench, ports, monkeypatch, tmp_path):
    monkeypatch.setattr(closed_terminal, "_USB_DEVICES", tmp_path / "missing")
    assert find_usb("079b:0028")[0] == Seen("079b:0028 /dev/ttyACM1")
    monkeypatch.setitem(sys.modules, "usb", None)
    told = bench.run(ClosedTerminalProbe(), link=never, url="terminal+usb://1111:2222")
    assert told.problems == {"link.not-supported": "unknown"}


def test_among_nothing():
    assert among("1:2", []) == (None, [])


@pytest.mark.parametrize("there", [True, False])
def test_the_bank_and_an_ethernet_terminal(bench, ports, there):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if not there:
            listener.close()

        def link(target, clock):
            from supportctl.core.clock import SystemClock
            from supportctl.core.deadline import Deadline

            return open_link(target, Deadline.after(5, SystemClock()))

        url = f"terminal+serial:///dev/ttyACM0?bank-host=127.0.0.1:{port}"
        told = bench.run(ClosedTerminalProbe(), link=link, url=url)
        assert told.problems == ({} if there else {"terminal.host-unreachable": "fault"})
        assert ("terminal.host" in told.passed) is there
        told = bench.run(ClosedTerminalProbe(), link=link, url=f"terminal+tcp://127.0.0.1:{port}")
        assert told.problems == ({} if there else {"link.refused": "fault"})
        assert ("terminal.present" in told.passed) is there


@pytest.mark.parametrize("place", ["nonsense", "host:", "host:0", "host:99999", ":5"])
def test_a_bank_that_cannot_be_named_so(bench, ports, place):
    told = bench.run(
        ClosedTerminalProbe(), link=never, url=f"terminal+serial:///dev/ttyACM0?bank-host={place}"
    )
    assert told.problems == {"terminal.host-unreachable": "unknown"}
