"""The web service of ATOL's driver ("Web Requests"): questions and answers as JSON documents.

Source: devices.md section 4a; the wrapped form of results (`error: {code, description}`) and of queue states
from public clients and a clone that was compared with Web Requests 1.0.4.0; field names from the JSON schema
of the driver's tasks. Older servers have no `/api/v2` and tell errors as `errorCode`, `errorDescription`.

A question is a GET, an operation that begins with `query`, or a request whose tasks are all in `READ_TASKS`:
`encode` refuses everything else. What reports, prints, opens, activates or deletes cannot be sent from here.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from probes.protocols import http1
from probes.protocols.json_object import JsonObject, JsonObjectError, flag, inner, number, read_object, text

if TYPE_CHECKING:
    from collections.abc import Mapping

V2: Final = "/api/v2"
LEGACY: Final = ""

READ_TASKS: Final = frozenset({
    "getDeviceInfo", "getDeviceStatus", "getShiftStatus", "getFnInfo", "getFnStatus", "ofdExchangeStatus",
    "ismExchangeStatus", "getRegistrationInfo", "getCashDrawerStatus", "getLicenses",
})  # fmt: skip
OPERATIONS: Final[Mapping[str, str]] = {
    "getDeviceInfo": "queryDeviceInfo",
    "getDeviceStatus": "queryDeviceStatus",
    "getShiftStatus": "queryShiftStatus",
    "getFnInfo": "queryFnInfo",
    "getFnStatus": "queryFnStatus",
    "ofdExchangeStatus": "queryOfdExchangeStatus",
    "ismExchangeStatus": "queryIsmExchangeStatus",
    "getLicenses": "queryLicenses",
}
"""Task -> the operation that reads the same at once, past the queue."""

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_GETS = re.compile(
    r"/api/v2/(?:serverInfo|devices|devices/[\w%.~-]+|getRequestsQueueStatus|requests/" + _UUID + r")"
    r"|/stat/requests|/requests/" + _UUID
)
_POSTS = re.compile(r"/api/v2/operations/(\w+)|(?:/api/v2)?/requests")

WAITING: Final = frozenset({"wait", "inProgress"})


class AtolWebError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(AtolWebError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(AtolWebError):
    """The server sent a document that is no answer."""


class ReadRequest(NamedTuple):
    """One question. `device` goes into the query as `deviceID`."""

    method: str
    path: str
    device: str = ""
    body: JsonObject | None = None

    @property
    def name(self) -> str:
        """What evidence says was asked."""
        return f"{self.method} {self.path}" + (f"?deviceID={self.device}" if self.device else "")

    @property
    def document(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


def server_info() -> ReadRequest:
    """Ask which server this is; it wants no password."""
    return ReadRequest("GET", f"{V2}/serverInfo")


def device(name: str) -> ReadRequest:
    """Ask how a register is set up; without a name, the default one."""
    return ReadRequest("GET", f"{V2}/devices/{quote(name or 'default', safe='')}")


def queue_status(prefix: str, name: str) -> ReadRequest:
    """Ask how the queue of requests is."""
    if prefix == V2:
        return ReadRequest("GET", f"{V2}/getRequestsQueueStatus", name)
    return ReadRequest("GET", "/stat/requests")


def operation(task: str, name: str) -> ReadRequest:
    """Ask by the operation that reads at once. Raises: LocalProtocolError: there is none for this task."""
    if task not in OPERATIONS:
        raise LocalProtocolError(f"no operation that only reads: {task}")
    return ReadRequest("POST", f"{V2}/operations/{OPERATIONS[task]}", name, {})


def queued(prefix: str, uuid: str, task: str, name: str) -> ReadRequest:
    """Put a task that only reads into the queue."""
    return ReadRequest("POST", f"{prefix}/requests", name, {"uuid": uuid, "request": [{"type": task}]})


def result(prefix: str, uuid: str, name: str) -> ReadRequest:
    """Ask what became of a request."""
    return ReadRequest("GET", f"{prefix}/requests/{uuid}", name)


def encode(request: ReadRequest, host: str, headers: Mapping[str, str] = http1.NO_HEADERS) -> bytes:
    """Return the HTTP request.

    Raises:
        LocalProtocolError: it is not a question that only reads.
    """
    if not _only_reads(request):
        raise LocalProtocolError(f"not a read request: {request.name} {request.body}")
    path = request.path + (f"?deviceID={quote(request.device, safe='')}" if request.device else "")
    kind = {} if request.body is None else {"Content-Type": "application/json; charset=utf-8"}
    return http1.request(request.method, host, path, headers={**kind, **headers}, body=request.document)


def _only_reads(request: ReadRequest) -> bool:
    if request.method == "GET":
        return request.body is None and _GETS.fullmatch(request.path) is not None
    found = _POSTS.fullmatch(request.path) if request.method == "POST" else None
    if found is None or request.body is None:
        return False
    if found[1]:
        return found[1] in OPERATIONS.values() and not request.body
    tasks = request.body.get("request")
    if set(request.body) != {"uuid", "request"} or not isinstance(tasks, list) or not tasks:
        return False
    return all(isinstance(t, dict) and set(t) == {"type"} and t["type"] in READ_TASKS for t in tasks)


class Failure(NamedTuple):
    """An error that the driver or its server tells; `code` is a row of the table `atol`."""

    code: int
    description: str


class TaskResult(NamedTuple):
    """What became of a task: `status` is the server's word, `values` the task's when it is ready."""

    status: str
    failure: Failure | None
    values: JsonObject


class QueueStatus(NamedTuple):
    """The queue. `reason` is the server's word."""

    blocked: bool
    reason: str
    waiting: int | None


