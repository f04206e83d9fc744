"""EGAIS transport module (UTM): what may be asked of its web server, and what the answers mean.

Source: devices.md §8 ([UTM], two public clients of `/api/info/list`); the vendor publishes no schema.
Everything here is a GET; the UTM takes documents by POST, which cannot be encoded.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from probes.protocols import http1
from probes.protocols.json_object import JsonObjectError, flag, inner, read_object, text

if TYPE_CHECKING:
    from probes.protocols.json_object import JsonObject

INFO_LIST: Final = "/api/info/list"
DIAGNOSIS: Final = "/diagnosis"  # versions before 4 have only this one
READS: Final = frozenset({INFO_LIST, DIAGNOSIS})

_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d",
    "%d.%m.%Y %H:%M:%S %z", "%d.%m.%Y %H:%M:%S%z", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y",
)  # fmt: skip
_TIME = re.compile(
    r"(?:\d{4}-\d\d-\d\d|\d\d\.\d\d\.\d{4})(?:[ T]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?: ?[+-]\d\d:?\d\d)?)?"
)
_NONE_UNSENT = "отсутству"  # "Отсутствуют неотправленные розничные документы", as on the UTM's own page
_MAX_XML = 4096


class UtmError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(UtmError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(UtmError):
    """A sound answer, but not a UTM's."""


class Certificate(NamedTuple):
    """One key of the token. `expires` has a zone if the UTM told one; `validity` is its word ("valid")."""

    kind: str  # RSA: issued by EGAIS itself; GOST: the organisation's qualified signature
    expires: datetime | None
    expires_text: str
    validity: str

    @property
    def valid(self) -> bool:
        """Whether the UTM itself accepts it; what it does not tell is no complaint."""
        return self.validity.lower() in {"", "valid", "true"}


class UtmState(NamedTuple):
    """What `/api/info/list` tells; texts are empty and the rest None where it does not."""

    version: str
    contour: str
    rsa_error: str
    check_info: str
    owner_id: str
    db_owner_id: str
    rsa: Certificate | None
    gost: Certificate | None
    license: bool | None

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Those that are there."""
        return tuple(found for found in (self.rsa, self.gost) if found is not None)


class Unsent(NamedTuple):
    """What `checkInfo` says of receipts that wait: `known` is false for a text that we do not understand."""

    known: bool
    since: datetime | None = None


def request(path: str, host: str) -> bytes:
    """Return the GET of one of `READS`.

    Raises:
        LocalProtocolError: of any other path.
    """
    if path not in READS:
        raise LocalProtocolError(path)
    return http1.request("GET", host, path)


def parse_info(body: bytes) -> UtmState:
    """Return the state in the answer to `INFO_LIST`.

    Raises:
        RemoteProtocolError: it is not a UTM's.
    """
    try:
        found = read_object(body)
    except JsonObjectError as error:
        raise RemoteProtocolError("no JSON object") from error
    if "version" not in found or not {"ownerId", "db", "rsa", "gost"} & found.keys():
        raise RemoteProtocolError("no UTM")
    database = inner(found.get("db")) or {}
    return UtmState(
        version=text(found["version"]),
        contour=text(found.get("contour")),
        rsa_error=_complaint(found.get("rsaError")),
        check_info=_complaint(found.get("checkInfo")),
        owner_id=text(found.get("ownerId")),
        db_owner_id=text(database.get("ownerId")),
        rsa=_certificate("RSA", found.get("rsa")),
        gost=_certificate("GOST", found.get("gost")),
        license=flag(found.get("license")),
    )


def parse_diagnosis(body: bytes) -> str:
    """Return the FSRAR id of the token in the answer to `DIAGNOSIS` (`<A><CN>030000123456</CN></A>`).

    Raises:
        RemoteProtocolError: there is none. Entities, document types and long documents are refused unread.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    if len(body) > _MAX_XML:
        raise RemoteProtocolError("too long")
    try:
        found = fromstring(body, forbid_dtd=True).findtext(".//CN")
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise RemoteProtocolError("no XML") from error
    if not found or not found.strip().isdecimal():
        raise RemoteProtocolError("no FSRAR id")
    return found.strip()


def parse_time(said: str) -> datetime | None:
    """Return a time in one of the forms that UTM versions use; without a zone if it tells none."""
    whole = said.strip().replace("T", " ", 1)
    whole = re.sub(r"(:\d\d)\.\d{1,9}", r"\1", whole, count=1)
    for form in _TIME_FORMATS:
        try:
            return datetime.strptime(whole, form)  # noqa: DTZ007  the zone may be missing; the caller knows the shop's
        except ValueError:
            continue
    return None


def unsent(check_info: str) -> Unsent:
    """Return what `checkInfo` says. UNVERIFIED: its form is known from the UTM's own page and one client."""
    if not check_info or check_info.lower().startswith(_NONE_UNSENT):
        return Unsent(known=True)
    match = _TIME.search(check_info)
    since = parse_time(match.group()) if match else None
    return Unsent(known=since is not None, since=since)


def _certificate(kind: str, value: object) -> Certificate | None:
    found: JsonObject | None = inner(value)
    if not found:
        return None
    expires, valid = text(found.get("expireDate")), found.get("isValid")
    validity = str(valid) if isinstance(valid, bool) else text(valid)
    return Certificate(kind, parse_time(expires), expires, validity)


def _complaint(value: object) -> str:
    """Return a text that is there only if something is wrong: null, false and "null" are none."""
    said = text(value)
    return "" if said.lower() in {"null", "false"} else said
