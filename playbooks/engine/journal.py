"""The journal of a run: append-only JSON Lines. A run is its events, so whatever happens it can go on.

A line is handed to the system at once; before an action, and at the end, it is on the disk. One process
at a time has a run.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import IO, TYPE_CHECKING, NamedTuple, Self

from playbooks.engine.events import Begun, Checked
from playbooks.engine.planner import move
from playbooks.engine.records import SCHEMA, Ended, Header, Intent, RecordError, line_of, record_of
from playbooks.engine.state import DoAction, State, UndoAction
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from pathlib import Path

    from playbooks.actions.model import Plan
    from playbooks.engine.events import Event
    from playbooks.engine.graph import Graph
    from playbooks.engine.records import Line

MAX_BYTES = 64 * 1024 * 1024
MAX_LINE = 4 * 1024 * 1024
_SHOWN = 80  # characters of a line that is no record


class Record(NamedTuple):
    """What a journal holds. `cut`: its last line was being written when the run broke, and does not count."""

    path: Path
    header: Header
    events: tuple[Event, ...] = ()
    intents: tuple[tuple[int, Intent], ...] = ()  # each with the number of events before it
    ended: Ended | None = None
    cut: bool = False
    size: int = 0  # bytes up to the end of the last whole line

    @property
    def last_at(self) -> float:
        """Seconds from the beginning of the run to the last thing that is known of it."""
        times = [event.at for event in self.events[-1:]] + [intent.at for _, intent in self.intents[-1:]]
        return max([*times, self.ended.at if self.ended else 0.0], default=0.0)

    def plans(self) -> dict[str, tuple[Plan, bool]]:
        """Return the last plan of each step that was to be done, and whether it is whole."""
        return {intent.step: (intent.plan, intent.whole) for _, intent in self.intents}


def read(path: Path) -> Record:
    """Return what a journal holds.

    Raises:
        UsageError: `run.no-journal`, `run.journal-too-big`, `run.journal-empty`,
            `run.journal-broken` with the line.
    """
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except OSError as error:
        raise UsageError("run.no-journal", found=path, reason=error.strerror or error) from None


def replay(graph: Graph, record: Record) -> State:
    """Return the state that the events lead to."""
    state = State()
    for event in record.events:
        state = move(graph, state, event).state
    return state


def unfinished(record: Record, state: State) -> Intent | None:
    """Return the action of which nobody saw the end; None if there is none."""
    if not isinstance(state.doing, DoAction | UndoAction):
        return None
    mine = [intent for _, intent in record.intents if intent.step == state.doing.step]
    return mine[-1] if mine else None


class Journal:
    """The journal of a live run, inside `with`: nobody else can have it."""

    def __init__(self, path: Path, file: IO[bytes], size: int) -> None:
        self.path = path
        self._file = file
        self._size = size

    @classmethod
    def begin(cls, path: Path, header: Header) -> Self:
        """Return a new journal.

        Raises:
            SupportctlError: `run.journal-unwritable`.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
            journal = cls(path, os.fdopen(handle, "r+b", buffering=0), 0)
            _lock(handle, path)
            journal._write(line_of(header))
            journal.sync()
            _sync_folder(path.parent)
        except OSError as error:
            raise SupportctlError(
                "run.journal-unwritable", found=path, reason=error.strerror or error
            ) from None
        return journal

    @classmethod
    def reopen(cls, path: Path) -> tuple[Self, Record]:
        """Return the journal of a run that stands still, and what it holds; a line that was cut is taken out.

        Raises:
            UsageError: as `read`; `run.live`: somebody is at it now.
        """
        try:
            file = path.open("r+b", buffering=0)
        except OSError as error:
            raise UsageError("run.no-journal", found=path, reason=error.strerror or error) from None
        try:
            _lock(file.fileno(), path)
            record = _read(path, file)
            file.seek(record.size)
            file.truncate()
        except BaseException:
            file.close()
            raise
        return cls(path, file, record.size), record

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others have the run."""
        self._file.close()

    def hear(self, event: Event) -> Event:
        """Write an event; return it as it will be read back: without secrets. That one the planner hears.

        Raises:
            SupportctlError: `run.journal-unwritable`.
        """
        line = line_of(event)
        if len(line) > MAX_LINE // 4 and isinstance(event, Checked):
            line = line_of(_shorter(event))
        self._write(line)
        heard = record_of(line)
        assert not isinstance(heard, Header | Intent | Ended), "an event is read back as an event"
        return heard

    def intend(self, intent: Intent) -> None:
        """Write what is about to be done."""
        self._write(line_of(intent))

    def end(self, ended: Ended) -> None:
        """Write how the run ended, and see that all of it is on the disk."""
        self._write(line_of(ended))
        self.sync()

    def sync(self) -> None:
        """See that all that was written is on the disk.

        Raises:
            SupportctlError: `run.journal-unwritable`.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        self._size += len(data)
        if self._size > MAX_BYTES or len(data) > MAX_LINE:
            raise SupportctlError("run.journal-full", found=self.path, limit=MAX_BYTES)
        try:
            written = self._file.write(data)  # unbuffered: the system has it, whatever becomes of us
        except OSError as error:
            raise self._unwritable(error) from None
        if written != len(data):
            raise self._unwritable(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _unwritable(self, error: OSError) -> SupportctlError:
        reason = error.strerror or error
        return SupportctlError("run.journal-unwritable", found=self.path, reason=reason)


def _shorter(event: Checked) -> Checked:
    """Leave out the evidence of what is well: of a thousand answers it would fill the disk."""
    kept = (f._replace(evidence=()) if f.status is Status.OK else f for f in event.findings)
    return event._replace(findings=tuple(kept))


def _read(path: Path, file: IO[bytes]) -> Record:
    file.seek(0)
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UsageError("run.journal-too-big", found=path, limit=MAX_BYTES)
    whole, _, rest = data.rpartition(b"\n")
    size = len(data) - len(rest)
    if not size:
        raise UsageError("run.journal-empty", found=path)
    lines = whole.split(b"\n")
    header = _record(path, 1, lines[0])
    if not isinstance(header, Header):
        raise _broken(path, 1, lines[0], SCHEMA)
    events: list[Event] = []
    intents: list[tuple[int, Intent]] = []
    ended: Ended | None = None
    for number, line in enumerate(lines[1:], 2):
        record = _record(path, number, line)
        match record:
            case Header():
                raise _broken(path, number, line, "a second header")
            case Intent():
                intents.append((len(events), record))
            case Ended():
                ended = record
            case _:
                _must_follow(path, number, line, events, record)
                events.append(record)
                ended = None
    return Record(path, header, tuple(events), tuple(intents), ended, bool(rest), size)


def _must_follow(path: Path, number: int, line: bytes, events: list[Event], event: Event) -> None:
    """A run begins once, and time goes forward: lines that were lost or swapped are found by it."""
    begins = isinstance(event, Begun)
    if begins == bool(events):
        raise _broken(path, number, line, "a second beginning" if begins else "no beginning")
    if events and event.at < events[-1].at:
        raise _broken(path, number, line, f"{event.at} after {events[-1].at}")


def _record(path: Path, number: int, line: bytes) -> Event | Line:
    if len(line) > MAX_LINE:
        raise _broken(path, number, line, f"{len(line)} bytes")
    try:
        return record_of(line.decode("utf-8"))
    except (RecordError, UnicodeDecodeError) as error:
        raise _broken(path, number, line, str(error)) from None


def _broken(path: Path, number: int, line: bytes, reason: str) -> UsageError:
    found = line[:_SHOWN].decode("utf-8", "replace")
    return UsageError("run.journal-broken", where=f"{path}:{number}", found=found, reason=reason)


_BINARY = getattr(os, "O_BINARY", 0)  # Windows would turn line ends into two bytes


def _lock(handle: int, path: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415  only there

            os.lseek(handle, MAX_BYTES, os.SEEK_SET)  # beyond the text, so that others can read it
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            import fcntl  # noqa: PLC0415  only there

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UsageError("run.live", found=path.stem) from None


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
