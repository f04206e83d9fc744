"""SNMP against the responder that emupos serves for the Windows port monitor: an agent that we did not write.

emupos binds it on Windows only, to port 161; its answers are served here on a free port by its own code.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from probes.context import ProbeContext
from probes.links import open_link
from probes.services.snmp_printer import SnmpPrinterProbe
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

CLOCK = SystemClock()
SERVER = """
import socket, sys
from emupos.windows_queue import snmp
from emupos.printer.printer import PrinterFault

faults = [PrinterFault(name) for name in sys.argv[1:]]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
    wire.bind(("127.0.0.1", 0))
    print(wire.getsockname()[1], flush=True)
    while True:
        packet, peer = wire.recvfrom(65535)
        answer = snmp.answer(packet, {9100: snmp.printer_status(faults)})
        if answer is not None:
            wire.sendto(answer.reply, peer)
"""


@pytest.mark.peer("emupos")
@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize(
    ("faults", "problems"),
    [
        ((), {}),
        (("paper-out",), {"printer.paper-out": "fault"}),
        (("paper-near-end",), {"printer.paper-near-end": "warning"}),
        (("cover-open",), {"printer.cover-open": "fault"}),
        (("offline",), {"printer.offline": "fault"}),
        (
            ("paper-out", "cover-open", "offline"),
            {"printer.paper-out": "fault", "printer.cover-open": "fault"},
        ),
    ],
)
def test_each_fault(peer_path, faults, problems, version):
    python = Path(peer_path("emupos")).resolve().with_name("python")
    process = subprocess.Popen(
        [python, "-c", SERVER, *faults], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    try:
        port = int(process.stdout.readline())
        target = parse_target(f"snmp://127.0.0.1:{port}?version={version}")
        context = ProbeContext(target, Deadline.after(10, CLOCK), CLOCK, open_link)
        found = {finding.code: finding.status.value for finding in SnmpPrinterProbe().run(context)}
    finally:
        process.kill()
        process.communicate()
    assert {code: status for code, status in found.items() if status != "ok"} == problems
    assert found
