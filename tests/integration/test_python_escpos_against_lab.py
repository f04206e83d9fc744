"""python-escpos, a client that we did not write, finds in the lab's printer what it finds in a real one."""

from __future__ import annotations

import warnings

import pytest

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

pytestmark = pytest.mark.peer("python-escpos")


@pytest.fixture
def lab():
    with Lab.from_scenario(Scenario("client", (DeviceSpec("till", "escpos"),))) as running:
        yield running


@pytest.fixture
def client(lab):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from escpos.printer import Network

        host, _, port = lab.url("till").partition("://")[2].partition(":")
        printer = Network(host, int(port), timeout=5)
        printer.open()
        yield printer
        printer.close()


def written(lab, last: str) -> list[str]:
    """Return the writes of the device once `last` is among them, or after five seconds."""
    device, clock = lab.device("till"), SystemClock()
    until = Deadline.after(5, clock)
    while last not in device.writes and not until.expired:
        clock.sleep(0.01)
    return device.writes


@pytest.mark.parametrize(("fault", "status"), [(None, 2), ("paper-near-end", 1), ("paper-out", 0)])
def test_paper_status(lab, client, fault, status):
    if fault:
        lab.fault("till", fault)
    assert client.paper_status() == status


@pytest.mark.parametrize("fault", ["cover-open", "offline", "cutter-error"])
def test_is_online(lab, client, fault):
    assert client.is_online() is True
    lab.fault("till", fault)
    assert client.is_online() is False
    assert lab.device("till").writes == []


def test_printing_is_recorded(lab, client):
    client.text("Total 12.00\n")
    client.cut()
    client.cashdraw(2)
    writes = written(lab, "ESC p")
    assert bytes(lab.device("till").printed).startswith(b"Total 12.00")
    assert "text" in writes
    assert "GS V" in writes
    assert "ESC p" in writes
    assert "drawer-open" in lab.device("till").active
