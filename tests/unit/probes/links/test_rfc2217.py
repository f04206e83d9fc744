"""RFC 2217 against servers that are none; the real ones: tests/integration/test_rfc2217_ser2net.py."""

import threading

import pytest

from probes.links import rfc2217
from supportctl.core.finding import Status

TELNET = b"\xff\xfb\x03\xff\xfd\x03\xff\xfb\x01"
IN_USE, MISSING = b"Port already in use\r\n", b"Device open failure: Value or file not found\r\n"


@pytest.fixture
def quick(monkeypatch):
    """Wait less for servers that say nothing."""
    monkeypatch.setattr(rfc2217, "OPEN_S", 1.2)
    monkeypatch.setattr(rfc2217, "_LISTEN_S", 0.3)


def at(server):
    return f"rfc2217://127.0.0.1:{server.port}"


def saying(words):
    def script(connection):
        connection.sendall(words)
        while connection.recv(4096):
            pass

    return script


def closing(words):
    def script(connection):
        connection.sendall(words)

    return script


def test_refused(failure):
    assert failure("rfc2217://127.0.0.1:1").code == "link.refused"


def test_name_not_found(failure):
    assert failure("rfc2217://no-such-host.invalid:2217").code == "link.dns"


def test_a_server_that_negotiates_for_ever(failure, serve, quick):
    error = failure(at(serve(saying(TELNET))))
    assert (error.code, error.status) == ("link.timeout", Status.FAULT)
    assert error.evidence[0].meaning == "link.server-negotiates-too-slowly"


def test_a_plain_silent_service(failure, serve, monkeypatch):
    monkeypatch.setattr(rfc2217, "_LISTEN_S", 0.3)
    monkeypatch.setattr(rfc2217, "_NEGOTIATE_S", 0.3)
    error = failure(at(serve(saying(b""))))
    assert (error.code, error.evidence[0].meaning) == ("link.wrong-device", "link.not-rfc2217")


@pytest.mark.parametrize(
    ("greeting", "code", "meaning"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "link.wrong-device", "link.ssh-server"),
        (TELNET, "link.wrong-device", "link.telnet-without-rfc2217"),
        (TELNET + IN_USE, "link.port-busy", "link.server-says-busy"),
        (TELNET + MISSING, "link.no-such-port", "link.server-says-missing"),
        (b"", "link.wrong-device", "link.not-rfc2217"),
    ],
)
def test_a_server_that_closes_after_its_words(failure, serve, greeting, code, meaning):
    error = failure(at(serve(closing(greeting))))
    assert (error.code, error.evidence[0].meaning) == (code, meaning)
    if code == "link.port-busy":
        assert error.status is Status.UNKNOWN
        assert error.evidence[0].got == "Port already in use"


def test_what_comes_too_late_is_closed(failure, serve, monkeypatch):
    release, closed = threading.Event(), threading.Event()
    monkeypatch.setattr(rfc2217._Port, "open", lambda self: release.wait(20))
    monkeypatch.setattr(rfc2217._Port, "close", lambda self: closed.set())
    error = failure("rfc2217://127.0.0.1:2217", seconds=0.2)
    assert (error.code, error.status) == ("link.timeout", Status.UNKNOWN)
    release.set()
    assert closed.wait(20)
