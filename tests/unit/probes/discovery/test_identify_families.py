"""identify knows the registers, scales, terminals and services of the till."""

from __future__ import annotations

import pytest

from probes.context import ProbeContext
from probes.discovery import known_ports
from probes.discovery.any_device import AnyDeviceProbe
from probes.discovery.identifiers import IDENTIFIERS, SPEEDS
from probes.discovery.identify import Wires, identify
from probes.discovery.own_questions import OWN_QUESTIONS
from probes.lab.catalogue import make_device
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.lab.uart import heard
from probes.links import open_link
from probes.links.fakes import FakeLink
from probes.links.serialport import retune
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

CLOCK = SystemClock()
ON_PORTS = {
    "shtrih": 7778, "atol3": 5555, "massak": 5001, "zvt": 20007, "tremol": 8000, "atol": 16732, "utm": 8080,
    "marking": 5995,
}  # fmt: skip
ON_LINES = ("shtrih", "atol2", "atol3", "cas", "tremol", "massak", "datecs", "toledo8217", "zvt", "telium")
SLOW = {"shtrih": 19200, "tremol": 57600, "cas": 38400, "atol2": 4800}
SERIAL_NAME = "line-"


@pytest.fixture(scope="module")
def lab():
    devices = [DeviceSpec(protocol, protocol) for protocol in ON_PORTS]
    devices += [DeviceSpec(SERIAL_NAME + protocol, protocol, ("serial",)) for protocol in ON_LINES]
    devices += [DeviceSpec("slow-" + name, name, ("serial",), baud=speed) for name, speed in SLOW.items()]
    devices += [DeviceSpec("printer", "escpos")]
    with Lab(Scenario("families", tuple(devices))) as running:
        yield running


@pytest.fixture(autouse=True)
def mended(lab):
    yield
    for name in lab.names:
        lab.clear(name)


def run(target, deadline=20.0, **how):
    return identify(target, Wires(open_link, retune), Deadline.after(deadline, CLOCK), CLOCK, **how)


def as_if_on(lab, name, port):
    """Return the bare target at a family's port; its wires lead to a device of the lab."""
    real = parse_target(lab.url(name))

    def opener(target, deadline):
        assert target.port == port
        return open_link(target._replace(host=real.host, port=real.port), deadline)

    return parse_target(f"tcp://127.0.0.1:{port}"), Wires(opener, retune)


@pytest.mark.parametrize(("protocol", "port"), ON_PORTS.items())
def test_device_at_its_port_is_recognised_gently(lab, protocol, port):
    target, wires = as_if_on(lab, protocol, port)
    identity = identify(target, wires, Deadline.after(10, CLOCK), CLOCK, details=False)
    assert identity.found is not None, identity
    assert (identity.found.protocol, identity.found.port) == (protocol, port)
    assert identity.evidence
    assert lab.device(protocol).writes == []


@pytest.mark.parametrize(("protocol", "port"), ON_PORTS.items())
def test_silent_device_at_its_port_is_not_recognised(lab, protocol, port):
    lab.fault(protocol, "wire-silent")
    target, wires = as_if_on(lab, protocol, port)
    identity = identify(target, wires, Deadline.after(0.7, CLOCK), CLOCK)
    assert identity.found is None


@pytest.mark.parametrize("port", [*ON_PORTS.values()])
def test_server_that_greets_is_nobodys_device(lab, port):
    lab.fault("printer", "wire-banner")
    target, wires = as_if_on(lab, "printer", port)
    identity = identify(target, wires, Deadline.after(3, CLOCK), CLOCK)
    assert identity.found is None
    assert identity.problem is not None


def test_printer_at_a_registers_port_prints_nothing(lab):
    for port in ON_PORTS.values():
        if port in {7778, 8000}:
            target, wires = as_if_on(lab, "printer", port)
            assert identify(target, wires, Deadline.after(8, CLOCK), CLOCK).found.protocol == "escpos"
    assert lab.device("printer").writes == []


def test_details_come_from_the_protocols_own_reader(lab):
    target, wires = as_if_on(lab, "shtrih", ON_PORTS["shtrih"])
    identity = identify(target, wires, Deadline.after(20, CLOCK), CLOCK)
    assert {"model", "serial", "firmware"} <= set(identity.details)
    assert "?" not in identity.details.values()


@pytest.mark.parametrize("protocol", ON_LINES)
def test_named_protocol_on_a_line(lab, protocol):
    name = SERIAL_NAME + protocol
    identity = run(parse_target(lab.url(name)))
    assert identity.found is not None, identity
    assert identity.found.protocol == protocol
    assert identity.settings
    assert identity.evidence
    assert lab.device(name).writes == []


@pytest.mark.parametrize(("protocol", "speed"), SLOW.items())
def test_named_protocol_at_an_unknown_speed(lab, protocol, speed):
    target = parse_target(lab.url(f"slow-{protocol}").partition("?")[0])
    identity = run(target)
    assert identity.settings == f"{speed} 8N1"
    assert identity.found.options == {"baud": str(speed)}
    # a scale takes what is no command of its own for noise
    noise = {f"{byte:02x}" for sent in SPEEDS if sent != speed for byte in heard(b"\x05", sent, speed)}
    assert not noise & {"05", "11", "12"}
    assert set(lab.device(f"slow-{protocol}").writes) <= (noise if protocol == "cas" else set())