class DeviceSetting(NamedTuple):
    """How a register is set up in the server; None where it does not say."""

    name: str
    active: bool | None
    last_error: str


class OfdExchange(NamedTuple):
    """ofdExchangeStatus; the failures are those of the last exchange, None where there was none."""

    unsent: int | None
    first_number: int | None
    first_at: datetime | None
    network: Failure | None
    network_told: bool


def parse(body: bytes) -> JsonObject:
    """Return the document of an answer. Raises: RemoteProtocolError."""
    try:
        return read_object(body)
    except JsonObjectError as error:
        raise RemoteProtocolError(str(error)) from error


def failure(document: JsonObject) -> Failure | None:
    """Return the error that a document tells, None for no error (code 0)."""
    told = inner(document.get("error"))
    if told is not None:
        code, said = number(told.get("code")), text(told.get("description"))
    else:
        code, said = number(document.get("errorCode")), text(document.get("errorDescription"))
    return Failure(code, said) if code else None


def first_result(document: JsonObject) -> TaskResult:
    """Return the result of the only task of a request. Raises: RemoteProtocolError."""
    results = document.get("results")
    first = inner(results[0]) if isinstance(results, list) and results else None
    status = text(first.get("status")) if first else ""
    if first is None or not status:
        raise RemoteProtocolError("no results")
    return TaskResult(status, failure(first), inner(first.get("result")) or {})


def queue(document: JsonObject) -> QueueStatus:
    """Return the state of the queue."""
    return QueueStatus(
        flag(document.get("isBlocked")) is True,
        text(document.get("blockReason")),
        number(document.get("number")),
    )


def setting(document: JsonObject) -> DeviceSetting:
    """Return how a register is set up."""
    return DeviceSetting(
        text(document.get("name")), flag(document.get("isActive")), text(document.get("lastError"))
    )


def exchange(values: JsonObject) -> OfdExchange:
    """Return the state of the exchange with the operator."""
    status, errors = inner(values.get("status")) or {}, inner(values.get("errors")) or {}
    network = inner(errors.get("network"))
    code = number(network.get("code")) if network else None
    unsent = number(status.get("notSentCount"))
    return OfdExchange(
        unsent,
        number(status.get("notSentFirstDocNumber")),
        moment(status.get("notSentFirstDocDateTime")) if unsent else None,
        Failure(code, text(network.get("description"))) if network and code else None,
        code is not None,
    )


def moment(value: object) -> datetime | None:
    """Return a moment as the register's own clock has it: the server puts this computer's zone behind it."""
    told = text(value)
    try:
        found = datetime.fromisoformat(told[:10].replace(".", "-") + told[10:])
    except ValueError:
        return None
    return found.replace(tzinfo=None) if found.year > 2000 else None


def day(value: object) -> date | None:
    """Return a day, None if it is none."""
    found = moment(value)
    return found.date() if found else None
