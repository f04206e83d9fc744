"""The lab as people use it: started, broken, mended and stopped from the command line."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from probes.lab.scenario import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

if sys.platform == "win32":
    pytest.skip("signals and pseudo-terminals of POSIX", allow_module_level=True)

COMMAND = [sys.executable, "-P", "-c", "from supportctl.cli.main import main; main()"]
PATIENCE_S = 20.0


class Shell:
    """Runs supportctl with a lab folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SUPPORTCTL_LAB_DIR": str(folder)}

    def run(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [*COMMAND, *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=self.environment,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout + done.stderr

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--format", "json", code=code))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env=self.environment,
        )


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet collected by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        select.select([], [], [], 0.01)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell; whatever lab is left at the end is stopped by its process id."""
    folder = tmp_path / "lab"
    yield Shell(folder)
    state = folder / "lab.json"
    if state.exists():
        pid = json.loads(state.read_text())["pid"]
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
            pytest.fail(f"process {pid} was left running")


def status(url: str) -> bytes:
    host, _, port = url.partition("://")[2].partition(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as wire:
        wire.sendall(b"\x10\x04\x01")
        return wire.recv(1)


def test_the_life_of_a_detached_lab(shell: Shell) -> None:
    document = shell.json("lab", "up", "--scenario", "bad-day", "--detach")
    pid = document["pid"]
    assert document["schema"] == "supportctl.lab/1"
    assert alive(pid)
    kitchen = next(d for d in document["devices"] if d["name"] == "till-printer")
    assert kitchen["targets"][0]["url"].startswith("escpos+serial:///")
    url = document["devices"][0]["targets"][0]["url"]
    assert status(url) == b"\x1a", "out of paper, so offline"

    assert shell.json("lab", "faults") == document
    assert shell.run("lab", "fault", "receipt-printer", "--clear") == "receipt-printer: healthy\n"
    assert status(url) == b"\x12"
    device = shell.json("lab", "fault", "receipt-printer", "offline")
    assert [f["name"] for f in device["faults"] if f["active"]] == ["offline"]
    assert status(url) == b"\x1a"
    assert shell.run("lab", "fault", "receipt-printer", "offline", "--clear") == "receipt-printer: healthy\n"

    assert f"process {pid}" in shell.run("lab", "up", "--detach", code=2)
    assert shell.json("lab", "down") == {"schema": "supportctl.lab-stopped/1", "pid": pid, "was_dead": False}
    wait_until(lambda: not alive(pid))
    with pytest.raises(ConnectionRefusedError):
        status(url)
    assert {path.name for path in shell.folder.iterdir()} == {"lab.lock", "lab.log"}
    assert (shell.folder / "lab.log").read_bytes() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_lab_in_the_foreground_ends_with_a_signal(shell: Shell, number: signal.Signals) -> None:
    process = shell.start("--lang", "en", "lab", "up")
    assert process.stdout is not None
    with process:
        scenario = load_scenario("shop")
        shown = 5 + len(scenario.devices) + len(scenario.portals)
        lines = [process.stdout.readline() for _ in range(shown)]
        assert lines[0] == f'The simulated shop "shop" is open (process {process.pid}):\n'
        assert lines[-1].split(maxsplit=2)[2] == "Ctrl-C here\n"
        process.send_signal(number)
        assert process.stdout.read() == "", "no traceback, no other word"
        assert process.wait(PATIENCE_S) == 0
    assert {path.name for path in shell.folder.iterdir()} == {"lab.lock"}


def test_a_killed_lab_is_noticed_and_cleaned_up(shell: Shell) -> None:
    pid = shell.json("lab", "up", "--detach")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid))
    assert (shell.folder / "lab.json").exists()
    assert os.path.lexists(shell.folder / "ports" / "till-printer")
    assert shell.json("lab", "faults", code=2)["error"]["code"] == "lab.died"
    assert shell.json("lab", "down") == {"schema": "supportctl.lab-stopped/1", "pid": pid, "was_dead": True}
    assert not (shell.folder / "lab.json").exists()
    assert shell.json("lab", "down", code=2)["error"]["code"] == "lab.not-running"


def test_a_new_lab_takes_the_place_of_a_killed_one(shell: Shell) -> None:
    dead = shell.json("lab", "up", "--detach")["pid"]
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: not alive(dead))
    new = shell.json("lab", "up", "--detach")["pid"]
    assert new != dead
    shell.run("lab", "down")
    wait_until(lambda: not alive(new))


def test_a_lab_that_hangs_is_ended_by_its_process_id(shell: Shell) -> None:
    """Its state names a control port where nobody answers; the lock says that it lives."""
    pid = shell.json("lab", "up", "--detach")["pid"]
    state = shell.folder / "lab.json"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        document = {**json.loads(state.read_text()), "port": closed.getsockname()[1]}
        state.write_text(json.dumps(document))
        assert shell.json("lab", "faults", code=1)["error"]["code"] == "lab.no-answer"
        shell.run("lab", "down")
    wait_until(lambda: not alive(pid))


def test_a_configuration_where_it_is_wanted(shell: Shell, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine.yaml", tmp_path / "theirs.yaml"
    theirs.write_text("site: {id: precious}\n")
    document = shell.json("lab", "up", "--detach", "--write-config", str(theirs), code=2)
    assert document["error"]["code"] == "lab.config-exists"
    assert theirs.read_text() == "site: {id: precious}\n"
    for _ in range(2):  # what the lab wrote it may write again
        document = shell.json("lab", "up", "--detach", "--write-config", str(mine))
        assert document["check"] == f"supportctl --config {mine} check"
        assert document["devices"][0]["targets"][0]["url"] in mine.read_text()
        shell.run("lab", "down")
    wait_until(lambda: not alive(document["pid"]))


def test_a_port_in_use_is_told_by_the_detached_lab(shell: Shell, tmp_path: Path) -> None:
    scenario = tmp_path / "one.yaml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        scenario.write_text(f"devices: [{{name: a, protocol: escpos, port: {port}}}]")
        for words in (("--detach",), ()):
            error = shell.json("lab", "up", "--scenario", str(scenario), *words, code=2)["error"]
            assert error["code"] == "lab.port-in-use"
            assert str(port) in error["found"]
    assert not (shell.folder / "lab.json").exists()


def test_portals_stand_beside_the_devices(shell: Shell) -> None:
    document = shell.json("lab", "up", "--detach")
    portals = {portal["name"]: portal for portal in document["portals"]}
    assert [(p["kind"], p["section"]) for p in portals.values()] == [
        ("uis", "telephony"),
        ("bitrix24", "crm"),
        ("redmine", "trackers"),
        ("chat", "notify"),
    ]
    assert document["sync"].endswith("sync check --source pbx --crm acme --since 24h")
    assert portals["acme"]["url"] in Path(document["config"]).read_text()
    warned = shell.json("config", "check", "--config", document["config"], code=4)  # secrets in place
    assert len(warned["problems"]) == 4
    portal = shell.json("lab", "fault", "acme", "expired-token")
    assert [fault["name"] for fault in portal["faults"] if fault["active"]] == ["expired-token"]
    assert "expired-token" in shell.run("lab", "faults")
    assert shell.json("lab", "fault", "acmee", "reset", code=2)["error"]["code"] == "lab.unknown-device"
    assert shell.json("lab", "fault", "acme", "paper-out", code=2)["error"]["code"] == "lab.unknown-fault"
    assert shell.run("lab", "fault", "acme", "--clear", "--lang", "en") == "acme: healthy\n"
    shell.run("lab", "down")
    wait_until(lambda: not alive(document["pid"]))


def test_a_portal_that_does_not_exist_starts_no_process(shell: Shell, tmp_path: Path) -> None:
    scenario = tmp_path / "wrong.yaml"
    for line, wrong in (
        ("{name: a, kind: bitrix25, section: crm}", "bitrix24"),
        ("{name: a, kind: bitrix24, section: telephony}", "crm"),
        ("{name: a, kind: bitrix24, section: crm, faults: [expired-tokn]}", "expired-token"),
    ):
        scenario.write_text(f"portals:\n  - {line}\n")
        error = shell.json("lab", "up", "--scenario", str(scenario), "--detach", code=2)["error"]
        assert error["code"] == "lab.scenario-bad-value"
        assert f"{scenario}:2" in error["found"]
        assert wrong in error["expected"]
    assert not shell.folder.exists()


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_mistakes_are_told_kindly(shell: Shell, lang: str) -> None:
    pid = shell.json("lab", "up", "--detach")["pid"]
    told = shell.run("--lang", lang, "lab", "fault", "receipt-printr", "paper-out", code=2)
    assert "receipt-printer" in told
    assert "Traceback" not in told
    told = shell.run("--lang", lang, "lab", "fault", "receipt-printer", "paper-ou", code=2)
    assert "paper-out" in told
    assert shell.json("lab", "fault", "receipt-printer", code=2)["error"]["code"] == "usage.missing"
    listed = shell.run("--lang", lang, "lab", "faults")
    assert "wire-held" in listed
    assert all(len(line) <= 110 for line in listed.splitlines() if "://" not in line)
    shell.run("--lang", lang, "lab", "down")
    wait_until(lambda: not alive(pid))


def test_a_wrong_scenario_starts_no_process(shell: Shell, tmp_path: Path) -> None:
    scenario = tmp_path / "wrong.yaml"
    scenario.write_text("devices:\n  - {name: a, protokol: escpos}\n")
    error = shell.json("lab", "up", "--scenario", str(scenario), "--detach", code=2)["error"]
    assert error["code"] == "lab.scenario-unknown-key"
    assert f"{scenario}:2" in error["found"]
    assert not shell.folder.exists()


def test_help_speaks_both_languages(shell: Shell) -> None:
    assert "simulated shop" in shell.run("--lang", "en", "lab", "up", "--help")
    assert "учебный магазин" in shell.run("--lang", "ru", "lab", "up", "--help")
