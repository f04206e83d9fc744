"""The real place: this computer. Programs are started without a shell, in a clean environment, in English."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING

from playbooks.actions.model import LATE, MISSING, Place, Ran
from probes.links import open_link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from playbooks.actions.model import TargetUrls
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

MAX_OUTPUT = 256 * 1024  # bytes that are read of each stream
_NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW: no console flashes up over the till software
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Programs of Windows do not start without some of these. Nothing else of ours is handed on: no secrets.
_WINDOWS_NAMES = (
    "SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT", "TEMP", "TMP", "ProgramData", "ProgramFiles",
    "ProgramFiles(x86)", "CommonProgramFiles", "ALLUSERSPROFILE", "USERPROFILE", "LOCALAPPDATA", "APPDATA",
    "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "OS",
)  # fmt: skip


def this_computer(
    clock: Clock,
    target: Callable[[str], Target],
    *,
    folders: Sequence[str] = (),
    targets: TargetUrls | None = None,
    environment: Mapping[str, str] | None = None,
) -> Place:
    """Return the place that changes this computer; `environment` is added to the clean one."""
    names = {"win32": "windows", "darwin": "darwin"}
    surroundings = {**clean_environment(os.environ, sys.platform), **(environment or {})}

    def run(words: Sequence[str], deadline: Deadline, given: str = "") -> Ran:
        return run_program(words, deadline, given, surroundings)

    system = names.get(sys.platform, "linux")
    return Place(system, clock, run, target, open_link, tuple(folders), targets)


def clean_environment(ours: Mapping[str, str], platform: str) -> dict[str, str]:
    """Return what a program may know of our surroundings: where programs are, and that it speaks English."""
    if platform == "win32":
        kept = {name: ours[name] for name in _WINDOWS_NAMES if name in ours}
        root = kept.get("SystemRoot", r"C:\Windows")
        kept["PATH"] = rf"{root}\System32;{root};{root}\System32\Wbem;{root}\System32\WindowsPowerShell\v1.0"
        return kept
    return {"PATH": _PATH, "LC_ALL": "C", "HOME": ours.get("HOME", "/"), "USER": ours.get("USER", "")}


def run_program(words: Sequence[str], deadline: Deadline, given: str, environment: Mapping[str, str]) -> Ran:
    """Run a program until it ends, at most until the deadline; then it is ended with all that it started.

    Its output goes to files: a daemon that a service script leaves behind keeps a pipe open for ever.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(  # noqa: S603  a list of words; parameters are checked by the actions
                list(words),
                stdin=subprocess.PIPE if given else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(environment),
                creationflags=_NO_WINDOW if sys.platform == "win32" else 0,
                start_new_session=sys.platform != "win32",
            )
        except OSError:
            return Ran(MISSING)
        try:
            process.communicate(given.encode() if given else None, timeout=max(deadline.remaining(), 0.1))
        except subprocess.TimeoutExpired:
            _end(process)
            return Ran(LATE, _text(out), _text(err))
        return Ran(process.returncode, _text(out), _text(err))


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read(MAX_OUTPUT).decode("utf-8", "replace")
