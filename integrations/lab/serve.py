"""Portals on loopback sockets: cheroot serves them, and the wire does what an answer says of it."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import traceback
from collections import deque
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

from cheroot import wsgi
from cheroot.server import HTTPConnection
from cheroot.ssl.builtin import BuiltinSSLAdapter

from integrations.lab.control import CONTROL, answer_control
from integrations.lab.portal import Asked, Portal, Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

HOST = "127.0.0.1"
_MAX_BODY = 64 * 1024 * 1024
_ENDLESS_PIECE_S = 0.2
_IDLE_S = 30  # a kept connection is closed after that; a client that stalls in TLS is waited for as long
_BACKLOG = 128
_COMPLAINTS = 20
_WITHOUT_BODY = frozenset({204, 304})
_CUT = "500 Cut"


class _Gateway(wsgi.Gateway_10):
    """Hands the connection on: a real wire can be cut, a WSGI answer cannot."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot has wrong types
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        environ["supportctl.connection"] = self.req.conn
        return environ


class _Connection(HTTPConnection):
    """A connection that may be cut in the middle of an answer: cheroot would end the whole server at that."""

    is_cut = False

    def communicate(self) -> bool:
        try:
            return bool(super().communicate()) and not self.is_cut  # type: ignore[no-untyped-call]
        except (OSError, ValueError):  # cheroot says on that it has failed, on a wire that is gone
            return False

    def close(self) -> None:
        with suppress(OSError, ValueError):
            super().close()

    def cut(self) -> None:
        """End it with a reset, now: the client gets an error, not an end."""
        self.is_cut = True
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.socket.detach())  # files made of a socket would keep it open


class PortalServer:
    """One portal on a port of its own, inside `with` or until `close`. `url` has no slash at its end.

    With `certificate` (certificate and key, PEM) it speaks TLS. `complaints` holds what went wrong in the
    server and in the portal's own code; a client gets status 500 with it.

    Raises:
        OSError: the port is in use.
    """

    def __init__(
        self, portal: Portal, port: int = 0, certificate: tuple[Path, Path] | None = None, threads: int = 8
    ) -> None:
        self.portal = portal
        self.complaints: deque[str] = deque(maxlen=_COMPLAINTS)
        self._ending = threading.Event()
        if port:
            _check_free(port)
        self._server = wsgi.Server(
            (HOST, port),
            self._application,
            numthreads=threads,
            request_queue_size=_BACKLOG,
            timeout=_IDLE_S,
            shutdown_timeout=2,
        )
        self._server.gateway = _Gateway
        self._server.ConnectionClass = _Connection
        self._server.keep_alive_conn_limit = None  # type: ignore[assignment]  # None: any number
        self._server.max_request_body_size = _MAX_BODY
        self._server.error_log = self._complain  # type: ignore[method-assign]  # meant to be replaced
        if certificate is not None:
            self._server.ssl_adapter = BuiltinSSLAdapter(*map(str, certificate))
        self._server.prepare()
        self.port: int = self._server.bind_addr[1]
        self.url = f"http{'s' if certificate else ''}://{HOST}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve, name=f"portal {portal.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; may be called twice."""
        self._ending.set()
        stopping = threading.Thread(target=self._server.stop, name=f"stop {self.portal.name}")
        stopping.start()
        while stopping.is_alive():  # it looks for its end between two events only: give it events
            with suppress(OSError):
                socket.create_connection((HOST, self.port), 0.1).close()
            stopping.join(0.01)
        self._thread.join(5)

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop serving."""
        self.close()

    def _complain(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  cheroot's
        self.complaints.append(msg)

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = self._said(_asked(environ))
        if said.delay_s:
            self._ending.wait(said.delay_s)
        connection: _Connection = environ["supportctl.connection"]
        if said.cut == "reset":
            connection.cut()
            start_response(_CUT, [])  # goes nowhere; without it cheroot complains
            return []
        headers = [("Content-Type", said.kind), *said.headers]
        bodyless = said.status in _WITHOUT_BODY
        if said.cut != "endless" and not bodyless:
            headers.append(("Content-Length", str(len(said.body))))
        start_response(_status(said.status), headers)
        if said.cut:
            return self._pieces(said, connection)
        return [] if bodyless or environ["REQUEST_METHOD"] == "HEAD" else [said.body]

    def _said(self, asked: Asked) -> Said:
        try:
            if asked.path == CONTROL or asked.path.startswith(f"{CONTROL}/"):
                return answer_control(self.portal, asked)
            return self.portal.respond(asked)
        except Exception:  # noqa: BLE001  a mistake in the lab has to be seen, and must not look like a fault
            self.complaints.append(traceback.format_exc())
            text = f"The lab itself is broken:\n{self.complaints[-1]}"
            return Said(500, text.encode(), "text/plain; charset=utf-8")

    def _pieces(self, said: Said, connection: _Connection) -> Iterator[bytes]:
        if said.cut == "torn":
            yield said.body[: len(said.body) // 2]
            connection.cut()
            return
        yield said.body or b" "
        while not self._ending.wait(_ENDLESS_PIECE_S):
            yield b" "


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Said"


def _asked(environ: dict[str, Any]) -> Asked:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return Asked(
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        tuple(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        headers,
        environ["wsgi.input"].read(),
    )


def _check_free(port: int) -> None:
    """Raise the error of a port in use: that of cheroot has no number and leaves a socket open."""
    with socket.socket() as trial:
        if sys.platform != "win32":  # there it would take a port from somebody else
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((HOST, port))
