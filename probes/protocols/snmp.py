"""SNMP v1 and v2c messages: requests out, answers in. BER and the message classes are pysnmp's.

Only GET and GETNEXT can be built: nothing here can change a device. We use pysnmp's message layer and not
its engine, because a probe needs the datagrams themselves (for the evidence), one deadline, and the
"connection refused" that only a connected socket hears.
Source: RFC 1157, RFC 3416; byte examples: reference, section 10.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Oid = tuple[int, ...]
Value = int | bytes | Oid | None  # None: the agent has no such object
MAX_BINDS = 64


class Version(IntEnum):
    """The `version` field of a message."""

    V1 = 0
    V2C = 1


class ErrorStatus(IntEnum):
    """The values of `error-status` that an answer to a read can have (RFC 3416, 3)."""

    NO_ERROR = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2
    GEN_ERR = 5
    NO_ACCESS = 6
    AUTHORIZATION_ERROR = 16


class SnmpError(ValueError):
    """Bytes that are no SNMP answer."""


class VarBind(NamedTuple):
    """One object of an answer."""

    oid: Oid
    value: Value


class Response(NamedTuple):
    """A GetResponse. `error_index` counts from 1 and names the request's object that failed."""

    version: Version
    request_id: int
    error_status: int
    error_index: int
    binds: tuple[VarBind, ...]


def get(oids: Iterable[Oid], *, version: Version, community: str, request_id: int) -> bytes:
    """Return a GetRequest for the instances `oids`."""
    return _request("GetRequestPDU", oids, version, community, request_id)


def get_next(oids: Iterable[Oid], *, version: Version, community: str, request_id: int) -> bytes:
    """Return a GetNextRequest: for each of `oids` the first object behind it."""
    return _request("GetNextRequestPDU", oids, version, community, request_id)


def _request(kind: str, oids: Iterable[Oid], version: Version, community: str, request_id: int) -> bytes:
    from pyasn1.codec.ber import encoder
    from pysnmp.proto import api

    module = api.PROTOCOL_MODULES[int(version)]
    pdu = getattr(module, kind)()
    module.apiPDU.set_defaults(pdu)
    module.apiPDU.set_request_id(pdu, request_id)
    module.apiPDU.set_varbinds(pdu, [(oid, module.Null("")) for oid in oids])
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community.encode())
    module.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def parse(datagram: bytes) -> Response:
    """Return the answer in `datagram`.

    Raises:
        SnmpError: it is no SNMP v1 or v2c GetResponse.
    """
    from pyasn1.codec.ber import decoder
    from pysnmp.proto import api

    try:
        version = Version(int(api.decodeMessageVersion(datagram)))
        module = api.PROTOCOL_MODULES[int(version)]
        message, rest = decoder.decode(datagram, asn1Spec=module.Message())
        pdu = module.apiMessage.get_pdu(message)
        if rest or not pdu.isSameTypeWith(module.GetResponsePDU()):
            raise SnmpError("not a GetResponse")
        binds = list(module.apiPDU.get_varbinds(pdu))[:MAX_BINDS]
        return Response(
            version,
            int(module.apiPDU.get_request_id(pdu)),
            int(module.apiPDU.get_error_status(pdu)),
            int(module.apiPDU.get_error_index(pdu)),
            tuple(VarBind(tuple(oid), _value(value)) for oid, value in binds),
        )
    except SnmpError:
        raise
    except Exception as error:  # pyasn1 and pysnmp answer garbage with many kinds of exception
        raise SnmpError(type(error).__name__) from error


def _value(value: object) -> Value:
    from pyasn1.type import univ

    if isinstance(value, univ.Null):  # noSuchObject, noSuchInstance and endOfMibView are kinds of it
        return None
    if isinstance(value, univ.Integer):
        return int(value)
    if isinstance(value, univ.OctetString):
        return bytes(value)
    if isinstance(value, univ.ObjectIdentifier):
        return tuple(value)
    return None


def dotted(oid: Oid) -> str:
    """Return an object identifier as people write it."""
    return ".".join(map(str, oid))
