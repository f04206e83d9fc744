"""IPP against CUPS's own `ippeveprinter`: what it says on standard error of its command becomes its state."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import urllib.request

import pytest

from probes.context import ProbeContext
from probes.links import LinkError, open_link
from probes.services.ipp_printer import IppPrinterProbe
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

pytestmark = pytest.mark.peer("ippeveprinter")
CLOCK = SystemClock()
COMMAND = '#!/bin/sh\ncat "$1" >&2\n'  # a job's text is its own list of "STATE: ..." lines


class Printer:
    """A running ippeveprinter."""

    def __init__(self, port):
        self.port = port

    def url(self, scheme="ipp"):
        return f"{scheme}://localhost:{self.port}/ipp/print"

    def findings(self, scheme="ipp"):
        context = ProbeContext(parse_target(self.url(scheme)), Deadline.after(15, CLOCK), CLOCK, open_link)
        return {finding.code: finding.status.value for finding in IppPrinterProbe().run(context)}

    def problems(self, scheme="ipp"):
        return {code: status for code, status in self.findings(scheme).items() if status != "ok"}

    def print(self, text):
        """Print a job; the printer answers once it has taken it."""
        from pyipp.enums import IppOperation
        from pyipp.serializer import encode_dict

        body = encode_dict(
            {
                "version": (1, 1),
                "operation": IppOperation.PRINT_JOB,
                "request-id": 1,
                "operation-attributes-tag": {
                    "attributes-charset": "utf-8",
                    "attributes-natural-language": "en",
                    "printer-uri": self.url(),
                    "requesting-user-name": "test",
                    "document-format": "text/plain",
                },
                "data": text.encode(),
            }
        )
        request = urllib.request.Request(
            self.url("http"), data=body, headers={"Content-Type": "application/ipp"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.read(4)[2:] == b"\0\0"

    def says(self, state, expected):
        """Print a job with a STATE line and wait until the printer's own state has become `expected`."""
        self.print(f"STATE: {state}\n")
        patience = Deadline.after(10, CLOCK)
        while (problems := self.problems()) != expected and not patience.expired:
            pass  # each question takes a round trip: no busy waiting
        return problems


@contextlib.contextmanager
def bus(folder):
    """A message bus of our own: ippeveprinter wants one even when it announces nothing."""
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1", f"--address=unix:path={folder}/bus"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield daemon.stdout.readline().strip()
    finally:
        daemon.terminate()
        daemon.wait(10)
        daemon.stdout.close()


@pytest.fixture  # a new one for each test: without paper it takes no further job that could bring paper
def printer(peer_path, tmp_path):
    folder = tmp_path
    (folder / "keys").mkdir()
    (folder / "spool").mkdir()
    command = folder / "command.sh"
    command.write_text(COMMAND)
    command.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with bus(folder) as address:
        options = ["-r", "off", "-p", str(port), "-n", "localhost", "-c", str(command), "-f", "text/plain"]
        options += ["-d", str(folder / "spool"), "-K", str(folder / "keys")]
        process = subprocess.Popen(
            [peer_path("ippeveprinter"), *options, "Test printer"],
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(port, process)
            yield Printer(port)
        finally:
            process.terminate()
            process.wait(10)


def wait_for(port, process):
    patience = Deadline.after(15, CLOCK)
    while not patience.expired:
        assert process.poll() is None, "ippeveprinter ended at once"
        with contextlib.suppress(LinkError):
            open_link(parse_target(f"tcp://localhost:{port}"), patience).close()
            return
        process_waits(process)
    pytest.fail("ippeveprinter does not listen")


def process_waits(process):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.05)


def test_healthy(printer):
    assert printer.problems() == {}
    assert set(printer.findings()) >= {"printer.paper", "printer.cover", "printer.online"}


@pytest.mark.parametrize(
    ("state", "problems"),
    [
        ("media-empty-error", {"printer.paper-out": "fault"}),
        ("media-low-warning", {"printer.paper-near-end": "warning"}),
        ("cover-open-error", {"printer.cover-open": "fault"}),
        ("media-jam-error", {"printer.paper-jam": "fault"}),
        ("marker-supply-low-warning", {"printer.toner-low": "warning"}),
        (
            "media-empty-error,cover-open-error,offline-report",
            {"printer.paper-out": "fault", "printer.cover-open": "fault"},
        ),
    ],
)
def test_each_state(printer, state, problems):
    assert printer.says(state, problems) == problems


def test_over_tls_with_its_own_certificate(printer):
    assert printer.problems("ipp+https") == {}
    assert "printer.paper" in printer.findings("ipp+https")
