"""SIP: asking a telephone, a gateway or a PBX whether it is there, and which telephones an account has.

Source: RFC 3261, RFC 3581 (rport); devices.md section 10. Two questions can be encoded:
OPTIONS, and REGISTER without a Contact, which changes nothing and returns the bindings of an account (RFC
3261, 10.2.3). INVITE, which rings a telephone, and REGISTER with a Contact, which diverts calls, cannot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

METHODS: Final = ("OPTIONS", "REGISTER")
BRANCH_COOKIE: Final = "z9hG4bK"
_HEAD_END: Final = b"\r\n\r\n"
_LARGEST = 65_535
_LONGEST_HEADER = 4096  # no telephone sends longer ones, and taking those apart is slow
_USER_SAFE: Final = "-_.!~*'()&=+$,/"
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~-]+")
_STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?")
_SHORT_NAMES: Final = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "k": "supported", "s": "subject", "c": "content-type", "e": "content-encoding",
}  # fmt: skip


class SipError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(SipError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(SipError):
    """What came is no SIP response."""


class Request(NamedTuple):
    """One question. `me` is our own address, `them` whom it is put to, as `host:port`."""

    method: str
    them: str
    me: str
    transport: str  # UDP, TCP
    branch: str
    tag: str
    call_id: str
    cseq: int = 1
    user: str = ""
    authorization: tuple[str, str] | None = None  # the header's name and value

    @property
    def uri(self) -> str:
        """What stands in the first line."""
        return f"sip:{self.them}"


def encode(request: Request) -> bytes:
    """Return the request's bytes.

    Raises:
        LocalProtocolError: its method is none of `METHODS`, or a part of it would break out of its line.
    """
    if request.method not in METHODS:
        raise LocalProtocolError(f"not a read request: {request.method}")
    if not all(_TOKEN.fullmatch(part) for part in (request.branch, request.tag, request.call_id)):
        raise LocalProtocolError("an identifier of a SIP request is a token")
    parts = (request.them, request.me, request.transport, request.user, *(request.authorization or ()))
    if any(not part.isprintable() for part in parts) or set('<>" ;?@') & set(request.me + request.them):
        raise LocalProtocolError("a part of a SIP request has no place in its line")
    account = f"<sip:{quote(request.user, safe=_USER_SAFE)}@{request.them}>"
    register = request.method == "REGISTER"
    lines = [
        f"{request.method} {request.uri} SIP/2.0",
        f"Via: SIP/2.0/{request.transport} {request.me};rport;branch={BRANCH_COOKIE}{request.branch}",
        "Max-Forwards: 70",
        f"From: {account if register else f'<sip:supportctl@{request.me}>'};tag={request.tag}",
        f"To: {account if register else f'<{request.uri}>'}",
        f"Call-ID: {request.call_id}",
        f"CSeq: {request.cseq} {request.method}",
    ]
    if request.method == "OPTIONS":
        lines += [f"Contact: <sip:supportctl@{request.me}>", "Accept: application/sdp"]
    if request.authorization is not None:
        lines.append(": ".join(request.authorization))
    lines += ["User-Agent: supportctl", "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


class Via(NamedTuple):
    """One step of the way: who sent the request, and what the receiver noted about it."""

    transport: str
    sent_by: str
    branch: str = ""
    received: str = ""
    rport: str = ""


class Response(NamedTuple):
    """A response. Names of headers are in lower case, in their long form."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """Return every value of a header, in order."""
        return [value for key, value in self.headers if key == name]

    def first(self, name: str) -> str:
        """Return a header's first value, or nothing."""
        return next(iter(self.all(name)), "")

    @property
    def vias(self) -> list[Via]:
        """The steps of the way back, the next one first."""
        return [via for value in self.all("via") for part in _split(value) if (via := _via(part)) is not None]

    @property
    def contacts(self) -> list[str]:
        """The addresses that an account is registered at."""
        return [part.strip() for value in self.all("contact") for part in _split(value) if part.strip()]

    @property
    def program(self) -> str:
        """What the other side says it is."""
        return self.first("server") or self.first("user-agent")

    def answers(self, request: Request) -> bool:
        """Return whether this is the final answer to `request`: provisional ones (1xx) are not."""
        number, _, method = self.first("cseq").partition(" ")
        ours = self.first("call-id") == request.call_id and method.strip() == request.method
        return ours and number == str(request.cseq) and self.status >= 200


def parse(message: bytes) -> Response:
    """Return the response that a datagram, or one message of a stream, holds.

    Raises:
        RemoteProtocolError: it is none.
    """
    head = message.lstrip(b"\r\n").partition(_HEAD_END)[0]
    if len(message) > _LARGEST:
        raise RemoteProtocolError("a SIP message is not that long")
    first, *rest = head.decode("utf-8", "replace").replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise RemoteProtocolError(f"no status line: {first[:60]!r}")
    headers = []
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or len(line) > _LONGEST_HEADER:
            raise RemoteProtocolError(f"no header: {line[:60]!r}")
        name = name.strip().lower()
        headers.append((_SHORT_NAMES.get(name, name), value.strip()))
    return Response(int(found[1]), (found[2] or "").strip(), tuple(headers))


def message_size(stream: bytes) -> int | None:
    """Return how many bytes of a TCP stream the first message takes, None while it is not whole.

    Raises:
        RemoteProtocolError: what begins there is no SIP response.
    """
    skipped = len(stream) - len(stream.lstrip(b"\r\n"))  # keep-alive
    start = stream[skipped:]
    if not b"SIP/2.0 ".startswith(start[:8]):
        raise RemoteProtocolError(f"no status line: {start[:60]!r}")
    head, end, _ = start.partition(_HEAD_END)
    if not end:
        if len(start) > _LARGEST:
            raise RemoteProtocolError("a SIP message is not that long")
        return None
    length = parse(start[: len(head) + len(end)]).first("content-length")
    body = int(length) if length.isascii() and length.isdigit() and len(length) < 6 else 0
    size = skipped + len(head) + len(end) + body
    return size if len(stream) >= size else None


def rewritten(response: Response, request: Request) -> str:
    """Return which header came back changed, so that something on the way rewrites SIP (an ALG); or nothing.

    A server copies Via and From into its response and adds only parameters of its own (RFC 3261, 8.2.6.2).
    """
    vias = response.vias
    if len(vias) != 1 or vias[0].sent_by.lower() != request.me.lower():
        return "Via"
    if vias[0].branch != BRANCH_COOKIE + request.branch:
        return "Via"
    caller = request.them if request.method == "REGISTER" else request.me
    return "" if f"@{caller}".lower() in response.first("from").lower() else "From"


def _split(value: str) -> Sequence[str]:
    """Return the parts of a header with several values; commas within quotes and <> divide nothing."""
    return [part for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<]|["<])+', value) if part.strip()]


def _via(text: str) -> Via | None:
    found = re.match(r"\s*SIP\s*/\s*2\.0\s*/\s*(\S+)\s+([^\s;]+)(.*)", text, re.DOTALL)
    if found is None:
        return None
    pairs = (part.partition("=") for part in found[3].split(";") if part.strip())
    given = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Via(
        found[1].upper(), found[2], given.get("branch", ""), given.get("received", ""), given.get("rport", "")
    )
