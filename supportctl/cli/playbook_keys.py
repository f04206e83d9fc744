"""Single keys from a terminal, whatever the keyboard's layout, and the terminal as it was afterwards."""

from __future__ import annotations

import codecs
import os
import select
import signal
import sys
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTER, ESCAPE, BACKSPACE, GONE = "\r", "\x1b", "\x7f", ""
# the same physical keys under a Russian layout
_LATIN = dict(zip("йцукенгшщзхъфывапролджэячсмитьбю", "qwertyuiop[]asdfghjkl;'zxcvbnm,.", strict=True))
_MOST = 4096  # bytes of one look: a whole paste


def latin(key: str) -> str:
    """Return what a key is called on a Latin keyboard, in lower case."""
    low = key.lower()
    return _LATIN.get(low, low)


class Keys(ABC):
    """The keys of a terminal, inside `with keys()`."""

    @abstractmethod
    def read(self, seconds: float) -> list[str]:
        """Return the keys that were pressed, after at most `seconds`; `GONE` where the terminal has gone."""

    @abstractmethod
    def forget(self) -> None:
        """Throw away what was typed ahead."""


@contextmanager
def keys() -> Iterator[Keys]:
    """Give the keys of standard input; a request to end is an interrupt, so that all is tidied up."""
    before = signal.getsignal(signal.SIGTERM)
    names = [signal.SIGTERM] + ([signal.SIGHUP] if sys.platform != "win32" else [])
    for name in names:
        signal.signal(name, _interrupt)
    try:
        if sys.platform == "win32":
            yield _WindowsKeys()
        else:
            with _cbreak():
                yield _PosixKeys(sys.stdin.fileno())
    finally:
        for name in names:
            signal.signal(name, before or signal.SIG_DFL)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if sys.platform == "win32":
    import msvcrt
    import time  # noqa: TID251  the console has no wait with a limit

    class _WindowsKeys(Keys):
        def read(self, seconds: float) -> list[str]:
            until = time.monotonic() + seconds
            while not msvcrt.kbhit():
                if time.monotonic() >= until:
                    return []
                time.sleep(0.02)
            found = []
            while msvcrt.kbhit():
                key = msvcrt.getwch()
                if key in {"\0", "\xe0"}:  # an arrow or a function key: two codes
                    msvcrt.getwch()
                    continue
                if key == "\x03":
                    raise KeyboardInterrupt
                found.append(BACKSPACE if key == "\b" else ENTER if key == "\n" else key)
            return found

        def forget(self) -> None:
            while msvcrt.kbhit():
                msvcrt.getwch()

else:
    import termios

    @contextmanager
    def _cbreak() -> Iterator[None]:
        """Give every key at once and unseen; signals stay."""
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        raw = termios.tcgetattr(descriptor)
        raw[0] &= ~termios.ICRNL  # Enter is what it is
        raw[3] &= ~(termios.ICANON | termios.ECHO)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
        termios.tcsetattr(descriptor, termios.TCSADRAIN, raw)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    class _PosixKeys(Keys):
        def __init__(self, descriptor: int) -> None:
            self._descriptor = descriptor
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

        def read(self, seconds: float) -> list[str]:
            ready, _, _ = select.select([self._descriptor], [], [], seconds)
            if not ready:
                return []
            try:
                data = os.read(self._descriptor, _MOST)
            except OSError:
                data = b""
            if not data:
                return [GONE]
            if data.startswith(b"\x1b") and len(data) > 1:  # an arrow, a function key, a mouse: not ours
                return []
            text = self._decoder.decode(data)
            return [BACKSPACE if key == "\b" else ENTER if key == "\n" else key for key in text]

        def forget(self) -> None:
            termios.tcflush(self._descriptor, termios.TCIFLUSH)
