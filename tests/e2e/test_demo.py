"""`make demo`: the faults of the lab are in the report, and it ends well by itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_shows_every_device_that_has_a_fault_and_none_other():
    command = [sys.executable, "tools/demo.py"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    shop, _, report = ended.stdout.partition("$ supportctl check")
    faults = dict(re.findall(r"(?m)^  ([\w-]+): (.+)$", shop))
    report, _, rest = report.partition("$ supportctl check")
    slip, _, scan = rest.partition("$ supportctl scan-check")
    told = set(re.findall(r"(?m)^(?:FAULT|WARNING|UNKNOWN)  \S+  ([\w-]+)", report))
    assert told == {name for name, active in faults.items() if active != "none"}
    assert len(told) > 2
    codes = set(re.findall(r"(?m)^(?:FAULT|WARNING)  (\S+)  register", report))
    assert codes == {"fiscal.shift-over-24h", "fiscal.ofd-queue"}
    assert "смена длится больше 24 часов" in slip
    scan, _, calls = scan.partition("$ supportctl sync check")
    scan, _, ran = scan.partition("$ supportctl --lang ru playbook list")
    assert "printer-paper" in ran
    assert "It goes to: second-line support." in ran
    assert "Open the printer's cover and close it again" in ran
    assert "0104601234567893215G+mgs<GS>93dGVz" in scan
    assert set(re.findall(r"(?m)^(?:FAULT|WARNING)  .*  (sync\.[a-z-]+)$", calls)) == {
        "sync.call-missing",
        "sync.recording-missing",
        "sync.duplicate-call",
        "sync.wrong-employee",
        "sync.no-contact",
        "sync.delivered-late",
        "sync.phantom-call",
    }
    _, _, resent = calls.partition("$ supportctl resend add")
    assert "Delivered: 7. Escalated: 1." in resent
    (number,) = re.findall(r"call (\d+) of pbx", resent)
    assert "refuses this call as it is" in resent
    assert re.search(r"(?m)^  #1 .*\(open\)$", resent), "the escalation is in the tracker"
    assert f"still to be sent: {number}," in resent
    assert "'sync.call-missing': 1" in resent
    assert "sync.recording-missing" not in resent
