"""The web server of a simulated service: HTTP/1.1 requests as bytes that grew, one answer to each.

A service says by `respond` what it answers; everything but GET and HEAD is a write, whatever the path.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, NamedTuple

_REASONS: Final = {
    200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
_MAX_HEAD: Final = 16 * 1024
_MAX_BODY: Final = 1024 * 1024
_READING: Final = {"GET", "HEAD"}


class Asked(NamedTuple):
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Said(NamedTuple):
    """One answer."""

    status: int
    body: bytes
    kind: str = "application/json"
    server: str = ""
    challenge: str = ""


def document(value: object, status: int = 200) -> Said:
    """Return an answer that is a JSON document."""
    return Said(status, json.dumps(value, ensure_ascii=False).encode())


class WebService(ABC):
    """The device side of HTTP; the services of the lab derive from it. Answers need not be closed behind."""

    protocol: ClassVar[str]
    url_wire = "http"
    faults: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self._pending = bytearray()
        self._wall = datetime(2026, 1, 15, 9, tzinfo=UTC)
        self._wall_at = 0.0

    def set_clock(self, wall: datetime, now: float) -> None:
        """Take the time of day that belongs to `now`."""
        self._wall, self._wall_at = wall, now

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; a web server pushes nothing.

        Raises:
            KeyError: the service has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        return b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Wait for a request."""
        self._pending.clear()
        return b""

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: a web server says nothing on its own."""
        return b""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take any piece of the stream; return the answers to the requests that are complete."""
        self._pending += data
        answers = bytearray()
        while True:
            asked = self._next()
            if asked is None:
                return bytes(answers)
            operation = self.operation(asked)
            self.opcodes.append(operation)
            if self.changes(asked):
                self.writes.append(operation)
            wall = self._wall + timedelta(seconds=now - self._wall_at)
            answers += _bytes(self.respond(asked, wall), head=asked.method == "HEAD")

    def operation(self, asked: Asked) -> str:
        """Return what is noted of a request."""
        return f"{asked.method} {asked.path}"

    def changes(self, asked: Asked) -> bool:
        """Return whether a request changes something: all but GET and HEAD, where not known better."""
        return asked.method not in _READING

    @abstractmethod
    def respond(self, asked: Asked, wall: datetime) -> Said:
        """Return the answer to a request at the time of day `wall`."""

    def _next(self) -> Asked | None:
        """Return the first whole request; None while there is none."""
        head, end, rest = bytes(self._pending).partition(b"\r\n\r\n")
        if not end:
            if len(self._pending) > _MAX_HEAD:
                self._pending.clear()
                return Asked("?", "too long", {})
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, colon, value in (line.partition(":") for line in lines)
            if colon
        }
        length = headers.get("content-length", "0")
        size = min(int(length), _MAX_BODY) if length.isdecimal() and len(length) < 10 else 0
        if len(rest) < size:
            return None
        del self._pending[: len(head) + len(end) + size]
        parts = first.split(" ")
        if len(parts) != 3:
            return Asked("?", first[:100], headers)
        return Asked(parts[0], parts[1], headers, rest[:size])


def _bytes(said: Said, *, head: bool) -> bytes:
    lines = [f"HTTP/1.1 {said.status} {_REASONS.get(said.status, 'Unknown')}"]
    if said.server:
        lines.append(f"Server: {said.server}")
    if said.challenge:
        lines.append(f"WWW-Authenticate: {said.challenge}")
    lines += [f"Content-Type: {said.kind}", f"Content-Length: {len(said.body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if head else said.body)
