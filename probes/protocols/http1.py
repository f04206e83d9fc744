"""HTTP/1.1 answers as bytes that grew: what `http.client` knows, without a wire.

For devices and services with a web server inside. A request is one question; the caller bounds the answer.
"""

from __future__ import annotations

import http.client
import io
import re
from base64 import b64encode
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_HEADERS = 16 * 1024
_START = b"HTTP/"
_IN_PATHS = "/?&=%:@!$'()*+,;~"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_FOLD = re.compile(r"[\r\n]+[ \t]*")  # where a header goes on in the next line (RFC 9112, 5.2)
_INTERIM = re.compile(rb"HTTP/1\.\d 1\d\d")  # "100 Continue" comes before the answer proper


class HttpError(ValueError):
    """Bytes that are no HTTP answer."""


class HttpAnswer(NamedTuple):
    """A whole answer."""

    status: int
    reason: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class _Heard:
    """What `HTTPResponse` wants of a socket: a file to read from."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def makefile(self, _mode: str) -> io.BytesIO:
        return self._file


def request(
    method: str, host: str, path: str, *, headers: Mapping[str, str] = NO_HEADERS, body: bytes | None = None
) -> bytes:
    """Return a request; the connection is for this one question.

    Raises:
        HttpError: a header would not stay in its line.
    """
    lines = [
        f"{method} {quote(path or '/', safe=_IN_PATHS)} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: supportctl",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    lines += ["Accept-Encoding: identity", "Connection: close"]
    if any("\r" in line or "\n" in line for line in lines):
        raise HttpError("a line break in a header")
    return "\r\n".join((*lines, "", "")).encode("latin-1", "replace") + (body or b"")


def post(host: str, path: str, content_type: str, body: bytes) -> bytes:
    """Return a POST request; the connection is for this one question."""
    return request("POST", host, path, headers={"Content-Type": content_type}, body=body)


def basic_auth(user: str, password: str) -> dict[str, str]:
    """Return the header that carries a user's password (RFC 7617, in UTF-8)."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")}


def parse(heard: bytes, *, closed: bool = False) -> HttpAnswer | None:
    """Return the answer, or None while more bytes are needed; `closed`: no more will come.

    Raises:
        HttpError: no further byte can make an HTTP answer of it.
    """
    heard = _final(heard)
    if heard[: len(_START)] != _START[: len(heard)]:
        raise HttpError("no HTTP")
    if _INTERIM.match(heard) or (b"\r\n\r\n" not in heard and b"\n\n" not in heard):
        if len(heard) > _MAX_HEADERS or closed:
            raise HttpError("no end of the headers")
        return None
    response = http.client.HTTPResponse(cast("Any", _Heard(heard)), method="POST")
    try:
        response.begin()
        ends_with_close = response.length is None and not response.chunked
        body = response.read()
    except http.client.IncompleteRead as error:
        if closed:
            raise HttpError("cut short") from error
        return None
    except (http.client.HTTPException, ValueError, OverflowError) as error:
        raise HttpError(type(error).__name__) from error
    if ends_with_close and not closed:
        return None
    headers = {name.lower(): _FOLD.sub(" ", value) for name, value in response.getheaders()}
    return HttpAnswer(response.status, response.reason, headers, body)


def _final(heard: bytes) -> bytes:
    while _INTERIM.match(heard):
        _interim, end, rest = heard.partition(b"\r\n\r\n")
        if not end:
            break
        heard = rest
    return heard
