"""The test slip and the drawer on emupos, which reads ESC/POS by itself and shows what it would print."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from typing import NamedTuple

import pytest

from playbooks.actions.registry import action
from playbooks.actions.system import this_computer
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

pytestmark = pytest.mark.peer("emupos")
CLOCK = SystemClock()
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
"""


class Emupos(NamedTuple):
    """A running emupos with one printer."""

    api: int
    url: str

    def call(self, path: str = "", method: str = "GET") -> bytes:
        url = f"http://127.0.0.1:{self.api}/api/v1/devices{path}"
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.read()

    def do(self, name: str):
        place, deadline = this_computer(CLOCK, parse_target), Deadline.after(20, CLOCK)
        act = action(name)
        return act.run(act.plan({"target": self.url}, place, deadline), place, deadline)

    def until(self, path: str, true):
        """Return the answer once `true` of it."""
        deadline = Deadline.after(10, CLOCK)
        while not true(answer := json.loads(self.call(path))):
            assert not deadline.expired, answer
            CLOCK.sleep(0.05)
        return answer


@pytest.fixture
def emupos(peer_path, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        api, port = one.getsockname()[1], two.getsockname()[1]
    config = tmp_path / "emupos.yaml"
    config.write_text(CONFIG.format(api=api, port=port, folder=tmp_path), encoding="utf-8")
    process = subprocess.Popen(
        [peer_path("emupos"), "run", "--config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    running, until = Emupos(api, f"escpos+tcp://127.0.0.1:{port}"), Deadline.after(30, CLOCK)
    try:
        while True:
            try:
                running.call()
                break
            except (OSError, urllib.error.URLError):
                assert process.poll() is None
                assert not until.expired, "emupos did not start in time"
                CLOCK.sleep(0.05)
        yield running
    finally:
        process.terminate()
        process.wait(10)


def test_the_slip_is_printed_and_cut(emupos):
    assert emupos.do("printer.test-slip").ok
    (receipt,) = emupos.until("/front/receipts", bool)
    assert receipt["boundary"] == "cut"
    text = emupos.call(f"/front/receipts/{receipt['id']}/text").decode()
    assert "NOT A RECEIPT" in text
    assert "ПРОВЕРКА ПЕЧАТИ. НЕ ЧЕК." in text
    assert "АБВГДЕЁЖЗ абвгдеёжз" in text


def test_the_drawer_opens(emupos):
    assert emupos.do("drawer.open").ok
    assert emupos.until("/front", lambda seen: seen["state"]["drawer"] == "open")
    assert json.loads(emupos.call("/front/receipts")) == []


@pytest.mark.parametrize("fault", ["paper-out", "cover-open", "offline"])
def test_a_printer_that_is_not_ready_gets_nothing(emupos, fault):
    emupos.call(f"/front/faults/{fault}", "PUT")
    assert emupos.do("printer.test-slip").code == "action.failed-printer-offline"
    emupos.call(f"/front/faults/{fault}", "DELETE")
    assert json.loads(emupos.call("/front/receipts")) == []
