"""The serving side of a session: reads requests, looks what they may do, runs them, answers.

One thread reads, so that a cancel, a ping and the end of the line are noticed while a request is at work. A
request is refused unless it is in the table of methods, its parameters are what the table says, and the
session's capabilities, or a grant of the customer, cover it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean
from supportctl.remote.capability import NEEDS_CONSENT, Capability, Wanted
from supportctl.remote.digest import digest_of
from supportctl.remote.frames import FrameReader, Hello, ProtocolError, banner, frame
from supportctl.remote.link import LinkClosedError
from supportctl.remote.methods import BEGIN, METHODS, ParamsError, read_params

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supportctl.core.clock import Clock
    from supportctl.remote.link import SessionLink
    from supportctl.remote.methods import Method

MAX_AT_WORK = 8  # requests at once
MAX_KEPT = 256  # answers that are kept for a side that reconnects
MAX_KEPT_BYTES = 32 * 1024 * 1024
DEFAULT_DEADLINE_S = 60.0
MAX_DEADLINE_S = 1_800.0
_READ = 64 * 1024
_ID_MAX = 80

DENIED, UNKNOWN, BAD_PARAMS, CANCELLED, BUSY, FAILED = (
    "remote.denied",
    "remote.unknown-method",
    "remote.bad-params",
    "remote.cancelled",
    "remote.busy",
    "remote.failed",
)


class Call(NamedTuple):
    """One request at work. A handler looks at `cancelled` between its steps and keeps to the deadline.

    `params` have been read by the table of methods; the gate sees them, too.
    """

    method: str
    deadline: Deadline
    cancelled: threading.Event
    progress: Callable[[Mapping[str, Any]], None]
    params: Mapping[str, Any] = MappingProxyType({})


class Gate(Protocol):
    """Decides what a request may do, on the customer's side; `told` hears of every one of them."""

    def allows(self, wanted: Wanted, call: Call) -> bool:
        """Return whether it may be done: within the session's capabilities, or by the customer's consent."""

    def told(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        """Hear of a request: `begun`, `done`, `denied`, or the code of what went wrong."""


class Session:
    """What outlives a line: the answers of requests, by their ids, and the requests that are at work.

    A side that reconnects asks again under the same id, and gets the answer; nothing is done twice.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at_work: dict[str, threading.Event] = {}
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self.send: Callable[[bytes], None] | None = None

    def answer(self, request: str) -> bytes | None:
        """Return the answer of a request that has ended."""
        return self._answers.get(request)

    def keep(self, request: str, body: bytes) -> None:
        """Keep an answer; the oldest go when there are too many."""
        self._answers[request] = body
        self._size += len(body)
        while len(self._answers) > MAX_KEPT or (self._size > MAX_KEPT_BYTES and len(self._answers) > 1):
            _, gone = self._answers.popitem(last=False)
            self._size -= len(gone)

    def stop(self) -> None:
        """Cancel all that is at work."""
        with self.lock:
            for cancelled in self.at_work.values():
                cancelled.set()


class Server:
    """Serves one line of a session."""

    def __init__(
        self,
        link: SessionLink,
        handlers: Mapping[str, Callable[[Mapping[str, Any], Call], Mapping[str, Any]]],
        gate: Gate,
        clock: Clock,
        session: Session | None = None,
    ) -> None:
        self._link = link
        self._handlers = handlers
        self._gate = gate
        self._clock = clock
        self._session = session or Session()
        self._sending = threading.Lock()

    def serve(self, hello: Hello) -> None:
        """Serve until the line ends. What is at work when it does goes on if the session is kept.

        Raises:
            ProtocolError: the other side does not keep to the protocol; the line is closed.
        """
        reader = FrameReader(expects_banner=False)
        self._session.send = self._send
        try:
            self._link.send(banner(hello))
            while data := self._link.receive(_READ):
                for message in reader.feed(data):
                    self._take(message)
        except LinkClosedError:
            return
        finally:
            if self._session.send == self._send:
                self._session.send = None
            self._link.close()

    def _take(self, message: Mapping[str, Any]) -> None:
        request = message.get("id")
        if not isinstance(request, str) or not 0 < len(request) <= _ID_MAX:
            raise ProtocolError("remote.bad-message", found=request, reason="id")
        if "cancel" in message:
            with self._session.lock:
                cancelled = self._session.at_work.get(request)
            if cancelled is not None:
                cancelled.set()
            return
        name = message.get("method")
        if name == "ping":  # answered here: it tells that the line lives, whatever is at work
            self._send(frame({"id": request, "result": {}}))
            return
        self._begin(request, str(name), message)

    def _begin(self, request: str, name: str, message: Mapping[str, Any]) -> None:
        session = self._session
        with session.lock:
            known = session.answer(request)
            if known is not None:
                self._send(known)
                return
            if request in session.at_work:
                return  # asked again after the line broke: the answer will come
            busy = len(session.at_work) >= MAX_AT_WORK
            cancelled = threading.Event()
            if not busy:
                session.at_work[request] = cancelled
        if busy:
            self._send(frame(_error(request, BUSY, {"limit": str(MAX_AT_WORK)})))
            return
        deadline = Deadline.after(_seconds(message.get("deadline_s")), self._clock)
        call = Call(name, deadline, cancelled, lambda value: self._progress(request, value))
        work = (request, call, message.get("params", {}))
        if name == BEGIN:  # here, before the next message is read: it is what the log begins with
            self._work(*work)
            return
        threading.Thread(target=self._work, args=work, name=f"request {name}", daemon=True).start()

    def _work(self, request: str, call: Call, given: Any) -> None:  # noqa: ANN401  JSON
        try:
            answer = frame({"id": request, "result": self._done(call, given)})
        except ParamsError as error:
            found = {"name": error.name, "expected": error.expected, "found": error.found}
            answer = frame(_error(request, BAD_PARAMS, found))
        except SupportctlError as error:
            answer = frame(_error(request, error.key, error.args_by_name))
        except ProtocolError as error:  # the answer is too big for a frame
            answer = frame(_error(request, error.code, error.found))
        except Exception as error:  # noqa: BLE001  a crash of one request is told, and ends nothing else
            reason = clean(f"{type(error).__name__}: {error}")
            answer = frame(_error(request, FAILED, {"method": call.method, "reason": reason}))
        session = self._session
        with session.lock:
            session.keep(request, answer)
            session.at_work.pop(request, None)
            send = session.send  # the line may be another one by now
        if send is not None:
            send(answer)

    def _done(self, call: Call, given: Any) -> Mapping[str, Any]:  # noqa: ANN401  JSON
        method = METHODS.get(call.method)
        handler = self._handlers.get(call.method)
        if method is None or handler is None:
            self._gate.told(clean(call.method, 80), {}, UNKNOWN)
            raise SupportctlError(UNKNOWN, found=call.method, known=", ".join(sorted(self._handlers)))
        try:
            params = read_params(method, given)
        except ParamsError:
            self._gate.told(call.method, {}, BAD_PARAMS)
            raise
        call = call._replace(params=params)
        if not self._gate.allows(wanted_of(method, params), call):
            self._gate.told(call.method, params, "denied")
            raise SupportctlError(DENIED, method=call.method, capability=method.capability.word)
        if call.cancelled.is_set():
            raise SupportctlError(CANCELLED, method=call.method)
        self._gate.told(call.method, params, "begun")
        try:
            result = handler(params, call)
        except SupportctlError as error:
            self._gate.told(call.method, params, error.key)
            raise
        except Exception:
            self._gate.told(call.method, params, FAILED)
            raise
        self._gate.told(call.method, params, "done")
        return result

    def _progress(self, request: str, value: Mapping[str, Any]) -> None:
        send = self._session.send
        if send is not None:
            send(frame({"id": request, "progress": value}))

    def _send(self, data: bytes) -> None:
        """Send a frame; a line that is gone is noticed by the thread that reads."""
        with self._sending:
            try:
                self._link.send(data)
            except LinkClosedError:
                self._link.close()


def wanted_of(method: Method, params: Mapping[str, Any]) -> Wanted:
    """Return what a request wants to do; for what needs consent, to which target and from which playbook."""
    if method.capability not in NEEDS_CONSENT:
        return Wanted(method.capability)
    target = str(params.get("target") or ",".join(sorted(params.get("roles", {}).values())))
    digest = digest_of(params["files"]) if method.capability is Capability.FIX else ""
    return Wanted(method.capability, target, digest)


def _seconds(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return DEFAULT_DEADLINE_S
    return min(max(float(given), 0.0), MAX_DEADLINE_S)


def _error(request: str, code: str, found: Mapping[str, str]) -> dict[str, Any]:
    return {"id": request, "error": {"code": code, "args": dict(found)}}
