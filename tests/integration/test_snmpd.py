"""SNMP against Net-SNMP's `snmpd`, which serves a printer's objects as its configuration overrides them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess

import pytest

from probes.context import ProbeContext
from probes.links import open_link
from probes.services.snmp_printer import SnmpPrinterProbe
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

pytestmark = pytest.mark.peer("snmpd")
CLOCK = SystemClock()

# Host Resources MIB and Printer MIB of one printer with a tray and two covers.
PRINTER = """\
override .1.3.6.1.2.1.25.3.2.1.5.1 integer {device}
override .1.3.6.1.2.1.25.3.5.1.1.1 integer {printer}
override .1.3.6.1.2.1.25.3.5.1.2.1 octet_str 0x{error}
override .1.3.6.1.2.1.43.6.1.1.3.1.1 integer {cover}
override .1.3.6.1.2.1.43.6.1.1.3.1.2 integer 4
override .1.3.6.1.2.1.43.8.2.1.9.1.1 integer 250
override .1.3.6.1.2.1.43.8.2.1.10.1.1 integer 120
override .1.3.6.1.2.1.43.10.2.1.4.1.1 counter 12345
"""
ALERT = """\
override .1.3.6.1.2.1.43.18.1.1.2.1.1 integer 3
override .1.3.6.1.2.1.43.18.1.1.4.1.1 integer 13
override .1.3.6.1.2.1.43.18.1.1.7.1.1 integer 8
override .1.3.6.1.2.1.43.18.1.1.8.1.1 octet_str "Jam in the fuser"
"""


@pytest.fixture
def snmpd(peer_path, tmp_path):
    """Return a function that runs snmpd on a free port with some objects."""
    return lambda objects: running(peer_path("snmpd"), tmp_path, objects)


@contextlib.contextmanager
def running(program, folder, objects):
    """Run snmpd on a free port with `objects`; gives the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "snmpd.conf"
    config.write_text(f"rocommunity public 127.0.0.1\nsysDescr Test printer\n{objects}")
    command = [program, "-f", "-Lo", "-C", "-c", str(config), "-I", "-hrDevice"]
    command += ["-p", str(folder / "pid"), f"udp:127.0.0.1:{port}"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = ""
        for line in process.stdout:
            if "NET-SNMP version" in line:
                break
        assert "NET-SNMP version" in line, f"snmpd did not start: {line}"
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=10)


def findings(port, query="", seconds=10.0):
    target = parse_target(f"snmp://127.0.0.1:{port}{query}")
    context = ProbeContext(target, Deadline.after(seconds, CLOCK), CLOCK, open_link)
    return {finding.code: finding.status.value for finding in SnmpPrinterProbe().run(context)}


def printer(error="00", device=2, state=3, cover=4, more=""):
    return PRINTER.format(error=error, device=device, printer=state, cover=cover) + more


@pytest.mark.parametrize(
    ("objects", "problems"),
    [
        (printer(), {}),
        (printer("0000"), {}),
        (printer("40", 5, 1), {"printer.paper-out": "fault"}),
        (printer("80", 3), {"printer.paper-near-end": "warning"}),
        (printer("08", 5, 1, cover=3), {"printer.cover-open": "fault"}),
        (printer("4A", 5, 1), {"printer.paper-out": "fault", "printer.cover-open": "fault"}),
        (printer("02", 5, 1), {"printer.offline": "fault"}),
        (printer("00", 5, 1, more=ALERT), {"printer.paper-jam": "fault"}),
        (printer("0008", 5, 1), {"printer.output-full": "fault"}),
    ],
    ids=[
        "healthy",
        "two octets",
        "paper",
        "near end",
        "cover",
        "several",
        "offline",
        "jam by alert",
        "output",
    ],
)
def test_each_state(snmpd, objects, problems):
    with snmpd(objects) as port:
        found = findings(port)
    assert {code: status for code, status in found.items() if status != "ok"} == problems
    if not problems:
        assert {"printer.paper", "printer.cover", "printer.online"} <= set(found)


@pytest.mark.parametrize("version", ["1", "2c"])
def test_both_versions(snmpd, version):
    with snmpd(printer("40", 5, 1)) as port:
        assert findings(port, f"?version={version}")["printer.paper-out"] == "fault"


def test_wrong_community_is_silence(snmpd):
    with snmpd(printer()) as port:
        assert findings(port, "?community=secret") == {"link.silent": "fault"}


def test_a_computer_is_no_printer(snmpd):
    with snmpd("") as port:
        assert findings(port) == {"link.wrong-device": "fault"}
