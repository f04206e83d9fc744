"""How another process talks to a running lab: one line of JSON there, one back, on loopback, with a token."""

from __future__ import annotations

import hmac
import json
import socket
from typing import TYPE_CHECKING, Any

from probes.lab.serve.tcp import LOOPBACK
from probes.lab.wirefaults import Piece
from supportctl.core.errors import SupportctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probes.lab.serve.session import Session

MAX_LINE = 64 * 1024
MAX_ANSWER = 16 * 1024 * 1024
Answer = dict[str, Any]  # a JSON document


class ControlDesk:
    """The consumer behind the control port: checks the token, hands the request on, answers, hangs up."""

    def __init__(self, token: str, handle: Callable[[Mapping[str, Any]], Answer]) -> None:
        self._token = token
        self._handle = handle
        self._lines: dict[Session, bytearray] = {}

    def opened(self, session: Session) -> None:
        """Wait for a client's line."""
        self._lines[session] = bytearray()

    def received(self, session: Session, data: bytes) -> None:
        """Answer when the line is whole; a line that is too long is not waited for."""
        line = self._lines.get(session)
        if line is None:
            return
        line += data
        if b"\n" in line or len(line) > MAX_LINE:
            answer = json.dumps(self._answer(bytes(line.partition(b"\n")[0])), ensure_ascii=True)
            session.send([Piece(0.0, answer.encode() + b"\n", close=True)])

    def closed(self, session: Session) -> None:
        """Forget a client."""
        self._lines.pop(session, None)

    def _answer(self, line: bytes) -> Answer:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            request = None
        token = request.get("token") if isinstance(request, dict) else None
        if not isinstance(token, str) or not hmac.compare_digest(token.encode(), self._token.encode()):
            return {"error": {"key": "lab.wrong-token", "args": {}}}
        try:
            return self._handle(request)
        except SupportctlError as error:
            return {"error": {"key": error.key, "args": dict(error.args_by_name)}}


def ask(port: int, token: str, request: Mapping[str, object], timeout_s: float = 10.0) -> Answer:
    """Return the lab's answer.

    Raises:
        OSError: nobody answers there in time.
        UsageError: the lab refuses the request.
    """
    line = json.dumps({**request, "token": token}).encode() + b"\n"
    with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as wire:
        wire.sendall(line)
        answer = bytearray()
        while not answer.endswith(b"\n") and len(answer) < MAX_ANSWER:
            part = wire.recv(65536)
            if not part:
                break
            answer += part
    try:
        document = json.loads(answer)
    except ValueError:
        raise ConnectionError from None
    if not isinstance(document, dict):
        raise ConnectionError
    if "error" in document:
        raise UsageError(document["error"]["key"], **document["error"]["args"])
    return document
