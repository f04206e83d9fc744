"""Reads an audit log that somebody may have changed, and says where: `audit verify`.

What the chain alone cannot tell (a tail cut off, a log written anew) the other side's log tells, which has
this one's heads, or a head that was noted elsewhere.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.errors import UsageError
from supportctl.core.text import clean
from supportctl.remote.audit import CLOSED, HEAD, NOTHING, OPENED, SCHEMA, Head, canonical, chained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_LINE = 256 * 1024  # bytes; ours have a few hundred
MAX_LINES = 1_000_000
_SHOWN = 20  # problems of one file
_HEX = frozenset("0123456789abcdef")


class Problem(NamedTuple):
    """What is wrong, with its line. `code` is a phrase: `audit.edited` and the like."""

    code: str
    line: int
    args: Mapping[str, object] = {}
    fault: bool = True


class _Line(NamedTuple):
    number: int  # as editors count
    entry: Mapping[str, Any]  # empty where the line is no entry
    sound: bool  # its hash is that of what it says

    @property
    def hash(self) -> str:
        return str(self.entry.get("hash", ""))

    @property
    def prev(self) -> str:
        return str(self.entry.get("prev", ""))


class Log(NamedTuple):
    """A log as it was read, with what is wrong in its chain."""

    path: Path
    header: Mapping[str, Any]
    head: Head
    hashes: Mapping[int, str]  # number of entries -> hash of the last of them, where the chain is sound
    peers: tuple[tuple[int, Head], ...]  # heads of others, with the line where they stand
    closed: bool
    problems: tuple[Problem, ...]


class Verdict(NamedTuple):
    """What is wrong in a log, what in the peer's, and up to which entry somebody else bears witness."""

    log: Log
    peer: Log | None
    problems: tuple[Problem, ...]
    peer_problems: tuple[Problem, ...]
    witnessed: int | None  # None: nobody was asked

    @property
    def status(self) -> str:
        """`fault`: something was changed; `unknown`: the witness knows nothing; else `warning` or `ok`."""
        found = (*self.problems, *self.peer_problems)
        if any(problem.fault for problem in found):
            return "fault"
        if self.peer is not None and not self.witnessed:
            return "unknown"
        return "warning" if found else "ok"


def check(path: Path, peer: Path | None = None, head: Head | None = None) -> Verdict:
    """Return what is wrong with a log. `head` is one that was noted; its `log` may be "".

    Raises:
        UsageError: `audit.unreadable`, `audit.no-log`.
    """
    log = read(path)
    other = read(peer) if peer else None
    problems = list(log.problems)
    heads = [each for _, each in other.peers if each.log == log.head.log] if other else []
    if head is not None and head.log in {"", log.head.log}:
        heads.append(head)
    problems += _against(log, heads)
    if other is not None and not heads:
        problems.append(Problem("audit.no-witness", 0, fault=False))
    if not log.closed:
        problems.append(Problem("audit.not-closed", log.head.entries, fault=False))
    theirs: list[Problem] = []
    if other is not None:
        theirs = [*other.problems, *_against(other, [h for _, h in log.peers if h.log == other.head.log])]
    asked = other is not None or head is not None
    witnessed = max((each.entries for each in heads), default=0) if asked else None
    return Verdict(log, other, tuple(problems), tuple(theirs), witnessed)


def read(path: Path) -> Log:
    """Return a log with what is wrong in its chain. Raises as `check`."""
    lines: list[_Line] = []
    problems: list[Problem] = []
    for number, data in _raw(path):
        line = _line(number, data)
        if not line.entry:
            problems.append(Problem("audit.garbled", number))
        elif not line.sound:
            problems.append(Problem("audit.edited", number))
        lines.append(line)
    header = next((line.entry for line in lines if line.entry.get("schema") == SCHEMA), {})
    if not any(line.entry for line in lines):
        raise UsageError("audit.no-log", found=path)
    problems += _chain(lines)
    problems.sort(key=lambda problem: problem.line)
    whole = [line for line in lines if line.entry]
    name, last = clean(header.get("log"), 64), whole[-1]
    return Log(
        path,
        header,
        Head(name, len(lines), last.hash),
        {number: line.hash for number, line in enumerate(lines, 1) if line.sound},
        tuple(_heads(whole)),
        last.entry.get("event") == CLOSED,
        tuple(problems[:_SHOWN]),
    )


def _raw(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for number in range(1, MAX_LINES + 1):
                data = file.readline(MAX_LINE)
                if not data:
                    return
                yield number, data
    except OSError as error:
        raise UsageError("audit.unreadable", found=path, reason=error.strerror or error) from None
    raise UsageError("audit.unreadable", found=path, reason=f"> {MAX_LINES}")


def _line(number: int, data: bytes) -> _Line:
    """Return a line; only what is byte for byte as we write it is an entry."""
    try:
        entry = json.loads(data)
        if not isinstance(entry, dict) or canonical(entry) + b"\n" != data:
            return _Line(number, {}, sound=False)
    except (ValueError, RecursionError):
        return _Line(number, {}, sound=False)
    told, prev = entry.get("hash"), entry.get("prev")
    if not _is_hash(told) or not _is_hash(prev):
        return _Line(number, {}, sound=False)
    rest = {name: value for name, value in entry.items() if name != "hash"}
    return _Line(number, entry, chained(str(prev), rest) == told)


def _is_hash(text: object) -> bool:
    return isinstance(text, str) and len(text) == len(NOTHING) and _HEX.issuperset(text)


def _chain(lines: list[_Line]) -> Iterator[Problem]:
    """Yield where a line does not follow the one before it, and what that means."""
    places = {line.hash: place for place, line in enumerate(lines) if line.entry}
    for place, line in enumerate(lines):
        if not line.entry:
            continue
        first = place == 0
        if first and line.prev == NOTHING and line.entry.get("event") == OPENED and line.entry.get("n") == 0:
            continue
        if not first and line.prev == (lines[place - 1].hash or line.prev):
            before = lines[place - 1].entry.get("n")
            if isinstance(before, int) and line.entry.get("n") != before + 1:
                yield Problem("audit.misnumbered", line.number)
            continue
        found = places.get(line.prev)
        if found is None:
            yield Problem("audit.missing", line.number)
        elif found >= place:
            yield Problem("audit.moved", line.number)
        else:
            between = f"{lines[found + 1].number}-{lines[place - 1].number}"
            yield Problem(
                "audit.inserted", lines[found + 1].number, {"lines": between, "before": line.number}
            )


def _heads(lines: list[_Line]) -> Iterator[tuple[int, Head]]:
    for line in lines:
        if line.entry.get("event") == HEAD:
            count, told = line.entry.get("entries"), str(line.entry.get("peer_hash"))
            if isinstance(count, int):
                yield line.number, Head(str(line.entry.get("peer")), count, told)


def _against(log: Log, heads: list[Head]) -> Iterator[Problem]:
    """Yield what somebody else's note of this log's heads says against it."""
    longest = max((head.entries for head in heads), default=0)
    if longest > log.head.entries:
        yield Problem("audit.cut", log.head.entries, {"entries": log.head.entries, "noted": longest})
    for head in sorted(set(heads), key=lambda head: head.entries):
        if 0 < head.entries <= log.head.entries and log.hashes.get(head.entries) != head.hash:
            yield Problem("audit.other-than-noted", head.entries, {"noted": head.entries})
            return
