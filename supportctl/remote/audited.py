"""Both ends of a session with their audit logs: what is asked, allowed, done and refused is written down.

A change has its intent on the disk before it begins and its result after it.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean
from supportctl.remote.audit import CONSENT, DENIED, HEAD_METHOD, INTENT, RESULT, Head
from supportctl.remote.capability import NEEDS_CONSENT
from supportctl.remote.methods import BEGIN, METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from supportctl.remote.audit import AuditLog
    from supportctl.remote.capability import Wanted
    from supportctl.remote.client import Client
    from supportctl.remote.server import Call, Gate
    from supportctl.remote.work import Handler

_OPEN, _BUNDLE = "bridge.open", "bundle"
_BRIDGE_SEND = "bridge.send"  # counted as a whole when its bridge ends, not one by one
EVERY = 20  # lines that the other side knows nothing of
_HEAD_S = 10.0
_BEGUN, _REFUSED = "begun", frozenset({"denied", "remote.unknown-method", "remote.bad-params"})


def changes(method: str) -> bool:
    """Return whether a method may change something."""
    known = METHODS.get(method)
    return known is not None and known.capability in NEEDS_CONSENT


def written(write: Callable[[], None]) -> None:
    """Write down what has happened already; a log that is broken stops the next thing, not this one."""
    with suppress(SupportctlError):
        write()


class Log(Protocol):
    """What a serving side writes to: a log, or one that begins with its first line."""

    @property
    def head(self) -> Head:
        """How far it has come."""

    def write(self, event: str, *, durable: bool = False, **fields: object) -> None:
        """Write one line. Raises: SupportctlError."""

    def peer_head(self, head: Head) -> None:
        """Write down how far the other side's log has come. Raises as `write`."""

    def witnessed(self, head: Head) -> None:
        """Take note that the other side has written down this head of ours."""


