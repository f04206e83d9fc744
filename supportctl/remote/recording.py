"""What a side of a session saw, for later: an asciicast (version 2) to play, and a transcript to read.

Whole lines are kept, so that a secret cannot hide between two writes; each is redacted first. What acts on a
terminal is not kept: a recording is played on somebody else's. What is typed is not recorded, only its echo.
A screen that is drawn again and again is kept when it has changed: whole in the cast, new lines in the text.
"""

from __future__ import annotations

import io
import json
import os
import re
import threading
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.redactor import KEEP, PARTIAL, Policy, Redactor
from supportctl.core.text import clean

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from supportctl.core.clock import Clock

CAST_VERSION = 2
MAX_BYTES = 32 * 1024 * 1024  # of a cast; a screen that runs wild does not fill the disk
_LINE = 8_000  # characters; the rest of a longer line is not kept
_HELD = 2 * _LINE
_HOME = re.compile(r"\x1b\[(?:1;1)?H")  # a whole screen is drawn from here on
_OUR_HOME = "\x1b[H\x1b[2J"  # the only thing that acts in a cast
_CLOCKS = re.compile(r"\d+:\d\d")
_ACTS = re.compile(r"\x1b(?:\[[0-9;:?<=>!]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)?|[ -~]?)")


class Title(NamedTuple):
    """What the head of a recording says."""

    title: str
    columns: int = 80
    rows: int = 24


class Recording:
    """Two files that only their owner reads: `NAME.cast` and `NAME.txt`."""

    def __init__(self, base: Path, title: Title, clock: Clock, redactor: Redactor | None = None) -> None:
        """Begin them.

        Raises:
            OSError: they are there already, or cannot be written.
        """
        self._clock = clock
        self._begun = clock.monotonic()
        self._redactor = redactor or Redactor(Policy(PARTIAL, KEEP))
        self._lock = threading.Lock()
        self._size = 0
        self._waiting = ""
        self._drawn = ""  # the last screen, as it came
        self._known: frozenset[str] = frozenset()  # its lines, whatever their clocks say
        base.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._cast = _private(base.with_name(f"{base.name}.cast"))
        try:
            self._text = _private(base.with_name(f"{base.name}.txt"))
        except OSError:
            self._cast.close()
            raise
        now, told = clock.now(), self._shown(title.title)
        head = {
            "version": CAST_VERSION,
            "width": max(title.columns, 1),
            "height": max(title.rows, 1),
            "timestamp": int(now.timestamp()),
            "title": told,
        }
        self._put(f"{json.dumps(head, ensure_ascii=False)}\n", f"# {told}\n# {now:%Y-%m-%d %H:%M:%S %z}\n")

    def screen(self, text: str) -> None:
        """Keep what was shown; a line that has not ended waits for its end."""
        with self._lock:
            if self._cast.closed:
                return
            passed, *screens = _HOME.split(text)
            self._lines(passed)
            if screens and self._waiting:
                self._line(self._waiting)
                self._waiting = ""
            for drawn in screens:
                self._screen(drawn)

    def close(self) -> None:
        """Keep the last line, close both files; may be called twice. Raises: OSError: not all was kept."""
        with self._lock:
            if self._cast.closed:
                return
            with closing(self._text), closing(self._cast):
                if self._waiting:
                    self._line(self._waiting)

    def _lines(self, text: str) -> None:
        *lines, self._waiting = (self._waiting + text).split("\n")
        for line in lines:
            self._line(line)
        self._waiting = self._waiting[: _HELD + 1]  # what follows up to the end of the line is not kept

    def _line(self, line: str) -> None:
        """Keep one line."""
        shown = self._shown(_seen(line))
        self._keep(f"{shown}\r\n", [shown])

    def _screen(self, drawn: str) -> None:
        """Keep a screen that is not as it was."""
        if drawn == self._drawn:
            return
        self._drawn = drawn
        lines = [self._shown(_seen(line)).rstrip() for line in drawn.split("\n")]
        if not any(lines):
            return
        new = [line for line in lines if line and _CLOCKS.sub("", line) not in self._known]
        self._known = frozenset(_CLOCKS.sub("", line) for line in lines)
        self._keep(_OUR_HOME + "\r\n".join(lines), new)

    def _keep(self, played: str, told: list[str]) -> None:
        at = max(self._clock.monotonic() - self._begun, 0.0)
        event = json.dumps([round(at, 3), "o", played], ensure_ascii=False)
        minutes, seconds = divmod(int(at), 60)
        self._put(f"{event}\n", "".join(f"{minutes:02}:{seconds:02} {line}\n" for line in told))

    def _shown(self, line: str) -> str:
        """Return a line redacted; it is looked at far beyond where it is cut."""
        shown = self._redactor.text(line[:_HELD])
        return clean(shown[: len(shown) // 2] if len(line) > _HELD else shown, _LINE)

    def _put(self, cast: str, text: str) -> None:
        self._size += len(cast)
        if self._size > MAX_BYTES:
            return
        self._cast.write(cast)
        self._cast.flush()
        self._text.write(text)
        self._text.flush()


class Recorder(io.TextIOBase):
    """A text stream that hands on to another one and keeps what passes; if that fails it goes on."""

    def __init__(self, stream: TextIO, recording: Recording) -> None:
        super().__init__()
        self._stream = stream
        self._recording: Recording | None = recording

    @property
    def broken(self) -> bool:
        """Whether something was shown that could not be kept."""
        return self._recording is None

    def write(self, text: str) -> int:
        """Write to the stream, and keep it."""
        written = self._stream.write(text)
        if self._recording is not None:
            try:
                self._recording.screen(text)
            except (OSError, ValueError):  # the disk is full: the session goes on
                self._recording = None
        return written

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the number of the stream's file."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """It is written to."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the stream's own
        """The stream's encoding."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # the stream's own
        """What the stream does with what its encoding has no sign for."""
        return self._stream.errors


def _seen(line: str) -> str:
    """Return what was seen of a line: what was drawn over it, after a carriage return."""
    seen = [part for part in _ACTS.sub("", line).split("\r") if part.strip()]
    return seen[-1] if seen else ""


def _private(path: Path) -> TextIO:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace", newline="\n")
