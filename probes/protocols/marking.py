"""Local module of the marking system ("Честный ЗНАК"): what may be asked of it, and what the answer means.

Source: devices.md §8 ([LMZ] version 1.5.1-523 and three public clients). Only its status is asked, by GET:
`init`, passwords and sales are POSTs, and so is the check of a code; none of them can be encoded.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from probes.protocols import http1
from probes.protocols.json_object import JsonObjectError, flag, inner, number, read_object, text

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS_V1: Final = "/api/v1/status"
STATUS_V2: Final = "/api/v2/status"
READS: Final = frozenset({STATUS_V1, STATUS_V2})

READY, INITIALIZATION, NOT_CONFIGURED, SYNC_ERROR = "ready", "initialization", "not_configured", "sync_error"
ACTIVE: Final = "active"
_OWN: Final = frozenset({
    "operationMode", "lastSync", "lastUpdate", "dbVersion", "requiresDownload", "replicationStatus", "inst",
})  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_370_764_799_000  # the end of the year 9998: every moment up to it exists in every zone


class MarkingError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(MarkingError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(MarkingError):
    """A sound answer, but not a local module's."""


class Replication(NamedTuple):
    """One list that the module copies from the operator: how many entries are here, how many there."""

    name: str
    local: int
    server: int


class ModuleState(NamedTuple):
    """What the status tells; texts are empty and the rest None where it does not."""

    status: str
    operation_mode: str
    version: str
    db_version: str
    inn: str
    inst: str  # the number of this installation; the operator asks for it
    last_sync: datetime | None
    last_update: datetime | None
    requires_download: bool
    replication: tuple[Replication, ...]


def request(path: str, host: str, *, headers: Mapping[str, str] = http1.NO_HEADERS) -> bytes:
    """Return the GET of one of `READS`; `headers` may carry the password (`http1.basic_auth`).

    Raises:
        LocalProtocolError: of any other path.
    """
    if path not in READS:
        raise LocalProtocolError(path)
    return http1.request("GET", host, path, headers=headers)


def parse_status(body: bytes) -> ModuleState:
    """Return the state in the answer to `STATUS_V1` or `STATUS_V2`.

    Raises:
        RemoteProtocolError: it is not a local module's.
    """
    try:
        found = read_object(body)
    except JsonObjectError as error:
        raise RemoteProtocolError("no JSON object") from error
    status = text(found.get("status"))
    if not status or not _OWN & found.keys():  # many services have a "status"
        raise RemoteProtocolError("no local module")
    return ModuleState(
        status=status,
        operation_mode=text(found.get("operationMode")),
        version=text(found.get("version")),
        db_version=text(found.get("dbVersion")),
        inn=text(found.get("inn")),
        inst=text(found.get("inst")),
        last_sync=_moment(found.get("lastSync")),
        last_update=_moment(found.get("lastUpdate")),
        requires_download=flag(found.get("requiresDownload")) is True,
        replication=tuple(_replication(found.get("replicationStatus"))),
    )


def _moment(value: object) -> datetime | None:
    """Return a time told in ms since 1970; 0 means never."""
    ms = number(value)
    if ms is None or not 0 < ms <= _LAST_MS:
        return None
    return _EPOCH + timedelta(milliseconds=ms)


def _replication(value: object) -> list[Replication]:
    found = []
    for name, counts in (inner(value) or {}).items():
        here = inner(counts) or {}
        local, server = number(here.get("localDocCount")), number(here.get("serverDocCount"))
        if local is not None and server is not None:
            found.append(Replication(name, local, server))
    return found
