"""Places that are known without a byte to any device."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace

import psutil
import pytest

from probes.discovery import places
from probes.discovery.places import local_places, serial_places
from probes.host import serial_ports
from probes.host.serial_ports import Device, Holder, SerialPort


def test_serial_ports_with_what_is_known(monkeypatch):
    ports = (
        SerialPort(
            "/dev/ttyACM0", "", 0x04B8, 1, "", Device("Epson receipt printer", "printer", ("escpos",))
        ),
        SerialPort("COM3", "Communications port", holders=(Holder(7, "frontol"),)),
    )
    monkeypatch.setattr(serial_ports, "list_serial_ports", lambda: ports)
    first, second = serial_places()
    assert first == places.Place(
        "serial:///dev/ttyACM0", "serial", ("escpos",), "Epson receipt printer", "04b8:0001", ""
    )
    assert (second.url, second.likely, second.held_by) == (
        "serial:///COM3",
        "Communications port",
        "frontol (pid 7)",
    )


def connection(port, status=psutil.CONN_LISTEN, pid=None):
    return SimpleNamespace(laddr=SimpleNamespace(ip="0.0.0.0", port=port), status=status, pid=pid)


def test_local_services_of_the_till(monkeypatch):
    listed = [
        connection(16732, pid=os.getpid()),
        connection(8080),
        connection(5432),
        connection(5995, "ESTABLISHED"),
    ]
    monkeypatch.setattr(psutil, "net_connections", lambda kind: listed)
    urls = {place.url: place for place in local_places()}
    assert set(urls) == {"atol+http://127.0.0.1:16732", "utm://127.0.0.1:8080"}
    assert f"(pid {os.getpid()})" in urls["atol+http://127.0.0.1:16732"].held_by


@pytest.mark.parametrize("error", [psutil.AccessDenied(), PermissionError()])
def test_system_that_keeps_it_to_itself(monkeypatch, error):
    def refuse(kind):
        raise error

    monkeypatch.setattr(psutil, "net_connections", refuse)
    assert local_places() == []


def test_real_system_is_listed():
    with socket.create_server(("127.0.0.1", 0)):
        assert all(place.kind == "local" for place in local_places())
