"""identify on the wires of the lab: sockets and pseudo-terminals with a speed."""

from __future__ import annotations

import pytest

from probes.discovery.identify import Wires, identify
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from probes.links.serialport import retune
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

CLOCK = SystemClock()
WIRES = Wires(open_link, retune)
# In the line buffer of a printer that hears us at the wrong speed there may be a character or a CAN; it
# prints, cuts and kicks nothing.
HEARD_AT_WRONG_SPEED = {"text", "CAN"}


@pytest.fixture(scope="module")
def lab():
    devices = (
        DeviceSpec("tcp", "escpos"),
        DeviceSpec("star", "star"),
        DeviceSpec("line", "escpos", ("serial",), baud=57600),
        DeviceSpec("star-line", "star", ("serial",), baud=19200),
    )
    with Lab(Scenario("identify", devices)) as running:
        yield running


@pytest.fixture
def ask(lab):
    def ask(name, *, seconds=20.0, protocol=False):
        url = lab.url(name).partition("?")[0]
        target = parse_target(url if protocol else url.partition("+")[2])
        return identify(target, WIRES, Deadline.after(seconds, CLOCK), CLOCK)

    yield ask
    for name in lab.names:
        lab.clear(name)


def test_printer_on_tcp(ask):
    identity = ask("tcp")
    assert identity.found is not None
    assert identity.found.protocol == "escpos"
    assert identity.details == {
        "maker": "EPSON", "model": "TM-T20III", "serial": "SIM0000001", "firmware": "1.05 ESC/POS",
    }  # fmt: skip
    assert [item.asked for item in identity.evidence][:2] == ["DLE EOT 4", "DLE EOT 1"]


def test_printer_at_an_unknown_speed(ask, lab):
    identity = ask("line")
    assert identity.found is not None
    assert identity.found.options == {"baud": "57600"}
    assert identity.settings == "57600 8N1"
    assert identity.details["model"] == "TM-T20III"
    assert set(lab.device("line").writes) <= HEARD_AT_WRONG_SPEED


def test_star_on_both_wires(ask, lab):
    assert ask("star").found.protocol == "star"
    assert ask("star-line").settings == "19200 8N1"
    assert lab.device("star").writes == []


def test_offline_printer_is_identified_and_not_asked_more(ask, lab):
    lab.fault("tcp", "paper-out")
    identity = ask("tcp")
    assert identity.found.protocol == "escpos"
    assert identity.details == {}
    assert not [item for item in identity.tried if item.asked.startswith("GS")]


def test_right_protocol_named_wrong_device(ask, lab):
    url = lab.url("star").replace("star+", "escpos+")
    identity = identify(parse_target(url), WIRES, Deadline.after(5, CLOCK), CLOCK)
    assert identity.found is None
    assert identity.why == "silent"


def test_web_server_is_named(ask, lab):
    lab.fault("tcp", "wire-banner")
    identity = ask("tcp")
    assert identity.found is None
    assert identity.problem.code == "link.wrong-device"
    assert identity.problem.status is Status.UNKNOWN


def test_refused(ask, lab):
    lab.fault("tcp", "wire-refused")
    identity = ask("tcp")
    assert (identity.why, identity.problem.code) == ("link", "link.refused")


def test_held_port_says_who_and_is_left_alone(ask, lab):
    lab.fault("line", "wire-held")
    asked = len(lab.device("line").opcodes)
    identity = ask("line")
    assert (identity.why, identity.problem.code) == ("link", "link.port-busy")
    assert len(lab.device("line").opcodes) == asked


def test_device_that_never_answers(ask, lab):
    lab.fault("line", "wire-silent")
    identity = ask("line", seconds=1.0)
    assert identity.found is None
    assert identity.why == "time"
    assert identity.tried


def test_port_of_a_payment_terminal_gets_no_byte():
    def never(target, deadline):
        raise AssertionError(target)

    target = parse_target("tcp://127.0.0.1:22000")
    identity = identify(target, Wires(never, retune), Deadline.after(1, CLOCK), CLOCK)
    assert identity.why == "not-asked"
