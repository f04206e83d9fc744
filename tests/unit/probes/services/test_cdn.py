"""The marking operator's CDN: TLS servers with good and bad certificates; only the good ones get a token."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading

import pytest
import trustme

from probes.services.marking import MarkingProbe
from supportctl.core.finding import Status

TOKEN = "t0ken-of-the-shop"
INFO, HEALTH = "/api/v4/true-api/cdn/info", "/api/v4/true-api/cdn/health/check"


class Cdn:
    """Answers each GET with what `pages` has for its path; keeps every request."""

    def __init__(self, ca, name="localhost"):
        self.pages = {HEALTH: (200, {"code": 0, "avgTimeMs": 120})}
        self.heard = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(name).configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(5)
                with connection, contextlib.suppress(OSError):
                    self._talk(connection)

    def _talk(self, connection):
        with self._context.wrap_socket(connection, server_side=True) as secure:
            request = secure.recv(65536).decode()
            if not request:
                return
            self.heard.append(request)
            status, found = self.pages.get(request.split(" ")[1], (404, {}))
            body = json.dumps(found).encode()
            head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n\r\n"
            secure.sendall(head.encode() + body)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    made = trustme.CA()
    made.path = tmp_path_factory.mktemp("ca") / "ca.pem"
    made.cert_pem.write_to_path(str(made.path))
    return made


@pytest.fixture
def cdn(ca):
    made = []

    def make(name="localhost"):
        made.append(Cdn(ca, name))
        return made[-1]

    yield make
    for server in made:
        server.close()


def told(ask, server, ca, *, token=""):
    url = f"marking+https://localhost:{server.port}?ca={ca.path}" + (f"&token={token}" if token else "")
    findings = [found for found in ask(MarkingProbe(), url) if found.code != "net.tls"]
    assert TOKEN not in str(findings)
    return {found.code: found for found in findings}


def test_health_without_a_token(ask, cdn, ca):
    server = cdn()
    found = told(ask, server, ca)
    assert {code: one.status for code, one in found.items()} == {"marking.cdn": Status.OK}
    assert [request.split(" ")[1] for request in server.heard if request] == [HEALTH]
    assert not any("X-API-KEY" in request for request in server.heard)


def test_hosts_with_a_token(ask, cdn, ca):
    server = cdn()
    hosts = [{"host": f"https://localhost:{server.port}"}, {"host": "https://elsewhere.example"}]
    server.pages[INFO] = (200, {"code": 0, "hosts": hosts})
    found = told(ask, server, ca, token=TOKEN)
    assert found.keys() == {"marking.cdn"}
    assert [request.split(" ")[1] for request in server.heard] == [INFO, HEALTH]
    assert all(f"X-API-KEY: {TOKEN}" in request for request in server.heard)


@pytest.mark.parametrize(
    ("page", "token", "code", "status"),
    [
        ((401, {}), "", "marking.cdn-token", Status.UNKNOWN),
        ((429, {}), "", "marking.cdn-failing", Status.WARNING),
        ((418, {}), "", "marking.cdn-failing", Status.WARNING),
        ((503, {}), "", "marking.cdn-failing", Status.FAULT),
        ((200, {"code": 5}), "", "marking.cdn-failing", Status.FAULT),
        ((200, {"code": 0, "avgTimeMs": 1500}), "", "marking.cdn-slow", Status.WARNING),
        ((200, {"hello": 1}), "", "link.wrong-device", Status.FAULT),
        ((404, {}), "", "link.wrong-device", Status.FAULT),
    ],
)
def test_answers_of_a_host(ask, cdn, ca, page, token, code, status):
    server = cdn()
    server.pages[HEALTH] = page
    (found,) = told(ask, server, ca, token=token).values()
    assert (found.code, found.status) == (code, status)


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ((401, {}), "marking.cdn-token"),
        ((200, {"code": 0, "hosts": []}), "marking.cdn-failing"),
        ((200, {"code": 3, "hosts": [{"host": "https://localhost"}]}), "marking.cdn-failing"),
        ((200, {"code": 0, "hosts": [{"host": "https://evil.example"}]}), "marking.cdn-failing"),
    ],
)
def test_answers_of_the_list(ask, cdn, ca, page, code):
    server = cdn()
    server.pages[INFO] = page
    assert told(ask, server, ca, token=TOKEN).keys() == {code}


def test_one_bad_host_of_several_is_a_warning(ask, cdn, ca):
    server, bad = cdn(), cdn()
    bad.pages[HEALTH] = (503, {})
    hosts = [{"host": f"https://localhost:{one.port}"} for one in (server, bad)]
    server.pages[INFO] = (200, {"code": 0, "hosts": hosts})
    found = told(ask, server, ca, token=TOKEN)
    assert found["marking.cdn-failing"].status is Status.WARNING
    assert found["marking.cdn"].status is Status.OK


def test_no_token_to_whom_this_computer_does_not_trust(ask, cdn, ca):
    stranger = cdn("other.example")
    url = f"marking+https://localhost:{stranger.port}?ca={ca.path}&token={TOKEN}"
    assert {found.code for found in ask(MarkingProbe(), url)} == {"net.tls-name"}
    unknown = cdn()
    url = f"marking+https://localhost:{unknown.port}?token={TOKEN}"
    assert {found.code for found in ask(MarkingProbe(), url)} == {"net.tls-untrusted"}
    assert stranger.heard == unknown.heard == []


def test_a_host_of_the_list_is_trusted_on_its_own(ask, cdn, ca):
    """The list comes from a good host and names a bad one in the same domain: it gets no token."""
    server, stranger = cdn(), cdn("other.example")
    hosts = [{"host": f"https://localhost:{stranger.port}"}]
    server.pages[INFO] = (200, {"code": 0, "hosts": hosts})
    told(ask, server, ca, token=TOKEN)
    assert stranger.heard == []


def test_nobody_there(ask, ca):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (found,) = ask(MarkingProbe(), f"marking+https://127.0.0.1:{port}?ca={ca.path}")
    assert (found.code, found.status) == ("marking.cdn-unreachable", Status.FAULT)
