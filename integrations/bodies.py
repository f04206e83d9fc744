"""The body of an answer, unpacked and bounded: a megabyte that unpacks to gigabytes stops at the limit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

_CHUNK = 64 * 1024
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class TooBigError(Exception):
    """The body is longer than the caller wants."""


class BrokenBodyError(Exception):
    """The body ends in the middle, or is packed in a way that we have not asked for."""


def read_beginning(raw: BaseHTTPResponse, packing: str, limit: int) -> bytes:
    """Return the first `limit` bytes of a body that is not packed, or all of it; the rest is not waited for.

    Raises:
        BrokenBodyError: it is packed.
        urllib3.exceptions.HTTPError: what the connection has to say.
    """
    if packing.strip().lower() not in {"", "identity"}:
        raise BrokenBodyError(f"packed as {packing[:20]!r}")
    body = bytearray()
    while len(body) < limit and (piece := raw.read(limit - len(body), decode_content=False)):
        body += piece
    return bytes(body)


def read_body(raw: BaseHTTPResponse, packing: str, limit: int) -> bytes:
    """Return a body, unpacked, of at most `limit` bytes.

    Raises:
        TooBigError: it is longer.
        BrokenBodyError: it cannot be unpacked, or its end is missing.
        urllib3.exceptions.HTTPError: what the connection has to say.
    """
    packing = packing.strip().lower()
    if packing in {"", "identity"}:
        return _plain(raw, limit)
    if packing not in _PACKED:
        raise BrokenBodyError(f"packed as {packing[:20]!r}")
    return _unpacked(raw, limit)


def _plain(raw: BaseHTTPResponse, limit: int) -> bytes:
    body = bytearray()
    while piece := raw.read(min(_CHUNK, limit + 1), decode_content=False):
        body += piece
        if len(body) > limit:
            raise TooBigError
    return bytes(body)


def _unpacked(raw: BaseHTTPResponse, limit: int) -> bytes:
    body = bytearray()
    machine = zlib.decompressobj(_GZIP_OR_ZLIB)
    started = False
    while piece := raw.read(_CHUNK, decode_content=False):
        started = True
        while piece:
            if machine.eof:  # another member of a gzip file
                machine = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                body += machine.decompress(piece, limit + 1 - len(body))
            except zlib.error as error:
                raise BrokenBodyError(str(error)) from None
            if len(body) > limit:
                raise TooBigError
            piece = machine.unused_data or machine.unconsumed_tail
    if started and not machine.eof:
        raise BrokenBodyError("packed data without its end")
    return bytes(body)
