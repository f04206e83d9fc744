"""What every simulated portal has: requests as values, faults, a state to look at. No wire, no clock.

A portal is written from the vendor's public documentation, not from what our connector reads. `respond` gets
a whole request and returns a whole answer; `serve` puts it on a socket, `InProcess` under a session.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.clock import Clock

JSON = "application/json; charset=utf-8"
# Faults that every portal has: what networks and proxies do to any service.
COMMON_FAULTS = {
    "slow": "answers after some seconds",
    "reset": "the connection is reset before anything was done",
    "lost-answer": "the work is done, and the connection is reset before the answer",
    "never-ending": "the work is done, and the answer never ends",
    "torn": "the work is done, and the answer is cut in the middle",
    "not-json": "a page of a proxy with status 200 instead of an answer",
    "unavailable": "503 with a page, as a proxy gives it",
    "server-error": "500 with a page",
}


class Asked(NamedTuple):
    """One request. Header names are in lower case; `query` and `form` keep the order and repetitions."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def json(self) -> Any:
        """Return the body as JSON, None if it is none."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None

    @property
    def form(self) -> tuple[tuple[str, str], ...]:
        """The body as a form."""
        return tuple(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def param(self, name: str, default: str = "") -> str:
        """Return a parameter of the query, the last one of its name."""
        return dict(self.query).get(name, default)


class Said(NamedTuple):
    """One answer, sent after `delay_s`.

    `cut` is how the wire treats it: `reset` (nothing is sent), `torn` (half of it, then a reset), `endless`
    (it never ends).
    """

    status: int
    body: bytes = b""
    kind: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    cut: str = ""
    delay_s: float = 0.0


def document(value: object, status: int = 200, *headers: tuple[str, str]) -> Said:
    """Return an answer that is a JSON document."""
    return Said(status, json.dumps(value, ensure_ascii=False).encode(), headers=headers)


class Fault(NamedTuple):
    """A fault that is on: for the operations that match, and for the next `times` requests (None: all)."""

    name: str
    operations: str = "*"
    times: int | None = None


class Portal(ABC):
    """One simulated account of a vendor's system. Safe for several threads: one request at a time."""

    kind: ClassVar[str]
    own_faults: ClassVar[Mapping[str, str]] = {}  # name -> what it is, in the documentation's terms
    slow_s: float = 3.0

    def __init__(self, clock: Clock, name: str = "") -> None:
        self.clock = clock
        self.name = name or self.kind
        self.operations: list[str] = []  # every operation, in order
        self._active: dict[str, Fault] = {}
        self._lock = threading.RLock()

    @property
    def faults(self) -> Mapping[str, str]:
        """All faults that this portal has."""
        return {**self.own_faults, **COMMON_FAULTS}

    @property
    def active(self) -> tuple[str, ...]:
        """The faults that are on."""
        return tuple(self._active)

    @property
    def switched(self) -> Mapping[str, Fault]:
        """The faults that are on, with the operations that they hit and how often they still do."""
        return dict(self._active)

    def switch(self, fault: str, *, on: bool, operations: str = "*", times: int | None = None) -> None:
        """Switch a fault.

        Raises:
            KeyError: the portal has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        with self._lock:
            if on:
                self._active[fault] = Fault(fault, operations, times)
            else:
                self._active.pop(fault, None)

    def respond(self, asked: Asked) -> Said:
        """Return the answer to one request, faults included."""
        with self._lock:
            operation = self.operation(asked)
            self.operations.append(operation)
            if self._hits("reset", operation):
                return Said(0, cut="reset")
            if self._hits("unavailable", operation):
                return Said(503, b"<html><h1>503 Service Temporarily Unavailable</h1></html>", "text/html")
            if self._hits("server-error", operation):
                return Said(500, b"<html><h1>Internal Server Error</h1></html>", "text/html")
            if self._hits("not-json", operation):
                return Said(200, b"<html><title>Sign in</title></html>", "text/html")
            said = self.answer(asked, operation)
            if self._hits("lost-answer", operation):
                said = said._replace(cut="reset")
            if self._hits("torn", operation):
                said = said._replace(cut="torn")
            if self._hits("never-ending", operation):
                said = said._replace(cut="endless")
            if self._hits("slow", operation):
                said = said._replace(delay_s=self.slow_s)
            return said

    def _hits(self, fault: str, operation: str) -> bool:
        """Return whether a fault is on for this operation, and count it."""
        found = self._active.get(fault)
        if found is None or not fnmatchcase(operation, found.operations):
            return False
        if found.times is not None:
            if found.times <= 1:
                del self._active[fault]
            else:
                self._active[fault] = found._replace(times=found.times - 1)
        return True

    @abstractmethod
    def operation(self, asked: Asked) -> str:
        """Return what a request does, in the vendor's terms: "telephony.externalCall.register"."""

    @abstractmethod
    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer of the portal; its own faults are looked up with `_hits`."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what the portal has stored, as JSON. `Any`: JSON."""

    @abstractmethod
    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of the configuration that names this portal at `base_url`. `Any`: YAML."""

    def entry(self, section: str, base_url: str) -> dict[str, Any]:  # noqa: ARG002  most kinds have one section
        """Return the entry for a section of the configuration. `Any`: YAML."""
        return self.account(base_url)
