"""supportctl in a real terminal: a pseudo-terminal, keys, and what stands on the screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])")
_PATIENCE_S = 20.0


class Terminal:
    """One command in a terminal of its own, inside `with`."""

    def __init__(
        self,
        words: list[str],
        env: Mapping[str, str],
        columns: int = 100,
        rows: int = 40,
        program: Sequence[str] = (sys.executable, "-m", "supportctl"),
    ) -> None:
        self._screen, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._slave = slave
        self.before = termios.tcgetattr(slave)
        self.raw = ""
        self._seen = 0
        surroundings = {name: value for name, value in os.environ.items() if name not in {"LINES", "COLUMNS"}}
        self.process = subprocess.Popen(
            [*program, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**surroundings, "TERM": "xterm-256color", **env},
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._slave)
        os.close(self._screen)

    def read(self, seconds: float = 0.05) -> bool:
        """Take what has come; return whether there was anything."""
        ready, _, _ = select.select([self._screen], [], [], seconds)
        if ready:
            self.raw += os.read(self._screen, 65536).decode("utf-8", "replace")
        return bool(ready)

    def until(self, text: str) -> None:
        """Read on until `text` is on the screen, after what was waited for before."""
        end = time.monotonic() + _PATIENCE_S
        while text not in (shown := plain(self.raw[self._seen :])):
            assert time.monotonic() < end, f"{text!r} does not come; the end of the screen: {shown[-1500:]}"
            if not self.read() and self.process.poll() is not None and not self.read():
                shown = plain(self.raw[self._seen :])
                assert text in shown, f"{text!r} did not come before the end: {shown[-1500:]}"
        self._seen = len(self.raw)

    def until_true(self, condition: Callable[[], bool]) -> None:
        """Read on until something is true."""
        end = time.monotonic() + _PATIENCE_S
        while not condition():
            self.read()
            assert time.monotonic() < end, plain(self.raw)[-1500:]

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._screen, keys.encode())

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """The process is gone at once, and tidies nothing up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_PATIENCE_S)

    def ended(self) -> int:
        """Return the exit code; all that was written is in `raw` then."""
        end = time.monotonic() + _PATIENCE_S
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < end, plain(self.raw)[-1500:]
        while self.read():
            pass
        return self.process.returncode

    def is_restored(self) -> bool:
        """Return whether the terminal is as it was: echo, lines, cursor, the screen behind."""
        return (
            termios.tcgetattr(self._slave) == self.before
            and self.raw.rfind("\x1b[?25h") >= self.raw.rfind("\x1b[?25l")
            and self.raw.rfind("\x1b[?1049l") >= self.raw.rfind("\x1b[?1049h")
        )


def plain(text: str) -> str:
    """Return text without escape sequences, frames and line ends: words stand as they are read."""
    bare = _ESCAPES.sub("", text)
    return " ".join(re.sub(r"[│─╭╮╰╯]", " ", bare).split())
