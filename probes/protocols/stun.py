"""STUN: from which address do we appear to the other side? Only the binding request can be encoded.

Source: RFC 5389 (its magic cookie, XOR-MAPPED-ADDRESS), RFC 5769 (test vectors), RFC 3489 (MAPPED-ADDRESS of
old servers); devices.md section 10.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

BINDING_REQUEST: Final = 0x0001
BINDING_SUCCESS, BINDING_ERROR = 0x0101, 0x0111
MAGIC_COOKIE: Final = bytes.fromhex("2112a442")
MAPPED_ADDRESS, ERROR_CODE, XOR_MAPPED_ADDRESS, SOFTWARE = 0x0001, 0x0009, 0x0020, 0x8022
TRANSACTION_SIZE: Final = 12
_HEADER_SIZE = 20
_FAMILIES: Final = {1: 4, 2: 16}


class StunError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(StunError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(StunError):
    """What came is no answer of a STUN server to our question."""


class Binding(NamedTuple):
    """The address and port that the server sees; `error` is its code instead, 0 without one."""

    address: str = ""
    port: int = 0
    software: str = ""
    error: int = 0


def encode(kind: int, transaction: bytes) -> bytes:
    """Return a binding request; `transaction` is 12 bytes of chance.

    Raises:
        LocalProtocolError: `kind` is another message (TURN allocations are), or `transaction` is no such.
    """
    if kind != BINDING_REQUEST or len(transaction) != TRANSACTION_SIZE:
        raise LocalProtocolError(f"not a read request: {kind:04x}")
    return kind.to_bytes(2, "big") + b"\0\0" + MAGIC_COOKIE + transaction


def parse(datagram: bytes, transaction: bytes) -> Binding:
    """Return the answer to the request with this transaction.

    Raises:
        RemoteProtocolError: it is none, or it is cut off.
    """
    kind, size = int.from_bytes(datagram[:2], "big"), int.from_bytes(datagram[2:4], "big")
    if len(datagram) != _HEADER_SIZE + size or datagram[4:_HEADER_SIZE] != MAGIC_COOKIE + transaction:
        raise RemoteProtocolError(f"no answer to our question: {datagram[:_HEADER_SIZE].hex()}")
    found = dict(_attributes(datagram[_HEADER_SIZE:]))
    software = found.get(SOFTWARE, b"").decode("utf-8", "replace").strip("\0 ")
    if kind == BINDING_ERROR:
        code = found.get(ERROR_CODE, b"")
        return Binding(software=software, error=(code[2] & 7) * 100 + code[3] if len(code) >= 4 else 500)
    if kind != BINDING_SUCCESS:
        raise RemoteProtocolError(f"another message: {kind:04x}")
    if XOR_MAPPED_ADDRESS in found:
        return _address(found[XOR_MAPPED_ADDRESS], MAGIC_COOKIE + transaction)._replace(software=software)
    if MAPPED_ADDRESS in found:
        return _address(found[MAPPED_ADDRESS], bytes(16))._replace(software=software)
    raise RemoteProtocolError("an answer without an address")


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        size = int.from_bytes(data[2:4], "big")
        if len(data) < 4 + size:
            raise RemoteProtocolError("an attribute is cut off")
        yield int.from_bytes(data[:2], "big"), data[4 : 4 + size]
        data = data[4 + size + -size % 4 :]


def _address(value: bytes, key: bytes) -> Binding:
    size = _FAMILIES.get(value[1]) if len(value) > 1 else None
    if size is None or len(value) != 4 + size:
        raise RemoteProtocolError(f"no address: {value.hex()}")
    port = bytes(a ^ b for a, b in zip(value[2:4], key, strict=False))
    address = bytes(a ^ b for a, b in zip(value[4:], key, strict=False))
    return Binding(str(ipaddress.ip_address(address)), int.from_bytes(port, "big"))