def test_enq_on_an_unknown_line_would_begin_a_command():
    """Why ENQ is no row of the questions for everybody (docs/identify.md)."""
    assert heard(b"\x05", 38400, 57600) == b"\x1b"
    assert not [row for row in IDENTIFIERS if 0x05 in row.request]


def test_named_protocol_but_another_device(lab):
    identity = run(parse_target(lab.url("printer").replace("escpos", "shtrih")), 5)
    assert identity.found is None
    assert identity.why in {"silent", "noise"}
    assert identity.problem is not None


def test_register_named_as_a_scale_is_no_scale(lab):
    """Both answer ENQ, and with the same byte."""
    line = lab.url("line-shtrih").partition("+")[2].partition("?")[0]
    identity = run(parse_target(f"cas+{line}?baud=115200"), 5)
    assert identity.found is None
    assert identity.problem is not None


@pytest.mark.parametrize("protocol", ["atol", "utm", "marking"])
def test_web_services_get_a_page_asked_and_nothing_else(lab, protocol):
    target, wires = as_if_on(lab, protocol, ON_PORTS[protocol])
    before = len(lab.device(protocol).opcodes)
    assert identify(target, wires, Deadline.after(20, CLOCK), CLOCK).found is not None
    asked = [str(opcode) for opcode in lab.device(protocol).opcodes[before:]]
    assert asked
    assert all(opcode.startswith("GET ") for opcode in asked), asked


def test_nothing_is_told_twice(lab):
    for protocol, port in ON_PORTS.items():
        target, wires = as_if_on(lab, protocol, port)
        identity = identify(target, wires, Deadline.after(20, CLOCK), CLOCK)
        told = [(item.asked, item.got) for item in identity.evidence]
        assert len(told) == len(set(told))


def test_nobody_at_the_port():
    identity = run(parse_target("shtrih+tcp://127.0.0.1:1"), 2)
    assert (identity.why, identity.problem.code) == ("link", "link.refused")


def test_terminal_gets_the_status_enquiry_and_nothing_else(lab):
    target, wires = as_if_on(lab, "zvt", 20007)
    before = len(lab.device("zvt").opcodes)
    identity = identify(target, wires, Deadline.after(10, CLOCK), CLOCK)
    assert identity.found.protocol == "zvt"
    assert {str(code).upper().replace(" ", "")[:4] for code in lab.device("zvt").opcodes[before:]} <= {
        "0501", "8000",
    }  # fmt: skip


@pytest.mark.parametrize("row", OWN_QUESTIONS, ids=lambda row: row.protocol)
@pytest.mark.parametrize("noise", [b"\x00", b"\xff", b"HTTP/1.1 400", b"SSH-2.0", b"ST,GS, 1.250kg"])
def test_other_answers_are_not_recognised(row, noise):
    assert row.recognise(noise) != "yes"


@pytest.mark.parametrize("row", OWN_QUESTIONS, ids=lambda row: row.protocol)
def test_own_device_recognises_its_question_as_a_read(row):
    device = make_device(row.protocol)
    answer = device.receive(row.request, 0.0)
    assert row.recognise(answer) == "yes"
    assert device.writes == []


def test_an_echo_is_no_device():
    """05 is no 06, a frame of ours is not the register's, and 09 is no state of Tremol."""
    for row in OWN_QUESTIONS:
        clock = FakeClock()
        link = EchoLink(parse_target(f"tcp://127.0.0.1:{min(row.ports or {1})}"), clock)
        identity = identify(
            link.target, Wires(lambda *_, link=link: link, retune), Deadline.after(9, clock), clock
        )
        assert identity.found is None, row.protocol


class EchoLink(FakeLink):
    def send(self, data, deadline):
        super().send(data, deadline)
        self.arrive(data)


def test_known_ports_are_asked_on_their_wires_only():
    assert known_ports.known_port("http", 7778) is None
    assert known_ports.known_port("http", 8080).protocol == "utm"
    assert known_ports.known_port("udp", 20007) is None
    assert known_ports.known_port("tcp", 22000) is None


@pytest.mark.parametrize(("protocol", "port"), ON_PORTS.items())
def test_check_of_a_bare_port_passes_on_to_the_right_probe(lab, protocol, port):
    target, wires = as_if_on(lab, protocol, port)
    context = ProbeContext(target, Deadline.after(20, CLOCK), CLOCK, wires.open)
    found = list(AnyDeviceProbe().run(context))
    assert found[0].code == "device.identity"
    assert found[0].args["protocol"] == protocol
    assert any(finding.code.endswith(".answers") for finding in found[1:])
    assert {finding.code for finding in found} <= AnyDeviceProbe().codes
    assert lab.device(protocol).writes == []


def test_check_of_a_bare_port_where_a_web_server_is_no_utm(lab):
    target, wires = as_if_on(lab, "marking", ON_PORTS["utm"])
    context = ProbeContext(target, Deadline.after(10, CLOCK), CLOCK, wires.open)
    problems = [finding for finding in AnyDeviceProbe().run(context) if finding.status is not Status.OK]
    assert problems
    assert not [finding for finding in problems if finding.code.startswith("utm.")]
    assert all(finding.status is Status.UNKNOWN for finding in problems)
