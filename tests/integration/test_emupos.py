"""emupos, a simulated printer that we did not write: all its faults, over TCP and a pseudo-terminal."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from itertools import chain, combinations
from typing import TYPE_CHECKING, NamedTuple

import pytest

from probes.links import open_link
from probes.registry import BUILT_IN
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import worst
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.peer("emupos"),
    pytest.mark.skipif(sys.platform == "win32", reason="emupos makes no serial ports on Windows"),
]

FAULTS = ("paper-near-end", "paper-out", "cover-open", "offline")
MIXTURES = [tuple(m) for m in chain.from_iterable(combinations(FAULTS, n) for n in range(len(FAULTS) + 1))]
START_S = 30.0
CONFIG = """
schema: 1
api: {{port: {api}}}
devices:
  - id: front
    type: printer
    profile: epson-tm-t20iii
    receipts_dir: {folder}/receipts
    connections:
      - tcp: {{port: {port}}}
      - serial: {{pty: true, link: front}}
"""


class Emupos(NamedTuple):
    """A running emupos with one printer, `front`."""

    api: int
    port: int
    pty: Path

    def url(self, wire: str) -> str:
        return f"escpos+tcp://127.0.0.1:{self.port}" if wire == "tcp" else f"escpos+serial://{self.pty}"

    def call(self, method: str, path: str) -> bytes:
        url = f"http://127.0.0.1:{self.api}/api/v1/{path}"
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.read()

    def switch(self, fault: str, *, on: bool) -> None:
        self.call("PUT" if on else "DELETE", f"devices/front/faults/{fault}")

    def receipts(self) -> list[object]:
        return json.loads(self.call("GET", "devices/front/receipts"))


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@pytest.fixture(scope="module")
def emupos(peer_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("emupos")
    api, port = free_ports(2)
    config = folder / "emupos.yaml"
    config.write_text(CONFIG.format(api=api, port=port, folder=folder), encoding="utf-8")
    log = (folder / "log").open("wb")
    # its serial ports appear in $TMPDIR/emupos
    process = subprocess.Popen(
        [peer_path("emupos"), "run", "--config", str(config)],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    running = Emupos(api, port, folder / "emupos" / "front")
    clock = SystemClock()
    until = Deadline.after(START_S, clock)
    try:
        while True:
            try:
                running.call("GET", "devices")
                break
            except (OSError, urllib.error.URLError):
                assert process.poll() is None, (folder / "log").read_text()
                assert not until.expired, "emupos did not start in time"
                clock.sleep(0.05)
        yield running
    finally:
        process.terminate()
        process.wait(10)
        log.close()


@pytest.fixture
def printer(emupos):
    """The printer, healthy before and after, and without a receipt."""
    yield emupos
    for fault in FAULTS:
        emupos.switch(fault, on=False)
    assert emupos.receipts() == []


def codes(faults: tuple[str, ...]) -> dict[str, str]:
    """Return what the contract names for these faults: causes, and no consequence beside them."""
    found = {}
    if "cover-open" in faults:
        found["printer.cover-open"] = "fault"
    if "paper-out" in faults:
        found["printer.paper-out"] = "fault"
    elif "paper-near-end" in faults:
        found["printer.paper-near-end"] = "warning"
    if faults and not {"paper-out", "cover-open"} & set(faults) and "offline" in faults:
        found["printer.offline"] = "fault"
    return found


@pytest.mark.parametrize("wire", ["tcp", "serial"])
@pytest.mark.parametrize("faults", MIXTURES, ids="+".join)
def test_faults_and_their_mixtures(printer, wire, faults):
    for fault in faults:
        printer.switch(fault, on=True)
    target = parse_target(printer.url(wire))
    entry = next(e for e in BUILT_IN if e.id == "printer.escpos")
    clock = SystemClock()
    findings = Runner(open_link, clock).run([Job(entry, target)], Deadline.after(15, clock)).findings
    found = {f.code: f.status.value for f in findings if f.status != "ok"}
    assert found == codes(faults)
    if not faults:
        assert worst(f.status for f in findings) == "ok"
        answers = next(f for f in findings if f.code == "printer.answers")
        assert answers.args["device"] == ": EPSON TM-T20III"


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("wire", ["tcp", "serial"])
@pytest.mark.parametrize(
    ("faults", "code", "exit_code"),
    [
        ((), None, 0),
        (("paper-near-end",), "printer.paper-near-end", 4),
        (("paper-out",), "printer.paper-out", 3),
        (("cover-open",), "printer.cover-open", 3),
        (("offline",), "printer.offline", 3),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)
def test_the_command(printer, wire, lang, faults, code, exit_code):
    for fault in faults:
        printer.switch(fault, on=True)
    command = [
        sys.executable,
        "-m",
        "supportctl",
        "check",
        printer.url(wire),
        "--format",
        "json",
        "--lang",
        lang,
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == exit_code, done.stderr.decode()
    report = json.loads(done.stdout)
    told = [finding for finding in report["findings"] if finding["status"] != "ok"]
    assert [finding["code"] for finding in told] == ([code] if code else [])
    assert report["verdict"] == {0: "ok", 3: "fault", 4: "warning"}[exit_code]
    for finding in told:
        cyrillic = any("а" <= letter <= "я" for letter in finding["title"].lower())
        assert cyrillic is (lang == "ru")
        assert finding["evidence"]
        assert finding["remedies"][0]["who"] == "cashier"
