"""The agent that is brought along: the bytes that were sent, or nothing; and nothing is left behind."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from agents import pushed

from supportctl.remote.push import CHANGED, TOO_OLD, Archive, archive, command, pack, sources


def names():
    return zipfile.ZipFile(io.BytesIO(archive().data)).namelist()


def test_the_same_sources_give_the_same_bytes():
    files = dict(sources())
    one, two = pack(files), pack(dict(reversed(files.items())))
    assert one == two
    assert re.fullmatch("[0-9a-f]{64}", one.digest)


def test_what_is_in_it():
    packed = set(names())
    assert {"supportctl/remote/agent.py", "serial/__init__.py", "probes/links/port_programs.toml"} <= packed
    assert not [
        name for name in packed if name.startswith(("probes/lab", "supportctl/catalog", "supportctl/cli"))
    ]
    assert not [name for name in packed if "paramiko" in name or name.endswith((".so", ".pyc"))]
    assert not [name for name in packed if name.startswith("/") or ".." in name]


def test_the_command_is_one_word_for_every_shell():
    line = command(archive())
    assert line.count('"') == 2
    assert not set(line) & set("$%`\\!\n")


def test_a_command_starts_it_and_nothing_is_written(tmp_path):
    (tmp_path / "home").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home")}
    with pushed(env=environment, cwd=tmp_path / "home") as agent:
        hello = agent.greet()
        assert hello.digest == archive().digest
        assert agent.client.call("ports")["ports"] is not None
        assert sorted(tmp_path.rglob("*")) == [tmp_path / "home"]
        assert agent.end() == 0
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "home"]


def flipped(data):
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


def other(data):
    files = dict(sources())
    files["supportctl/remote/agent.py"] += b"\n# changed\n"
    return pack(files).data.ljust(len(data), b"\0")[: len(data)]


@pytest.mark.parametrize("change", [flipped, other, lambda data: b"\0" * len(data)])
def test_other_bytes_are_refused(change):
    with pushed(change(archive().data)) as agent:
        assert agent.process.wait(10) == 1
        assert CHANGED.encode() in agent.process.stderr.read()
        assert agent.process.stdout.read() == b""


def test_a_line_that_ends_in_the_middle_starts_nothing():
    with pushed(archive().data[:1000]) as agent:
        agent.process.stdin.close()
        assert agent.process.wait(10) == 1
        assert CHANGED.encode() in agent.process.stderr.read()


def test_modules_that_lie_in_the_way_are_not_taken(tmp_path):
    """Neither the folder it starts in nor PYTHONPATH nor the user's site can put a module before ours."""
    for name in ("hashlib", "tempfile", "socket", "supportctl", "serial"):
        (tmp_path / f"{name}.py").write_text("import os\nos.write(1, b'taken')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "socket.py")}
    with pushed(cwd=tmp_path, env=environment) as agent:
        agent.greet()
        assert agent.client.call("ports")["ports"] is not None
        assert agent.end() == 0
        assert agent.link is not None


def test_an_old_python_is_told(tmp_path):
    """The check itself runs: with a version that is pretended to be old."""
    line = command(Archive(b"", "0" * 64), sys.executable)
    old = line.replace("v=sys.version_info;", "v=(3,9);")
    assert old != line
    ended = subprocess.run(["sh", "-c", old], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert ended.returncode == 1
    assert f"{TOO_OLD} 3.9" in ended.stderr.decode()


def test_without_memory_files_its_folder_goes_with_it(tmp_path):
    """Where there is no memfd (macOS, Windows) it lies in a folder of its own, until it ends."""
    made = archive()
    line = command(made, os.path.realpath(sys.executable)).replace("hasattr(os,'memfd_create')", "False")
    from agents import Agent

    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with Agent(["sh", "-c", "exec " + line], made.data, env=environment) as agent:
        agent.greet()
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert agent.client.call("ports")["ports"] is not None
        assert agent.end() == 0
    assert list(tmp_path.iterdir()) == []


def test_every_module_compiles_for_the_oldest_python_that_is_promised():
    import ast

    with zipfile.ZipFile(io.BytesIO(archive().data)) as packed:
        for name in packed.namelist():
            if name.endswith(".py"):
                ast.parse(packed.read(name), feature_version=(3, 11))


def test_every_probe_can_be_imported_there(tmp_path):
    """With the standard library alone; what a probe needs beyond it is imported when it asks."""
    file = tmp_path / "agent.zip"
    file.write_bytes(archive().data)
    code = (
        f"import sys; sys.path.insert(0, {str(file)!r})\n"
        "from probes.registry import BUILT_IN\n"
        "for entry in BUILT_IN:\n"
        "    try: entry.load()\n"
        "    except ImportError as error: print(entry.id, error.name)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, check=True
    )
    assert ended.stdout == ""
    assert Path(file).exists()
