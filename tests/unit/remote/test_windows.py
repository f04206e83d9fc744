"""What is different on Windows, as far as another system can show it: its answers and refusals are pretended.

None of it has run on Windows: docs/windows.md.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from supportctl.app.playbook_runs import keep, kept_folder
from supportctl.app.session_logs import begin_log
from supportctl.cli import playbook_keys
from supportctl.core.clock import FakeClock
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.remote import agent, grants, work
from supportctl.remote.audit import SUPPORTER, Who
from supportctl.remote.capability import Capability, Wanted
from supportctl.remote.grants import Offer, give, take
from supportctl.remote.url import parse_remote

WINDOWS = SimpleNamespace(platform="win32")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
O_BINARY = 0x8000
DEVICES = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{name}{number}" for name in ("COM", "LPT") for number in range(10)),
}


def could_be_a_file(name: str) -> bool:
    """Whether Windows makes a file of this name in the folder that is meant, and nothing else."""
    path = PureWindowsPath(name)
    return (
        path.parts == (name,)
        and not path.drive
        and not set(name) & set('<>:"|?*')
        and name.isprintable()
        and name == name.rstrip(". ")
        and name.partition(".")[0].upper() not in DEVICES
    )


# --- the agent's line --------------------------------------------------------------------------------------


def test_standard_input_and_output_are_made_binary(monkeypatch):
    modes: list[tuple[int, int]] = []
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(setmode=lambda *mode: modes.append(mode)))
    monkeypatch.setattr(os, "O_BINARY", O_BINARY, raising=False)
    monkeypatch.setattr(agent, "sys", WINDOWS)
    agent._binary()
    assert modes == [(0, O_BINARY), (1, O_BINARY)]


def test_elsewhere_they_are_left_as_they_are(monkeypatch):
    monkeypatch.setitem(sys.modules, "msvcrt", None)  # importing it would fail
    agent._binary()


def test_an_agent_leaves_where_there_are_no_groups_of_processes(monkeypatch, tmp_path):
    for name in ("setpgid", "killpg", "getpgid"):
        monkeypatch.delattr(os, name)
    monkeypatch.setattr(os, "_exit", lambda code: (_ for _ in ()).throw(SystemExit(code)))
    monkeypatch.setattr(agent, "_leaving", SimpleNamespace(set=lambda: None))
    folder = tmp_path / "supportctl-brought"
    folder.mkdir()
    agent._lead_group()
    with pytest.raises(SystemExit) as ended:
        agent._leave(75, str(folder))
    assert ended.value.code == 75
    assert not folder.exists()


# --- serial ports: names, and what is no port --------------------------------------------------------------


def port(device, description, hwid, vid=None, pid=None):
    """A port as pyserial tells it on Windows (serial/tools/list_ports_windows.py)."""
    info = ListPortInfo(device)
    info.description, info.hwid, info.vid, info.pid = description, hwid, vid, pid
    return info


@pytest.fixture
def com_ports(monkeypatch):
    found = [
        port("COM1", "Communications Port (COM1)", r"ACPI\PNP0501\1"),
        port("COM3", "USB-SERIAL CH340 (COM3)", "USB VID:PID=1A86:7523 SER= LOCATION=1-2", 0x1A86, 0x7523),
        port("COM12", "АТОЛ 30Ф (COM12)", "USB VID:PID=2912:0005 SER=1 LOCATION=1-4:x.0", 0x2912, 0x0005),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: found)


def test_each_port_that_is_listed_may_be_asked(com_ports):
    listed = work.ports()
    assert [each["url"] for each in listed] == ["serial:///COM1", "serial:///COM3", "serial:///COM12"]
    assert listed[2]["description"] == "АТОЛ 30Ф (COM12)"
    for each in listed:
        assert work.target_of(each["url"]).path == each["device"]
        assert work.target_of(f"atol+{each['url'].lower()}").path == each["device"]


@pytest.mark.parametrize(
    "url",
    ["serial:///COM4", "serial:///COM3:", "serial:///COM3/../COM9", "serial:///C:/Users/anna/till.mdb",
     "serial:////./PhysicalDrive0", "serial:////server/share/file", "serial:///%5C%5C.%5CCOM3",
     "serial:///%5C%5C.%5Cpipe%5Cspoolss", "serial:///CON", "serial:///NUL", "serial:///COM3%20"],
)  # fmt: skip
def test_files_pipes_and_disks_are_no_ports(com_ports, url):
    with pytest.raises(SupportctlError) as error:
        work.target_of(url)
    assert error.value.key in {"remote.target-port", "target.no-serial-port", "target.not-a-url"}


# --- files -------------------------------------------------------------------------------------------------


class WindowsFiles:
    """What Windows refuses: to remove a file that somebody has open."""

    def __init__(self, monkeypatch) -> None:
        self.locked: list[int] = []
        self._unlink = Path.unlink
        monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(LK_LOCK=1, locking=self.lock))
        monkeypatch.setattr(grants, "sys", WINDOWS)
        monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: self.unlink(path, missing_ok))

    def lock(self, handle, mode, count) -> None:
        assert (mode, count) == (1, 1)
        self.locked.append(handle)

    def unlink(self, path, missing_ok) -> None:
        open_now = {str(each.resolve()) for each in Path("/proc/self/fd").iterdir() if each.exists()}
        if str(path.resolve()) in open_now:
            raise PermissionError(13, "The process cannot access the file", str(path))
        self._unlink(path, missing_ok)


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="looks up its own open files, as Linux shows them"
)
def test_a_grant_is_used_up_although_its_file_is_open(monkeypatch, tmp_path):
    files = WindowsFiles(monkeypatch)
    folder = tmp_path / "grants"
    code, _ = give(folder, Offer(Capability.FIX, "printer", "d" * 64), NOW)
    wanted = Wanted(Capability.FIX, "printer", "d" * 64)
    assert take(folder, code, wanted, NOW)
    assert not take(folder, code, wanted, NOW)
    assert files.locked
    assert all(could_be_a_file(path.name) for path in folder.iterdir())


def test_a_kept_playbook_has_the_very_bytes(monkeypatch, tmp_path):
    """Else its hash is another one, and no run on Windows could go on."""

    def write_text(path, data, encoding=None, errors=None, newline=None):
        path.write_bytes((data.replace("\n", "\r\n") if newline is None else data).encode(encoding))
        return len(data)

    monkeypatch.setattr(Path, "write_text", write_text)
    keep(tmp_path, "d" * 64, {"till-test": "schema: x\nname: till-test\n"})
    (kept,) = kept_folder(tmp_path, "d" * 64).iterdir()
    assert kept.read_bytes() == b"schema: x\nname: till-test\n"


@settings(max_examples=30)
@given(session=st.text(max_size=40) | st.sampled_from(["CON", "..\\..\\x", "a:b", "nul.txt", "COM1 ", "x."]))
def test_the_log_of_any_session_has_a_name_that_windows_takes(tmp_path_factory, session):
    folder = tmp_path_factory.mktemp("logs")
    log, path = begin_log(Who(session, "T-1", SUPPORTER, "till", "anna"), FakeClock(), folder)
    log.close()
    assert path.parent == folder
    assert could_be_a_file(path.name)


# --- people ------------------------------------------------------------------------------------------------


def test_a_user_of_a_domain():
    assert parse_remote(r"ssh://SHOP%5Ccashier@till-7").user == r"SHOP\cashier"
    with pytest.raises(UsageError):
        parse_remote(r"ssh://\\server@till-7")


class Console:
    """msvcrt with keys that somebody presses."""

    def __init__(self, keys) -> None:
        self.keys = list(keys)

    def kbhit(self) -> bool:
        return bool(self.keys)

    def getwch(self) -> str:
        return self.keys.pop(0)


@pytest.fixture
def windows_keys(monkeypatch):
    """The module of keys as Windows loads it, and a function that says what is pressed."""
    console = Console("")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        patch.setitem(sys.modules, "msvcrt", console)
        spec = importlib.util.spec_from_file_location("keys_of_windows", playbook_keys.__file__)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

    def pressed(*keys):
        console.keys = list(keys)
        return module._WindowsKeys()

    return pressed


def test_keys_of_a_console(windows_keys):
    assert windows_keys("q").read(0) == ["q"]
    assert windows_keys("й", "\r", "\b").read(0) == ["й", "\r", playbook_keys.BACKSPACE]
    assert windows_keys("\xe0", "H", "\0", ";", "n").read(0) == ["n"]  # an arrow, F1, and a key
    assert windows_keys().read(0) == []
    with pytest.raises(KeyboardInterrupt):
        windows_keys("\x03").read(0)


def test_what_was_typed_ahead_is_forgotten(windows_keys):
    keys = windows_keys("y", "e", "s", "\r")
    keys.forget()
    assert keys.read(0) == []
