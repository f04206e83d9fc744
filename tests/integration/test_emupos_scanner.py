"""emupos, a simulated serial scanner that we did not write."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

import pytest

from probes.links.base import CHUNK
from supportctl.app import scan_check
from supportctl.app.scan_check import check_scanner, scan_document
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.peer("emupos"),
    pytest.mark.skipif(sys.platform == "win32", reason="emupos makes no serial ports on Windows"),
]

GS = "\x1d"
MILK = f"0104601234567893215abcDE{GS}93dGVz"
START_S = 30.0
CONFIG = """
schema: 1
api: {{port: {api}}}
devices:
  - id: till
    type: scanner
    mode: serial
    suffix: enter
    connections: [{{serial: {{pty: true, link: till}}}}]
  - id: bare
    type: scanner
    mode: serial
    suffix: none
    connections: [{{serial: {{pty: true, link: bare}}}}]
"""


class Emupos(NamedTuple):
    """A running emupos with two scanners: `till` ends a scan with Enter, `bare` does not."""

    api: int
    folder: Path

    def url(self, name: str) -> str:
        return f"scanner+serial://{self.folder / 'emupos' / name}"

    def call(self, path: str, body: object = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.api}/api/v1/{path}",
            data=data,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()

    def scan(self, name: str, code: str) -> None:
        self.call(f"devices/{name}/scans", {"data": code, "countdown_seconds": 0})


@pytest.fixture(scope="module")
def emupos(peer_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("emupos-scanner")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        api = free.getsockname()[1]
    config = folder / "emupos.yaml"
    config.write_text(CONFIG.format(api=api), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [peer_path("emupos"), "run", "--config", str(config)],
            stdout=log, stderr=subprocess.STDOUT, cwd=folder, env={**os.environ, "TMPDIR": str(folder)},
        )  # fmt: skip
        running, clock = Emupos(api, folder), SystemClock()
        until = Deadline.after(START_S, clock)
        try:
            while True:
                try:
                    running.call("devices")
                    break
                except (OSError, urllib.error.URLError):
                    assert process.poll() is None, (folder / "log").read_text()
                    assert not until.expired, "emupos did not start in time"
                    clock.sleep(0.05)
            yield running
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def scanned(emupos, monkeypatch):
    """Return a function: scan a code as soon as the port is open and listened to, and return what is said."""

    def run(name: str, code: str):
        opened = scan_check.open_link

        def open_and_scan(target, deadline):
            link = opened(target, deadline)
            link.receive(deadline.within(0), CHUNK)  # what an earlier test left behind
            emupos.scan(name, code)
            return link

        monkeypatch.setattr(scan_check, "open_link", open_and_scan)
        return check_scanner(parse_target(emupos.url(name)), "en", deadline_s=10)

    return run


@pytest.mark.parametrize(
    ("code", "codes", "corrected"),
    [
        (MILK, [], MILK),
        (f"]d2{MILK}", [], MILK),
        ("4601234567893", [], "4601234567893"),
        (MILK.replace(GS, ""), ["scanner.gs-lost"], MILK),
        (f"A{MILK}", ["scanner.prefix"], MILK),
        ("0104601234567893215фисВУ93вПМя", ["scanner.layout-cyrillic", "scanner.gs-lost"], MILK),
        (f"]d2{MILK}".swapcase(), ["scanner.caps-lock"], MILK),
        (MILK[:-1], ["scanner.truncated"], None),
        ("4601234567890", ["scanner.check-digit"], None),
    ],
)
def test_scans(scanned, code, codes, corrected):
    checked = scanned("till", code)
    found = [finding.code for finding in checked.scans[0].findings if finding.status != "ok"]
    assert found == codes
    told = scan_document(checked.scans[0].diagnosis)
    assert (told["raw"], told["corrected"]) == (f"{code}\r", corrected)


def test_a_scanner_without_a_suffix(scanned):
    checked = scanned("bare", MILK)
    found = {
        finding.code: finding.status.value for finding in checked.scans[0].findings if finding.status != "ok"
    }
    assert found == {"scanner.suffix-missing": "warning"}


def test_a_scanner_that_is_silent_is_fine(emupos, supportctl):
    ended = supportctl("check", emupos.url("till"), "--format", "json")
    document = json.loads(ended.out)
    assert (ended.exit_code, [finding["code"] for finding in document["findings"]]) == (0, ["scanner.port"])
