"""Who has a serial port open: name and id of the process.

Linux tells it in three places, and each sees what another does not: `/proc/PID/fd` (every holder, but only
among our own user's processes unless we are root), `/proc/locks` (holders with an flock, of all users) and
the lock files in `/var/lock` (modem and terminal programs). Windows tells it nowhere: there we name the
running programs that are known to hold ports.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.data import beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PROC = Path("/proc")
_LOCK_FOLDERS = (Path("/var/lock"), Path("/run/lock"))


class Holder(NamedTuple):
    """A process that has the port open. `sure` is false for a guess from the list of known programs."""

    pid: int
    name: str
    sure: bool = True

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def holders(port: str) -> list[Holder]:
    """Return the processes, other than this one, that have `port` open; as far as this user may see.

    The process behind a pseudo-terminal has its other end open, too: it is the device and no holder.
    """
    if sys.platform == "win32":
        return likely_holders(_running())
    if not _PROC.joinpath("self/fd").exists():
        return _by_psutil(port)
    path = os.path.realpath(port)
    pids = dict.fromkeys([*_by_open_files(path), *_by_locks(path), *_by_lock_files(path)])
    return [Holder(pid, _name(pid)) for pid in pids if pid != os.getpid()]


def likely_holders(running: Iterable[tuple[int, str]]) -> list[Holder]:
    """Return those of the running programs (id, name) that are known to hold ports, the likeliest first."""
    ranks: dict[str, int] = {}
    for rank, names in enumerate(
        tomllib.loads(beside(__name__, "port_programs.toml").decode("utf-8")).values()
    ):
        ranks.update(dict.fromkeys(names, rank))
    known = []
    for pid, name in running:
        stem = name.lower().removesuffix(".exe")
        fitting = [rank for key, rank in ranks.items() if fnmatchcase(stem, key)]
        if fitting:
            known.append((min(fitting), Holder(pid, name, sure=False)))
    return [holder for _rank, holder in sorted(known, key=lambda found: found[0])]


def flock_pids(locks: str, major: int, minor: int, inode: int) -> list[int]:
    """Return the processes that hold an flock on a file, from the text of `/proc/locks`."""
    wanted = f"{major:02x}:{minor:02x}:{inode}"
    pattern = re.compile(r"^\d+: FLOCK\s+\S+\s+\S+\s+(\d+)\s+(\S+) ", re.MULTILINE)
    return [int(pid) for pid, where in pattern.findall(locks) if where == wanted]


def pid_in_lock_file(content: bytes) -> int | None:
    """Return the process id in an UUCP lock file: ten digits and a line end, or four bytes in old ones."""
    text = content.split(b"\n")[0].strip()
    if text.split(b" ")[0].isdigit():
        return int(text.split(b" ")[0])
    return int.from_bytes(content, sys.byteorder) if len(content) == 4 else None


def _by_open_files(path: str) -> Iterator[int]:
    for process in _entries("/proc"):
        if process.isdigit():
            folder = f"/proc/{process}/fd"  # plain text: a Path for each open file of the computer is slow
            opened = {number: _link(f"{folder}/{number}") for number in _entries(folder)}
            if path in opened.values() and not _is_other_end(process, opened, path):
                yield int(process)


def _is_other_end(process: str, opened: dict[str, str], path: str) -> bool:
    folder, _, index = path.rpartition("/")
    if folder != "/dev/pts":
        return False
    masters = [number for number, name in opened.items() if name in {"/dev/ptmx", "/dev/pts/ptmx"}]
    return any(f"tty-index:\t{index}\n" in _text(_PROC / process / "fdinfo" / number) for number in masters)


def _by_locks(path: str) -> list[int]:
    try:
        node = os.stat(path)  # noqa: PTH116  one call for the three numbers
    except OSError:
        return []
    pids = flock_pids(_text(_PROC / "locks"), os.major(node.st_dev), os.minor(node.st_dev), node.st_ino)
    return [pid for pid in pids if pid > 0]  # zero and less: a process that this namespace cannot see


def _by_lock_files(path: str) -> Iterator[int]:
    name = "LCK.." + path.removeprefix("/dev/").replace("/", "_")
    for folder in _LOCK_FOLDERS:
        try:
            pid = pid_in_lock_file((folder / name).read_bytes()[:64])
        except OSError:
            continue
        if pid and _PROC.joinpath(str(pid)).exists():  # a program that crashed leaves its lock file behind
            yield pid


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  names are enough, and there are thousands
    except OSError:  # ended meanwhile, or another user's
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115  see above
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _name(pid: int) -> str:
    return _text(_PROC / str(pid) / "comm").strip() or "?"


def _running() -> list[tuple[int, str]]:
    import psutil

    return [(process.pid, process.info["name"] or "") for process in psutil.process_iter(["name"])]


def _by_psutil(port: str) -> list[Holder]:
    import psutil

    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if any(file.path == port for file in process.open_files()):
                found.append(Holder(process.pid, process.info["name"] or "?"))
        except (psutil.Error, OSError):
            continue
    return [holder for holder in found if holder.pid != os.getpid()]
