"""Actions on devices: the lab's printers on real wires, which write down what was sent to them."""

from __future__ import annotations

import socket
import threading

import pytest

from playbooks.actions.printer import slip
from probes.lab.devices.escpos_stream import Tokenizer
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.core.errors import UsageError
from supportctl.core.target import DEVICE_PROTOCOLS

SPECS = (DeviceSpec("till", "escpos", ("tcp", "serial")), DeviceSpec("star", "star", ("tcp", "serial")))
RUSSIAN = "ПРОВЕРКА ПЕЧАТИ. НЕ ЧЕК.".encode("cp866")


@pytest.fixture
def lab():
    with Lab(Scenario("x", SPECS)) as lab:
        yield lab


@pytest.mark.parametrize("wire", ["tcp", "serial"])
@pytest.mark.parametrize("name", ["till", "star"])
def test_a_slip_is_printed_and_says_that_it_is_no_receipt(here, lab, name, wire):
    plan = here.plan("printer.test-slip", target=lab.url(name, wire))
    device = lab.device(name)
    assert device.opcodes == []  # a plan asks nothing
    assert here.run(plan).ok
    assert b"NOT A RECEIPT" in device.printed
    assert RUSSIAN in device.printed
    assert here.undo(plan).ok


def test_the_slip_has_these_commands_and_no_others():
    names = [token.name for token in Tokenizer().feed(slip("escpos", "till"))]
    assert [name for name in names if name not in {"text", "LF"}] == ["ESC @", "ESC t", "ESC d", "GS V"]


@pytest.mark.parametrize("wire", ["tcp", "serial"])
@pytest.mark.parametrize(("name", "command"), [("till", "ESC p"), ("star", "BEL")])
def test_the_drawer_opens(here, lab, name, command, wire):
    plan = here.plan("drawer.open", target=lab.url(name, wire))
    assert here.run(plan).ok
    device = lab.device(name)
    assert device.writes == [command]
    assert "drawer-open" in device.active


@pytest.mark.parametrize("action", ["printer.test-slip", "drawer.open"])
@pytest.mark.parametrize("name", ["till", "star"])
def test_nothing_is_sent_that_would_come_out_later(here, lab, name, action):
    lab.fault(name, "cover-open")
    done = here.run(here.plan(action, target=lab.url(name)))
    assert done.code == "action.failed-printer-offline"
    assert lab.device(name).writes == []


def test_a_printer_that_reports_unasked_is_understood(here, lab):
    lab.fault("till", "asb-on")
    assert here.run(here.plan("printer.test-slip", target=lab.url("till"))).ok


@pytest.mark.parametrize("name", ["till", "star"])
def test_another_device_gets_nothing(here, name, lab):
    heard = bytearray()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        client, _ = listener.accept()
        with client:
            client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            while data := client.recv(100):
                heard.extend(data)

    thread = threading.Thread(target=serve)
    thread.start()
    protocol = lab.url(name).partition("+")[0]
    url = f"{protocol}+tcp://127.0.0.1:{listener.getsockname()[1]}"
    done = here.run(here.plan("printer.test-slip", target=url))
    thread.join(10)
    listener.close()
    assert done.code == "action.failed-not-a-printer"
    assert len(heard) <= 3


def test_a_silent_device_gets_nothing(here, lab):
    lab.fault("till", "status-not-supported")
    assert here.run(here.plan("drawer.open", target=lab.url("till"))).code == "action.failed-silent"
    assert lab.device("till").writes == []
    assert here.run(here.plan("drawer.open", target=lab.url("till", "serial") + "?one-way=1")).ok


@pytest.mark.parametrize("action", ["printer.test-slip", "drawer.open"])
@pytest.mark.parametrize("protocol", sorted({*DEVICE_PROTOCOLS} - {"escpos", "star"}))
def test_registers_and_other_devices_are_refused(here, action, protocol):
    with pytest.raises(UsageError, match="not-a-receipt-printer"):
        here.plan(action, target=f"{protocol}+tcp://127.0.0.1:1")


@pytest.mark.parametrize("wire", ["tcp", "serial"])
def test_a_connection_is_opened_again_and_nothing_is_sent(here, lab, wire):
    plan = here.plan("connection.reopen", target=lab.url("till", wire))
    assert here.run(plan).ok
    assert here.undo(plan).ok
    assert lab.device("till").opcodes == []


def test_a_connection_that_cannot_be_opened(here, lab):
    done = here.run(here.plan("connection.reopen", target="escpos+serial:///dev/nosuch"))
    assert (done.code, done.words["problem"]) == ("action.failed-link", "link.no-such-port")
