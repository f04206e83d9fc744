"""ecrterm, a ZVT client that we did not write, against the simulated terminal: it keeps the simulator honest.

It was not found on the package index. To run these tests, check out github.com/wirelane/ecrterm (they passed
with f179162), have the package six, and put the repository on PYTHONPATH. Without it they are
skipped, on every machine.
"""

from __future__ import annotations

import importlib.util
import sys

import pytest

from probes.lab.devices.zvt import STATUS
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.protocols.zvt import Framing, Reader, crc16, encode, status_enquiry
from probes.protocols.zvt_status import read_status

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("ecrterm") is None,
        reason="needs ecrterm: it is not installed. To enable: put its repository on PYTHONPATH",
    ),
    pytest.mark.skipif(sys.platform == "win32", reason="no ptys"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ecrterm"),
]
TCP, SERIAL = "tcp", "serial"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    spec = DeviceSpec("cards", "zvt", (TCP, SERIAL))
    with Lab.from_scenario(Scenario("terminal", (spec,)), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def ecr(lab, monkeypatch):
    """Return a till of theirs, connected to our terminal."""
    import serial
    from ecrterm.ecr import ECR
    from ecrterm.transmission.transport_serial import SerialTransport

    class PseudoTerminal(serial.Serial):
        """They set control lines, which a pseudo-terminal has not got."""

        def _update_rts_state(self):
            pass

        _update_dtr_state = _update_rts_state

    monkeypatch.setattr(SerialTransport, "SerialCls", PseudoTerminal)

    opened = []

    def connect(wire):
        address = lab.url("cards", wire).partition("://")[2]
        opened.append(ECR(f"socket://{address}" if wire == TCP else address, password="000000"))
        return opened[-1]

    yield connect
    for each in opened:
        each.transport.close()
    lab.clear("cards")


@pytest.mark.parametrize("wire", [TCP, SERIAL])
@pytest.mark.parametrize("fault", [None, "date-time-wrong", "diagnosis-required", "out-of-order"])
def test_they_read_the_status_as_we_mean_it(lab, ecr, fault, wire):
    if fault:
        lab.fault("cards", fault)
    till = ecr(wire)
    till.status()
    assert till.last.completion.terminal_status == (STATUS[fault] if fault else 0)
    assert till.version == "2.14.15"


@pytest.mark.parametrize("fault", sorted(STATUS))
def test_they_know_every_status_of_ours(lab, ecr, fault):
    from ecrterm.common import TERMINAL_STATUS_CODES

    lab.fault("cards", fault)
    till = ecr(TCP)
    till.status()
    assert till.last.completion.terminal_status in TERMINAL_STATUS_CODES


def test_device_data_and_intermediate_states(lab, ecr):
    lab.fault("cards", "tells-device")
    lab.fault("cards", "talkative")
    till = ecr(TCP)
    till.status()
    completion = till.last.completion
    assert completion.get_device_name() == "LAB PT"
    assert completion.get_serial_number() == "00c0ffee"


def test_what_changes_something_is_recorded(lab, ecr):
    from ecrterm.packets.types import ConfigByte

    till = ecr(TCP)
    assert till.register(config_byte=ConfigByte.DEFAULT) == 0
    assert lab.device("cards").writes == ["0600"]
    lab.device("cards").writes.clear()


def test_the_codec_agrees_with_theirs():
    """Every frame that our codec makes is one that theirs reads, and the other way round."""
    from ecrterm.packets.base_packets import Completion, StatusEnquiry
    from ecrterm.transmission.transport_serial import SerialMessage

    assert encode(status_enquiry("123456"), Framing.TCP) == StatusEnquiry("123456").serialize()
    raw = status_enquiry("101003").raw
    assert crc16(raw + b"\x03").to_bytes(2, "little") == SerialMessage(raw).crc()
    theirs = Completion(sw_version="3.1", terminal_status=0xDC).serialize()
    reader = Reader(Framing.TCP)
    reader.feed(bytes(theirs))
    assert read_status(reader.next_event())[:2] == (0xDC, "3.1")
