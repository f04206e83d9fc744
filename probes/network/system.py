"""The system's own network tools, where nothing better tells: fixed commands, bounded time, text out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_S = 3.0
_MAX_CHARS = 64 * 1024


def run_tool(command: Sequence[str], seconds: float = _MAX_S) -> str:
    """Return what a tool prints, empty where it is missing or does not end within `seconds`.

    Windows tools write in the OEM code page (866 on a Russian Windows), which Python calls `oem`.
    """
    import subprocess

    encoding = "oem" if sys.platform == "win32" else "utf-8"
    try:
        ended = subprocess.run(  # noqa: S603  no shell, and no argument comes from a target
            command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode(encoding, "replace")[:_MAX_CHARS]
