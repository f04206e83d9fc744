"""Runs a command of the system that only reads, within the deadline."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supportctl.core.deadline import Deadline

_MAX_OUTPUT = 1024 * 1024
_NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW: no console flashes up over the till software


class Output(NamedTuple):
    """What a command printed. `code` is None when it does not exist or did not end in time."""

    code: int | None
    text: str = ""
    problem: str = ""  # missing, late


def run(command: Sequence[str], deadline: Deadline) -> Output:
    """Return the standard output of `command`, in English where it can speak it."""
    flags = _NO_WINDOW if sys.platform == "win32" else 0
    try:
        done = subprocess.run(  # noqa: S603  fixed commands; names from the configuration are single arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=max(deadline.remaining(), 0.1),
            check=False,
            env={**os.environ, "LC_ALL": "C"},
            creationflags=flags,
        )
    except subprocess.TimeoutExpired:
        return Output(None, problem="late")
    except OSError:
        return Output(None, problem="missing")
    return Output(done.returncode, done.stdout[:_MAX_OUTPUT].decode("utf-8", "replace"))


def powershell(script: str) -> list[str]:
    """Return the command that runs `script` in Windows PowerShell 5; the script must not hold double quotes.

    Not `-EncodedCommand`: antivirus programs stop that.
    """
    assert '"' not in script  # it would end the argument
    return ["powershell.exe", "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script]
