"""What the `lab` commands do with a lab in another process: start it, ask it, switch its faults, stop it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from probes.lab.rundir import RunDir
from probes.lab.serve.control import Answer, ask
from supportctl.core.clock import Clock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import EXIT_USAGE, SupportctlError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_START_S = 30.0
_STOP_S = 10.0
_POLL_S = 0.02
CHILD_OPTION = "--for-parent"


class Stopped(NamedTuple):
    """Which process was stopped; `was_dead` if it had died before and only its files were removed."""

    pid: int
    was_dead: bool


def lab_status() -> Answer:
    """Return what the running lab is, as `supportctl.lab/1`.

    Raises:
        UsageError: `lab.not-running`, `lab.died`.
        SupportctlError: `lab.no-answer`.
    """
    return _ask("devices")


def switch_fault(device: str, fault: str | None, *, on: bool) -> Answer:
    """Switch a fault of the running lab (None: all of a device's, off); returns the device as it is now.

    Raises:
        UsageError: `lab.unknown-device`, `lab.unknown-fault`, or no lab runs.
    """
    return _ask("fault", device=device, fault=fault, on=on)


def stop_lab(clock: Clock | None = None) -> Stopped:
    """Stop the running lab and return when it has ended, or remove what a dead one has left.

    Raises:
        UsageError: `lab.not-running`.
        SupportctlError: `lab.no-answer`: it does not end.
    """
    run_dir = RunDir()
    state = run_dir.state()
    if not run_dir.running():
        if not state:
            raise UsageError("lab.not-running", folder=run_dir.folder)
        run_dir.claim()
        run_dir.release()
        return Stopped(_pid(state), was_dead=True)
    try:
        _ask("down")
    except SupportctlError as error:
        if error.key != "lab.no-answer" or not _pid(state):
            raise
        # The lock says that whoever wrote this state is alive: the process id is still theirs.
        with contextlib.suppress(ProcessLookupError):
            os.kill(_pid(state), signal.SIGTERM)
    clock = clock or SystemClock()
    deadline = Deadline.after(_STOP_S, clock)
    while run_dir.running():
        if deadline.expired:
            raise SupportctlError("lab.no-answer", found=_pid(state))
        clock.sleep(_POLL_S)
    return Stopped(_pid(state), was_dead=False)


def start_detached(source: str | Path, write_config: Path | None) -> Answer:
    """Start a lab that outlives this process; returns what it is once its devices answer.

    Raises:
        UsageError: what the lab's process says is wrong.
        SupportctlError: `lab.not-started`: it ended without a word, or is not ready in time.
    """
    from supportctl.app.lab_host import load_checked

    load_checked(source)  # a wrong one is told before a process is started
    run_dir = RunDir()
    run_dir.make()
    options = ["--write-config", str(write_config)] if write_config else []
    with run_dir.log.open("wb") as log:
        child = subprocess.Popen(  # noqa: S603  our own program
            [*_own_command(), "lab", "up", "--scenario", str(source), CHILD_OPTION, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            **_detached(),
        )
    assert child.stdout is not None
    killer = threading.Timer(_START_S, child.kill)
    killer.start()
    with child.stdout:
        answer = child.stdout.read()  # until the child lets go of it, which it does when it is ready
    killer.cancel()
    try:
        document: dict[str, Any] = json.loads(answer)
    except ValueError:
        child.wait()
        raise SupportctlError("lab.not-started", found=child.returncode, log=run_dir.log) from None
    if "error" in document:
        child.wait()
        kind = UsageError if document["exit_code"] == EXIT_USAGE else SupportctlError
        raise kind(document["error"], **document["args"])
    child.returncode = 0  # it is meant to go on running: no warning about that
    return document


def serve_for_parent(source: str, write_config: Path | None) -> None:
    """Be the process that `start_detached` starts: one document on standard output, then silence."""
    from supportctl.app.lab_host import LabHost

    try:
        with LabHost(source, write_config) as host:
            _tell_parent(host.document())
            host.wait()
    except SupportctlError as error:
        _tell_parent({"error": error.key, "args": dict(error.args_by_name), "exit_code": error.exit_code})


def _tell_parent(document: Answer) -> None:
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        json.dump(document, out)
    # Standard output ends here for the parent; nothing may ever block on it or fail because of it.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _own_command() -> list[str]:
    """Return the command that runs this very supportctl; -P keeps the current folder out of its imports."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-P", "-c", "from supportctl.cli.main import main; main()"]


def _detached() -> dict[str, Any]:
    """Return the arguments of Popen that let the child outlive its terminal; they differ by system."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _ask(do: str, **args: str | bool | None) -> Answer:
    run_dir = RunDir()
    state = run_dir.state()
    if not run_dir.running():
        if state:
            raise UsageError("lab.died", found=_pid(state))
        raise UsageError("lab.not-running", folder=run_dir.folder)
    try:
        return ask(int(state["port"]), str(state["token"]), {"do": do, **args})
    except (OSError, KeyError, ValueError):
        raise SupportctlError("lab.no-answer", found=_pid(state) or "-") from None


def _pid(state: dict[str, Any]) -> int:
    pid = state.get("pid")
    return pid if isinstance(pid, int) else 0
