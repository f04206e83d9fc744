"""The control port and the folder of a lab."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from probes.lab.rundir import RunDir, default_folder
from probes.lab.serve.control import MAX_LINE, ControlDesk, ask
from probes.lab.serve.loop import LoopThread
from probes.lab.serve.tcp import TcpEndpoint
from probes.lab.wirefaults import WireFaults
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@pytest.fixture
def desk() -> Iterator[TcpEndpoint]:
    def handle(request: Mapping[str, Any]) -> dict[str, Any]:
        if request["do"] == "fail":
            raise UsageError("lab.unknown-device", found="x", nearest="y")
        return {"did": request["do"]}

    thread = LoopThread("control test")
    endpoint = TcpEndpoint(ControlDesk("secret", handle), WireFaults(), thread.loop)
    thread.call(endpoint.open)
    yield endpoint
    thread.call(endpoint.close)
    thread.stop()
    assert thread.crashes == []


def test_a_request_is_answered(desk: TcpEndpoint) -> None:
    assert ask(desk.port, "secret", {"do": "it"}) == {"did": "it"}


def test_an_error_arrives_as_it_was_raised(desk: TcpEndpoint) -> None:
    with pytest.raises(UsageError) as caught:
        ask(desk.port, "secret", {"do": "fail"})
    assert caught.value.key == "lab.unknown-device"
    assert caught.value.args_by_name == {"found": "x", "nearest": "y"}


@pytest.mark.parametrize("token", ["", "secre", "secret ", "секрет"])
def test_a_wrong_token_does_nothing(desk: TcpEndpoint, token: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(desk.port, token, {"do": "it"})
    assert caught.value.key == "lab.wrong-token"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b"[1]\n",
        b'{"token": 1}\n',
        b"\xff\xfe\n",
        b"[" * 50_000 + b"\n",
        b"x" * (MAX_LINE + 1),
    ],
)
def test_rubbish_is_refused(desk: TcpEndpoint, connect, line: bytes) -> None:
    client = connect(f"tcp://{desk.address}")
    for start in range(0, len(line), 1000):
        client.sock.setblocking(True)
        client.sock.sendall(line[start : start + 1000])
    client.sock.setblocking(False)
    got = b""
    while part := client.read():
        got += part
    assert json.loads(got)["error"]["key"] == "lab.wrong-token"


def test_nobody_there(desk: TcpEndpoint) -> None:
    port = desk.port
    closed = threading.Event()
    desk._loop.call_soon_threadsafe(lambda: (desk.close(), closed.set()))
    assert closed.wait(5)
    with pytest.raises(ConnectionRefusedError):
        ask(port, "secret", {"do": "it"}, 1)


def test_only_one_lab_in_a_folder(tmp_path: Path) -> None:
    first, second = RunDir(tmp_path), RunDir(tmp_path)
    assert not first.running()
    first.claim()
    first.write_state({"pid": 42})
    assert second.running()
    with pytest.raises(UsageError) as caught:
        second.claim()
    assert (caught.value.key, caught.value.args_by_name["found"]) == ("lab.already-running", "42")
    first.release()
    assert not second.running()
    second.claim()
    second.release()


def test_what_a_dead_lab_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    dead = RunDir(tmp_path)
    dead.claim()
    dead.write_state({"pid": 42})
    dead.config.write_text("x")
    (dead.ports / "printer").symlink_to("/dev/null")
    (tmp_path / "notes.txt").write_text("mine")
    assert dead._lock is not None
    dead._lock.close()  # as the system does when a process dies
    heir = RunDir(tmp_path)
    assert heir.state() == {"pid": 42}
    assert not heir.running()
    heir.claim()
    assert heir.state() == {}
    assert list(heir.ports.iterdir()) == []
    heir.release()
    assert {path.name for path in tmp_path.iterdir()} == {"lab.lock", "notes.txt"}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_half_written_state_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lab.json").write_bytes(content)
    assert RunDir(tmp_path).state() == {}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_folder_and_the_token_are_private(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path / "deep" / "lab")
    run_dir.claim()
    run_dir.write_state({"token": "x"})
    assert stat.S_IMODE(run_dir.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((run_dir.folder / "lab.json").stat().st_mode) == 0o600
    run_dir.release()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_folder_that_others_write_to_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError) as caught:
        RunDir(tmp_path).claim()
    assert caught.value.key == "lab.bad-folder"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        RunDir(tmp_path / "file").claim()
    assert caught.value.key == "lab.bad-folder"


def test_the_usual_folder_and_the_named_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUPPORTCTL_LAB_DIR", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert default_folder().name == "lab"  # and no warning, though there is no session
    monkeypatch.setenv("SUPPORTCTL_LAB_DIR", str(tmp_path))
    assert default_folder() == tmp_path
    assert os.environ["SUPPORTCTL_LAB_DIR"] == str(RunDir().folder)