class LateLog:
    """The log of an agent: it begins with the first request, which may say what the session is about.

    `begin` is given the ticket and who asks; both are what the other side says of itself.
    """

    def __init__(self, begin: Callable[[str, str], AuditLog]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self._log: AuditLog | None = None
        self.ticket = ""

    @property
    def head(self) -> Head:
        """How far it has come."""
        return self._open({}).head

    def write(self, event: str, *, durable: bool = False, **fields: object) -> None:
        """Write one line. Raises as `AuditLog.write`; what `begin` raises, when it is the first."""
        told = fields.get("params") if fields.get("method") == BEGIN and event == INTENT else None
        self._open(told if isinstance(told, dict) else {}).write(event, durable=durable, **fields)

    def peer_head(self, head: Head) -> None:
        """Write down how far the other side's log has come. Raises as `write`."""
        self._open({}).peer_head(head)

    def witnessed(self, head: Head) -> None:
        """Take note that the other side has written down this head of ours."""
        self._open({}).witnessed(head)

    def close(self) -> None:
        """Write the last line, if there is any."""
        with self._lock:
            log = self._log
        if log is not None:
            log.close()

    def _open(self, told: Mapping[str, Any]) -> AuditLog:
        with self._lock:
            if self._log is None:
                self.ticket = str(told.get("ticket", "")).strip()
                self._log = self._begin(self.ticket, str(told.get("who", "")))
            return self._log


class AuditedGate:
    """A gate whose every word is written down. What cannot be written down does not begin."""

    def __init__(self, gate: Gate, log: Log) -> None:
        self._gate = gate
        self._log = log

    def allows(self, wanted: Wanted, call: Call) -> bool:
        """Return what the gate says; consent that was given or refused is written down."""
        try:
            allowed = self._gate.allows(wanted, call)
        except SupportctlError as error:
            self.told(call.method, call.params, error.key)
            raise
        if wanted.capability in NEEDS_CONSENT:
            what = {"target": wanted.target, "digest": wanted.digest, "capability": wanted.capability.word}
            self._log.write(CONSENT, method=call.method, given=allowed, wanted=what)
        return allowed

    def told(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        """Write it down, then hand it on.

        Raises:
            SupportctlError: `audit.unwritable`, and only before anything has begun.
        """
        if method != HEAD_METHOD and not (method == _BRIDGE_SEND and outcome in {_BEGUN, "done"}):
            self._written(method, params, outcome)
        self._gate.told(method, params, outcome)

    def _written(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        if outcome == _BEGUN:
            self._log.write(INTENT, durable=changes(method), method=method, params=_shown(params))
            return
        with suppress(SupportctlError):  # it is done: the answer must come, and nothing else will begin
            if outcome in _REFUSED:
                self._log.write(DENIED, method=method, params=_shown(params), outcome=outcome)
            else:
                self._log.write(RESULT, durable=changes(method), method=method, outcome=outcome)


def head_handler(log: Log) -> Callable[[Mapping[str, Any], Call], Mapping[str, Any]]:
    """Return what answers `audit.head`: the other side's head is written down, ours is told."""

    def answer(params: Mapping[str, Any], _call: Call) -> Mapping[str, Any]:
        log.peer_head(Head(str(params["log"]), int(params["entries"]), str(params["hash"])))
        head = log.head
        log.witnessed(head)
        return head._asdict()

    return answer


def with_log(handlers: Mapping[str, Handler], log: Log) -> dict[str, Handler]:
    """Return handlers with the methods that speak of the log; what leaves this computer is counted in it."""
    leaving = {name: counted(handlers[name], log) for name in (_OPEN, _BUNDLE) if name in handlers}
    return {**handlers, **leaving, BEGIN: lambda _params, _call: {}, HEAD_METHOD: head_handler(log)}


def counted(handler: Handler, log: Log) -> Handler:
    """Return `bridge.open` with a line of how many bytes went each way, `bundle` with one of what it was."""

    def work(params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
        result = handler(params, call)
        told = _bytes(call.method, result)
        written(lambda: log.write(RESULT, durable=True, method=call.method, outcome="counted", **told))
        return result

    return work


def _shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters for a log: a grant's code is a secret while it is good."""
    return {name: "***" if name == "grant" else params[name] for name in params}


def _bytes(method: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many bytes a bridge has carried, which bundle was made; nothing for other requests."""
    if method == _BUNDLE:
        return {"size": _count(result.get("size")), "sha256": clean(result.get("sha256"), 64)}
    return {name: _count(result[name]) for name in ("sent", "received") if name in result}


class AuditedClient:
    """The asking side with its log. `call` is that of `Client`; `close` exchanges the heads and ends both."""

    def __init__(
        self,
        client: Client,
        log: AuditLog,
        *,
        every: int = EVERY,
        path: Path | None = None,
        peer_logs: bool = True,
    ) -> None:
        self.client = client
        self.path = path
        self.head = log.head  # that of the whole log once it is closed
        self._log = log
        self._every = every
        self._peer_logs = peer_logs

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        deadline_s: float = 60.0,
        on_progress: Callable[[Mapping[str, Any]], None] | None = None,
        back: Callable[[], bool] | None = None,
    ) -> Mapping[str, Any]:
        """Return the result of a request. Raises as `Client.call`; `audit.unwritable` before it is sent."""
        self._log.write(INTENT, durable=changes(method), method=method, params=_shown(params or {}))
        outcome = "remote.unclear"
        result: Mapping[str, Any] = {}
        try:
            result = self.client.call(
                method, params, deadline_s=deadline_s, on_progress=on_progress, back=back
            )
            outcome = "done"
        except SupportctlError as error:
            outcome = error.key
            raise
        finally:
            with suppress(SupportctlError):  # the next request will not begin
                self._log.write(
                    RESULT, durable=changes(method), method=method, outcome=outcome, **_bytes(method, result)
                )
        if self._log.unwitnessed >= self._every:
            self.exchange()
        return result

    def exchange(self) -> None:
        """Tell our head, write down theirs. An agent that was brought along keeps no log."""
        if not self._peer_logs:
            return
        ours = self._log.head
        try:
            told = self.client.call(HEAD_METHOD, ours._asdict(), deadline_s=_HEAD_S)
            head = Head(str(told.get("log")), _count(told.get("entries")), str(told.get("hash")))
        except SupportctlError as error:
            self._peer_logs = error.key != "remote.unknown-method"
            self._log.write(RESULT, method=HEAD_METHOD, outcome=error.key)
            return
        self._log.witnessed(ours)
        self._log.peer_head(head)

    def close(self) -> Head:
        """Exchange the heads for the last time, end the session, close the log; return its head."""
        try:
            with suppress(SupportctlError):
                self.exchange()
            self.client.close()
        finally:
            self.head = self._log.close()
        return self.head


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
