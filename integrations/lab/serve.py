"""Portals on loopback sockets: cheroot serves them, and the wire does what an answer says of it."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

from integrations.lab.control import CONTROL, answer_control
from integrations.lab.portal import Asked, Portal, Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

HOST = "127.0.0.1"
_MAX_BODY = 64 * 1024 * 1024
_ENDLESS_PIECE_S = 0.2
_REASONS = {0: "0 Cut"}


class _Gateway(wsgi.Gateway_10):
    """Hands the socket on: a real wire can be cut, a WSGI answer cannot."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot has wrong types
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        environ["supportctl.socket"] = self.req.conn.socket
        return environ


class PortalServer:
    """One portal on a port of its own, inside `with` or until `close`. `url` has no slash at its end.

    With `certificate` (certificate and key, PEM) it speaks TLS.
    """

    def __init__(
        self, portal: Portal, port: int = 0, certificate: tuple[Path, Path] | None = None, threads: int = 8
    ) -> None:
        self.portal = portal
        self._ending = threading.Event()
        if port:
            _check_free(port)
        self._server = wsgi.Server((HOST, port), self._application, numthreads=threads, shutdown_timeout=2)
        self._server.gateway = _Gateway
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
        self._server.stop()
        self._thread.join(5)

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop serving."""
        self.close()

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = _asked(environ)
        if asked.path.startswith(CONTROL):
            said = answer_control(self.portal, asked)
        else:
            said = self.portal.respond(asked)
        if said.delay_s:
            self._ending.wait(said.delay_s)
        if said.cut == "reset":
            _reset(environ["supportctl.socket"])
            return []
        headers = [("Content-Type", said.kind), *said.headers]
        if said.cut != "endless":
            headers.append(("Content-Length", str(len(said.body))))
        start_response(f"{said.status} {_REASONS.get(said.status, 'Said')}", headers)
        return self._pieces(said, environ) if said.cut else [said.body]

    def _pieces(self, said: Said, environ: dict[str, Any]) -> Iterator[bytes]:
        if said.cut == "torn":
            yield said.body[: len(said.body) // 2]
            _reset(environ["supportctl.socket"])
            return
        while not self._ending.wait(_ENDLESS_PIECE_S):
            yield b" "


def _asked(environ: dict[str, Any]) -> Asked:
    length = environ.get("CONTENT_LENGTH") or "0"
    size = min(int(length), _MAX_BODY) if length.isdecimal() else 0
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
        environ["wsgi.input"].read(size) if size else environ["wsgi.input"].read(),
    )


def _check_free(port: int) -> None:
    """Raise the error of a port in use: that of cheroot has no number and leaves a socket open."""
    with socket.socket() as trial:
        if sys.platform != "win32":  # there it would take a port from somebody else
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((HOST, port))


def _reset(wire: socket.socket) -> None:
    """End a connection with a reset: the client gets an error, not an end."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
