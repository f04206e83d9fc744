"""One plain HTTP question over a link: bounded in time and size, redirects are not followed.

The parsing is the standard library's. A general client is not used because its time-out is for each read:
a server that sends a byte a second would hold a check for ever.
"""

from __future__ import annotations

import http.client
import io
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from datetime import datetime

    from probes.links import Link
    from supportctl.core.deadline import Deadline

MAX_ANSWER = 64 * 1024
_MAX_BODY = 4096


class NotHttpError(Exception):
    """What came is no HTTP answer; `got` is its beginning."""

    def __init__(self, got: bytes) -> None:
        super().__init__(f"{len(got)} bytes")
        self.got = got[:64]


class HttpAnswer(NamedTuple):
    """An answer; header names are in lower case, `body` holds at most its first 4 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> datetime | None:
        """The server's clock (RFC 9110, 6.6.1), None if it does not tell."""
        try:
            found = parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError, TypeError, OverflowError):
            return None
        # parsedate_to_datetime gives no zone for "-0000", and RFC 9110 knows no zone but GMT
        return found if found.tzinfo else None


def request(method: str, host: str, path: str, *, user_agent: str = "supportctl") -> bytes:
    """Return a request for one answer on a connection of its own."""
    headers = (f"Host: {host}", f"User-Agent: {user_agent}", "Accept: */*", "Connection: close")
    return "\r\n".join((f"{method} {path} HTTP/1.1", *headers, "", "")).encode("latin-1", "replace")


def exchange(link: Link, question: bytes, deadline: Deadline) -> HttpAnswer | None:
    """Return the answer to `question`, None if nothing came before `deadline`.

    Raises:
        LinkError: the connection closed before anything came.
        NotHttpError: what came is no HTTP answer, or only the beginning of its headers.
    """
    from probes.links import LinkError

    link.send(question, deadline)
    heard = bytearray()
    while len(heard) < MAX_ANSWER:
        try:
            piece = link.receive(deadline)
        except LinkError:
            if not heard:
                raise
            break
        if not piece:
            break
        heard += piece
        if whole(bytes(heard), head=question.startswith(b"HEAD ")):
            break
    return parse(bytes(heard), head=question.startswith(b"HEAD ")) if heard else None


def whole(heard: bytes, *, head: bool) -> bool:
    """Return whether no further byte can change what `parse` makes of an answer."""
    if not heard.startswith(b"HTTP/"[: len(heard)]):
        return True
    top, blank, body = heard.partition(b"\r\n\r\n")
    if not blank:
        return False
    if head or len(body) >= _MAX_BODY:
        return True
    try:
        answer = parse(top + blank, head=True)
    except NotHttpError:
        return True
    if answer.status in {204, 304}:
        return True
    length = answer.headers.get("content-length", "")
    return length.isdecimal() and len(body) >= int(length[:9])


def parse(heard: bytes, *, head: bool = False) -> HttpAnswer:
    """Return the answer in `heard`.

    Raises:
        NotHttpError: it is none, or its headers do not end.
    """
    if b"\r\n\r\n" not in heard and b"\n\n" not in heard:
        raise NotHttpError(heard)
    response = http.client.HTTPResponse(
        cast("socket.socket", _Recorded(heard)), method="HEAD" if head else "GET"
    )
    try:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        try:
            body = response.read(_MAX_BODY)
        except http.client.IncompleteRead as cut:
            body = cut.partial
    except (http.client.HTTPException, ValueError, OSError):
        raise NotHttpError(heard) from None
    finally:
        response.close()
    return HttpAnswer(response.status, headers, body)


class _Recorded:
    """As much of a socket as HTTPResponse needs."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)
