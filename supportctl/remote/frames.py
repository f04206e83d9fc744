"""Frames of the session protocol: a banner line, then messages with their length before them. Sans-io.

`docs/remote-protocol.md` has the whole protocol. What comes before the banner (a login message, the noise of
a shell) is skipped up to a bound; after it every byte counts.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROTOCOL = 1
BANNER = b"SUPPORTCTL-SESSION "
MAX_FRAME = 16 * 1024 * 1024  # bytes of one message
MAX_BANNER = 4 * 1024
MAX_NOISE = 64 * 1024
MAX_DEPTH = 64  # of nested values
_LENGTH = struct.Struct(">I")
# made once: `json.dumps` and `json.loads` with options make one for each message, a third of a request's time
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class ProtocolError(Exception):
    """The other side does not keep to the protocol. `code` names the texts (`remote.*`)."""

    def __init__(self, code: str, **found: object) -> None:
        super().__init__(code, found)
        self.code = code
        self.found: Mapping[str, str] = {name: clean(value) for name, value in found.items()}


class Hello(NamedTuple):
    """What the serving side says first. `digest` is that of its own code, "" if it does not know."""

    protocol: int
    tool_version: str
    digest: str
    session: str
    capabilities: tuple[str, ...]


def banner(hello: Hello) -> bytes:
    """Return the line with which a session begins."""
    return BANNER + json.dumps(hello._asdict(), separators=(",", ":")).encode() + b"\n"


def frame(message: Mapping[str, Any]) -> bytes:
    """Return a message with its length before it.

    Raises:
        ProtocolError: `remote.frame-too-big`.
    """
    body = _ENCODER.encode(message).encode("utf-8", "backslashreplace")
    if len(body) > MAX_FRAME:
        raise ProtocolError("remote.frame-too-big", found=len(body), limit=MAX_FRAME)
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Takes bytes as they come, gives whole messages. Never holds more than one frame and what follows it."""

    def __init__(self, *, expects_banner: bool) -> None:
        self._data = bytearray()
        self._waits_for_banner = expects_banner
        self._noise = 0
        self.hello: Hello | None = None

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Yield the messages that are whole now.

        Raises:
            ProtocolError: `remote.no-banner`, `remote.other-protocol`, `remote.frame-too-big`,
                `remote.bad-message`.
        """
        self._data += data
        if self._waits_for_banner and not self._take_banner():
            return
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > MAX_FRAME:
                raise ProtocolError("remote.frame-too-big", found=length, limit=MAX_FRAME)
            end = _LENGTH.size + length
            if len(self._data) < end:
                return
            body = bytes(self._data[_LENGTH.size : end])
            del self._data[:end]
            yield message(body)

    def _take_banner(self) -> bool:
        start = self._data.find(BANNER)
        if start < 0:  # the last bytes may be the beginning of a banner
            keep = len(BANNER) - 1
            self._drop(max(len(self._data) - keep, 0))
            return False
        self._drop(start)
        end = self._data.find(b"\n")
        if end < 0:
            if len(self._data) > MAX_BANNER:
                raise ProtocolError("remote.no-banner", found=bytes(self._data[:80]))
            return False
        self.hello = _hello(message(bytes(self._data[len(BANNER) : end])))
        del self._data[: end + 1]
        self._waits_for_banner = False
        return True

    def _drop(self, count: int) -> None:
        self._noise += count
        if self._noise > MAX_NOISE:
            found = bytes(self._data[:80]).decode("utf-8", "replace")
            raise ProtocolError("remote.no-banner", found=found)
        del self._data[:count]


def message(body: bytes) -> dict[str, Any]:
    """Return the message of a frame: a JSON object without doubled names, not nested beyond reason.

    Raises:
        ProtocolError: `remote.bad-message`.
    """
    try:
        value = _DECODER.decode(body.decode("utf-8"))
        if body.count(b"{") + body.count(b"[") >= MAX_DEPTH:  # fewer cannot be nested so deep
            _depth(value)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("remote.bad-message", found=body[:80], reason=error) from None
    if not isinstance(value, dict):
        raise ProtocolError("remote.bad-message", found=body[:80], reason="no object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number)


def _depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[object] = []
        for each in level:
            if isinstance(each, dict):
                deeper.extend(each.values())
            elif isinstance(each, list):
                deeper.extend(each)
        if not deeper:
            return
        level = deeper
    raise ValueError(f"nested more than {MAX_DEPTH} deep")


def _hello(found: dict[str, Any]) -> Hello:
    texts = {name: found.get(name) for name in ("tool_version", "digest", "session")}
    rights, protocol = found.get("capabilities"), found.get("protocol")
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(rights, list):
        raise ProtocolError("remote.no-banner", found=found)
    if protocol != PROTOCOL:
        raise ProtocolError("remote.other-protocol", found=protocol, expected=PROTOCOL)
    shown = {name: clean(text, 100) for name, text in texts.items()}
    return Hello(PROTOCOL, **shown, capabilities=tuple(clean(right, 40) for right in rights))
